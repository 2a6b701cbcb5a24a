/**
 * A reading as a record: the Observation that is sealed, and the check that it says the same as its entry.
 *
 * @packageDocumentation
 */
import { decodeObservation } from '../../../clinical/observation.ts'
import { decodeReading } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Reading } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import { ContentMismatch } from '../verify-record.ts'

/**
 * The reading in a verified plaintext.
 *
 * @throws ClinicalError when it is not an Observation of ours; ContentMismatch when patient, practitioner, device or
 * method are not those of the entry.
 */
export function readReading(text: string, { entry, signers }: VerifiedEntry): Reading {
  const { reading, subject, practitioner, device } = decodeObservation(text)
  const handleOf = (role: string) => {
    const handle = signers.find((signer) => signer.role === role)?.handle ?? null
    return handle === null ? null : toHex(handle)
  }
  const fields = decodeReading(entry.body.fields)
  if (subject !== toHex(entry.body.subject ?? new Uint8Array())) throw new ContentMismatch('about another patient')
  if (practitioner !== handleOf('practitioner')) throw new ContentMismatch('performed by another practitioner')
  if (device !== handleOf('device')) throw new ContentMismatch('measured by another device')
  if (reading.method !== fields.method) throw new ContentMismatch('measured by another method')
  return reading
}
