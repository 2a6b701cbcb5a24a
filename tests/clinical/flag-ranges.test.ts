import { describe, expect, it } from 'vitest'
import { DEFAULT_FLAG_RANGES, flagOf, rangeOf } from '../../src/clinical/flag-ranges.ts'
import { QUANTITIES, isQuantityName } from '../../src/clinical/codes.ts'
import { compareDecimal } from '../../src/clinical/decimal.ts'
import { LIMITS, judge } from '../../src/clinical/limits.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'

describe('flags', () => {
  it.each([
    ['systolic', '89', 'mm[Hg]', 'low'],
    ['systolic', '90', 'mm[Hg]', null],
    ['systolic', '139', 'mm[Hg]', null],
    ['systolic', '140', 'mm[Hg]', 'high'],
    ['spo2', '93', '%', 'low'],
    ['spo2', '94', '%', null],
    ['temperature', '37.9', 'Cel', null],
    ['temperature', '38.0', 'Cel', 'high'],
    ['temperature', '37.95', 'Cel', 'high'], // shown as 38.0
    ['temperature', '37.94', 'Cel', null],
    ['temperature', '100.3', '[degF]', null],
    ['temperature', '100.4', '[degF]', 'high'],
    ['glucose', '69', 'mg/dL', 'low'],
    ['glucose', '70', 'mg/dL', null], // 3.886 mmol/L: low if it had been converted
    ['glucose', '3.9', 'mmol/L', null],
    ['glucose', '3.8', 'mmol/L', 'low'],
    ['weight', '70', 'kg', null],
  ] as const)('%s %s %s: %s', (name, value, ucum, flag) => {
    expect(flagOf(measured(name, value, ucum), 50)).toBe(flag)
  })

  it('are for adults, and for nobody of unknown age', () => {
    const fast = measured('pulse', '130')
    expect([null, 0, 15, 16].map((age) => flagOf(fast, age))).toEqual([null, null, null, 'high'])
  })

  it('set new confusion apart, and no answer without a rule', () => {
    expect(flagOf(answered('consciousness', 'confusion'), 50)).toBe('answer')
    expect(flagOf(answered('consciousness', 'alert'), 50)).toBeNull()
    expect(flagOf(answered('oxygen', 'oxygen'), 50)).toBeNull()
  })

  it('set LO and HI apart', () => {
    expect(flagOf(measured('glucose', '20', 'mg/dL', '<'), 50)).toBe('low')
    expect(flagOf(measured('glucose', '600', 'mg/dL', '>'), 50)).toBe('high')
  })

  it('say nothing about a value that is not there or not of this table', () => {
    expect(flagOf({ ...measured('pulse', '70'), value: null }, 50)).toBeNull()
    expect(flagOf({ ...measured('pulse', '170'), name: 'height' }, 50)).toBeNull()
    expect(rangeOf({ name: 'height', ucum: 'cm' })).toBeNull()
  })

  it('never decide what may be stored: every flagged limit can be stored without confirming', () => {
    for (const [name, byUnit] of Object.entries(DEFAULT_FLAG_RANGES.ranges)) {
      if (!isQuantityName(name)) throw new Error(name)
      for (const [ucum, range] of Object.entries(byUnit)) {
        const { possible, usual } = LIMITS[name][ucum]!
        expect(compareDecimal(usual.low, range.low), name).toBeLessThanOrEqual(0)
        expect(compareDecimal(range.high, usual.high), name).toBeLessThanOrEqual(0)
        expect(compareDecimal(possible.low, range.low), name).toBeLessThan(0)
        expect(QUANTITIES[name].units.some((unit) => unit.ucum === ucum)).toBe(true)
      }
    }
    expect(judge('temperature', [measured('temperature', '38.5')]).level).toBe('ok')
  })
})
