/**
 * What a log says in the clear about its patients: whose card has which key, and which versions of consents stand.
 *
 * @remarks
 * Part of the directory (`directory.ts`), reduced from entries in order, with its history. What is consented to is
 * sealed; here stands only what a contract needs. Proven by `tests/ledger/patient-state.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { Buckets } from './buckets.ts'
import { LedgerError } from './errors.ts'
import type { CardCapacity, ConsentFields, PatientLinked } from './people-fields.ts'

/** The key of a card, bound for the indexes `[from, until)`. */
export interface CardBinding {
  /** 16 bytes. */
  readonly cardId: Uint8Array
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Handle of the patient, 16 bytes. */
  readonly patient: Uint8Array
  readonly capacity: CardCapacity
  readonly from: number
  /** `Infinity` until revoked. */
  readonly until: number
}

/** A version of a consent: the newest of its consent from an index on. */
export interface ConsentVersion {
  readonly from: number
  /** 16 bytes. */
  readonly consentId: Uint8Array
  readonly version: number
  /** False once it was revoked. */
  readonly isOpen: boolean
  readonly asksSignature: boolean
}

/** See the module's comment. */
export interface PatientState {
  /** By lower-case hex of the key. A key is bound once, for ever. */
  readonly cards: Buckets<CardBinding>
  /** Every version of every consent, by lower-case hex of the patient's handle, in the order of the log. */
  readonly consents: Buckets<readonly ConsentVersion[]>
  /** Hex of the key of each card, by lower-case hex of its id. */
  readonly cardKeys: Buckets<string>
  /** Patient of each consent, by lower-case hex of its id. */
  readonly owners: Buckets<Uint8Array>
}

/** Before the first entry. */
export const NO_PATIENTS: PatientState = {
  cards: Buckets.empty(),
  cardKeys: Buckets.empty(),
  consents: Buckets.empty(),
  owners: Buckets.empty(),
}

/** The card that `publicKey` belongs to at `index`, or null. */
export function cardAt(state: PatientState, publicKey: Uint8Array, index: number): CardBinding | null {
  const card = state.cards.get(toHex(publicKey))
  return card === null || index < card.from || index >= card.until ? null : card
}

/** The newest version of each consent of a patient at `index`. */
export function consentsAt(state: PatientState, patient: Uint8Array, index: number): ConsentVersion[] {
  const newest = new Map<string, ConsentVersion>()
  for (const version of state.consents.get(toHex(patient)) ?? [])
    if (version.from <= index) newest.set(toHex(version.consentId), version)
  return [...newest.values()]
}

/** Whether readings of a patient need the patient's signature at `index`. */
export function asksPatientAt(state: PatientState, patient: Uint8Array, index: number): boolean {
  return consentsAt(state, patient, index).some(({ isOpen, asksSignature }) => isOpen && asksSignature)
}

/** What an entry changes, worked out and checked but not yet applied. */
export type PatientChange = (state: PatientState, from: number) => PatientState

/**
 * What a `patient.linked` changes.
 *
 * @throws {@link LedgerError} `CARD_NOT_NEXT` for a card id that was used before, and for the revocation of a card that
 * the patient does not have.
 */
export function linkChange(
  state: PatientState,
  index: number,
  patient: Uint8Array,
  linked: PatientLinked,
): PatientChange {
  if (linked.kind === 'elsewhere') return (now) => now
  const known = cardOf(state, linked.cardId, index)
  if (linked.kind === 'card-issued') {
    if (known !== null) throw new LedgerError('CARD_NOT_NEXT', 'a card with that id was issued before')
    const { cardId, publicKey, capacity } = linked
    return (now, from) => ({
      ...now,
      cards: now.cards.with(toHex(publicKey), { cardId, publicKey, patient, capacity, from, until: Infinity }),
      cardKeys: now.cardKeys.with(toHex(cardId), toHex(publicKey)),
    })
  }
  if (known === null || !equalBytes(known.patient, patient) || index >= known.until)
    throw new LedgerError('CARD_NOT_NEXT', 'the patient has no such card')
  return (now, from) => ({ ...now, cards: now.cards.with(toHex(known.publicKey), { ...known, until: from }) })
}

function cardOf({ cards, cardKeys }: PatientState, cardId: Uint8Array, index: number): CardBinding | null {
  const key = cardKeys.get(toHex(cardId))
  const card = key === null ? null : cards.get(key)
  return card !== null && card.from <= index ? card : null
}

/**
 * What a version of a consent changes.
 *
 * @throws {@link LedgerError} `CONSENT_NOT_NEXT` when it does not follow the newest version of the same consent of the
 * same patient, or that was revoked.
 */
export function consentChange(
  state: PatientState,
  index: number,
  patient: Uint8Array,
  kind: 'granted' | 'amended' | 'revoked',
  { consentId, version, asksSignature }: ConsentFields,
): PatientChange {
  const owner = state.owners.get(toHex(consentId))
  const before = owner === null ? null : newestOf(state, owner, consentId, index)
  const isOurs = owner !== null && equalBytes(owner, patient) && before?.isOpen === true
  if (kind === 'granted' ? before !== null : !isOurs)
    throw new LedgerError('CONSENT_NOT_NEXT', kind === 'granted' ? 'granted before' : 'no such open consent')
  if (version !== (before?.version ?? 0) + 1) throw new LedgerError('CONSENT_NOT_NEXT', `version ${version}`)
  const key = toHex(patient)
  return (now, from) => {
    const next: ConsentVersion = { from, consentId, version, isOpen: kind !== 'revoked', asksSignature }
    return {
      ...now,
      consents: now.consents.with(key, [...(now.consents.get(key) ?? []), next]),
      owners: now.owners.with(toHex(consentId), patient),
    }
  }
}

function newestOf(
  { consents }: PatientState,
  patient: Uint8Array,
  consentId: Uint8Array,
  index: number,
): ConsentVersion | null {
  const versions = consents.get(toHex(patient)) ?? []
  return versions.findLast((v) => v.from <= index && equalBytes(v.consentId, consentId)) ?? null
}

/** What holds at `size` of an incarnation, as the next one starts from it. */
export function carriedOver({ cards, cardKeys, consents, owners }: PatientState, size: number): PatientState {
  return {
    cardKeys,
    cards: cards.map((card) =>
      card.from <= size ? { ...card, from: 0, until: card.until <= size ? 0 : Infinity } : null,
    ),
    consents: consents.map((versions) => {
      const held = versions.filter(({ from }) => from <= size).map((version) => ({ ...version, from: 0 }))
      return held.length === 0 ? null : held
    }),
    owners,
  }
}
