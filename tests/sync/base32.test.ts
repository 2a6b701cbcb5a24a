import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase32, toBase32 } from '../../src/sync/base32.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('base32', () => {
  // RFC 4648 section 10, without padding.
  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('of "%s" is %s', (plain, text) => {
    expect(toBase32(bytes(plain))).toBe(text)
    expect(fromBase32(text)).toEqual(bytes(plain))
  })

  it.each(['M', 'MZ1', 'mzxw6', 'MZXW6YTBOI======', 'MZXW6YTBO', 'MZ', 'M Z', 'MY\n', '0'])('is not "%s"', (text) => {
    expect(fromBase32(text)).toBeNull()
  })

  it('has one text for any bytes, and no other text gives them', () => {
    fc.assert(fc.property(fc.uint8Array(), (any) => void expect(fromBase32(toBase32(any))).toEqual(any)))
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('A', 'B', 'M', 'Y', 'Z', '2', '6', '7') }), (text) => {
        const decoded = fromBase32(text)
        if (decoded !== null) expect(toBase32(decoded)).toBe(text)
      }),
    )
  })
})
