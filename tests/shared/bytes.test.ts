import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex } from '../../src/shared/bytes.ts'

const bytes = (minLength = 0) => fc.uint8Array({ minLength, maxLength: 600 })

describe('hex', () => {
  it('is what the platform says, and gives the bytes back', () => {
    fc.assert(
      fc.property(bytes(), (some) => {
        expect(toHex(some)).toBe(Buffer.from(some).toString('hex'))
        expect(fromHex(toHex(some))).toEqual(some)
      }),
    )
  })

  it.each(['0', 'AB', '0g', ' 00', '00 '])('is not %j', (text) => {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'NOT_HEX' }))
  })
})

describe('base64', () => {
  it('is what the platform says, and gives the bytes back', () => {
    fc.assert(
      fc.property(bytes(), (some) => {
        expect(toBase64(some)).toBe(Buffer.from(some).toString('base64'))
        expect(fromBase64(toBase64(some))).toEqual(some)
      }),
    )
  })

  it.each(['A', 'AA', 'AAA', 'AB==', 'AAB=', 'AA=A', '-_AA', 'AAAA====', ' AAAA'])('is not %j', (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'NOT_BASE64' }))
  })
})

describe('bytes', () => {
  it('are equal exactly when each of them is', () => {
    fc.assert(
      fc.property(bytes(1), fc.nat(), fc.integer({ min: 1, max: 255 }), (some, at, by) => {
        const other = Uint8Array.from(some)
        expect(equalBytes(some, other)).toBe(true)
        other[at % some.length] = (some[at % some.length] ?? 0) ^ by
        expect(equalBytes(some, other)).toBe(false)
        expect(equalBytes(some, some.subarray(1))).toBe(false)
      }),
    )
  })

  it('stand one after the other', () => {
    fc.assert(
      fc.property(fc.array(bytes(), { maxLength: 5 }), (parts) => {
        expect(concatBytes(...parts)).toEqual(new Uint8Array(Buffer.concat(parts)))
      }),
    )
  })
})
