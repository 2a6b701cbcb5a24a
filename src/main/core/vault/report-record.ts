import { decodeReport } from '../../../clinical/report-record.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { PatientReport } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch } from '../verify-record.ts'
import { handleOf, readingFieldsOf } from './reading-record.ts'

/** How every report that we write begins, and no reading. */
const START = '{"resourceType":"DocumentReference",'

/** True for the plaintext of a report: both stand in entries of the type `reading`. */
export function isReport(text: string): boolean {
  return text.startsWith(START)
}

/**
 * What a patient reported, in a verified plaintext.
 *
 * @throws ClinicalError; ContentMismatch when patient, practitioner or method are not those of the entry.
 */
export function readReport(text: string, verified: VerifiedEntry, keyClass: KeyClass): PatientReport {
  const { report, patient, practitioner } = decodeReport(text)
  const { body } = verified.entry
  if (patient !== toHex(body.subject ?? new Uint8Array())) throw new ContentMismatch('about another patient')
  if (practitioner.handle !== handleOf(verified, 'practitioner'))
    throw new ContentMismatch('taken in by another practitioner')
  if (readingFieldsOf(body).method !== 'patient-reported') throw new ContentMismatch('measured by another method')
  checkKeyClass(keyClass, 'patient-reported')
  return { ...report, signedByPatient: verified.signers.some(({ role }) => role === 'patient') }
}
