import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareDecimal, decimalsOf, isDecimal, roundToDecimals, scaled } from '../../src/clinical/decimal.ts'
import { Decimal } from '../../src/shared/api/schemas.ts'
import { decimalText } from '../support/observations.ts'

/** The slow obvious model: millionths as a big integer. */
function millionths(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const magnitude = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  return text.startsWith('-') ? -magnitude : magnitude
}

describe('the grammar', () => {
  it.each(['0', '-0', '36.50', '999999999.999999', '-1.5', '0.000001'])('takes %s', (text) => {
    expect(isDecimal(text)).toBe(true)
  })
  it.each(['', '.5', '5.', '05', '+1', '1e3', '0x10', ' 1', '1 ', '1,5', 'NaN', '1234567890', '0.1234567', '--1', '٣'])(
    'refuses %j',
    (text) => {
      expect(isDecimal(text)).toBe(false)
      expect(() => scaled(text)).toThrow(expect.objectContaining({ code: 'WRONG_NUMBER' }))
    },
  )
  it('is that of the API, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(decimalText, fc.string(), fc.stringMatching(/^[-0-9.eE]{1,14}$/)), (text) => {
        expect(isDecimal(text)).toBe(Decimal.safeParse(text).success)
      }),
    )
  })
})

describe('comparing', () => {
  it.each([
    ['1.0', '1.00', 0],
    ['0', '-0', 0],
    ['36.5', '36.50', 0],
    ['36.49', '36.5', -1],
    ['9', '10', -1],
    ['-9', '-10', 1],
    ['0.1', '0.09', 1],
    ['999999999.999999', '999999999.999998', 1],
  ])('%s and %s', (a, b, order) => {
    expect(compareDecimal(a, b)).toBe(order)
  })
  it('orders as the big integers do', () => {
    fc.assert(
      fc.property(decimalText, decimalText, (a, b) => {
        const [left, right] = [millionths(a), millionths(b)]
        expect(compareDecimal(a, b)).toBe(left < right ? -1 : left > right ? 1 : 0)
        expect(BigInt(scaled(a))).toBe(left)
      }),
    )
  })
})

describe('rounding', () => {
  it.each([
    ['36.5', 1, '36.5'],
    ['36.50', 1, '36.5'],
    ['36', 1, '36.0'],
    ['36.45', 1, '36.5'],
    ['36.449999', 1, '36.4'],
    ['0.5', 0, '1'],
    ['0.49', 0, '0'],
    ['-0.5', 0, '-1'],
    ['-0.4', 0, '0'],
    ['1.005', 2, '1.01'], // in binary, 1.005 lies below: toFixed gives 1.00
    ['9.99', 1, '10.0'],
    ['999999999.999999', 0, '1000000000'],
    ['0.000001', 6, '0.000001'],
  ])('%s to %d digits is %s', (text, decimals, shown) => {
    expect(roundToDecimals(text, decimals)).toBe(shown)
  })
  it('is never further away than half of the last digit', () => {
    fc.assert(
      fc.property(decimalText, fc.integer({ min: 0, max: 6 }), (text, decimals) => {
        const shown = roundToDecimals(text, decimals)
        const off = millionths(shown) - millionths(text)
        expect((off < 0n ? -off : off) * 2n).toBeLessThanOrEqual(10n ** BigInt(6 - decimals))
        expect(shown.split('.')[1]?.length ?? 0).toBe(decimals)
      }),
    )
  })
  it('counts digits', () => {
    expect(['36', '36.5', '36.50', 'x'].map(decimalsOf)).toEqual([0, 1, 2, 0])
  })
})
