/**
 * The patient's side of a record, where consent asks for it: a card and its PIN, or the mark that the patient cannot
 * sign.
 *
 * @packageDocumentation
 */
import { asksPatientAt } from '../../../ledger/patient-state.ts'
import type { Authorisation } from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { cardSigner } from './cards.ts'
import type { Clinic } from './clinic.ts'
import type { EntrySigner } from './entry-signer.ts'
import { sisterPatient } from './patient-logs.ts'

/** What goes into the entries that the patient's side authorises. */
export interface Authorised {
  readonly signers: readonly EntrySigner[]
  readonly fields: { readonly incapable?: true }
  /** Sealed with each of them. */
  readonly said: { readonly unsignedBecause?: string }
  /** Forgets the key of the card, once the entries are made. */
  wipe(): void
}

/** The patient's side was not asked. */
export const NOBODY_ASKED: Authorised = { signers: [], fields: {}, said: {}, wipe: () => undefined }

/**
 * Whether readings of a patient need the patient's signature.
 *
 * @throws ApiFailure `OTHER_WORKSTATION` where they do and another node registered the patient: cards are known there alone.
 */
export async function asksPatient(clinic: Clinic, handle: string): Promise<boolean> {
  const { replica, foreign } = clinic
  const log = sisterPatient(clinic, handle)?.workstation?.log
  if (log === undefined) return asksPatientAt(replica.directory.patients, fromHex(handle), replica.head.size)
  if ((await foreign?.standing(handle))?.asksSignature === false) return false
  throw new ApiFailure('OTHER_WORKSTATION', { detail: log })
}

/**
 * The patient's side of what is about to be recorded.
 *
 * @param authorisation - A card is taken where nobody asks for one, too; that the patient cannot sign is not.
 * @throws ApiFailure `OTHER_WORKSTATION`, `PATIENT_SIGNATURE_NEEDED`, `BAD_CARD`, `WRONG_CARD_PIN`, `CARD_LOCKED`.
 */
export async function authorisedBy(
  clinic: Clinic,
  handle: string,
  authorisation: Authorisation | null,
): Promise<Authorised> {
  const asks = await asksPatient(clinic, handle)
  if (authorisation?.how === 'card') {
    const signer = await cardSigner(clinic, handle, authorisation.card)
    const wipe = () => {
      signer.wipe()
    }
    return { ...NOBODY_ASKED, signers: [signer], wipe }
  }
  if (!asks) return NOBODY_ASKED
  if (authorisation === null) throw new ApiFailure('PATIENT_SIGNATURE_NEEDED')
  return { ...NOBODY_ASKED, fields: { incapable: true }, said: { unsignedBecause: authorisation.reason } }
}
