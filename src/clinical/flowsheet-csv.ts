/**
 * Readings that leave, as a table for spreadsheets: one row for each entry, one column for each quantity and unit, and
 * at the end where the proof of each row is.
 *
 * @remarks
 * RFC 4180 with a byte order mark, without which spreadsheets take names for something else. No cell can become a
 * formula: what would start one gets an apostrophe, also behind the separators of other countries. Values keep their
 * digits; off the scale is never a number. Proven by `tests/clinical/flowsheet-csv.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, Reading } from '../shared/api/schemas.ts'
import { QUANTITIES, QUANTITY_NAMES, isQuantityName } from './codes.ts'
import { isDecimal } from './decimal.ts'
import type { ExportRecord } from './export-bundle.ts'
import { offScaleText } from './format.ts'

const BEFORE = ['Measured at', 'Recorded at'] as const
const AFTER = ['Site', 'Method', 'Device', 'Flags', 'Recorded by', 'Origin', 'Index', 'Leaf'] as const
/** What starts a formula, also in the wide forms of East Asian keyboards; behind a separator, or at the start. */
const FORMULA = /(^|[;,\t\r\n|])(\s*)([=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g
const BYTE_ORDER_MARK = '\uFEFF'

/** A record that is a reading. */
type ReadingRecord = ExportRecord & { readonly reading: Reading }

/**
 * The table of an export.
 *
 * @param records - Verified. Scores and reports are left out: they are no row of a flowsheet.
 * @returns CSV text; the header alone when there is no reading.
 */
export function flowsheetCsv(records: readonly ExportRecord[]): string {
  const readings = records.filter((record): record is ReadingRecord => record.reading !== null)
  const columns = columnsOf(readings)
  const header = [...BEFORE, ...columns, ...AFTER]
  const rows = [header, ...readings.map((record) => rowOf(record, columns))]
  return BYTE_ORDER_MARK + rows.map((row) => `${row.map(cellOf).join(',')}\r\n`).join('')
}

/** The columns that occur, in the order of the table of codes: never two units in one. */
function columnsOf(readings: readonly ReadingRecord[]): string[] {
  const all = readings.flatMap(({ reading }) => reading.quantities)
  const known = QUANTITY_NAMES.flatMap((name) => all.filter((quantity) => quantity.name === name))
  return [...new Set([...known, ...all].map(columnOf))]
}

function columnOf({ name, unit }: Quantity): string {
  const text = isQuantityName(name) ? QUANTITIES[name].text : name
  return unit === '' ? text : `${text} (${unit})`
}

function rowOf({ reading, ref, leaf }: ReadingRecord, columns: readonly string[]): string[] {
  const { measuredAt, recordedAt, quantities, site, method, deviceLabel, flags, performer } = reading
  const values = columns.map((column) => valueOf(quantities.find((quantity) => columnOf(quantity) === column)))
  const context = [site ?? '', method, deviceLabel ?? '', flags.join(' '), performer]
  return [measuredAt, recordedAt, ...values, ...context, ref.origin, String(ref.index), leaf]
}

function valueOf(quantity: Quantity | undefined): string {
  if (!quantity) return ''
  const { value, coded, comparator } = quantity
  if (coded !== null) return coded
  if (value === null) return offScaleText(comparator)
  return comparator === null ? value : `${comparator} ${value}`
}

/** A cell that is a text or a plain number, and nothing else. */
function cellOf(text: string): string {
  const safe = isDecimal(text) ? text : text.replace(FORMULA, "$1$2'$3")
  return /[",\r\n;\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
