/**
 * The newest value of every row, the one before it, and whether it is too old to act on without a thought.
 * Proven by `tests/renderer/components/chart/latest.test.ts`.
 */
import type { ReadingKind } from '../../api/types.ts'
import type { Flowsheet, FlowRow, ReadingInChart } from './flowsheet.ts'
import { isStanding, measuredMs } from './flowsheet.ts'

/** Newest and previous value of a row. */
export interface Latest {
  readonly row: FlowRow
  readonly newest: ReadingInChart
  readonly previous: ReadingInChart | null
}

const HOUR_MS = 3_600_000
/** Age from which a value is marked as old, in hours. Vital signs change within a shift, a weight does not. */
const AGED_FROM_H: Partial<Record<ReadingKind, number>> = { weight: 24 * 14 }
const AGED_FROM_H_DEFAULT = 12

/** True when `reading` is old at `nowMs`. */
export function isAged(reading: ReadingInChart, nowMs: number): boolean {
  const hours = AGED_FROM_H[reading.record.kind] ?? AGED_FROM_H_DEFAULT
  return nowMs - measuredMs(reading) >= hours * HOUR_MS
}

/** Newest values by row, in the order of the rows. Of rows that differ in unit alone, the newest. */
export function latestOf(sheet: Flowsheet): Latest[] {
  const found = sheet.rows.flatMap((row): Latest[] => {
    const cells = sheet.columns
      .flatMap((column) => (column.type === 'set' ? (column.cells.get(row.key) ?? []) : []))
      .filter(isStanding)
    const newest = cells.at(-1)
    return newest === undefined ? [] : [{ row, newest, previous: cells.at(-2) ?? null }]
  })
  return found.filter(
    (one) =>
      !found.some((other) => other.row.kind === one.row.kind && measuredMs(other.newest) > measuredMs(one.newest)),
  )
}
