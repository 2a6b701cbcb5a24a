import fc from 'fast-check'
import type { Message, MessageKind } from '../../../src/sync/messages.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 })
const blob = fc.uint8Array({ minLength: 1, maxLength: 40 })
const uint = fc.maxSafeNat()
const req = fc.integer({ min: 1, max: 2 ** 32 })
const name = fc.constantFrom('test.local/a', 'b/n1', 'x', 'test.local/c.d/e-1')
const origin = fc.constantFrom('test.local/a/n1/1', 'x/999999999', 'test.local/forked/1')
const text = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((t) => !t.includes('\ufeff'))
const proof = fc.array(hash, { maxLength: 63 })

function range(most: number) {
  return fc.tuple(fc.nat({ max: 2 ** 40 }), fc.integer({ min: 1, max: most })).map(([from, n]) => [from, from + n])
}

const entries = fc
  .record({ package: uint, offset: fc.nat({ max: 255 }), entries: fc.array(blob, { minLength: 1, maxLength: 5 }), req })
  .chain((head) =>
    fc.oneof(
      fc.constant({ ...head, proof: null, last: false }),
      fc.record({ proof, last: fc.boolean() }).map((end) => ({ ...head, ...end })),
    ),
  )

/** Messages of each kind, without their kind. */
const PARTS: Record<MessageKind, fc.Arbitrary<object>> = {
  hello: fc.record({
    version: uint,
    network: hash,
    rosterVersion: uint,
    contractVersion: uint,
    site: name,
    log: name,
    instance: bytes16,
    role: fc.constantFrom('node', 'mirror', 'witness'),
  }),
  heads: fc.record({ notes: fc.array(text, { maxLength: 8 }) }),
  announce: fc.record({ note: text }),
  opened: fc.record({ entry: blob }),
  'want-entries': fc
    .record({
      req,
      origin,
      size: uint,
      range: range(32),
      maxBytes: fc.nat({ max: 2 ** 24 }),
      skip: fc.nat({ max: 255 }),
    })
    .map(({ range: [from, to], ...rest }) => ({ ...rest, from, to })),
  entries,
  'want-cosignature': fc.record({ req, oldSize: uint, proof, note: text }),
  cosigned: fc.record({
    req,
    status: fc.constantFrom(200, 403, 404, 406, 409, 422, 503),
    at: uint,
    text: fc.oneof(fc.constant(''), text),
  }),
  'want-payloads': fc
    .record({ req, origin, range: range(256) })
    .map(({ range: [from, to], ...rest }) => ({ ...rest, from, to })),
  payloads: fc.record({
    req,
    last: fc.boolean(),
    rows: fc.array(fc.record({ index: uint, ciphertext: blob, wrappedKey: blob, salt: blob }), { maxLength: 4 }),
    keys: fc.array(fc.record({ subject: bytes16, epoch: uint, recipient: hash, sealed: blob }), { maxLength: 4 }),
  }),
  evidence: fc.record({ text }),
  'want-monitor': fc.record({ req, origin }),
  monitored: fc.record({ req, note: fc.option(text) }),
  governance: fc.record({
    rosters: fc.array(blob, { maxLength: 3 }),
    contracts: fc.array(blob, { maxLength: 3 }),
    proposals: fc.array(text, { maxLength: 3 }),
  }),
  'join-request': fc.record({ req, body: blob }),
  'join-answer': fc.record({ req, body: blob }),
  'want-consistency': fc
    .record({ req, origin, range: range(2 ** 40) })
    .map(({ range: [older, newer], ...rest }) => ({ ...rest, older, newer })),
  consistency: fc.record({ req, proof }),
  error: fc.record({ req, code: fc.constantFrom('NOT_HELD', 'NOT_FOR_YOU', 'TOO_LARGE', 'BUSY') }),
  bye: fc.record({}),
  have: fc.record({
    logs: fc.array(
      fc.record({
        origin,
        size: uint,
        final: uint,
        cosigned: uint,
        votes: fc.nat({ max: 1000 }),
        mark: fc.nat({ max: 0xffff_ffff }),
      }),
      {
        maxLength: 5,
      },
    ),
  }),
  clone: fc.record({ instance: bytes16 }),
}

export const MESSAGE_KINDS = Object.keys(PARTS) as MessageKind[]

/** Messages of one kind, as a peer may send them: well formed, with any content. */
export function messagesOf(kind: MessageKind): fc.Arbitrary<Message> {
  return PARTS[kind].map((parts) => ({ kind, ...parts }) as Message)
}

/** Messages of any kind. */
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...MESSAGE_KINDS.map(messagesOf))
