/**
 * Keys by kind of data: a consent that names some kinds of data hands over the keys of those, and of nothing else.
 *
 * @remarks
 * The record keys of an epoch are wrapped under a key for their kind of data, derived from the epoch key. Which kind a
 * record is of stands nowhere in the clear: whoever opens it tries the keys that they hold. Sites that a consent names
 * get class keys, sealed with HPKE in auth mode as epoch keys are; the own site derives them all.
 * ```
 * class key = HKDF-SHA256(ikm = epoch key, salt = "", info = "chartseal/class-key/v1\n" || class), 32 bytes
 * bundle    = CBOR [[class, class key], ...] in ascending order of class
 * info, aad = "chartseal/class-keys/v1", subject16 || u32be(epoch)
 * ```
 * Format in `docs/protocol.md`, sections "Payload envelope v1" and "Epoch keys". Proven by
 * `tests/main/core/class-keys.test.ts`.
 *
 * @packageDocumentation
 */
import { hkdfSync } from 'node:crypto'
import { type CborValue, decodeCbor, encodeCbor } from '../../ledger/cbor.ts'
import type { EntryType } from '../../ledger/entry-types.ts'
import { LedgerError } from '../../ledger/errors.ts'
import { readTuple } from '../../ledger/fields-reader.ts'
import type { Body } from '../../ledger/entry.ts'
import { DATA_CLASSES, type DataClass } from '../../shared/api/consent-schemas.ts'
import { toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { EnvelopeError, openPayload, openRecordKey, type Envelope, type EnvelopeContext } from './envelope.ts'
import { type EpochKeyContext, openFromSite, sealFromSite, type SharingKeyPair } from './epoch-keys.ts'

/**
 * What a key is for: a kind of data that a consent can name, what stays at the site (`site`: people, devices, words of
 * an emergency), or the one consent whose id follows the slash.
 */
export type KeyClass = DataClass | 'site' | `consent/${string}`

const KEY_SIZE = 32
const INFO = 'chartseal/class-keys/v1'
/** Most keys of one bundle: all kinds of data, and more consents than a patient gives. */
const MAX_KEYS = 512
const MAX_BUNDLE = 64 * 1024

/** The key of one class in an epoch, 32 bytes. */
export function classKeyOf(epochKey: Uint8Array, keyClass: KeyClass): Uint8Array {
  assert(epochKey.length === KEY_SIZE, 'epoch keys are 32 bytes')
  return new Uint8Array(hkdfSync('sha256', epochKey, '', `chartseal/class-key/v1\n${keyClass}`, KEY_SIZE))
}

/** The key class of a consent and of everything said about it. */
export function consentClass(consentId: Uint8Array): KeyClass {
  return `consent/${toHex(consentId)}`
}

/** Keys of one epoch of a subject that somebody holds. */
export interface ClassKeys {
  /** The key, or null when it is not held. */
  keyOf(keyClass: KeyClass): Uint8Array | null
  /** Overwrites what is held. */
  wipe(): void
}

/** All keys of an epoch: of whoever holds the epoch key. */
export class EpochClassKeys implements ClassKeys {
  readonly #epochKey: Uint8Array
  readonly #derived = new Map<KeyClass, Uint8Array>()
  #isWiped = false

  /** @param epochKey - 32 bytes, kept and wiped here. */
  constructor(epochKey: Uint8Array) {
    this.#epochKey = epochKey
  }

  /** The epoch key itself. */
  get epochKey(): Uint8Array {
    return this.#epochKey
  }

  /** True once they were erased: what is still to be sealed needs others. */
  get isWiped(): boolean {
    return this.#isWiped
  }

  /** @throws EnvelopeError `KEY_MISSING` once they were erased: what is left of them anybody could guess. */
  keyOf(keyClass: KeyClass): Uint8Array {
    if (this.#isWiped) throw new EnvelopeError('KEY_MISSING', 'the key was erased')
    const known = this.#derived.get(keyClass)
    if (known !== undefined) return known
    const key = classKeyOf(this.#epochKey, keyClass)
    this.#derived.set(keyClass, key)
    return key
  }

  wipe(): void {
    this.#isWiped = true
    for (const key of [this.#epochKey, ...this.#derived.values()]) key.fill(0)
    this.#derived.clear()
  }
}

/** Keys that were handed over. */
export function heldClassKeys(bundle: ReadonlyMap<KeyClass, Uint8Array>): ClassKeys {
  return {
    keyOf: (keyClass) => bundle.get(keyClass) ?? null,
    wipe: () => {
      for (const key of bundle.values()) key.fill(0)
    },
  }
}

/** Kinds of data that a record of a type usually is of, tried first. */
const USUAL: Partial<Record<EntryType, readonly KeyClass[]>> = {
  'patient.registered': ['demographics'],
  'patient.linked': ['demographics'],
  reading: ['vital-signs', 'laboratory', 'body-measures', 'patient-reported'],
  'reading.amended': ['vital-signs', 'laboratory', 'body-measures', 'patient-reported'],
  'reading.entered-in-error': ['vital-signs', 'laboratory', 'body-measures', 'patient-reported'],
  assessment: ['assessments'],
}

/** What a record without a class of its own is sealed under: its consent's, its type's, or what stays at the site. */
export function defaultClass({ type, fields }: Pick<Body, 'type' | 'fields'>): KeyClass {
  if (type.startsWith('consent.')) return consentClassIn(fields) ?? 'site'
  if (type === 'patient.registered' || type === 'patient.linked') return 'demographics'
  return type === 'assessment' ? 'assessments' : 'site'
}

/** The classes a record may be of, likely ones first. */
export function likelyClasses({ type, fields }: Pick<Body, 'type' | 'fields'>): readonly KeyClass[] {
  const consent = consentClassIn(fields)
  if (type.startsWith('consent.') && consent !== null) return [consent]
  return [...new Set<KeyClass>([...(USUAL[type] ?? []), 'site', ...DATA_CLASSES])]
}

/** Field 1 of every consent entry is its id. */
function consentClassIn(fields: Body['fields']): KeyClass | null {
  const id = fields.get(1)
  return id instanceof Uint8Array && id.length === 16 ? consentClass(id) : null
}

/** What was in an envelope, and the key that opened it. */
export interface OpenedRecord {
  readonly plaintext: Uint8Array
  readonly salt: Uint8Array
  readonly keyClass: KeyClass
}

/**
 * Opens an envelope under the first key that fits.
 *
 * @param envelope - Untrusted; its ciphertext was checked.
 * @param likely - In the order in which they are tried.
 * @throws EnvelopeError `KEY_MISSING` when no key of these is held, `NOT_AUTHENTIC` when none opens it.
 */
export function openUnderClasses(
  envelope: Envelope,
  keys: ClassKeys,
  likely: readonly KeyClass[],
  context: EnvelopeContext,
): OpenedRecord {
  let refused: unknown = new EnvelopeError('KEY_MISSING', 'no key for any kind of data it may be')
  for (const keyClass of likely) {
    const key = keys.keyOf(keyClass)
    if (key === null) continue
    try {
      const recordKey = openRecordKey(envelope, key, context)
      return { ...openPayload(envelope, recordKey, context), keyClass }
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      refused = error
    }
  }
  throw refused
}

/** Seals class keys of one epoch to the sharing key of another site. */
export async function sealClassKeys(
  bundle: ReadonlyMap<KeyClass, Uint8Array>,
  recipient: Uint8Array,
  context: EpochKeyContext<SharingKeyPair>,
): Promise<Uint8Array> {
  const rows: CborValue[] = [...bundle].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, key]) => [name, key])
  const plain = encodeCbor(rows)
  try {
    return await sealFromSite(plain, recipient, INFO, context)
  } finally {
    plain.fill(0)
  }
}

/**
 * Opens {@link sealClassKeys}.
 *
 * @param sealed - Untrusted.
 * @param pair - The recipient's.
 * @throws EnvelopeError `NOT_AUTHENTIC` when it was sealed to another key, by another site, for another subject or epoch,
 * or is no bundle.
 */
export async function openClassKeys(
  sealed: Uint8Array,
  pair: SharingKeyPair,
  context: EpochKeyContext<Uint8Array>,
): Promise<ReadonlyMap<KeyClass, Uint8Array>> {
  const plain = await openFromSite(sealed, pair, INFO, context)
  try {
    return readBundle(decodeCbor(plain, MAX_BUNDLE))
  } catch (cause) {
    if (cause instanceof LedgerError) throw new EnvelopeError('NOT_AUTHENTIC', 'not a bundle of keys', { cause })
    throw cause
  } finally {
    plain.fill(0)
  }
}

/**
 * Opens {@link sealClassKeys} of a site that had several sharing keys.
 *
 * @param senders - Of which one sealed it, the likely ones first.
 * @throws EnvelopeError `NOT_AUTHENTIC`.
 */
export async function openHandedOver(
  sealed: Uint8Array,
  pair: SharingKeyPair,
  { senders, ...of }: Omit<EpochKeyContext<Uint8Array>, 'sender'> & { readonly senders: readonly Uint8Array[] },
): Promise<ReadonlyMap<KeyClass, Uint8Array>> {
  let refused: unknown = new EnvelopeError('NOT_AUTHENTIC', 'no key of the site that is said to have sealed it')
  for (const sender of senders) {
    try {
      return await openClassKeys(sealed, pair, { ...of, sender })
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      refused = error
    }
  }
  throw refused
}

function readBundle(value: CborValue): ReadonlyMap<KeyClass, Uint8Array> {
  if (!Array.isArray(value) || value.length > MAX_KEYS) throw new LedgerError('BAD_VALUE', 'not a list of keys')
  const rows = (value as readonly CborValue[]).map((row) =>
    readTuple(row, 'class key', (f) => [classIn(f.text(0, 1, 64)), f.bytes(1, KEY_SIZE)] as const),
  )
  const bundle = new Map(rows)
  if (bundle.size !== rows.length) throw new LedgerError('BAD_VALUE', 'a class twice')
  return bundle
}

/** A site's own class is never handed over. */
function classIn(text: string): KeyClass {
  const known = DATA_CLASSES.find((name) => name === text)
  if (known !== undefined) return known
  if (!/^consent\/[0-9a-f]{32}$/.test(text)) throw new LedgerError('BAD_VALUE', 'not a class')
  return text as `consent/${string}`
}
