/**
 * How many digits of a value are shown. One place, so that a chart, a flag and a print-out round alike.
 *
 * @packageDocumentation
 */
import type { UnitRow } from './codes.ts'
import { compareDecimal } from './decimal.ts'

/**
 * Digits after the point that are shown of a value in a unit.
 *
 * @param value - Decimal.
 * @throws ClinicalError `WRONG_NUMBER`.
 */
export function shownDecimals(row: UnitRow, value: string): number {
  const isFine = row.finerBelow !== undefined && compareDecimal(value, row.finerBelow) < 0
  return row.decimals + (isFine ? 1 : 0)
}
