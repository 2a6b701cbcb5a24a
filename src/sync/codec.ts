/**
 * Messages as bytes: deterministic CBOR arrays whose first item says which message it is.
 *
 * @remarks
 * The same strictness as for entries: one message has one encoding, and whatever is not exactly that is refused. Layout:
 * `docs/protocol.md`, "Wire". Proven by `tests/sync/codec.test.ts`: every message survives, and any bytes give a message
 * or a {@link SyncError}.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { MAX_CONSISTENCY_PROOF } from '../ledger/add-checkpoint.ts'
import { MAX_ENTRY_SIZE } from '../ledger/body.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../ledger/cbor.ts'
import { LedgerError } from '../ledger/errors.ts'
import { badField, type FieldReader, readTuple } from '../ledger/fields-reader.ts'
import { HASH_SIZE } from '../ledger/hash.ts'
import { isName, splitOrigin } from '../ledger/names.ts'
import { MAX_NOTE_LENGTH } from '../ledger/note.ts'
import { TILE_WIDTH } from '../ledger/tile-layout.ts'
import { SyncError } from './errors.ts'
import {
  MAX_DOCUMENTS,
  MAX_FRAME,
  MAX_HAVE,
  MAX_NOTES,
  MAX_PACKAGE_BYTES,
  MAX_PAYLOAD,
  MAX_PAYLOAD_RANGE,
  MAX_WANT_PACKAGES,
} from './limits.ts'
import type { CosignStatus, HaveLog, Message, MessageKind, MessageOf, NodeRole, RefusalCode } from './messages.ts'

const ROLES: readonly NodeRole[] = ['node', 'mirror', 'witness']
const REFUSALS: readonly RefusalCode[] = ['NOT_HELD', 'NOT_FOR_YOU', 'TOO_LARGE', 'BUSY']
const STATUSES: readonly CosignStatus[] = [200, 403, 404, 406, 409, 422, 503]
const INSTANCE_SIZE = 16

/** Longest fork proof, in UTF-16 units: two notes and a proof. */
const MAX_EVIDENCE = 2 * MAX_NOTE_LENGTH + 4096
/** Longest proposal: see `roster-proposal.ts`. */
const MAX_PROPOSAL = 140_000
const MAX_DOCUMENT = 70_000

/** How one kind of message is written and read, without its number. */
interface MessageCodec<Kind extends MessageKind> {
  readonly number: number
  readonly write: (message: MessageOf<Kind>) => readonly CborValue[]
  /** Items start at 1: the number is item 0. */
  readonly read: (f: FieldReader) => Omit<MessageOf<Kind>, 'kind'>
}

const CODECS: { readonly [Kind in MessageKind]: MessageCodec<Kind> } = {
  hello: {
    number: 0,
    write: (m) => {
      const versions = [m.version, m.network, m.rosterVersion, m.contractVersion]
      return [...versions, m.site, m.log, m.instance, ROLES.indexOf(m.role)]
    },
    read: (f) => ({
      version: f.uint(1),
      network: f.bytes(2, HASH_SIZE),
      rosterVersion: f.uint(3),
      contractVersion: f.uint(4),
      site: readName(f, 5),
      log: readName(f, 6),
      instance: f.bytes(7, INSTANCE_SIZE),
      role: readOneOf(f, 8, ROLES),
    }),
  },
  heads: {
    number: 1,
    write: (m) => [[...m.notes]],
    read: (f) => ({ notes: readTexts(f, 1, MAX_NOTES, MAX_NOTE_LENGTH) }),
  },
  announce: { number: 2, write: (m) => [m.note], read: (f) => ({ note: f.text(1, 1, MAX_NOTE_LENGTH) }) },
  'want-entries': {
    number: 3,
    write: (m) => [m.req, m.origin, m.size, m.from, m.to, m.maxBytes, m.skip],
    read: (f) => {
      const [from, to] = readRange(f, 4, MAX_WANT_PACKAGES)
      const maxBytes = f.uint(6, MAX_PACKAGE_BYTES)
      const skip = f.uint(7, TILE_WIDTH - 1)
      return { req: readReq(f), origin: readOrigin(f, 2), size: f.uint(3), from, to, maxBytes, skip }
    },
  },
  entries: {
    number: 4,
    write: (m) => {
      const flags = (m.proof === null ? 0 : 1) + (m.last ? 2 : 0)
      return [m.req, m.package, m.offset, flags, [...m.entries], [...(m.proof ?? [])]]
    },
    read: (f) => {
      const flags = f.uint(4, 3)
      const proof = readHashes(f, 6)
      if (flags === 2 || (flags === 0 && proof.length > 0)) throw badField('entries', 4, 'only a whole package ends')
      return {
        req: readReq(f),
        package: f.uint(2),
        offset: f.uint(3, TILE_WIDTH - 1),
        entries: readBlobs(f, 5, 1, TILE_WIDTH, MAX_ENTRY_SIZE),
        proof: flags === 0 ? null : proof,
        last: flags === 3,
      }
    },
  },
  'want-cosignature': {
    number: 5,
    write: (m) => [m.req, m.oldSize, [...m.proof], m.note],
    read: (f) => ({
      req: readReq(f),
      oldSize: f.uint(2),
      proof: readHashes(f, 3),
      note: f.text(4, 1, MAX_NOTE_LENGTH),
    }),
  },
  cosigned: {
    number: 6,
    write: (m) => [m.req, m.status, m.at, m.text],
    read: (f) => {
      const status = STATUSES.find((known) => known === f.uint(2))
      if (status === undefined) throw badField('cosigned', 2, 'not a status')
      return { req: readReq(f), status, at: f.uint(3), text: f.text(4, 0, 4096) }
    },
  },
  'want-payloads': {
    number: 7,
    write: (m) => [m.req, m.origin, m.from, m.to],
    read: (f) => {
      const [from, to] = readRange(f, 3, MAX_PAYLOAD_RANGE)
      return { req: readReq(f), origin: readOrigin(f, 2), from, to }
    },
  },
  payloads: {
    number: 8,
    write: (m) => [
      m.req,
      m.last ? 1 : 0,
      m.rows.map((row) => [row.index, row.ciphertext, row.wrappedKey, row.salt]),
      m.keys.map((key) => [key.subject, key.epoch, key.recipient, key.sealed]),
    ],
    read: (f) => ({
      req: readReq(f),
      last: f.uint(2, 1) === 1,
      rows: f.array(3, 0, MAX_PAYLOAD_RANGE).map(readPayload),
      keys: f.array(4, 0, MAX_PAYLOAD_RANGE * 4).map(readSealedKey),
    }),
  },
  evidence: { number: 9, write: (m) => [m.text], read: (f) => ({ text: f.text(1, 1, MAX_EVIDENCE) }) },
  'want-monitor': {
    number: 10,
    write: (m) => [m.req, m.origin],
    read: (f) => ({ req: readReq(f), origin: readOrigin(f, 2) }),
  },
  monitored: {
    number: 11,
    write: (m) => [m.req, m.note ?? ''],
    read: (f) => {
      const note = f.text(2, 0, MAX_NOTE_LENGTH)
      return { req: readReq(f), note: note === '' ? null : note }
    },
  },
  governance: {
    number: 12,
    write: (m) => [[...m.rosters], [...m.contracts], [...m.proposals]],
    read: (f) => ({
      rosters: readBlobs(f, 1, 0, MAX_DOCUMENTS, MAX_DOCUMENT),
      contracts: readBlobs(f, 2, 0, MAX_DOCUMENTS, MAX_DOCUMENT),
      proposals: readTexts(f, 3, MAX_DOCUMENTS, MAX_PROPOSAL),
    }),
  },
  'join-request': {
    number: 13,
    write: (m) => [m.req, m.body],
    read: (f) => ({ req: readReq(f), body: f.blob(2, 1, MAX_FRAME) }),
  },
  'join-answer': {
    number: 14,
    write: (m) => [m.req, m.body],
    read: (f) => ({ req: readReq(f), body: f.blob(2, 1, MAX_FRAME) }),
  },
  'want-consistency': {
    number: 15,
    write: (m) => [m.req, m.origin, m.older, m.newer],
    read: (f) => {
      const [older, newer] = readRange(f, 3, Number.MAX_SAFE_INTEGER)
      return { req: readReq(f), origin: readOrigin(f, 2), older, newer }
    },
  },
  consistency: {
    number: 16,
    write: (m) => [m.req, [...m.proof]],
    read: (f) => ({ req: readReq(f), proof: readHashes(f, 2) }),
  },
  error: {
    number: 17,
    write: (m) => [m.req, REFUSALS.indexOf(m.code)],
    read: (f) => ({ req: readReq(f), code: readOneOf(f, 2, REFUSALS) }),
  },
  bye: { number: 18, write: () => [], read: () => ({}) },
  have: {
    number: 19,
    write: (m) => [m.logs.map((log) => [log.origin, log.size, log.final, log.cosigned, log.votes, log.mark])],
    read: (f) => ({ logs: f.array(1, 0, MAX_HAVE).map(readHave) }),
  },
  clone: {
    number: 20,
    write: (m) => [m.instance],
    read: (f) => ({ instance: f.bytes(1, INSTANCE_SIZE) }),
  },
  opened: { number: 21, write: (m) => [m.entry], read: (f) => ({ entry: f.blob(1, 1, MAX_ENTRY_SIZE) }) },
}

const KINDS = new Map((Object.keys(CODECS) as MessageKind[]).map((kind) => [CODECS[kind].number, kind]))

/** The one encoding of a message, 1 to {@link MAX_FRAME} bytes. A message that does not fit is a bug. */
export function encodeMessage(message: Message): Uint8Array {
  // The table has the codec of each kind under its name, which the compiler cannot follow through an index.
  const codec = CODECS[message.kind] as unknown as MessageCodec<MessageKind>
  const bytes = encodeCbor([codec.number, ...codec.write(message)])
  assert(bytes.length <= MAX_FRAME, `a message fits in a frame: ${message.kind} of ${bytes.length} bytes`)
  return bytes
}

/**
 * The message that `bytes` encode.
 *
 * @param bytes - Untrusted, one frame.
 * @throws {@link SyncError} `BAD_MESSAGE`.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  try {
    const value = decodeCbor(bytes, MAX_FRAME)
    return readTuple(value, 'message', (f) => {
      const kind = KINDS.get(f.uint(0))
      if (kind === undefined) throw badField('message', 0, 'unknown')
      return { kind, ...CODECS[kind].read(f) } as Message
    })
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new SyncError('BAD_MESSAGE', cause.message, { cause })
  }
}

function readReq(f: FieldReader): number {
  const req = f.uint(1)
  if (req < 1) throw badField('message', 1, 'requests are numbered from 1')
  return req
}

function readName(f: FieldReader, key: number): string {
  const name = f.text(key, 1, 120)
  if (!isName(name)) throw badField('message', key, 'not a name')
  return name
}

function readOrigin(f: FieldReader, key: number): string {
  const origin = f.text(key, 1, 140)
  splitOrigin(origin)
  return origin
}

function readOneOf<Value>(f: FieldReader, key: number, values: readonly Value[]): Value {
  const value = values[f.uint(key)]
  if (value === undefined) throw badField('message', key, 'not one of the known')
  return value
}

/** Two numbers from `key` on, `from < to`, at most `most` apart. */
function readRange(f: FieldReader, key: number, most: number): [number, number] {
  const [from, to] = [f.uint(key), f.uint(key + 1)]
  if (from >= to || to - from > most) throw badField('message', key, 'not a range, or too wide')
  return [from, to]
}

function readHashes(f: FieldReader, key: number): Uint8Array[] {
  return readBlobs(f, key, 0, MAX_CONSISTENCY_PROOF, HASH_SIZE, HASH_SIZE)
}

function readBlobs(f: FieldReader, key: number, min: number, most: number, longest: number, shortest = 1) {
  return f.array(key, min, most).map((item) => {
    if (item instanceof Uint8Array && item.length >= shortest && item.length <= longest) return item
    throw badField('message', key, 'not bytes, or of another length')
  })
}

function readTexts(f: FieldReader, key: number, most: number, longest: number): string[] {
  return f.array(key, 0, most).map((item) => {
    if (typeof item === 'string' && item.length >= 1 && item.length <= longest) return item
    throw badField('message', key, 'not a text, or too long')
  })
}

function readHave(value: CborValue): HaveLog {
  return readTuple(value, 'log', (f) => ({
    origin: readOrigin(f, 0),
    size: f.uint(1),
    final: f.uint(2),
    cosigned: f.uint(3),
    votes: f.uint(4, 1000),
    mark: f.uint(5, 0xffff_ffff),
  }))
}

function readPayload(value: CborValue) {
  return readTuple(value, 'payload', (f) => ({
    index: f.uint(0),
    ciphertext: f.blob(1, 1, MAX_PAYLOAD),
    wrappedKey: f.blob(2, 1, 1024),
    salt: f.blob(3, 1, 1024),
  }))
}

function readSealedKey(value: CborValue) {
  return readTuple(value, 'epoch key', (f) => ({
    subject: f.bytes(0, INSTANCE_SIZE),
    epoch: f.uint(1),
    recipient: f.bytes(2, HASH_SIZE),
    sealed: f.blob(3, 1, 1024),
  }))
}
