import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from '../../src/ledger/cbor.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { cborValue } from '../support/cbor-value.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

const decode = (hex: string) => decodeCbor(fromHex(hex), 1000)

// RFC 8949 appendix A, the rows of the kinds that entries hold.
const PUBLISHED: [string, CborValue][] = [
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['4401020304', Uint8Array.of(1, 2, 3, 4)],
  ['62c3bc', 'ü'],
  ['64f0908591', '𐅑'],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  [
    'a201020304',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
]

describe('deterministic CBOR', () => {
  it.each(PUBLISHED)('reads and writes %s as RFC 8949 does', (hex, value) => {
    expect(decode(hex)).toEqual(value)
    expect(toHex(encodeCbor(value))).toBe(hex)
  })

  it('sorts keys by their bytes, and leaves undefined out', () => {
    expect(
      toHex(
        encodeCbor(
          mapOf([
            [1000, 1],
            [24, 2],
            [0, 3],
            [7, undefined],
          ]),
        ),
      ),
    ).toBe('a3000318180219' + '03e801')
  })

  it.each(['f93e00', '20', 'f4', 'f6', 'a1616101', 'a12001', '81'.repeat(17) + '00'])(
    'refuses the kind of value in %s',
    (hex) => {
      expectCode('BAD_VALUE', () => decode(hex))
    },
  )

  it.each(['a203040102', 'f90000', 'f93c00', '62c328', '61ff', '64efbbbf41'])('refuses another encoding: %s', (hex) => {
    expectCode('NOT_CANONICAL', () => decode(hex))
  })

  it.each([
    ['nothing', ''],
    ['two items', '0000'],
    ['a longer number', '1800'],
    ['a longer number', '1900ff'],
    ['an early end', '5801'],
    ['indefinite bytes', '5f4101ff'],
    ['an indefinite array', '9fff'],
    ['a key twice', 'a201020103'],
    ['2^64 - 1', '1bffffffffffffffff'],
    ['2^53', '1b0020000000000000'],
    ['an endless array', '9bffffffffffffffff'],
    ['an endless map', 'bbffffffffffffffff'],
    ['endless bytes', '5bffffffffffffffff'],
    ['undefined', 'f7'],
    ['NaN', 'f97e00'],
    ['a tag', 'c100'],
  ])('refuses %s: %s', (_, hex) => {
    expectCode('NOT_CBOR', () => decode(hex))
  })

  it('refuses depth that would overflow the stack, and input past its limit', () => {
    expect(['NOT_CBOR', 'BAD_VALUE']).toContain(codeOf(() => decodeCbor(new Uint8Array(65_535).fill(0x81), 65_535)))
    expectCode('TOO_LARGE', () => decodeCbor(new Uint8Array(11), 10))
  })

  it('refuses to write what it would not read', () => {
    for (const value of [-1, 1.5, -0, NaN, 2 ** 53, '\ud800', '\ufeffx', new Map([[-1, 1]])]) {
      expect(() => encodeCbor(value)).toThrow('bug')
    }
  })

  it('gives copies, also of a Node buffer', () => {
    const bytes = Buffer.from(encodeCbor([Uint8Array.of(1, 2, 3)]))
    const value = decodeCbor(bytes, 100)
    bytes.fill(0)
    expect(value).toEqual([Uint8Array.of(1, 2, 3)])
    for (const length of [10, 1000, 60_000]) expect(encodeCbor(new Uint8Array(length))).not.toBeInstanceOf(Buffer)
  })

  it('round-trips every value', () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        expect(decodeCbor(encodeCbor(value), 1_000_000)).toEqual(value)
      }),
    )
  })

  it('gives any bytes one value or a coded error, and one value one encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let value
        if (codeOf(() => (value = decodeCbor(bytes, 100))) !== null) return
        expect(toHex(encodeCbor(value as unknown as CborValue))).toBe(toHex(bytes))
      }),
      { numRuns: 3000 },
    )
  })
})
