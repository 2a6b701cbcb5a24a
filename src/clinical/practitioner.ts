/**
 * A practitioner's public facts as the exact text of a FHIR R4 Practitioner, and back; and that somebody works here no
 * longer. The role is what the contract evaluates; R4 keeps roles in a resource of their own, which this one extension
 * replaces. Proven by `tests/clinical/people.test.ts`.
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

/** Why somebody signs nothing any more, and who says so. */
export interface PractitionerEnd {
  /** Whose end it is. */
  readonly handle: string
  readonly by: { readonly handle: string; readonly name: string }
  /** At most 200 characters. */
  readonly reason: string
  /** Demonstration or test data. */
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const ROLE = `${OWN}/StructureDefinition/practitioner-role`
const RECORDER = `${OWN}/StructureDefinition/recorded-by`
const REASON = `${OWN}/StructureDefinition/revocation-reason`
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

/**
 * Writes the end of a practitioner as FHIR R4 JSON.
 *
 * @param end - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodePractitionerEnd({ handle, by, reason, test }: PractitionerEnd): string {
  const text = writeJson({
    resourceType: 'Practitioner',
    id: handle,
    meta: metaOf(null, test),
    extension: [
      { url: RECORDER, valueReference: { reference: `Practitioner/${by.handle}`, display: by.name } },
      { url: REASON, valueString: reason },
    ],
    active: false,
  })
  decodePractitionerEnd(text)
  return text
}

/**
 * Reads what {@link encodePractitionerEnd} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodePractitionerEnd(text: string): PractitionerEnd {
  const resource = parseResource(text, 'Practitioner')
  const handle = resource.id('id')
  if (!HANDLE.test(handle)) resource.fail('WRONG_ID', 'id')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const [recorder, because] = resource.children('extension', 2, 2)
  if (recorder === undefined || because === undefined) return resource.fail('WRONG_CARDINALITY', 'extension')
  recorder.fixed('url', RECORDER)
  const reference = recorder.child('valueReference')
  const by = { handle: reference.reference('reference', 'Practitioner'), name: reference.words('display', 120) }
  if (!HANDLE.test(by.handle)) reference.fail('WRONG_ID', 'reference')
  reference.end()
  recorder.end()
  because.fixed('url', REASON)
  const reason = because.words('valueString', 200)
  because.end()
  resource.fixed('active', false)
  resource.end()
  return { handle, by, reason, test }
}
