/**
 * Can this be a measurement at all, and did the person mean it? Two separate levels, in the unit that was recorded.
 *
 * @remarks
 * *Reject*: cannot be stored as a value; wider than physiology on purpose, so that no crisis is refused. *Confirm*: one
 * extra key, stored with the flag `confirmed-unusual`. The third level, *flag* (stored and coloured), is in
 * `flag-ranges.ts` and never mixes with these two. Every unit has its own limits: nothing is converted before it is
 * compared, because 70 mg/dL is not low and 3.886 mmol/L is. Limits are inclusive. Proven on both sides of every
 * limit by `tests/clinical/limits.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, ReadingKind } from '../shared/api/schemas.ts'
import { KINDS, QUANTITIES, isQuantityName, unitRow, type QuantityName } from './codes.ts'
import { compareDecimal, decimalsOf, isDecimal, scaled } from './decimal.ts'

/** What is wrong, or unusual, about a value. */
export type FindingCode =
  // reject
  | 'not-a-number'
  | 'unknown-quantity' // this kind has no such quantity, or it is there twice
  | 'wrong-unit'
  | 'wrong-answer' // not an answer that this quantity has
  | 'missing' // the panel is incomplete, or the value is
  | 'too-precise' // more digits than any instrument gives
  | 'below-possible'
  | 'above-possible'
  | 'systolic-not-above-diastolic'
  | 'mean-not-between'
  // confirm
  | 'below-usual'
  | 'above-usual'
  | 'pulse-pressure-unusual'
  | 'much-changed' // more than a tenth away from the last value
export type Level = 'ok' | 'confirm' | 'reject'

/** One finding. `name` is the quantity's. */
export interface Finding {
  readonly name: string
  readonly code: FindingCode
}

/** The verdict on one reading. */
export interface Judgement {
  readonly level: Level
  readonly findings: readonly Finding[]
}

/** A closed range of decimals. */
export interface Range {
  readonly low: string
  readonly high: string
}

/** Reject outside `possible`, confirm outside `usual`. */
export interface Limits {
  readonly possible: Range
  readonly usual: Range
}

const limits = (rejectLow: string, confirmLow: string, confirmHigh: string, rejectHigh: string): Limits => ({
  possible: { low: rejectLow, high: rejectHigh },
  usual: { low: confirmLow, high: confirmHigh },
})

/**
 * Limits by quantity and UCUM unit: reject below, confirm below, confirm above, reject above. Set for this project
 * inside the valid ranges used to clean MIMIC-III (MIMIC-Extract, 2020); a clinic's responsible person owns them.
 */
export const LIMITS: Readonly<Record<QuantityName, Readonly<Record<string, Limits>>>> = {
  systolic: { 'mm[Hg]': limits('30', '70', '220', '300') },
  diastolic: { 'mm[Hg]': limits('15', '40', '130', '200') },
  mean: { 'mm[Hg]': limits('20', '50', '170', '250') },
  pulse: { '/min': limits('20', '40', '150', '300') },
  spo2: { '%': limits('35', '85', '100', '100') },
  temperature: {
    // The two ranges do not overlap: a temperature in the wrong unit is always noticed.
    Cel: limits('25', '34.0', '41.0', '45'),
    '[degF]': limits('77', '93.2', '105.8', '113'),
  },
  'respiratory-rate': { '/min': limits('1', '8', '40', '99') },
  consciousness: {},
  oxygen: {},
  'oxygen-flow': { 'L/min': limits('0.01', '0.1', '15', '100') },
  // 21 % is air; a Venturi mask starts at 24 %.
  'oxygen-concentration': { '%': limits('21', '24', '100', '100') },
  weight: {
    kg: limits('0.2', '2', '250', '500'),
    // Grams are for newborns: more than 20 kg in grams is more likely a slip.
    g: limits('200', '2000', '20000', '500000'),
    '[lb_av]': limits('0.5', '4.5', '550', '1100'),
    '[oz_av]': limits('8', '72', '8800', '17600'),
  },
  'body-fat': { '%': limits('1', '4', '60', '80') },
  'body-water': { '%': limits('20', '35', '75', '85') },
  'muscle-mass': { '%': limits('5', '15', '65', '90') },
  glucose: {
    'mg/dL': limits('20', '54', '400', '600'),
    'mmol/L': limits('1.1', '3.0', '22.2', '33.3'),
  },
  'sensor-glucose': { 'mg/dL': limits('20', '54', '400', '600') },
  // Strips measure up to 8; from 3 on it is an emergency that somebody has to mean.
  // A thermometer's limits: freezers, and rooms in summer. No patient's chart takes them.
  'room-temperature': { Cel: limits('-90', '-30', '45', '125') },
  humidity: { '%': limits('0', '5', '95', '100') },
  ketone: { 'mmol/L': limits('0', '0', '3.0', '15') },
}

/** Pulse pressure, systolic minus diastolic in mmHg, that needs no second look. */
const PULSE_PRESSURE: Range = { low: '15', high: '130' }

const CONFIRM: ReadonlySet<FindingCode> = new Set([
  'below-usual',
  'above-usual',
  'pulse-pressure-unusual',
  'much-changed',
])

/**
 * Judges the quantities of one reading.
 *
 * @param kind - What the reading is.
 * @param quantities - From a form or a device, not validated.
 * @returns The strictest level of all findings; `ok` without findings.
 */
export function judge(kind: ReadingKind, quantities: readonly Quantity[]): Judgement {
  const findings = [...shapeFindings(kind, quantities), ...quantities.flatMap((quantity) => valueFindings(quantity))]
  // Comparing pressures is meaningful only when each is a number by itself.
  if (!findings.some(({ code }) => !CONFIRM.has(code))) findings.push(...pressureFindings(quantities))
  return { level: levelOf(findings), findings }
}

/**
 * Compares a weight with the patient's last one.
 *
 * @param value - Decimal, in the same unit as `last`: values in different units are not compared.
 * @param last - Decimal.
 * @returns A finding when the difference is more than a tenth of the last value.
 * @throws ClinicalError `WRONG_NUMBER`.
 */
export function judgeWeightChange(value: string, last: string): Finding | null {
  const difference = Math.abs(scaled(value) - scaled(last))
  return difference > Math.abs(scaled(last)) / 10 ? { name: 'weight', code: 'much-changed' } : null
}

/** The strictest level among findings. */
function levelOf(findings: readonly Finding[]): Level {
  if (findings.length === 0) return 'ok'
  return findings.every(({ code }) => CONFIRM.has(code)) ? 'confirm' : 'reject'
}

/** What is there that should not be, and what is not there that should. */
function shapeFindings(kind: ReadingKind, quantities: readonly Quantity[]): Finding[] {
  const { panel, quantities: names } = KINDS[kind]
  const given = quantities.map(({ name }) => name)
  const strange = given.filter((name, i) => given.indexOf(name) !== i || !isQuantityName(name) || !names.includes(name))
  const findings: Finding[] = strange.map((name) => ({ name, code: 'unknown-quantity' }))
  const needed = panel ? names.filter((name) => QUANTITIES[name].required) : []
  for (const name of needed) if (!given.includes(name)) findings.push({ name, code: 'missing' })
  if (given.length === 0 && !panel) findings.push({ name: names[0] ?? '', code: 'missing' })
  return findings
}

/** One quantity against its table rows. */
function valueFindings(quantity: Quantity): Finding[] {
  const { name, value, coded, ucum } = quantity
  if (!isQuantityName(name)) return []
  if (coded !== null) {
    return QUANTITIES[name].answers.some(({ code }) => code === coded) ? [] : [{ name, code: 'wrong-answer' }]
  }
  // Off a scale whose end nobody knows: there is no number, and there is something to say.
  if (value === null && quantity.comparator !== null) {
    return [{ name, code: quantity.comparator === '<' ? 'below-usual' : 'above-usual' }]
  }
  if (value === null) return [{ name, code: 'missing' }]
  if (!isDecimal(value)) return [{ name, code: 'not-a-number' }]
  const unit = unitRow(name, ucum)
  const range = LIMITS[name][ucum]
  if (!unit || !range) return [{ name, code: 'wrong-unit' }]
  if (decimalsOf(value) > unit.maxDecimals) return [{ name, code: 'too-precise' }]
  const code = outside(value, range, quantity.comparator !== null)
  return code ? [{ name, code }] : []
}

/** Which limit a value passes. Off scale, the value is the device's limit, which only it knows: it is never rejected. */
function outside(value: string, { possible, usual }: Limits, isOffScale: boolean): FindingCode | null {
  if (!isOffScale && compareDecimal(value, possible.low) < 0) return 'below-possible'
  if (!isOffScale && compareDecimal(value, possible.high) > 0) return 'above-possible'
  if (compareDecimal(value, usual.low) < 0) return 'below-usual'
  if (compareDecimal(value, usual.high) > 0) return 'above-usual'
  return null
}

/** Pressures against each other. */
function pressureFindings(quantities: readonly Quantity[]): Finding[] {
  const valueOf = (wanted: QuantityName) => quantities.find(({ name }) => name === wanted)?.value ?? null
  const [systolic, diastolic, mean] = [valueOf('systolic'), valueOf('diastolic'), valueOf('mean')]
  if (systolic === null || diastolic === null) return []
  if (compareDecimal(systolic, diastolic) <= 0) return [{ name: 'systolic', code: 'systolic-not-above-diastolic' }]
  const findings: Finding[] = []
  const pulsePressure = scaled(systolic) - scaled(diastolic)
  if (pulsePressure < scaled(PULSE_PRESSURE.low) || pulsePressure > scaled(PULSE_PRESSURE.high)) {
    findings.push({ name: 'systolic', code: 'pulse-pressure-unusual' })
  }
  const isBetween = mean === null || (compareDecimal(mean, diastolic) >= 0 && compareDecimal(mean, systolic) <= 0)
  if (!isBetween) findings.push({ name: 'mean', code: 'mean-not-between' })
  return findings
}
