import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  checkCiphertext,
  checkCommitment,
  type Envelope,
  type EnvelopeContext,
  openPayload,
  openRecordKey,
  sealEnvelope,
} from '../../../src/main/core/envelope.ts'
import { codeOf } from '../../support/expect-code.ts'

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))
const CLASS_KEY = random(32)
const CONTEXT: EnvelopeContext = { subject: random(16), entryId: random(16), epoch: 3 }
const PLAIN = new TextEncoder().encode('{"resourceType":"Observation"}')

const openEnvelope = (envelope: Envelope, key: Uint8Array, context: EnvelopeContext) =>
  openPayload(envelope, openRecordKey(envelope, key, context), context)

function sealed(plaintext: Uint8Array = PLAIN, context = CONTEXT) {
  return sealEnvelope(plaintext, CLASS_KEY, context, random)
}

/** Every step that a reader takes, and the code it ends with. */
function read(envelope: Envelope, binding = sealed().binding, key = CLASS_KEY, context = CONTEXT): string | null {
  return codeOf(() => {
    checkCiphertext(envelope.ciphertext, binding)
    const { plaintext, salt } = openEnvelope(envelope, key, context)
    checkCommitment(plaintext, salt, binding)
  })
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const i = at % copy.length
  copy[i] = (copy[i] ?? 0) ^ 1
  return copy
}

it('gives back exactly the bytes that were sealed, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (plaintext) => {
      const { envelope, binding } = sealed(plaintext)
      checkCiphertext(envelope.ciphertext, binding)
      const opened = openEnvelope(envelope, CLASS_KEY, CONTEXT)
      expect(opened.plaintext).toEqual(plaintext)
      checkCommitment(opened.plaintext, opened.salt, binding)
    }),
    { numRuns: 200 },
  )
})

it.each([
  [0, 512],
  [508, 512],
  [509, 1024],
  [1020, 1024],
  [1021, 2048],
  [16380, 16384],
  [32764, 32768],
  [32765, 65536],
  [65533, 98304],
])('hides that %i bytes are not %i', (length, bucket) => {
  const { envelope } = sealed(new Uint8Array(length))
  expect(envelope.ciphertext.length).toBe(24 + bucket + 16)
  expect(openEnvelope(envelope, CLASS_KEY, CONTEXT).plaintext.length).toBe(length)
})

it('seals the same bytes differently each time', () => {
  const [one, other] = [sealed(), sealed()]
  expect(one.binding.commitment).not.toEqual(other.binding.commitment)
  expect(one.envelope.ciphertext).not.toEqual(other.envelope.ciphertext)
})

it('leaves the plaintext and the salt nowhere in what is stored', () => {
  const { envelope } = sealed()
  const { salt } = openEnvelope(envelope, CLASS_KEY, CONTEXT)
  const stored = Buffer.concat([envelope.ciphertext, envelope.wrappedKey, envelope.salt])
  expect(stored.includes(Buffer.from(PLAIN.subarray(0, 8)))).toBe(false)
  expect(stored.includes(Buffer.from(salt))).toBe(false)
})

describe('names the step at which a changed envelope fails', () => {
  const parts = [
    ['ciphertext', 'CIPHERTEXT_MISMATCH'],
    ['wrappedKey', 'NOT_AUTHENTIC'],
    ['salt', 'NOT_AUTHENTIC'],
  ] as const

  it.each(parts)('a flipped bit of %s gives %s', (part, code) => {
    const { envelope, binding } = sealed()
    fc.assert(
      fc.property(fc.nat(), (at) => {
        expect(read({ ...envelope, [part]: flipped(envelope[part], at) }, binding)).toBe(code)
      }),
    )
  })

  it.each(parts)('%s of another record gives %s', (part, code) => {
    const { envelope, binding } = sealed()
    const other = sealed(PLAIN, { ...CONTEXT, entryId: random(16) }).envelope
    expect(read({ ...envelope, [part]: other[part] }, binding)).toBe(code)
  })

  it.each(parts)('any bytes for %s give a code', (part) => {
    const { envelope, binding } = sealed()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(read({ ...envelope, [part]: bytes }, binding)).not.toBeNull()
      }),
    )
  })

  it('any ciphertext that the entry does bind gives a code or its plaintext', () => {
    const { envelope } = sealed()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (ciphertext) => {
        expect(codeOf(() => openEnvelope({ ...envelope, ciphertext }, CLASS_KEY, CONTEXT))).toBe('NOT_AUTHENTIC')
      }),
    )
  })

  it('another plaintext than was committed to', () => {
    const { envelope, binding } = sealed()
    const { salt } = openEnvelope(envelope, CLASS_KEY, CONTEXT)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (plaintext) => {
        expect(codeOf(() => checkCommitment(plaintext, salt, binding))).toBe('COMMITMENT_MISMATCH')
      }),
    )
  })
})

it.each<[string, Uint8Array, EnvelopeContext]>([
  ['key', flipped(CLASS_KEY, 3), CONTEXT],
  ['subject', CLASS_KEY, { ...CONTEXT, subject: random(16) }],
  ['entry', CLASS_KEY, { ...CONTEXT, entryId: random(16) }],
  ['epoch', CLASS_KEY, { ...CONTEXT, epoch: 4 }],
])('opens under no other %s', (_what, key, context) => {
  const { envelope, binding } = sealed()
  expect(read(envelope, binding, key, context)).toBe('NOT_AUTHENTIC')
  expect(read(envelope, binding)).toBeNull()
})
