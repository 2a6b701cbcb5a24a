import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUANTITIES, QUANTITY_NAMES, type QuantityName } from '../../src/clinical/codes.ts'
import { compareDecimal, roundToDecimals, scaled } from '../../src/clinical/decimal.ts'
import { LIMITS, judge, judgeWeightChange } from '../../src/clinical/limits.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { decimalText } from '../support/observations.ts'
import type { Quantity } from '../../src/shared/api/schemas.ts'

/** The value of a limit moved by one unit of the finest digit that is not "too precise". */
function beside(limit: string, step: 1 | -1, decimals: number): string {
  const moved = scaled(limit) + step * 10 ** (6 - decimals)
  const digits = String(Math.abs(moved)).padStart(7, '0')
  return roundToDecimals(`${moved < 0 ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`, decimals)
}

/** Judges one value alone; the other pressure is chosen so that it cannot be what is found. */
function codesOf(name: QuantityName, value: string, ucum: string): [level: string, codes: string[]] {
  const { kind } = QUANTITIES[name]
  const others: Partial<Record<QuantityName, [QuantityName, string][]>> = {
    systolic: [['diastolic', '40']],
    diastolic: [['systolic', '220']],
    mean: [
      ['systolic', '220'],
      ['diastolic', '40'],
    ],
  }
  const rest = (others[name] ?? []).map(([other, text]) => measured(other, text))
  const { level, findings } = judge(kind, [measured(name, value, ucum), ...rest])
  const isLimit = (code: string) => code.endsWith('-possible') || code.endsWith('-usual')
  return [level, findings.filter((finding) => finding.name === name && isLimit(finding.code)).map(({ code }) => code)]
}

const TABLE = QUANTITY_NAMES.flatMap((name) =>
  Object.entries(LIMITS[name]).map(([ucum, row]) => ({ name, ucum, ...row })),
)

describe('limits', () => {
  it.each(TABLE)('$name in $ucum: both sides of every limit', ({ name, ucum, possible, usual }) => {
    const decimals = QUANTITIES[name].units.find((unit) => unit.ucum === ucum)!.maxDecimals
    const at = (value: string) => codesOf(name, value, ucum)[1]
    expect(at(possible.low)).not.toContain('below-possible')
    expect(at(beside(possible.low, -1, decimals))).toEqual(['below-possible'])
    expect(at(possible.high)).not.toContain('above-possible')
    expect(at(beside(possible.high, 1, decimals))).toEqual(['above-possible'])
    expect(at(usual.low)).toEqual([])
    expect(at(usual.high)).toEqual([])
    if (usual.low !== possible.low) expect(at(beside(usual.low, -1, decimals))).toEqual(['below-usual'])
    if (usual.high !== possible.high) expect(at(beside(usual.high, 1, decimals))).toEqual(['above-usual'])
  })

  it.each(TABLE)('$name in $ucum: usual lies within possible', ({ possible, usual }) => {
    expect(compareDecimal(possible.low, usual.low)).toBeLessThanOrEqual(0)
    expect(compareDecimal(usual.low, usual.high)).toBeLessThan(0)
    expect(compareDecimal(usual.high, possible.high)).toBeLessThanOrEqual(0)
  })

  it('every unit of the table has limits, and no other unit', () => {
    for (const name of QUANTITY_NAMES) {
      expect(Object.keys(LIMITS[name]).sort(), name).toEqual(QUANTITIES[name].units.map(({ ucum }) => ucum).sort())
    }
  })

  it('notices a temperature in the wrong unit', () => {
    const { Cel, '[degF]': degF } = LIMITS.temperature
    expect(compareDecimal(Cel!.possible.high, degF!.possible.low)).toBeLessThan(0)
    expect(judge('temperature', [measured('temperature', '98.6', 'Cel')]).level).toBe('reject')
    expect(judge('temperature', [measured('temperature', '37.0', '[degF]')]).level).toBe('reject')
  })

  it('does not refuse a crisis: fever, shock, hypertensive emergency, severe hypoglycaemia', () => {
    const crises: [Parameters<typeof judge>[0], Quantity[]][] = [
      ['temperature', [measured('temperature', '41.9')]],
      ['blood-pressure', [measured('systolic', '262'), measured('diastolic', '148')]],
      ['blood-pressure', [measured('systolic', '46'), measured('diastolic', '22')]],
      ['glucose', [measured('glucose', '1.2', 'mmol/L')]],
      ['glucose', [measured('glucose', '600', 'mg/dL', '>')]],
      ['spo2', [measured('spo2', '52')]],
      ['respiratory-rate', [measured('respiratory-rate', '62')]],
    ]
    for (const [kind, quantities] of crises) expect(judge(kind, quantities).level, kind).toBe('confirm')
  })

  it('compares glucose in the unit that was recorded', () => {
    expect(judge('glucose', [measured('glucose', '54', 'mg/dL')]).level).toBe('ok')
    expect(judge('glucose', [measured('glucose', '53', 'mg/dL')]).level).toBe('confirm')
    expect(judge('glucose', [measured('glucose', '3.0', 'mmol/L')]).level).toBe('ok')
    expect(judge('glucose', [measured('glucose', '2.99', 'mmol/L')]).level).toBe('confirm')
  })

  it('never rejects a limit that a meter showed as LO or HI', () => {
    expect(judge('glucose', [measured('glucose', '10', 'mg/dL', '<')])).toEqual({
      level: 'confirm',
      findings: [{ name: 'glucose', code: 'below-usual' }],
    })
    expect(judge('glucose', [measured('glucose', '750', 'mg/dL', '>')]).level).toBe('confirm')
    expect(judge('glucose', [{ ...measured('glucose', '750', 'mg/dL', '>'), value: null }])).toEqual({
      level: 'confirm',
      findings: [{ name: 'glucose', code: 'above-usual' }],
    })
  })
})

describe('pressures against each other', () => {
  const of = (systolic: string, diastolic: string, mean?: string) =>
    judge('blood-pressure', [
      measured('systolic', systolic),
      measured('diastolic', diastolic),
      ...(mean === undefined ? [] : [measured('mean', mean)]),
    ])
  it.each([
    ['120', '80', 'ok', []],
    ['100', '100', 'reject', ['systolic-not-above-diastolic']],
    ['80', '120', 'reject', ['systolic-not-above-diastolic']],
    ['95', '80', 'ok', []],
    ['94', '80', 'confirm', ['pulse-pressure-unusual']],
    ['210', '80', 'ok', []],
    ['211', '80', 'confirm', ['pulse-pressure-unusual']],
  ])('%s/%s is %s', (systolic, diastolic, level, codes) => {
    const judgement = of(systolic, diastolic)
    expect([judgement.level, judgement.findings.map(({ code }) => code)]).toEqual([level, codes])
  })
  it.each([
    ['80', 'ok'],
    ['79', 'reject'],
    ['120', 'ok'],
    ['121', 'reject'],
  ])('a mean of %s between 120 and 80 is %s', (mean, level) => {
    expect(of('120', '80', mean).level).toBe(level)
  })
})

describe('what is not a reading', () => {
  const cases: [why: string, kind: Parameters<typeof judge>[0], quantities: Quantity[], code: string][] = [
    ['nothing', 'weight', [], 'missing'],
    ['half a pressure', 'blood-pressure', [measured('systolic', '120')], 'missing'],
    ['no value', 'weight', [{ ...measured('weight', '70'), value: null }], 'missing'],
    ['another quantity', 'weight', [measured('spo2', '97')], 'unknown-quantity'],
    ['an unknown quantity', 'weight', [{ ...measured('weight', '70'), name: 'toString' }], 'unknown-quantity'],
    ['twice the same', 'weight', [measured('weight', '70'), measured('weight', '70')], 'unknown-quantity'],
    ['another unit', 'weight', [{ ...measured('weight', '70'), ucum: 'mm[Hg]' }], 'wrong-unit'],
    ['no unit', 'glucose', [{ ...measured('glucose', '7.0'), ucum: '' }], 'wrong-unit'],
    ['text', 'weight', [{ ...measured('weight', '70'), value: '70,5' }], 'not-a-number'],
    ['more digits than an instrument has', 'temperature', [measured('temperature', '36.555')], 'too-precise'],
    [
      'an unknown answer',
      'consciousness',
      [{ ...answered('consciousness', 'alert'), coded: 'sleepy' }],
      'wrong-answer',
    ],
    ['an answer where a number belongs', 'weight', [{ ...measured('weight', '70'), coded: 'heavy' }], 'wrong-answer'],
  ]
  it.each(cases)('%s', (_why, kind, quantities, code) => {
    const { level, findings } = judge(kind, quantities)
    expect(level).toBe('reject')
    expect(findings.map((finding) => finding.code)).toContain(code)
  })
  it('is judged without failing, whatever is given', () => {
    const anything = fc.record({
      name: fc.oneof(fc.constantFrom(...QUANTITY_NAMES), fc.string()),
      value: fc.option(fc.oneof(decimalText, fc.string())),
      comparator: fc.constantFrom(null, '<' as const, '>' as const),
      ucum: fc.constantFrom('mm[Hg]', '/min', '%', 'Cel', 'kg', 'mg/dL', '', 'constructor'),
      unit: fc.string(),
      coded: fc.option(fc.constantFrom('alert', 'air', 'x')),
    })
    fc.assert(
      fc.property(fc.constantFrom(...QUANTITY_NAMES), fc.array(anything, { maxLength: 4 }), (name, quantities) => {
        const { level, findings } = judge(QUANTITIES[name].kind, quantities)
        expect(level === 'ok').toBe(findings.length === 0)
      }),
    )
  })
})

describe('a weight against the last one', () => {
  it.each([
    ['77.0', '70.0', null],
    ['77.1', '70.0', 'much-changed'],
    ['63.0', '70.0', null],
    ['62.9', '70.0', 'much-changed'],
    ['154.3', '70.0', 'much-changed'], // pounds typed as kilograms
  ])('%s after %s', (value, last, code) => {
    expect(judgeWeightChange(value, last)?.code ?? null).toBe(code)
  })
})
