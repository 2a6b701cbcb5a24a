/**
 * Which stored values a chart sets apart: the third level, independent of what may be stored.
 *
 * @remarks
 * A range is a clinic's setting and says nothing about a diagnosis: the window writes "above the range set for this
 * clinic", with range and source. The ranges are for adults; below sixteen nothing is flagged and the window says that
 * adult ranges do not apply. Pregnancy is not recorded yet, so a flag may not be taken to mean that it was
 * considered. Proven by `tests/clinical/flag-ranges.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity } from '../shared/api/schemas.ts'
import { isQuantityName, unitRow, type QuantityName } from './codes.ts'
import { compareDecimal, isDecimal, roundToDecimals } from './decimal.ts'
import type { Range } from './limits.ts'
import { shownDecimals } from './shown.ts'

/** A versioned set of ranges. */
export interface FlagRanges {
  readonly version: string
  /** Where the ranges come from, for whoever reads a flag. */
  readonly source: string
  /** Applies from this age on, in completed years. */
  readonly fromAge: number
  readonly ranges: Readonly<Partial<Record<QuantityName, Readonly<Record<string, Range>>>>>
  /** Answers that are not set apart. */
  readonly usualAnswers: Readonly<Partial<Record<QuantityName, readonly string[]>>>
}

/** Where a value lies: against its range, or `answer` when it is an answer that is set apart. */
export type Flag = 'low' | 'high' | 'answer'

/** Shipped default: conventional adult reference ranges, to be owned by the clinic's responsible person. */
export const DEFAULT_FLAG_RANGES: FlagRanges = {
  version: 'adult-1',
  source: 'Conventional adult ranges: ESC 2024 (blood pressure), RCP 2017 (breathing), ADA 2025 (glucose)',
  fromAge: 16,
  ranges: {
    systolic: { 'mm[Hg]': { low: '90', high: '139' } },
    diastolic: { 'mm[Hg]': { low: '50', high: '89' } },
    pulse: { '/min': { low: '50', high: '100' } },
    spo2: { '%': { low: '94', high: '100' } },
    temperature: { Cel: { low: '36.0', high: '37.9' }, '[degF]': { low: '96.8', high: '100.3' } },
    'respiratory-rate': { '/min': { low: '12', high: '20' } },
    glucose: { 'mg/dL': { low: '70', high: '180' }, 'mmol/L': { low: '3.9', high: '10.0' } },
  },
  usualAnswers: { consciousness: ['alert'] },
}

/**
 * Sets a value apart, or does not.
 *
 * @param quantity - As recorded.
 * @param ageYears - Completed years at the time of measurement; null when unknown, which flags nothing.
 * @returns Null inside the range, without a range, or when the ranges are not for this age.
 */
export function flagOf(quantity: Quantity, ageYears: number | null, set = DEFAULT_FLAG_RANGES): Flag | null {
  const { name, value, coded, comparator } = quantity
  if (ageYears === null || ageYears < set.fromAge || !isQuantityName(name)) return null
  if (coded !== null) return (set.usualAnswers[name] ?? [coded]).includes(coded) ? null : 'answer'
  const range = rangeOf(quantity, set)
  if (!range || value === null || !isDecimal(value)) return null
  if (comparator !== null) return comparator === '<' ? 'low' : 'high'
  const row = unitRow(name, quantity.ucum)
  // Ranges are written at the precision that is shown: 37.96 reads 38.0 and is flagged as 38.0.
  const shown = row ? roundToDecimals(value, shownDecimals(row, value)) : value
  if (compareDecimal(shown, range.low) < 0) return 'low'
  return compareDecimal(shown, range.high) > 0 ? 'high' : null
}

/** The range of a quantity in its unit, or null. */
export function rangeOf(quantity: Pick<Quantity, 'name' | 'ucum'>, set = DEFAULT_FLAG_RANGES): Range | null {
  return isQuantityName(quantity.name) ? (set.ranges[quantity.name]?.[quantity.ucum] ?? null) : null
}
