/**
 * How recorded readings stand in a flowsheet: one row for each kind and unit, one column for each set, newest last, and
 * a column of its own wherever records failed verification.
 *
 * @remarks
 * A set is split when it holds two values for one row, or values measured further apart than `SET_SPAN_MS`: a
 * meter's memory that was signed at once is several measurements. A value that takes the place of another stands in the
 * column of that one, whenever it was signed. Rejected records have no time that may be trusted,
 * so they stand where their place in the log puts them, among records of the same log: places of two logs have no order. Proven by `tests/renderer/components/chart/flowsheet.test.ts`.
 *
 * @packageDocumentation
 */
import { KINDS_IN_CHART_ORDER } from '../../../clinical/quantity.ts'
import { unitRow } from '../../../clinical/codes.ts'
import type { Reading, ReadingKind, RejectedRow, VerifiedRow } from '../../api/types.ts'

/** A verified reading with its place in the ledger. */
export type ReadingInChart = VerifiedRow<Reading>

/** One row: values of one kind in one unit. */
export interface FlowRow {
  readonly key: string
  readonly kind: ReadingKind
  /** As shown beside the label; empty when the cells carry their own words. */
  readonly unit: string
}

/** Values that were taken together. */
export interface SetColumn {
  readonly type: 'set'
  readonly key: string
  /** When the newest of them was measured, ISO 8601. */
  readonly at: string
  /** What stands in each row; where nothing stands any more, what was retracted. */
  readonly cells: ReadonlyMap<string, ReadingInChart>
  /** What those cells held before, oldest first: corrected values stay visible. */
  readonly replaced: ReadonlyMap<string, readonly ReadingInChart[]>
}

/** Records at this place of the log that must not be shown. */
export interface RejectedColumn {
  readonly type: 'rejected'
  readonly key: string
  readonly rows: readonly RejectedRow[]
}

/** A column of {@link Flowsheet}. */
export type FlowColumn = SetColumn | RejectedColumn

/** The whole sheet. */
export interface Flowsheet {
  readonly rows: readonly FlowRow[]
  readonly columns: readonly FlowColumn[]
}

const SET_SPAN_MS = 10 * 60_000

/** The row that a reading belongs to. Units are never mixed in a row; oxygen is said in words with its unit. */
export function rowOf(reading: Reading): FlowRow {
  const { kind } = reading
  const [first] = reading.quantities
  if (kind === 'oxygen' || first === undefined || first.ucum === '') return { key: kind, kind, unit: '' }
  return { key: `${kind}|${first.ucum}`, kind, unit: unitRow(first.name, first.ucum)?.short ?? first.unit }
}

/** The sheet of a chart's readings. */
export function buildFlowsheet(readings: readonly ReadingInChart[], rejected: readonly RejectedRow[]): Flowsheet {
  const rows = new Map<string, FlowRow>()
  for (const { record } of readings) rows.set(rowOf(record).key, rowOf(record))
  const order = (row: FlowRow): number => KINDS_IN_CHART_ORDER.indexOf(row.kind)
  return {
    rows: [...rows.values()].toSorted((a, b) => order(a) - order(b) || a.key.localeCompare(b.key)),
    columns: placeRejected(setColumns(readings), rejected),
  }
}

/** Milliseconds since 1970 at which a reading was measured. */
export function measuredMs({ record }: ReadingInChart): number {
  return Date.parse(record.measuredAt)
}

/** True when a reading stands: it was neither amended nor retracted. */
export function isStanding({ record }: ReadingInChart): boolean {
  return record.correction === undefined
}

function placeOf({ origin, index }: { origin: string; index: number }): string {
  return `${origin}#${index}`
}

/** For each first value, what took its place since, in order. */
function amendmentsOf(readings: readonly ReadingInChart[]): ReadonlyMap<ReadingInChart, ReadingInChart[]> {
  const byPlace = new Map(readings.map((reading) => [placeOf(reading.position), reading]))
  const targetOf = ({ record }: ReadingInChart) =>
    record.amends === undefined ? undefined : byPlace.get(placeOf(record.amends))
  const chains = new Map<ReadingInChart, ReadingInChart[]>()
  for (const reading of readings.toSorted((a, b) => a.position.index - b.position.index)) {
    let first = reading
    // A record amends what is older than itself, so this ends; the bound is for a core that says otherwise.
    for (let steps = 0, next = targetOf(first); next !== undefined && steps < readings.length; steps++) {
      first = next
      next = targetOf(first)
    }
    if (first === reading) chains.set(reading, chains.get(reading) ?? [])
    else chains.set(first, [...(chains.get(first) ?? []), reading])
  }
  return chains
}

interface OpenColumn {
  at: string
  readonly startMs: number
  readonly cells: Map<string, ReadingInChart>
  readonly replaced: Map<string, readonly ReadingInChart[]>
}

/** Puts what took a value's place over it. */
function putOver(column: OpenColumn, chain: readonly ReadingInChart[]): void {
  for (const reading of chain) {
    const { key } = rowOf(reading.record)
    const before = column.cells.get(key)
    if (before !== undefined) column.replaced.set(key, [...(column.replaced.get(key) ?? []), before])
    column.cells.set(key, reading)
  }
}

function setColumns(all: readonly ReadingInChart[]): SetColumn[] {
  const open = new Map<string, OpenColumn[]>()
  const chains = amendmentsOf(all)
  const readings = [...chains.keys()]
  const byTime = readings.toSorted((a, b) => measuredMs(a) - measuredMs(b) || inOrder(a, b))
  for (const reading of byTime) {
    const { setId, measuredAt } = reading.record
    const { key } = rowOf(reading.record)
    const columns = open.get(setId) ?? []
    open.set(setId, columns)
    const fitting = columns.find(
      ({ startMs, cells }) => measuredMs(reading) - startMs <= SET_SPAN_MS && !cells.has(key),
    )
    const column = fitting ?? { at: measuredAt, startMs: measuredMs(reading), cells: new Map(), replaced: new Map() }
    if (fitting === undefined) columns.push(column)
    column.cells.set(key, reading)
    column.at = measuredAt
    putOver(column, chains.get(reading) ?? [])
  }
  return [...open]
    .flatMap(([setId, columns]) =>
      columns.map(({ at, cells, replaced }, n) => ({
        type: 'set' as const,
        key: `${setId}/${n}`,
        at,
        cells,
        replaced,
      })),
    )
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at) || inOrder(lastOf(a), lastOf(b)))
}

/** By place in one log; of two logs, by when they were recorded. */
function inOrder(a: ReadingInChart, b: ReadingInChart): number {
  return a.position.origin === b.position.origin
    ? a.position.index - b.position.index
    : Date.parse(a.record.recordedAt) - Date.parse(b.record.recordedAt)
}

/** Its first values; what took their place stands wherever somebody corrected. */
function firstValues(column: SetColumn): ReadingInChart[] {
  const all = [...column.cells.values(), ...[...column.replaced.values()].flat()]
  const firsts = all.filter(({ record }) => record.amends === undefined)
  return firsts.length === 0 ? all : firsts
}

/** The one of its first values that was recorded last. */
function lastOf(column: SetColumn): ReadingInChart {
  return firstValues(column).reduce((last, reading) => (inOrder(last, reading) < 0 ? reading : last))
}

function placeRejected(sets: readonly SetColumn[], rejected: readonly RejectedRow[]): FlowColumn[] {
  const before = new Map<number, RejectedRow[]>()
  for (const row of rejected) {
    const { index, origin } = row
    const isAfter = ({ position }: ReadingInChart) => position.origin === origin && position.index > (index ?? Infinity)
    const later = sets.findIndex((column) => firstValues(column).some(isAfter))
    const place = index === null || later < 0 ? sets.length : later
    before.set(place, [...(before.get(place) ?? []), row])
  }
  const gap = (place: number): FlowColumn[] => {
    const rows = before.get(place)
    return rows === undefined ? [] : [{ type: 'rejected', key: `rejected/${place}`, rows }]
  }
  return [...sets.flatMap((column, n) => [...gap(n), column]), ...gap(sets.length)]
}
