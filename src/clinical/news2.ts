/**
 * NEWS2, the National Early Warning Score 2 of the Royal College of Physicians (December 2017): what each value scores,
 * and what a set of observations gives.
 *
 * @remarks
 * Acknowledgement: Royal College of Physicians, National Early Warning Score (NEWS) 2, London, 2017. A number is rounded
 * to the digits that are shown before it is placed in the table, whose bands have the precision of a chart. Without all
 * seven values of one set there is no total. What is not scored: corrected values, what the patient reported, and HI or
 * LO, which is no number. Proven by `tests/clinical/news2.test.ts`: published examples, both sides of every boundary,
 * and a table written a second time.
 *
 * @packageDocumentation
 */
import type {
  Assessment,
  AssessmentDraft,
  AssessmentInput,
  EntryRef,
  Quantity,
  Reading,
} from '../shared/api/schemas.ts'
import type { Verified } from '../shared/verified.ts'
import { compareDecimal, isDecimal, roundToDecimals, scaled } from './decimal.ts'
import { ageYears } from './format.ts'
import { parseInstant } from './instant.ts'

/** Of the table, recorded with every score. */
export const NEWS2_VERSION = 'RCP 2017'
/** The score is not for anybody younger, in completed years. */
export const NEWS2_FROM_AGE = 16
/** Values count as one set when they were measured within this time of the newest. */
export const SET_WINDOW_MIN = 30
/** The seven values, in the order of the chart. */
export const NEWS2_INPUTS = [
  'respiratory-rate',
  'spo2',
  'oxygen',
  'systolic',
  'pulse',
  'consciousness',
  'temperature',
] as const

/** One of the seven. */
export type News2Name = (typeof NEWS2_INPUTS)[number]
/** 1, or 2 for patients with a target of 88 to 92 %. */
export type News2Scale = Assessment['scale']
/** What is placed in the table. */
export type News2Value = Pick<AssessmentInput, 'name' | 'value' | 'coded' | 'unit'>

/** A verified reading, and where it stands. */
export interface ScoredReading {
  readonly record: Verified<Reading>
  readonly ref: EntryRef
}

/** Who is scored, and by whom. */
export interface News2Question {
  /** `YYYY-MM-DD`; null when it could not be verified. */
  readonly birthDate: string | null
  /** True when somebody said so. Nothing in a record says it yet. */
  readonly pregnant: boolean
  readonly scale: News2Scale
  /** When it is computed, ISO 8601 with offset, and the name of who asks. */
  readonly at: string
  readonly by: string
}

/** Upper ends of the bands of one value, `[highest, points]`, lowest first; above the last it is `above`. */
interface Bands {
  readonly decimals: number
  readonly upTo: readonly (readonly [highest: string, points: number])[]
  readonly above: number
}

const bands = (decimals: number, above: number, ...upTo: (readonly [string, number])[]): Bands => ({
  decimals,
  upTo,
  above,
})
const RESPIRATION = bands(0, 3, ['8', 3], ['11', 1], ['20', 0], ['24', 2])
const SPO2_SCALE_1 = bands(0, 0, ['91', 3], ['93', 2], ['95', 1])
const SPO2_SCALE_2_AIR = bands(0, 0, ['83', 3], ['85', 2], ['87', 1])
const SPO2_SCALE_2_OXYGEN = bands(0, 3, ['83', 3], ['85', 2], ['87', 1], ['92', 0], ['94', 1], ['96', 2])
const SYSTOLIC = bands(0, 3, ['90', 3], ['100', 2], ['110', 1], ['219', 0])
const PULSE = bands(0, 3, ['40', 3], ['50', 1], ['90', 0], ['110', 1], ['130', 2])
const TEMPERATURE = bands(1, 2, ['35.0', 3], ['36.0', 1], ['38.0', 0], ['39.0', 1])
/** Concentration of oxygen in air, %. */
const AIR = '21'

/**
 * What one value scores.
 *
 * @param input - A number in its recorded unit, or an answer.
 * @param scale - For the saturation.
 * @param onOxygen - For the saturation on scale 2; null when it is not known.
 * @returns `0..3`; null when it cannot be placed in the table.
 */
export function news2Points(input: News2Value, scale: News2Scale, onOxygen: boolean | null): number | null {
  const { name, value, coded } = input
  if (name === 'consciousness') return coded === null ? null : coded === 'alert' ? 0 : 3
  if (name === 'oxygen') return isOnOxygen(input) === null ? null : isOnOxygen(input) === true ? 2 : 0
  if (value === null || !isDecimal(value)) return null
  if (name === 'temperature') return placed(input.unit === '°F' ? celsius(value) : value, TEMPERATURE)
  if (name === 'spo2') return saturationPoints(value, scale, onOxygen)
  return placed(value, { 'respiratory-rate': RESPIRATION, systolic: SYSTOLIC, pulse: PULSE }[name])
}

/**
 * True when the patient breathes oxygen.
 *
 * @param input - The answer, a flow in L/min, or a concentration in %.
 * @returns Null when it does not say.
 */
export function isOnOxygen({ value, coded, unit }: News2Value): boolean | null {
  if (coded !== null) return coded === 'air' ? false : coded === 'oxygen' ? true : null
  if (value === null || !isDecimal(value)) return null
  return compareDecimal(value, unit === '%' ? AIR : '0') > 0
}

/**
 * The band of a total.
 *
 * @param points - Of the seven values.
 */
export function news2Band(points: readonly number[]): Assessment['band'] {
  const total = points.reduce((sum, each) => sum + each, 0)
  if (total >= 7) return 'high'
  if (total >= 5) return 'medium'
  return points.includes(3) ? 'low-medium' : 'low'
}

/**
 * The score of the newest set of observations.
 *
 * @param readings - Of one patient, verified, in any order.
 * @param question - Who is scored.
 * @throws ClinicalError `WRONG_TIME` for a date that there is not.
 */
export function news2(readings: readonly ScoredReading[], question: News2Question): AssessmentDraft {
  const { birthDate, pregnant, scale, at, by } = question
  const age = birthDate === null ? null : ageYears(birthDate, at)
  if (age === null) return { state: 'not-applicable', why: 'age-unknown' }
  if (age < NEWS2_FROM_AGE) return { state: 'not-applicable', why: 'under-16' }
  if (pregnant) return { state: 'not-applicable', why: 'pregnancy' }
  const values = newestSet(readings)
  const missing = NEWS2_INPUTS.filter((name) => !values.some((value) => value.name === name))
  const inputs = scored(values, scale)
  if (missing.length > 0 || inputs.length < NEWS2_INPUTS.length) return { state: 'incomplete', missing, inputs }
  const points = inputs.map((input) => input.points)
  const total = points.reduce((sum, each) => sum + each, 0)
  const rule = { rule: 'news2', ruleVersion: NEWS2_VERSION } as const
  return { state: 'complete', assessment: { ...rule, scale, total, band: news2Band(points), inputs, at, by } }
}

/** Values with their points; without the one that cannot be placed as long as another is missing. */
function scored(values: readonly Omit<AssessmentInput, 'points'>[], scale: News2Scale): AssessmentInput[] {
  const oxygen = values.find(({ name }) => name === 'oxygen')
  const onOxygen = oxygen ? isOnOxygen(oxygen) : null
  return values.flatMap((value) => {
    const points = news2Points(value, scale, onOxygen)
    return points === null ? [] : [{ ...value, points }]
  })
}

/** The newest of each value, within the window before the newest of all; in the order of the chart. */
function newestSet(readings: readonly ScoredReading[]): Omit<AssessmentInput, 'points'>[] {
  const all = readings.flatMap(valuesOf)
  const newestMs = all.reduce((latest, { input }) => Math.max(latest, timeOf(input)), -Infinity)
  const set = all.filter(({ input }) => newestMs - timeOf(input) <= SET_WINDOW_MIN * 60_000)
  return NEWS2_INPUTS.flatMap((name) => {
    const [newest] = set.filter(({ input }) => input.name === name).sort(newestFirst)
    return newest ? [newest.input] : []
  })
}

/** A value that can be scored, and when it was recorded. */
interface Recorded {
  readonly input: Omit<AssessmentInput, 'points'>
  readonly recordedMs: number
}

/** What of a reading can be scored. */
function valuesOf({ record, ref }: ScoredReading): Recorded[] {
  if (record.correction !== undefined || record.method === 'patient-reported') return []
  return record.quantities.flatMap((quantity) => {
    const name = inputName(quantity)
    const { value, coded, unit, comparator } = quantity
    if (name === null || comparator !== null || (value === null && coded === null)) return []
    const input = { name, value, coded, unit, measuredAt: record.measuredAt, ref }
    if (name === 'oxygen' && isOnOxygen(input) === null) return []
    return [{ input, recordedMs: parseInstant(record.recordedAt).epochMs }]
  })
}

/** Which of the seven a quantity is. */
function inputName({ name }: Pick<Quantity, 'name'>): News2Name | null {
  if (name === 'oxygen-flow' || name === 'oxygen-concentration') return 'oxygen'
  return NEWS2_INPUTS.find((each) => each === name) ?? null
}

/** Newest first; of two at once the later entry, and oxygen rather than air. */
function newestFirst(a: Recorded, b: Recorded): number {
  if (timeOf(a.input) !== timeOf(b.input)) return timeOf(b.input) - timeOf(a.input)
  const given = ({ input }: Recorded) => (input.name === 'oxygen' && isOnOxygen(input) === true ? 1 : 0)
  // Places of two logs have no order.
  const isOneLog = a.input.ref.origin === b.input.ref.origin
  const isLater = isOneLog ? b.input.ref.index - a.input.ref.index : b.recordedMs - a.recordedMs
  return given(b) - given(a) || isLater
}

function timeOf({ measuredAt }: { readonly measuredAt: string }): number {
  return parseInstant(measuredAt).epochMs
}

function saturationPoints(value: string, scale: News2Scale, onOxygen: boolean | null): number | null {
  if (scale === 1) return placed(value, SPO2_SCALE_1)
  const [air, oxygen] = [placed(value, SPO2_SCALE_2_AIR), placed(value, SPO2_SCALE_2_OXYGEN)]
  if (onOxygen === null) return air === oxygen ? air : null
  return onOxygen ? oxygen : air
}

function placed(value: string, { decimals, upTo, above }: Bands): number {
  const shown = roundToDecimals(value, decimals)
  return upTo.find(([highest]) => compareDecimal(shown, highest) <= 0)?.[1] ?? above
}

/** Degrees Celsius with one digit: the table has no other unit. 100.4 °F is exactly 38.0 °C. */
function celsius(fahrenheit: string): string {
  const ninths = (scaled(fahrenheit) - scaled('32')) * 5
  const tenths = Math.sign(ninths) * Math.floor((Math.abs(ninths) * 2 + 900_000) / 1_800_000)
  return `${tenths < 0 ? '-' : ''}${Math.floor(Math.abs(tenths) / 10)}.${Math.abs(tenths) % 10}`
}
