/**
 * What a nurse types by hand: the fields in the order of the grid, and how texts become values to sign.
 *
 * @remarks
 * Nothing is filled in beforehand, and digits stay as typed: `36.50` is signed as `36.50`. A decimal comma is read as
 * a point; anything else that is not a decimal is a coded problem beside the field, never a guess. Whether a value
 * is plausible is not decided here but by `judge` of `src/clinical`. Proven by
 * `tests/renderer/components/capture/manual-form.test.ts`.
 *
 * @packageDocumentation
 */
import { isDecimal } from '../../../clinical/decimal.ts'
import type { ManualValue, ReadingKind } from '../../api/types.ts'

/** A field of the grid. Blood pressure is two fields of one value. */
export const MANUAL_FIELDS = [
  'respiratory-rate',
  'consciousness',
  'oxygen',
  'temperature',
  'weight',
  'glucose',
  'systolic',
  'diastolic',
  'pulse',
  'spo2',
] as const
export type ManualField = (typeof MANUAL_FIELDS)[number]

/** Fields that devices normally fill: they show only when somebody asks for them. */
export const FALLBACK_FIELDS = ['systolic', 'diastolic', 'pulse', 'spo2'] as const satisfies readonly ManualField[]

/** ACVPU, in the order of the letters. */
export const CONSCIOUSNESS = ['alert', 'confusion', 'voice', 'pain', 'unresponsive'] as const
export type Consciousness = (typeof CONSCIOUSNESS)[number]

/** Where a temperature was taken. Fahrenheit and Celsius limits do not overlap, so a wrong unit shows. */
export const TEMPERATURE_SITES = ['tympanic', 'oral', 'axillary', 'temporal-artery', 'rectal'] as const
export type TemperatureSite = (typeof TEMPERATURE_SITES)[number]

export const TEMPERATURE_UNITS = { Cel: '°C', '[degF]': '°F' } as const
export const WEIGHT_UNITS = { kg: 'kg', g: 'g', '[lb_av]': 'lb' } as const
export const GLUCOSE_UNITS = { 'mg/dL': 'mg/dL', 'mmol/L': 'mmol/L' } as const

/** Everything on the form, as typed. */
export interface ManualForm {
  text: Record<Exclude<ManualField, 'consciousness' | 'oxygen'>, string>
  consciousness: Consciousness | null
  /** Null until somebody says so: breathing air is an observation too. */
  oxygen: 'air' | 'oxygen' | null
  oxygenFlow: string
  temperatureUnit: keyof typeof TEMPERATURE_UNITS
  temperatureSite: TemperatureSite
  weightUnit: keyof typeof WEIGHT_UNITS
  glucoseUnit: keyof typeof GLUCOSE_UNITS
}

/** An empty form. Units are a setting of the workplace; values never carry over. */
export function emptyForm(units: {
  temperature: ManualForm['temperatureUnit']
  glucose: ManualForm['glucoseUnit']
}): ManualForm {
  return {
    text: {
      'respiratory-rate': '',
      temperature: '',
      weight: '',
      glucose: '',
      systolic: '',
      diastolic: '',
      pulse: '',
      spo2: '',
    },
    consciousness: null,
    oxygen: null,
    oxygenFlow: '',
    temperatureUnit: units.temperature,
    temperatureSite: 'tympanic',
    weightUnit: 'kg',
    glucoseUnit: units.glucose,
  }
}

/** Digits of a typed text, or null when it is not a decimal number. */
export function decimalOf(text: string): string | null {
  const digits = text.trim().replace(',', '.')
  return isDecimal(digits) ? digits : null
}

/** One value of the form: complete, or with what is missing. */
export type FormValue =
  | { readonly ok: true; readonly kind: ReadingKind; readonly field: ManualField; readonly value: ManualValue }
  | { readonly ok: false; readonly field: ManualField; readonly problem: 'not-a-number' | 'incomplete' }

type Quantities = ManualValue['quantities']
type Part = { name: string; text: string; ucum: string }

/**
 * Every value on the form that is not empty, in the order of the grid.
 *
 * @param form - As typed; untrusted.
 * @param confirmed - Fields whose unusual value was confirmed.
 */
export function valuesOf(form: ManualForm, confirmed: ReadonlySet<ManualField>): FormValue[] {
  const numeric = (field: ManualField, kind: ReadingKind, parts: readonly Part[], site: string | null = null) => {
    const typed = parts.filter((part) => part.text.trim() !== '')
    if (typed.length === 0) return null
    if (typed.length < parts.length) return { ok: false, field, problem: 'incomplete' } as const
    const quantities = parts.map((part) => ({
      name: part.name,
      value: decimalOf(part.text),
      ucum: part.ucum,
      coded: null,
    }))
    if (quantities.some((quantity) => quantity.value === null))
      return { ok: false, field, problem: 'not-a-number' } as const
    return complete(field, kind, quantities, site)
  }
  const complete = (field: ManualField, kind: ReadingKind, quantities: Quantities, site: string | null = null) =>
    ({ ok: true, kind, field, value: { kind, quantities, site, confirmed: confirmed.has(field) } }) as const
  const coded = (name: string, value: string): Quantities => [{ name, value: null, ucum: '', coded: value }]
  const { text } = form

  const values: (FormValue | null)[] = [
    numeric('respiratory-rate', 'respiratory-rate', [
      { name: 'respiratory-rate', text: text['respiratory-rate'], ucum: '/min' },
    ]),
    form.consciousness === null
      ? null
      : complete('consciousness', 'consciousness', coded('consciousness', form.consciousness)),
    oxygenOf(form, complete, numeric),
    numeric(
      'temperature',
      'temperature',
      [{ name: 'temperature', text: text.temperature, ucum: form.temperatureUnit }],
      form.temperatureSite,
    ),
    numeric('weight', 'weight', [{ name: 'weight', text: text.weight, ucum: form.weightUnit }]),
    numeric('glucose', 'glucose', [{ name: 'glucose', text: text.glucose, ucum: form.glucoseUnit }]),
    numeric('systolic', 'blood-pressure', [
      { name: 'systolic', text: text.systolic, ucum: 'mm[Hg]' },
      { name: 'diastolic', text: text.diastolic, ucum: 'mm[Hg]' },
    ]),
    numeric('pulse', 'heart-rate', [{ name: 'pulse', text: text.pulse, ucum: '/min' }]),
    numeric('spo2', 'spo2', [{ name: 'spo2', text: text.spo2, ucum: '%' }]),
  ]
  return values.filter((value) => value !== null)
}

function oxygenOf(
  form: ManualForm,
  complete: (field: ManualField, kind: ReadingKind, quantities: Quantities) => FormValue,
  numeric: (field: ManualField, kind: ReadingKind, parts: readonly Part[]) => FormValue | null,
): FormValue | null {
  if (form.oxygen === null) return null
  if (form.oxygen === 'air')
    return complete('oxygen', 'oxygen', [{ name: 'oxygen', value: null, ucum: '', coded: 'air' }])
  const flow = numeric('oxygen', 'oxygen', [{ name: 'oxygen-flow', text: form.oxygenFlow, ucum: 'L/min' }])
  return flow ?? { ok: false, field: 'oxygen', problem: 'incomplete' }
}
