import { decodeAssessment } from '../../../clinical/assessment.ts'
import { decodeAssessmentFields } from '../../../ledger/record-fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Assessment } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch } from '../verify-record.ts'
import { placeOf } from './corrections.ts'
import { handleOf } from './reading-record.ts'

/**
 * The score in a verified plaintext.
 *
 * @throws ClinicalError; ContentMismatch when patient, practitioner, rule or inputs are not those of the entry, or the
 * key is that of another kind of data.
 */
export function readAssessment(text: string, verified: VerifiedEntry, keyClass: KeyClass): Assessment {
  const { assessment, patient, practitioner } = decodeAssessment(text)
  const { body } = verified.entry
  const { rule, inputs } = decodeAssessmentFields(body.fields)
  if (patient !== toHex(body.subject ?? new Uint8Array())) throw new ContentMismatch('about another patient')
  if (practitioner !== handleOf(verified, 'practitioner')) throw new ContentMismatch('by another practitioner')
  const isSame =
    rule === assessment.rule &&
    inputs.length === assessment.inputs.length &&
    assessment.inputs.every(({ ref }, i) => inputs[i] !== undefined && placeOf(ref) === placeOf(inputs[i]))
  if (!isSame) throw new ContentMismatch('computed from other entries')
  checkKeyClass(keyClass, 'assessments')
  return assessment
}
