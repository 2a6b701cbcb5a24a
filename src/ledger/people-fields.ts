/**
 * The `fields` maps of patients' cards and consents, as typed values.
 *
 * @remarks
 * Only what contracts, and whoever verifies a log without keys, must know stands here: which consent, which version,
 * whether readings need the patient's signature, and in what capacity somebody signed. What is consented to is in the
 * sealed payload. Layout: `docs/protocol.md`, "Fields". Proven by `tests/ledger/people-fields.test.ts`.
 *
 * @packageDocumentation
 */
import { ID_SIZE } from './body.ts'
import { type CborMap, mapOf } from './cbor.ts'
import { badField, readMap } from './fields-reader.ts'
import { checkPublicKey } from './keys.ts'
import { KEY_SIZE } from './signatures.ts'

/** Whose card it is: the patient's own, or that of who signs for the patient. */
export type CardCapacity = 'patient' | 'guardian'

/** Wire numbers of {@link CardCapacity}. */
const CARD_CAPACITIES = ['patient', 'guardian'] as const satisfies readonly CardCapacity[]

/** Binds the key of a card to the patient who is the subject, ends it, or says who the patient is elsewhere. */
export type PatientLinked =
  | {
      readonly kind: 'card-issued'
      /** 16 bytes. */
      readonly cardId: Uint8Array
      /** Ed25519, 32 bytes. */
      readonly publicKey: Uint8Array
      readonly capacity: CardCapacity
    }
  | { readonly kind: 'card-revoked'; readonly cardId: Uint8Array }
  /** The same person at another site: which, and by which handle, is in the payload. */
  | { readonly kind: 'elsewhere' }

const LINKS = ['card-issued', 'card-revoked', 'elsewhere'] as const satisfies readonly PatientLinked['kind'][]

/** Fields of a `patient.linked`. */
export function encodePatientLinked(linked: PatientLinked): CborMap {
  const isCard = linked.kind !== 'elsewhere'
  const isIssued = linked.kind === 'card-issued'
  return mapOf([
    [1, LINKS.indexOf(linked.kind)],
    [2, isCard ? linked.cardId : undefined],
    [3, isIssued ? linked.publicKey : undefined],
    [4, isIssued ? CARD_CAPACITIES.indexOf(linked.capacity) : undefined],
  ])
}

/** Reads {@link encodePatientLinked}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_KEY`. */
export function decodePatientLinked(fields: CborMap): PatientLinked {
  return readMap(fields, 'patient.linked', (f) => {
    const kind = LINKS[f.uint(1)]
    if (kind === undefined) throw badField('patient.linked', 1, 'not a kind')
    if (kind === 'elsewhere') return { kind }
    const cardId = f.bytes(2, ID_SIZE)
    if (kind === 'card-revoked') return { kind, cardId }
    const publicKey = f.bytes(3, KEY_SIZE)
    checkPublicKey(publicKey)
    const capacity = CARD_CAPACITIES[f.uint(4)]
    if (capacity === undefined) throw badField('patient.linked', 4, 'not a capacity')
    return { kind, cardId, publicKey, capacity }
  })
}

/**
 * In what capacity the patient's side takes part: with a card of the patient or of a guardian, not at all because the
 * patient cannot, or by word of mouth, which is enough to take a consent back.
 */
export type ConsentCapacity = 'patient' | 'guardian' | 'incapable' | 'spoken'

const CONSENT_CAPACITIES = ['patient', 'guardian', 'incapable', 'spoken'] as const satisfies readonly ConsentCapacity[]

/** The clear part of a consent's version. */
export interface ConsentFields {
  /** Stays the same for all versions, 16 bytes. */
  readonly consentId: Uint8Array
  /** 1 for the grant, then one more each. */
  readonly version: number
  /** Readings of the patient need the patient's signature as well while this version stands. */
  readonly asksSignature: boolean
  readonly capacity: ConsentCapacity
}

/** Fields of a `consent.granted`, `consent.amended` or `consent.revoked`. */
export function encodeConsentFields(consent: ConsentFields): CborMap {
  return mapOf([
    [1, consent.consentId],
    [2, consent.version],
    [3, consent.asksSignature ? 1 : 0],
    [4, CONSENT_CAPACITIES.indexOf(consent.capacity)],
  ])
}

/** Reads {@link encodeConsentFields}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeConsentFields(fields: CborMap): ConsentFields {
  return readMap(fields, 'consent', (f) => {
    const version = f.uint(2)
    if (version < 1) throw badField('consent', 2, 'versions start at 1')
    const capacity = CONSENT_CAPACITIES[f.uint(4)]
    if (capacity === undefined) throw badField('consent', 4, 'not a capacity')
    return { consentId: f.bytes(1, ID_SIZE), version, asksSignature: f.uint(3, 1) === 1, capacity }
  })
}
