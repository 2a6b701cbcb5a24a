import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CONSCIOUSNESS,
  decimalOf,
  emptyForm,
  TEMPERATURE_SITES,
  valuesOf,
  type ManualForm,
} from '../../../../src/renderer/components/capture/manual-form.ts'
import { KINDS, QUANTITIES } from '../../../../src/clinical/codes.ts'
import { ManualValue } from '../../../../src/shared/api/schemas.ts'

const NONE = new Set<never>()
function form(change: (form: ManualForm) => void = () => undefined): ManualForm {
  const fresh = emptyForm({ temperature: 'Cel', glucose: 'mmol/L' })
  change(fresh)
  return fresh
}

describe('valuesOf', () => {
  it('finds nothing in an empty form: nothing is filled in beforehand', () => {
    expect(valuesOf(form(), NONE)).toEqual([])
  })

  it('keeps digits and units exactly, in the order of the grid', () => {
    const values = valuesOf(
      form((f) => {
        Object.assign(f.text, {
          'respiratory-rate': '18',
          temperature: ' 36,50 ',
          weight: '80.0',
          glucose: '5.0',
          systolic: '128',
          diastolic: '82',
          pulse: '72',
          spo2: '97',
        })
        f.consciousness = 'confusion'
        f.oxygen = 'oxygen'
        f.oxygenFlow = '2.0'
      }),
      NONE,
    )
    expect(
      values.map((value) =>
        value.ok
          ? [value.kind, ...value.value.quantities.map((q) => `${q.name}=${q.value ?? q.coded ?? ''} ${q.ucum}`)]
          : value,
      ),
    ).toEqual([
      ['respiratory-rate', 'respiratory-rate=18 /min'],
      ['consciousness', 'consciousness=confusion '],
      ['oxygen', 'oxygen-flow=2.0 L/min'],
      ['temperature', 'temperature=36.50 Cel'],
      ['weight', 'weight=80.0 kg'],
      ['glucose', 'glucose=5.0 mmol/L'],
      ['blood-pressure', 'systolic=128 mm[Hg]', 'diastolic=82 mm[Hg]'],
      ['heart-rate', 'pulse=72 /min'],
      ['spo2', 'spo2=97 %'],
    ])
  })

  it('speaks the words of the code table and of the contract', () => {
    const values = valuesOf(
      form((f) => {
        Object.assign(f.text, { temperature: '37', weight: '80', glucose: '5', systolic: '128', diastolic: '82' })
        f.consciousness = 'alert'
        f.oxygen = 'air'
      }),
      NONE,
    )
    for (const value of values) {
      if (!value.ok) throw new Error(value.problem)
      expect(ManualValue.safeParse(value.value).success).toBe(true)
      for (const { name, ucum, coded } of value.value.quantities) {
        const row = QUANTITIES[name as keyof typeof QUANTITIES]
        expect(KINDS[value.kind].quantities).toContain(name)
        if (coded === null) expect(row.units.map((unit) => unit.ucum)).toContain(ucum)
        else expect(row.answers.map((answer) => answer.code)).toContain(coded)
      }
    }
    expect(QUANTITIES.consciousness.answers.map((answer) => answer.code)).toEqual([...CONSCIOUSNESS])
    for (const site of TEMPERATURE_SITES) expect(KINDS.temperature.sites).toContain(site)
  })

  it.each<[string, (f: ManualForm) => void, string]>([
    ['a pressure without its partner', (f) => (f.text.systolic = '128'), 'incomplete'],
    ['oxygen without a flow', (f) => (f.oxygen = 'oxygen'), 'incomplete'],
    ['words', (f) => (f.text.weight = 'eighty'), 'not-a-number'],
    ['two numbers', (f) => (f.text.temperature = '36.8 37'), 'not-a-number'],
    ['an exponent', (f) => (f.text.glucose = '1e2'), 'not-a-number'],
  ])('names %s as a problem', (_, change, problem) => {
    expect(valuesOf(form(change), NONE)).toMatchObject([{ ok: false, problem }])
  })

  it('marks a value as confirmed only when its field was', () => {
    const filled = form((f) => (f.text.pulse = '190'))
    expect(valuesOf(filled, new Set(['pulse'] as const))).toMatchObject([{ value: { confirmed: true } }])
    expect(valuesOf(filled, new Set(['spo2'] as const))).toMatchObject([{ value: { confirmed: false } }])
  })
})

describe('decimalOf', () => {
  it('gives the digits as typed or nothing, whatever is typed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.,-]{0,12}$/)), (text) => {
        const digits = decimalOf(text)
        if (digits !== null) expect(digits).toBe(text.trim().replace(',', '.'))
      }),
    )
  })

  it.each(['', ' ', '.5', '5.', '1,000.5', '007', '+3', '--1', 'NaN', 'Infinity', '0x10', '１２'])(
    'refuses %j',
    (text) => {
      expect(decimalOf(text)).toBeNull()
    },
  )
})
