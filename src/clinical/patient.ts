/**
 * A patient's demographics as the exact text of a FHIR R4 Patient, and back. Proven by
 * `tests/clinical/people.test.ts`.
 *
 * @packageDocumentation
 */
import type { Patient } from '../shared/api/schemas.ts'
import { OWN } from './codes.ts'
import { parseResource } from './element.ts'
import { writeJson } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** A patient, and whether this is a demonstration or test record. */
export interface ParsedPatient {
  readonly patient: Patient
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const GENDERS = ['female', 'male', 'other', 'unknown'] as const
const RECORD_NUMBER = {
  use: 'official',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
  system: `${OWN}/identifier/record-number`,
} as const

/**
 * Writes a patient as FHIR R4 JSON.
 *
 * @param patient - Validated here, by reading the text back.
 * @param test - Marks demonstration data with the HTEST security label.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodePatient(patient: Patient, test: boolean): string {
  const text = writeJson({
    resourceType: 'Patient',
    id: patient.handle,
    meta: metaOf(null, test),
    identifier: [{ ...RECORD_NUMBER, value: patient.identifier }],
    active: true,
    name: [{ use: 'official', family: patient.familyName, given: [patient.givenName] }],
    gender: patient.gender,
    birthDate: patient.birthDate,
  })
  decodePatient(text)
  return text
}

/**
 * Reads a Patient that {@link encodePatient} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodePatient(text: string): ParsedPatient {
  const resource = parseResource(text, 'Patient')
  const handle = resource.id('id')
  if (!HANDLE.test(handle)) resource.fail('WRONG_ID', 'id')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const identifier = resource.only('identifier').words('value', 40)
  resource.fixed('identifier', [{ ...RECORD_NUMBER, value: identifier }])
  resource.fixed('active', true)
  const name = resource.only('name')
  name.fixed('use', 'official')
  const familyName = name.words('family', 100)
  const givenName = name.onlyWords('given', 100)
  name.end()
  const gender = resource.oneOf('gender', GENDERS)
  const birthDate = resource.date('birthDate')
  resource.end()
  return { patient: { handle, familyName, givenName, birthDate, gender, identifier }, test }
}
