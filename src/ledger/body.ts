/**
 * The body of an entry: what its authors sign.
 *
 * @remarks
 * Who, where, what about whom, and the binding of the payload; not the place in the log, which only the log's tree
 * commits to. Layout: `docs/protocol.md`, "Body". Proven by `tests/ledger/entry.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { type CborMap, type CborValue, decodeCbor, encodeCbor, mapOf } from './cbor.ts'
import { ENTRY_SHAPES, type EntryType, isEntryType, type Presence, type SignatureRole } from './entry-types.ts'
import { LedgerError } from './errors.ts'
import { badField, type FieldReader, readMap } from './fields-reader.ts'
import { HASH_SIZE, utf8 } from './hash.ts'
import { isName } from './names.ts'

/** Longest entry, in bytes: entry bundles give a length two bytes (C2SP tlog-tiles). */
export const MAX_ENTRY_SIZE = 65_535

/** Size of an entry id and of every handle, in bytes. */
export const ID_SIZE = 16

/** Media type of a payload: FHIR R4 as JSON. */
export const MEDIA_FHIR_R4_JSON = 1

/** How an entry binds the encrypted resource beside the log. */
export interface PayloadBinding {
  /** HMAC-SHA256 under the record's salt over the exact plaintext, 32 bytes: for whoever may read. */
  readonly commitment: Uint8Array
  /** SHA-256 of the stored ciphertext, 32 bytes: for whoever may not. */
  readonly ciphertextHash: Uint8Array
  /** Number of the epoch key of the subject that wraps the record key. */
  readonly epoch: number
  /** What the plaintext is; {@link MEDIA_FHIR_R4_JSON}. */
  readonly media: number
}

/** What the authors of an entry sign. */
export interface Body {
  readonly type: EntryType
  /** SHA-256 of the first roster document, 32 bytes. */
  readonly network: Uint8Array
  /** Name of the log without its incarnation: a recovered log re-imports its drafts as they were signed. */
  readonly log: string
  /** Random, 16 bytes; the idempotency key. */
  readonly id: Uint8Array
  /** The authors' clock, milliseconds since 1970. Evidence, never an order. */
  readonly time: number
  /** Handle of whom or what it is about, 16 bytes; null when the type has none. */
  readonly subject: Uint8Array | null
  readonly payload: PayloadBinding | null
  /** Per type; see `fields.ts`. */
  readonly fields: CborMap
}

/** The one encoding of `body`. A body that {@link decodeBody} would refuse is refused here too. */
export function encodeBody(body: Body): Uint8Array {
  const bytes = encodeCbor(
    mapOf([
      [1, body.type],
      [2, body.network],
      [3, body.log],
      [4, body.id],
      [5, body.time],
      [6, body.subject ?? undefined],
      [7, body.payload === null ? undefined : encodePayload(body.payload)],
      [8, body.fields],
    ]),
  )
  decodeBody(bytes)
  return bytes
}

/**
 * The body that `bytes` encode.
 *
 * @param bytes - Untrusted.
 * @throws {@link LedgerError} of step `decode`.
 */
export function decodeBody(bytes: Uint8Array): Body {
  return readMap(decodeCbor(bytes, MAX_ENTRY_SIZE), 'body', (f) => {
    const type = readType(f)
    const shape = ENTRY_SHAPES[type]
    checkPresence(shape.subject, f.has(6), 6)
    checkPresence(shape.payload, f.has(7), 7)
    return {
      type,
      network: f.bytes(2, HASH_SIZE),
      log: readLog(f),
      id: f.bytes(4, ID_SIZE),
      time: f.uint(5),
      subject: f.optional(6, (key) => f.bytes(key, ID_SIZE)),
      payload: f.optional(7, (key) => readPayload(f.map(key))),
      fields: f.map(8),
    }
  })
}

/**
 * What `role` signs: a line for the format, a line for the role, and the body as it is stored.
 *
 * @param role - Keeps a signature made in one capacity from counting in another.
 * @param bodyBytes - Exact bytes.
 */
export function signedMessage(role: SignatureRole, bodyBytes: Uint8Array): Uint8Array {
  return concatBytes(utf8(`chartseal/entry/v1\n${role}\n`), bodyBytes)
}

function encodePayload(payload: PayloadBinding): CborValue {
  return mapOf([
    [1, payload.commitment],
    [2, payload.ciphertextHash],
    [3, payload.epoch],
    [4, payload.media],
  ])
}

function readPayload(value: CborValue): PayloadBinding {
  return readMap(value, 'payload', (f) => {
    const media = f.uint(4)
    if (media !== MEDIA_FHIR_R4_JSON) throw badField('payload', 4, `media ${media} is not one we know`)
    return { commitment: f.bytes(1, HASH_SIZE), ciphertextHash: f.bytes(2, HASH_SIZE), epoch: f.uint(3), media }
  })
}

function readType(f: FieldReader): EntryType {
  const type = f.text(1, 1, 64)
  if (!isEntryType(type)) throw new LedgerError('UNKNOWN_TYPE', 'not an entry type')
  return type
}

function readLog(f: FieldReader): string {
  const log = f.text(3, 1, 120)
  if (!isName(log)) throw new LedgerError('BAD_NAME', 'not a log name')
  return log
}

function checkPresence(presence: Presence, present: boolean, key: number): void {
  if (presence === 'required' && !present) throw badField('body', key, 'missing for this type')
  if (presence === 'forbidden' && present) throw badField('body', key, 'not allowed for this type')
}
