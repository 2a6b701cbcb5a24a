/**
 * A practitioner's public facts as the exact text of a FHIR R4 Practitioner, and back. The role is what the contract
 * evaluates; R4 keeps roles in a resource of their own, which this one extension replaces. Proven by
 * `tests/clinical/people.test.ts`.
 *
 * @packageDocumentation
 */
import type { Practitioner } from '../shared/api/schemas.ts'
import { OWN } from './codes.ts'
import { parseResource } from './element.ts'
import { writeJson } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** A practitioner, and whether this is a demonstration or test record. */
export interface ParsedPractitioner {
  readonly practitioner: Practitioner
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const ROLE = `${OWN}/StructureDefinition/practitioner-role`
const ROLES = ['physician', 'nurse', 'it', 'auditor'] as const

/**
 * Writes a practitioner as FHIR R4 JSON.
 *
 * @param practitioner - Validated here, by reading the text back.
 * @param test - Marks demonstration data with the HTEST security label.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodePractitioner(practitioner: Practitioner, test: boolean): string {
  const text = writeJson({
    resourceType: 'Practitioner',
    id: practitioner.handle,
    meta: metaOf(null, test),
    extension: [{ url: ROLE, valueCode: practitioner.role }],
    active: true,
    name: [{ use: 'official', text: practitioner.name }],
  })
  decodePractitioner(text)
  return text
}

/**
 * Reads a Practitioner that {@link encodePractitioner} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodePractitioner(text: string): ParsedPractitioner {
  const resource = parseResource(text, 'Practitioner')
  const handle = resource.id('id')
  if (!HANDLE.test(handle)) resource.fail('WRONG_ID', 'id')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const extension = resource.only('extension')
  if (!extension.is('url', ROLE)) extension.fail('WRONG_CODE', 'url')
  const role = extension.oneOf('valueCode', ROLES)
  extension.end()
  resource.fixed('active', true)
  const name = resource.only('name')
  name.fixed('use', 'official')
  const practitioner = { handle, name: name.words('text', 120), role }
  name.end()
  resource.end()
  return { practitioner, test }
}
