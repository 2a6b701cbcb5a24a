import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../../src/ledger/cbor.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { decodeMessage, encodeMessage } from '../../src/sync/codec.ts'
import { SyncError } from '../../src/sync/errors.ts'
import { MAX_FRAME } from '../../src/sync/limits.ts'
import { expectCode } from '../support/expect-code.ts'
import { anyMessage, MESSAGE_KINDS, messagesOf } from './support/messages.ts'

const refuses = (value: CborValue) => expectCode('BAD_MESSAGE', () => decodeMessage(encodeCbor(value)))

describe('messages', () => {
  it.each(MESSAGE_KINDS)('of kind %s come back as they went, in one encoding', (kind) => {
    fc.assert(
      fc.property(messagesOf(kind), (message) => {
        const bytes = encodeMessage(message)
        expect(decodeMessage(bytes)).toEqual(message)
        expect(encodeMessage(decodeMessage(bytes))).toEqual(bytes)
      }),
      { numRuns: 60 },
    )
  })

  it('have the bytes that the protocol says', () => {
    const hello = {
      kind: 'hello',
      version: 1,
      network: new Uint8Array(32).fill(0x11),
      rosterVersion: 2,
      contractVersion: 3,
      site: 'a',
      log: 'a/n1',
      instance: new Uint8Array(16).fill(0x22),
      role: 'mirror',
    } as const
    expect(toHex(encodeMessage(hello))).toBe(
      `8900015820${'11'.repeat(32)}02036161` + `64612f6e3150${'22'.repeat(16)}01`,
    )
    expect(toHex(encodeMessage({ kind: 'bye' }))).toBe('8112')
    expect(toHex(encodeMessage({ kind: 'error', req: 7, code: 'TOO_LARGE' }))).toBe('83110702')
    expect(toHex(encodeMessage({ kind: 'announce', note: 'x' }))).toBe('82026178')
  })

  it('of any bytes are a message or a coded error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodesOrRefuses), { numRuns: 2000 })
  })

  it('with any byte changed, cut off or added are a message or a coded error', () => {
    fc.assert(
      fc.property(
        anyMessage,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.nat({ max: 2 }),
        (message, at, by, how) => {
          const bytes = encodeMessage(message)
          const place = at % bytes.length
          if (how === 0) decodesOrRefuses(bytes.with(place, (bytes[place] ?? 0) ^ by))
          if (how === 1) decodesOrRefuses(bytes.slice(0, place))
          if (how === 2) expectCode('BAD_MESSAGE', () => decodeMessage(Uint8Array.of(...bytes, by)))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('with any item dropped, added or of another kind are refused', () => {
    const odd: CborValue[] = [0, 'x', new Uint8Array(5), [], new Map([[1, 1]])]
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.constantFrom(...odd), (message, at, other) => {
        const items = decodeCbor(encodeMessage(message), MAX_FRAME) as readonly CborValue[]
        refuses(items.slice(0, -1).length === 0 ? [] : [...items, other])
        if (items.length > 1) refuses(items.slice(0, -1))
        decodesOrRefuses(encodeCbor(items.with(at % items.length, other)))
      }),
      { numRuns: 1000 },
    )
  })

  it('that ask for too much, or for nothing, are refused', () => {
    const origin = 'a/1'
    refuses([3, 1, origin, 9, 5, 5, 100])
    refuses([3, 1, origin, 9, 6, 5, 100])
    refuses([3, 1, origin, 9, 0, 33, 100])
    refuses([3, 1, origin, 9, 0, 1, 2 ** 24 + 1])
    refuses([3, 0, origin, 9, 0, 1, 100])
    refuses([3, 1, 'no origin', 9, 0, 1, 100])
    refuses([7, 1, origin, 0, 257])
    refuses([10, 1, 'A/1'])
    refuses([15, 1, origin, 3, 3])
    refuses([5, 1, 0, Array.from({ length: 64 }, () => new Uint8Array(32)), 'note'])
    refuses([16, 1, [new Uint8Array(31)]])
    refuses([6, 1, 201, 0, ''])
    refuses([17, 1, 4])
    refuses([1, Array.from({ length: 65 }, () => 'n')])
    refuses([4, 1, 0, 0, 2, [new Uint8Array(1)], []])
    refuses([4, 1, 0, 0, 0, [], []])
    refuses([4, 1, 0, 256, 0, [new Uint8Array(1)], []])
    refuses([21])
    refuses([])
    refuses(new Map([[0, 18]]))
  })

  it('longer than a frame are refused before they are looked at', () => {
    expectCode('BAD_MESSAGE', () => decodeMessage(new Uint8Array(MAX_FRAME + 1)))
  })
})

/** Fails unless the bytes are a message, or refused with the one code for that. */
function decodesOrRefuses(bytes: Uint8Array): void {
  try {
    expect(encodeMessage(decodeMessage(bytes))).toEqual(bytes)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    expect(error.code).toBe('BAD_MESSAGE')
  }
}
