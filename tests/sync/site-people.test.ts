import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePeopleAnswer,
  decodePeopleRequest,
  encodePeopleAnswer,
  encodePeopleRequest,
  MAX_PEOPLE,
  MAX_PEOPLE_EPOCH,
  type PeopleAnswer,
  type PeopleRequest,
} from '../../src/sync/site-people.ts'
import { x25519 } from '@noble/curves/ed25519.js'
import { MAX_SEALED_SECRETS } from '../../src/sync/join.ts'
import { SyncError } from '../../src/sync/errors.ts'

const bytes = (size: number, value = size) => new Uint8Array(size).fill(value)
const entry = {
  ...{ body: bytes(90), publicKey: bytes(32), signature: bytes(64), ciphertext: bytes(300), wrappedKey: bytes(72) },
  ...{ salt: bytes(72), ownKey: bytes(80), recoveryKey: bytes(80, 1) },
}
const REQUEST: PeopleRequest = {
  epoch: 4096,
  files: [{ handle: bytes(16), version: bytes(16, 2) }],
  agreementKey: null,
}
const ANSWER: PeopleAnswer = {
  entries: [entry],
  files: [{ handle: bytes(16), file: bytes(500) }],
  isMore: true,
  secrets: null,
}

const codeOf = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (error) {
    if (error instanceof SyncError) return error.code
    throw error
  }
}

describe('what nodes of one site say about their people', () => {
  it('survives', () => {
    expect(decodePeopleRequest(encodePeopleRequest(REQUEST))).toEqual(REQUEST)
    expect(decodePeopleAnswer(encodePeopleAnswer(ANSWER))).toEqual(ANSWER)
    const none: PeopleAnswer = { entries: [], files: [], isMore: false, secrets: null }
    expect(decodePeopleAnswer(encodePeopleAnswer(none))).toEqual(none)
    const asks: PeopleRequest = { ...REQUEST, agreementKey: x25519.getPublicKey(bytes(32)) }
    expect(decodePeopleRequest(encodePeopleRequest(asks))).toEqual(asks)
    const told: PeopleAnswer = { ...ANSWER, secrets: bytes(MAX_SEALED_SECRETS) }
    expect(decodePeopleAnswer(encodePeopleAnswer(told))).toEqual(told)
  })

  it('takes no key that anybody can open, and no endless secrets', () => {
    const asks = encodePeopleRequest({ ...REQUEST, agreementKey: bytes(32, 0) })
    expect(codeOf(() => decodePeopleRequest(asks))).toBe('BAD_MESSAGE')
    const told = encodePeopleAnswer({ ...ANSWER, secrets: bytes(MAX_SEALED_SECRETS + 1) })
    expect(codeOf(() => decodePeopleAnswer(told))).toBe('BAD_MESSAGE')
  })

  it('is bounded', () => {
    const many = Array.from({ length: MAX_PEOPLE + 1 }, () => entry)
    expect(codeOf(() => decodePeopleAnswer(encodePeopleAnswer({ ...ANSWER, entries: many })))).toBe('BAD_MESSAGE')
    const far = encodePeopleRequest({ ...REQUEST, epoch: MAX_PEOPLE_EPOCH + 1 })
    expect(codeOf(() => decodePeopleRequest(far))).toBe('BAD_MESSAGE')
    const long = { ...entry, ciphertext: bytes(5000, 1) }
    expect(codeOf(() => decodePeopleAnswer(encodePeopleAnswer({ ...ANSWER, entries: [long] })))).toBe('BAD_MESSAGE')
  })

  it('is a value or a coded error, whatever the bytes', () => {
    const samples = [encodePeopleRequest(REQUEST), encodePeopleAnswer(ANSWER)]
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat({ max: 255 }))
      .map(([of, at, byte]) => Uint8Array.from(of).fill(byte, at % of.length, (at % of.length) + 1))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (body) => {
        for (const read of [decodePeopleRequest, decodePeopleAnswer])
          expect([null, 'BAD_MESSAGE']).toContain(codeOf(() => read(body)))
      }),
    )
  })
})
