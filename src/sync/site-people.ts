/**
 * How a node of a site gets its people: what it asks the node that holds the governance key, and what it is given.
 *
 * @remarks
 * An enrolment counts in the log that holds it, and only the site's governance key makes one. So the node that has that key
 * makes, for the other's log, exactly the entries that repeat what its own log says, signs their bodies, and hands over
 * the key files that a PIN opens. A machine whose site got another sharing key is given that with it. Bodies of `join-request` and `join-answer` between nodes of one site; layout:
 * `docs/protocol.md`, "People of a second node". Proven by `tests/sync/site-people.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from '../ledger/body.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from '../ledger/cbor.ts'
import { LedgerError } from '../ledger/errors.ts'
import { badField, type FieldReader, readMap, readTuple } from '../ledger/fields-reader.ts'
import { checkAgreementKey } from '../ledger/keys.ts'
import { KEY_SIZE, SIGNATURE_SIZE } from '../ledger/signatures.ts'
import { SyncError } from './errors.ts'
import { MAX_SEALED_SECRETS } from './join.ts'

/** Most entries, and most key files, of one answer: the rest comes with the next. */
export const MAX_PEOPLE = 32
/** Most key files that a node says it has. */
export const MAX_KEY_FILES = 2048
/** Epochs that are asked for at most: everybody who loops over them is bounded. */
export const MAX_PEOPLE_EPOCH = 1_000_000
/** Longest key file. */
const MAX_FILE = 4096
const MAX_ANSWER = 200_000
const HANDLE_SIZE = 16
/** Bytes that tell one version of a key file from another. */
export const VERSION_SIZE = 16

/** A key file that the asking node has. */
export interface HeldFile {
  /** Of the practitioner, 16 bytes. */
  readonly handle: Uint8Array
  /** {@link VERSION_SIZE} bytes. */
  readonly version: Uint8Array
}

/** What a node asks for its people. */
export interface PeopleRequest {
  /** First epoch that no record about people has in its log: everything that is made for it begins new ones from there on. */
  readonly epoch: number
  readonly files: readonly HeldFile[]
  /** One-time X25519 key that the site's secrets are to be sealed to, 32 bytes; null when none are missing. */
  readonly agreementKey: Uint8Array | null
}

/** An entry about a practitioner, made for the log of the asking node. */
export interface MadeEntry {
  /** Exact bytes. */
  readonly body: Uint8Array
  /** The site's governance key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** By that key, 64 bytes. */
  readonly signature: Uint8Array
  readonly ciphertext: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly salt: Uint8Array
  /** Key of the epoch that the body names, sealed to the site's sharing key. */
  readonly ownKey: Uint8Array
  /** The same, sealed to the site's recovery key. */
  readonly recoveryKey: Uint8Array
}

/** What the asking node is given. */
export interface PeopleAnswer {
  /** In the order in which they are to be recorded; at most {@link MAX_PEOPLE}. */
  readonly entries: readonly MadeEntry[]
  /** Key files that differ from those it has; at most {@link MAX_PEOPLE}. */
  readonly files: readonly { readonly handle: Uint8Array; readonly file: Uint8Array }[]
  /** True when more is being made: to be asked again soon. */
  readonly isMore: boolean
  /** What the site shares, sealed to the key of the request; null when it was not asked for, or is being sealed. */
  readonly secrets: Uint8Array | null
}

/** The body of a request. */
export function encodePeopleRequest({ epoch, files, agreementKey }: PeopleRequest): Uint8Array {
  return encodeCbor(
    mapOf([
      [1, epoch],
      [2, files.map(({ handle, version }) => [handle, version])],
      [3, agreementKey ?? undefined],
    ]),
  )
}

/** Reads {@link encodePeopleRequest}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodePeopleRequest(body: Uint8Array): PeopleRequest {
  return coded(body, 'people request', (f) => ({
    epoch: f.uint(1, MAX_PEOPLE_EPOCH),
    files: f
      .array(2, 0, MAX_KEY_FILES)
      .map((value) =>
        readTuple(value, 'key file', (g) => ({ handle: g.bytes(0, HANDLE_SIZE), version: g.bytes(1, VERSION_SIZE) })),
      ),
    agreementKey: f.optional(3, (key) => readAgreementKey(f, key)),
  }))
}

function readAgreementKey(f: FieldReader, key: number): Uint8Array {
  const bytes = f.bytes(key, KEY_SIZE)
  checkAgreementKey(bytes)
  return bytes
}

/** The body of an answer. */
export function encodePeopleAnswer({ entries, files, isMore, secrets }: PeopleAnswer): Uint8Array {
  return encodeCbor(
    mapOf([
      [1, entries.map(entryItem)],
      [2, files.map(({ handle, file }) => [handle, file])],
      [3, isMore ? 1 : 0],
      [4, secrets ?? undefined],
    ]),
  )
}

/** Reads {@link encodePeopleAnswer}. `body` is untrusted; throws {@link SyncError} `BAD_MESSAGE`. */
export function decodePeopleAnswer(body: Uint8Array): PeopleAnswer {
  return coded(body, 'people answer', (f) => {
    const more = f.uint(3)
    if (more > 1) throw badField('people answer', 3, 'neither')
    return {
      entries: f.array(1, 0, MAX_PEOPLE).map(readEntry),
      files: f
        .array(2, 0, MAX_PEOPLE)
        .map((value) =>
          readTuple(value, 'key file', (g) => ({ handle: g.bytes(0, HANDLE_SIZE), file: g.blob(1, 1, MAX_FILE) })),
        ),
      isMore: more === 1,
      secrets: f.optional(4, (key) => f.blob(key, 1, MAX_SEALED_SECRETS)),
    }
  })
}

function entryItem(entry: MadeEntry): CborValue {
  const { body, publicKey, signature, ciphertext, wrappedKey, salt, ownKey, recoveryKey } = entry
  return [body, publicKey, signature, ciphertext, wrappedKey, salt, ownKey, recoveryKey]
}

function readEntry(value: CborValue): MadeEntry {
  return readTuple(value, 'made entry', (f) => ({
    body: f.blob(0, 1, MAX_ENTRY_SIZE),
    publicKey: f.bytes(1, KEY_SIZE),
    signature: f.bytes(2, SIGNATURE_SIZE),
    ciphertext: f.blob(3, 1, MAX_FILE),
    wrappedKey: f.blob(4, 1, MAX_FILE),
    salt: f.blob(5, 1, MAX_FILE),
    ownKey: f.blob(6, 1, MAX_FILE),
    recoveryKey: f.blob(7, 1, MAX_FILE),
  }))
}

function coded<Value>(body: Uint8Array, what: string, read: (fields: FieldReader) => Value): Value {
  try {
    return readMap(decodeCbor(body, MAX_ANSWER), what, read)
  } catch (cause) {
    if (cause instanceof LedgerError) throw new SyncError('BAD_MESSAGE', what, { cause })
    throw cause
  }
}
