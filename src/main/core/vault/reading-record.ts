/**
 * A reading as a record: the Observation that is sealed, and the check that it says the same as its entry; and why one
 * was withdrawn.
 *
 * @packageDocumentation
 */
import { dataClassOf } from '../../../clinical/data-class.ts'
import { decodeObservation } from '../../../clinical/observation.ts'
import { decodeRetraction, type Retraction } from '../../../clinical/retraction.ts'
import type { Body } from '../../../ledger/entry.ts'
import { decodeAmendedFields, decodeReading, type ReadingFields } from '../../../ledger/fields.ts'
import { decodeTargetFields } from '../../../ledger/record-fields.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Reading } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch } from '../verify-record.ts'

/**
 * The reading in a verified plaintext.
 *
 * @throws ClinicalError when it is not an Observation of ours; ContentMismatch when patient, practitioner, device or
 * method are not those of the entry, or when only one of both says that it takes the place of another.
 */
export function readReading(text: string, verified: VerifiedEntry, keyClass: KeyClass): Reading {
  const { reading, subject, practitioner, device, amendedBecause } = decodeObservation(text)
  const { body } = verified.entry
  const { method } = readingFieldsOf(body)
  const amends = amendedIn(body)
  if (subject !== toHex(body.subject ?? new Uint8Array())) throw new ContentMismatch('about another patient')
  if (practitioner !== handleOf(verified, 'practitioner'))
    throw new ContentMismatch('performed by another practitioner')
  if (device !== handleOf(verified, 'device')) throw new ContentMismatch('measured by another device')
  if (reading.method !== method) throw new ContentMismatch('measured by another method')
  checkKeyClass(keyClass, dataClassOf(reading))
  if ((amends === null) !== (amendedBecause === null)) throw new ContentMismatch('amends, or does not')
  const authorised = authorisedIn(verified)
  if ((reading.unsignedBecause !== undefined) !== (authorised.authorised === 'incapable'))
    throw new ContentMismatch('signed by the patient, or not')
  return { ...reading, ...authorised, ...(amends === null ? {} : { amends }) }
}

/**
 * Why a reading took the place of another, in a plaintext that {@link readReading} accepted.
 *
 * @throws ClinicalError.
 */
export function readAmendment(text: string): string {
  return decodeObservation(text).amendedBecause ?? ''
}

/**
 * Why a reading was withdrawn.
 *
 * @throws ClinicalError when it is no Provenance of ours; ContentMismatch when target or practitioner are not those of
 * the entry.
 */
export function readRetraction(text: string, verified: VerifiedEntry): Retraction {
  const retraction = decodeRetraction(text)
  const { origin, index } = decodeTargetFields(verified.entry.body.fields)
  if (retraction.target.origin !== origin || retraction.target.index !== index)
    throw new ContentMismatch('about another entry')
  if (retraction.practitioner.handle !== handleOf(verified, 'practitioner'))
    throw new ContentMismatch('withdrawn by another practitioner')
  return retraction
}

/** What the fields of a reading say, whether it takes the place of another or not. */
export function readingFieldsOf({ type, fields }: Pick<Body, 'type' | 'fields'>): ReadingFields {
  return type === 'reading.amended' ? decodeAmendedFields(fields) : decodeReading(fields)
}

/** The entry that a correction is about; null for what corrects nothing. */
export function correctedIn(body: Pick<Body, 'type' | 'fields'>): EntryRef | null {
  return body.type === 'reading.entered-in-error' ? decodeTargetFields(body.fields) : amendedIn(body)
}

function amendedIn({ type, fields }: Pick<Body, 'type' | 'fields'>): EntryRef | null {
  return type === 'reading.amended' ? decodeAmendedFields(fields).target : null
}

/** How the patient's side signed; nothing where nobody was asked. */
export function authorisedIn({ entry: { body }, signers }: VerifiedEntry): Pick<Reading, 'authorised'> {
  const patient = signers.find(({ role }) => role === 'patient')
  if (patient !== undefined) return { authorised: patient.capacity ?? 'patient' }
  return readingFieldsOf(body).incapable === true ? { authorised: 'incapable' } : {}
}

/** Handle of whoever signed in a role, in hex; null when nobody did. */
export function handleOf({ signers }: VerifiedEntry, role: 'practitioner' | 'device'): string | null {
  const handle = signers.find((signer) => signer.role === role)?.handle ?? null
  return handle === null ? null : toHex(handle)
}
