import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { measured } from '../../src/clinical/quantity.ts'
import {
  DEFAULT_RANGE_RULES,
  IRREGULAR_PULSE_WORDS,
  NOT_FOR_CHILDREN,
  RANGE_RULES,
  rangesOf,
  type RangeRule,
} from '../../src/clinical/ranges.ts'
import type { Quantity } from '../../src/shared/api/schemas.ts'

const ADULT = { ageYears: 57, onOxygen: null }
const codes = (quantities: Quantity[], rule: RangeRule, context: Parameters<typeof rangesOf>[2] = ADULT) =>
  rangesOf({ quantities }, [rule], context)?.map(({ code }) => code)
const pressure = (text: string) => {
  const [systolic = '', diastolic = ''] = text.split('/')
  return [measured('systolic', systolic), measured('diastolic', diastolic)]
}

describe('the range of a reading', () => {
  it.each([
    ['119/79', 'normal'],
    ['120/79', 'elevated'],
    ['129/79', 'elevated'],
    ['130/79', 'stage-1'],
    ['119/80', 'stage-1'],
    ['139/89', 'stage-1'],
    ['140/79', 'stage-2'],
    ['119/90', 'stage-2'],
    ['180/120', 'stage-2'],
    ['181/79', 'severe'],
    ['119/121', 'severe'],
  ])('by AHA 2025: %s is %s', (text, code) => {
    expect(codes(pressure(text), 'bp-aha-2025')).toEqual([code])
  })

  it.each([
    ['119/69', 'non-elevated'],
    ['120/69', 'elevated'],
    ['119/70', 'elevated'],
    ['139/89', 'elevated'],
    ['140/69', 'hypertension'],
    ['119/90', 'hypertension'],
    ['159/99', 'hypertension'],
    ['160/69', 'high'],
    ['119/100', 'high'],
    ['179/109', 'high'],
    ['180/69', 'very-high'],
    ['119/110', 'very-high'],
  ])('by ESC 2024: %s is %s', (text, code) => {
    expect(codes(pressure(text), 'bp-esc-2024')).toEqual([code])
  })

  it.each([
    ['53', 'mg/dL', 'level-2'],
    ['54', 'mg/dL', 'level-1'],
    ['69', 'mg/dL', 'level-1'],
    ['70', 'mg/dL', 'in-range'],
    ['180', 'mg/dL', 'in-range'],
    ['181', 'mg/dL', 'above'],
    ['250', 'mg/dL', 'above'],
    ['251', 'mg/dL', 'far-above'],
    ['2.9', 'mmol/L', 'level-2'],
    ['3.0', 'mmol/L', 'level-1'],
    ['3.8', 'mmol/L', 'level-1'],
    ['3.9', 'mmol/L', 'in-range'],
    ['10.0', 'mmol/L', 'in-range'],
    ['10.1', 'mmol/L', 'above'],
    ['13.9', 'mmol/L', 'above'],
    ['14.0', 'mmol/L', 'far-above'],
    // 70 mg/dL is 3.886 mmol/L, and is shown as 3.9: compared where it was recorded it is never low.
    ['3.886', 'mmol/L', 'in-range'],
    ['2.997', 'mmol/L', 'level-1'],
  ])('glucose %s %s is %s', (value, unit, code) => {
    expect(codes([measured('glucose', value, unit)], 'glucose-ada')).toEqual([code])
  })

  it('is the same for two values that look the same', () => {
    const hundredths = fc.integer({ min: 100, max: 3000 })
    fc.assert(
      fc.property(hundredths, (n) => {
        const text = (n / 100).toFixed(2)
        const shown = (Math.round(n / 10) / 10).toFixed(1)
        expect(codes([measured('glucose', text, 'mmol/L')], 'glucose-ada')).toEqual(
          codes([measured('glucose', shown, 'mmol/L')], 'glucose-ada'),
        )
      }),
    )
  })

  it.each<[string, '<' | '>', string[]]>([
    ['600', '>', ['far-above']],
    ['251', '>', ['far-above']],
    ['200', '>', []],
    ['20', '<', ['level-2']],
    ['54', '<', ['level-2']],
    ['55', '<', []],
    ['70', '<', []],
  ])('off the scale at %s (%s) is known only where the limit decides', (limit, comparator, expected) => {
    expect(codes([measured('glucose', limit, 'mg/dL', comparator)], 'glucose-ada')).toEqual(expected)
  })

  it.each([
    ['spo2-94-98', '93', null, ['below-target']],
    ['spo2-94-98', '94', null, ['in-target']],
    ['spo2-94-98', '98', true, ['in-target']],
    ['spo2-94-98', '99', true, ['above-target']],
    ['spo2-94-98', '99', false, []],
    ['spo2-94-98', '99', null, []],
    ['spo2-88-92', '87', null, ['below-target']],
    ['spo2-88-92', '88', null, ['in-target']],
    ['spo2-88-92', '92', true, ['in-target']],
    ['spo2-88-92', '93', true, ['above-target']],
    ['spo2-88-92', '93', false, []],
  ] as const)('%s: %s %% (oxygen: %s)', (rule, value, onOxygen, expected) => {
    expect(codes([measured('spo2', value)], rule, { ...ADULT, onOxygen })).toEqual(expected)
  })

  it.each([
    ['37.9', 'Cel', []],
    ['37.94', 'Cel', []],
    ['37.95', 'Cel', ['fever']],
    ['38.0', 'Cel', ['fever']],
    ['100.3', '[degF]', []],
    ['100.4', '[degF]', ['fever']],
  ])('temperature %s %s', (value, unit, expected) => {
    expect(codes([measured('temperature', value, unit)], 'fever-adult')).toEqual(expected)
  })

  it('is said by no rule until a clinic chooses one', () => {
    expect(rangesOf({ quantities: pressure('190/130') }, DEFAULT_RANGE_RULES, ADULT)).toEqual([])
  })

  it('is never said of children, nor without an age', () => {
    const of = (ageYears: number | null) =>
      rangesOf({ quantities: pressure('190/130') }, RANGE_RULES, { ...ADULT, ageYears })
    expect([of(15), of(null)]).toEqual([null, null])
    expect(of(16)).toHaveLength(2)
    expect(NOT_FOR_CHILDREN).toContain('not applied')
  })

  it('is not said of half a pressure, of another value, or of no number', () => {
    expect(codes([measured('systolic', '190')], 'bp-aha-2025')).toEqual([])
    expect(codes([measured('systolic', '300', 'mm[Hg]', '>'), measured('diastolic', '90')], 'bp-aha-2025')).toEqual([])
    expect(codes([{ ...measured('spo2', '90'), value: null }], 'spo2-94-98')).toEqual([])
    for (const rule of RANGE_RULES) expect(codes([measured('weight', '71.4')], rule)).toEqual([])
  })

  it('is said of the reading with its source, and neither diagnoses nor orders', () => {
    const readings = [
      ...['119/69', '185/125', '145/95'].map(pressure),
      [measured('glucose', '300', 'mg/dL')],
      [measured('spo2', '80')],
      [measured('temperature', '39')],
    ]
    const words = readings.flatMap(
      (quantities) => rangesOf({ quantities }, RANGE_RULES, ADULT)?.map((each) => each.words) ?? [],
    )
    expect(words).toHaveLength(10)
    for (const text of words) {
      expect(text).toMatch(/^This reading: /)
      expect(text).toMatch(/AHA 2025|ESC 2024|ADA 2025|RCP 2017|conventional/)
    }
    for (const text of [...words, IRREGULAR_PULSE_WORDS]) {
      expect(text).not.toMatch(/\b(?:patient (?:is|has)|hypertension|fibrillation|abnormal|danger|give|start|call)\b/i)
    }
  })
})
