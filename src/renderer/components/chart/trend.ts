/**
 * What a trend draws: points over time, one series for each row of the flowsheet, pressures as pairs. Numbers are made
 * from the recorded digits for drawing alone; every text shows the digits.
 *
 * @remarks
 * Scales are fixed by quantity, so that the same height means the same value on every visit; a value outside extends
 * the scale and the window says so. A long pause stays a gap. Values with a limit sign are not points. Proven by
 * `tests/renderer/components/chart/trend.test.ts`.
 *
 * @packageDocumentation
 */
import { DEFAULT_FLAG_RANGES, rangeOf } from '../../../clinical/flag-ranges.ts'
import { ageYears } from '../../../clinical/format.ts'
import type { Flowsheet, FlowRow, ReadingInChart } from './flowsheet.ts'
import { isStanding, measuredMs } from './flowsheet.ts'

/** Lengths of time that can be shown; `all` begins at the first value. */
export const TREND_SPANS = ['6h', '24h', '7d', '3m', 'all'] as const
/** A span of {@link TREND_SPANS}. */
export type TrendSpan = (typeof TREND_SPANS)[number]

const HOUR_S = 3600
const SPAN_S: Record<Exclude<TrendSpan, 'all'>, number> = {
  '6h': 6 * HOUR_S,
  '24h': 24 * HOUR_S,
  '7d': 168 * HOUR_S,
  '3m': 92 * 24 * HOUR_S,
}

/** One point. `low` is the diastolic pressure of a pair. */
export interface TrendPoint {
  /** Seconds since 1970. */
  readonly at: number
  readonly value: number
  readonly low: number | null
  readonly reading: ReadingInChart
}

/** Lowest and highest value of a scale. */
export type Scale = readonly [number, number]

/** One series. */
export interface TrendSeries {
  readonly row: FlowRow
  readonly points: readonly TrendPoint[]
  readonly scale: Scale
  readonly isExtended: boolean
  /** The clinic's range, drawn as a pale area; null without one. */
  readonly usual: { readonly low: number; readonly high: number } | null
}

/** Scales by quantity and unit; others follow their values. */
const SCALES: Readonly<Record<string, Scale>> = {
  'blood-pressure|mm[Hg]': [40, 200],
  'heart-rate|/min': [40, 160],
  'spo2|%': [80, 100],
  'respiratory-rate|/min': [5, 40],
  'temperature|Cel': [35, 41],
  'temperature|[degF]': [95, 106],
  'glucose|mmol/L': [2, 20],
  'glucose|mg/dL': [40, 360],
}

/** Beginning and end of a span in seconds since 1970. */
export function boundsOf(span: TrendSpan, readings: readonly ReadingInChart[], nowMs: number): Scale {
  const end = nowMs / 1000
  if (span !== 'all') return [end - SPAN_S[span], end]
  const first = Math.min(end - HOUR_S, ...readings.map((reading) => measuredMs(reading) / 1000))
  return [first - (end - first) * 0.02, end]
}

/**
 * Series of a sheet inside `bounds`, in the order of the rows; rows in words have none.
 *
 * @param birthDate - Of the patient: the clinic's ranges apply from an age on. Null when it is not verified.
 */
export function trendsOf(sheet: Flowsheet, bounds: Scale, birthDate: string | null): TrendSeries[] {
  return sheet.rows.flatMap((row) => {
    const points = sheet.columns
      .flatMap((column) => (column.type === 'set' ? (column.cells.get(row.key) ?? []) : []))
      .filter(isStanding)
      .flatMap((reading) => pointOf(reading) ?? [])
      .filter(({ at }) => at >= bounds[0] && at <= bounds[1])
      .toSorted((a, b) => a.at - b.at)
    return row.unit === '' || points.length === 0 ? [] : [seriesOf(row, points, birthDate)]
  })
}

function seriesOf(row: FlowRow, points: readonly TrendPoint[], birthDate: string | null): TrendSeries {
  const values = points.flatMap(({ value, low }) => (low === null ? [value] : [value, low]))
  const [lowest, highest] = [Math.min(...values), Math.max(...values)]
  const fixed = SCALES[row.key]
  const room = Math.max((highest - lowest) * 0.15, Math.abs(highest) * 0.03, 0.5)
  const scale: Scale =
    fixed === undefined
      ? [lowest - room, highest + room]
      : [Math.min(fixed[0], lowest - room), Math.max(fixed[1], highest + room)]
  const isInside = fixed !== undefined && lowest >= fixed[0] && highest <= fixed[1]
  return {
    row,
    points,
    scale: isInside ? fixed : scale,
    isExtended: fixed !== undefined && !isInside,
    usual: usualOf(points.at(-1)?.reading, birthDate),
  }
}

function pointOf(reading: ReadingInChart): TrendPoint | null {
  const { quantities } = reading.record
  const [first] = quantities
  const diastolic = quantities.find(({ name }) => name === 'diastolic')
  if (first === undefined || first.value === null || quantities.some(({ comparator }) => comparator !== null))
    return null
  const low = diastolic?.value === null || diastolic === undefined ? null : Number(diastolic.value)
  return { at: measuredMs(reading) / 1000, value: Number(first.value), low, reading }
}

function usualOf(newest: ReadingInChart | undefined, birthDate: string | null): TrendSeries['usual'] {
  const first = newest?.record.quantities[0]
  if (newest === undefined || first === undefined || newest.record.kind === 'blood-pressure') return null
  const age = birthDate === null ? null : ageYears(birthDate, newest.record.measuredAt)
  const range = age === null || age < DEFAULT_FLAG_RANGES.fromAge ? null : rangeOf(first)
  return range === null ? null : { low: Number(range.low), high: Number(range.high) }
}

/**
 * Columns for a line: times and values, with a hole wherever two neighbours are further apart than usual.
 *
 * @returns `[times, values]`; holes are null values half way between the neighbours.
 */
export function lineWithGaps(points: readonly TrendPoint[]): [number[], (number | null)[]] {
  const steps = points.slice(1).map((point, n) => point.at - (points[n]?.at ?? point.at))
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0
  const longest = Math.max(usual * 3, 8 * HOUR_S)
  const times: number[] = []
  const values: (number | null)[] = []
  points.forEach((point, n) => {
    const step = steps[n - 1]
    if (step !== undefined && step > longest) {
      times.push(point.at - step / 2)
      values.push(null)
    }
    times.push(point.at)
    values.push(point.value)
  })
  return [times, values]
}

/** Times under the axis, as this workstation's clock shows them. */
export function axisText(at: number, spanS: number): string {
  const date = new Date(at * 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${two(date.getDate())}-${MONTHS[date.getMonth()] ?? ''}`
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0
  return spanS > 4 * 24 * HOUR_S || isMidnight ? day : `${two(date.getHours())}:${two(date.getMinutes())}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
