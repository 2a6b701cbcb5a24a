import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KINDS, QUANTITIES, QUANTITY_NAMES } from '../../src/clinical/codes.ts'
import { judge } from '../../src/clinical/limits.ts'
import {
  KINDS_IN_CHART_ORDER,
  answered,
  fromTable,
  inTableOrder,
  measured,
  splitMeasurement,
} from '../../src/clinical/quantity.ts'
import { Quantity } from '../../src/shared/api/schemas.ts'

const someOf = (name: (typeof QUANTITY_NAMES)[number]) => {
  const answer = QUANTITIES[name].answers[0]
  return answer ? answered(name, answer.code) : measured(name, '50')
}

describe('building a quantity', () => {
  it('takes the unit from the table', () => {
    expect(measured('temperature', '36.50')).toEqual({
      name: 'temperature',
      value: '36.50',
      comparator: null,
      ucum: 'Cel',
      unit: '°C',
      coded: null,
    })
    expect(measured('glucose', '7.0', 'mmol/L').unit).toBe('mmol/L')
  })
  it('fits the API', () => {
    for (const name of QUANTITY_NAMES) expect(Quantity.parse(someOf(name))).toEqual(someOf(name))
  })
  it('refuses what the table does not have', () => {
    expect(() => measured('weight', '70', 'stone')).toThrow(expect.objectContaining({ code: 'WRONG_UNIT' }))
    expect(() => measured('consciousness', '15')).toThrow(expect.objectContaining({ code: 'WRONG_UNIT' }))
    expect(() => measured('weight', '7e1')).toThrow(expect.objectContaining({ code: 'WRONG_NUMBER' }))
    expect(() => answered('oxygen', 'helium')).toThrow(expect.objectContaining({ code: 'WRONG_CODE' }))
    expect(() => fromTable({ name: 'height', value: '1', ucum: 'm', coded: null })).toThrow(
      expect.objectContaining({ code: 'WRONG_CODE' }),
    )
  })
  it('completes what a form sends', () => {
    expect(fromTable({ name: 'weight', value: '70.0', ucum: '[lb_av]', coded: null })).toEqual(
      measured('weight', '70.0', '[lb_av]'),
    )
    expect(fromTable({ name: 'consciousness', value: null, ucum: '', coded: 'voice' })).toEqual(
      answered('consciousness', 'voice'),
    )
    expect(fromTable({ name: 'spo2', value: null, ucum: '%', coded: null })).toMatchObject({ value: null, unit: '%' })
  })
})

describe('splitting a measurement', () => {
  it('keeps pressures together and makes the pulse a reading of its own', () => {
    const readings = splitMeasurement([
      measured('pulse', '87'),
      measured('diastolic', '78'),
      measured('systolic', '123'),
    ])
    expect(readings).toEqual([
      {
        kind: 'blood-pressure',
        quantities: [measured('systolic', '123'), measured('diastolic', '78')],
        technique: null,
      },
      { kind: 'heart-rate', quantities: [measured('pulse', '87')], technique: 'cuff' },
    ])
  })
  it('knows a pulse that came with a saturation', () => {
    const readings = splitMeasurement([measured('spo2', '97'), measured('pulse', '72')])
    expect(readings.map(({ kind, technique }) => [kind, technique])).toEqual([
      ['heart-rate', 'pulse-oximeter'],
      ['spo2', null],
    ])
    expect(splitMeasurement([measured('pulse', '72')])[0]?.technique).toBeNull()
  })
  it('gives readings that can be recorded, each quantity once, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...QUANTITY_NAMES], { minLength: 1 }), (names) => {
        const readings = splitMeasurement(names.map(someOf))
        expect(readings.flatMap(({ quantities }) => quantities.map(({ name }) => name)).sort()).toEqual(
          [...names].sort(),
        )
        for (const { kind, quantities } of readings) {
          expect(judge(kind, quantities).findings.filter(({ code }) => code === 'unknown-quantity')).toEqual([])
          expect(KINDS[kind].panel !== null || quantities.length === 1).toBe(true)
        }
      }),
    )
  })
  it('refuses an unknown quantity', () => {
    const unknown = { ...measured('spo2', '97'), name: 'height' }
    expect(() => splitMeasurement([unknown])).toThrow(expect.objectContaining({ code: 'WRONG_CODE' }))
    expect(() => inTableOrder([unknown])).toThrow(expect.objectContaining({ code: 'WRONG_CODE' }))
  })
  it('lists every kind once, in chart order', () => {
    expect([...KINDS_IN_CHART_ORDER].sort()).toEqual(Object.keys(KINDS).sort())
  })
})
