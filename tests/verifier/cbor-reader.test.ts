import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../src/ledger/cbor.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { type Item, readCbor } from '../../src/verifier/cbor-reader.ts'
import { cborValue } from '../support/cbor-value.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

/** Value or refusal of each of the two readers. */
function both(bytes: Uint8Array): { ledger: unknown; second: unknown } {
  let [ledger, second]: unknown[] = [undefined, undefined]
  codeOf(() => (ledger = decodeCbor(bytes, 65_535)))
  codeOf(() => (second = readCbor(bytes)))
  return { ledger, second }
}

describe('two CBOR readers that share no code', () => {
  it('read every value alike', () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        expect(readCbor(encodeCbor(value))).toEqual(value)
      }),
    )
  })

  it('read or refuse bytes alike: any, and values with a byte changed', () => {
    // Bytes that start items of every kind, more often than chance would.
    const byte = fc.oneof(
      fc.nat({ max: 255 }),
      fc.constantFrom(0x00, 0x18, 0x19, 0x1b, 0x41, 0x61, 0x81, 0x82, 0xa1, 0xa2, 0xf9),
    )
    const any = fc.array(byte, { maxLength: 24 }).map((list) => Uint8Array.from(list))
    fc.assert(
      fc.property(any, (bytes) => {
        const { ledger, second } = both(bytes)
        expect(second).toEqual(ledger)
      }),
      { numRuns: 5000 },
    )
    fc.assert(
      fc.property(cborValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, xor) => {
        const bytes = encodeCbor(value).map((b, i, all) => (i === at % all.length ? b ^ xor : b))
        const { ledger, second } = both(bytes)
        expect(second).toEqual(ledger)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    '',
    '0000',
    '1800',
    '190017',
    '1a0000ffff',
    '1b00000000ffffffff',
    '1b0020000000000000',
    '1c',
    '1f',
    '20',
    '5801',
    '5f4101ff',
    '9fff',
    '9bffffffffffffffff',
    'a201020103',
    'a203040102',
    'a1616101',
    'a1810001',
    'c100',
    'f4',
    'f6',
    'f93e00',
    '61ff',
    '63efbbbf',
    '81'.repeat(17) + '00',
  ])('refuses %s', (hex) => {
    expectCode('BAD_CBOR', () => readCbor(fromHex(hex)))
    expect(codeOf(() => decodeCbor(fromHex(hex), 1000))).not.toBeNull()
  })

  it('is not brought down by depth', () => {
    expectCode('BAD_CBOR', () => readCbor(new Uint8Array(65_535).fill(0x81)))
    let deep: Item = 0
    for (let i = 0; i < 16; i++) deep = [deep]
    expect(readCbor(fromHex('81'.repeat(16) + '00'))).toEqual(deep)
  })
})
