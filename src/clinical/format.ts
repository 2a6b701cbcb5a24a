/**
 * How clinical data is written for people: the same on every machine, whatever its language.
 *
 * @remarks
 * Dates `DD-Mmm-YYYY`, times `HH:mm` (24 h), as the NHS Common User Interface asks; a time is shown by the clock it was
 * written down with, and its offset is named when it differs from the reader's. Fixed decimals per quantity, leading
 * zero always. Proven by `tests/clinical/format.test.ts`.
 *
 * @packageDocumentation
 */
import type { Patient, Quantity } from '../shared/api/schemas.ts'
import { QUANTITIES, isQuantityName, unitRow } from './codes.ts'
import { roundToDecimals } from './decimal.ts'
import { parseDate, parseInstant, type CalendarDate } from './instant.ts'
import { shownDecimals } from './shown.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A number split at its point, so that a column can be aligned. */
export interface ShownNumber {
  /** `<`, `>` or nothing. */
  readonly comparator: string
  readonly whole: string
  /** With the point; empty for integers. */
  readonly fraction: string
}

/**
 * `20-Nov-2026`.
 *
 * @param text - `YYYY-MM-DD`, or ISO 8601 with offset: then the date of the clock that wrote it.
 * @throws ClinicalError `WRONG_TIME`.
 */
export function formatDate(text: string): string {
  const date: CalendarDate = text.length === 10 ? parseDate(text) : parseInstant(text)
  return `${pad(date.day)}-${MONTHS[date.month - 1] ?? ''}-${String(date.year).padStart(4, '0')}`
}

/**
 * `08:14`, with the offset behind it when the reader's differs: `08:14 (UTC+01:00)`.
 *
 * @param text - ISO 8601 with offset.
 * @param readerOffsetMin - Minutes east of UTC of the reader's clock at that moment; null never names the offset.
 * @throws ClinicalError `WRONG_TIME`.
 */
export function formatTime(text: string, readerOffsetMin: number | null = null): string {
  const moment = parseInstant(text)
  const time = `${pad(moment.hour)}:${pad(moment.minute)}`
  const isElsewhere = readerOffsetMin !== null && readerOffsetMin !== moment.offsetMin
  return isElsewhere ? `${time} (UTC${offsetText(moment.offsetMin)})` : time
}

/** `20-Nov-2026 08:14`. Parameters and errors as {@link formatDate} and {@link formatTime}. */
export function formatDateTime(text: string, readerOffsetMin: number | null = null): string {
  return `${formatDate(text)} ${formatTime(text, readerOffsetMin)}`
}

/**
 * Completed years on a day.
 *
 * @param birthDate - `YYYY-MM-DD`.
 * @param on - `YYYY-MM-DD`, or ISO 8601 with offset.
 * @returns Null when the day is before birth.
 * @throws ClinicalError `WRONG_TIME`.
 */
export function ageYears(birthDate: string, on: string): number | null {
  const months = ageMonths(parseDate(birthDate), dateOf(on))
  return months < 0 ? null : Math.floor(months / 12)
}

/**
 * Age as a banner writes it: days below four weeks, weeks below three months, months below two years, years from then.
 *
 * @param birthDate - `YYYY-MM-DD`.
 * @param on - `YYYY-MM-DD`, or ISO 8601 with offset.
 * @returns Empty when the day is before birth.
 * @throws ClinicalError `WRONG_TIME`.
 */
export function formatAge(birthDate: string, on: string): string {
  const [birth, day] = [parseDate(birthDate), dateOf(on)]
  const days = dayNumber(day) - dayNumber(birth)
  const months = ageMonths(birth, day)
  if (days < 0) return ''
  if (days < 28) return `${days} d`
  if (months < 3) return `${Math.floor(days / 7)} w`
  return months < 24 ? `${months} m` : `${Math.floor(months / 12)} y`
}

/**
 * `just now`, `12 min ago`, `3 h ago`, `5 d ago`; `in 2 min` when it lies ahead.
 *
 * @param text - ISO 8601 with offset.
 * @param nowMs - Milliseconds since 1970.
 * @throws ClinicalError `WRONG_TIME`.
 */
export function formatRelative(text: string, nowMs: number): string {
  const ms = nowMs - parseInstant(text).epochMs
  const magnitude = Math.abs(ms)
  if (magnitude < MINUTE_MS) return 'just now'
  const amount =
    magnitude < HOUR_MS
      ? `${Math.floor(magnitude / MINUTE_MS)} min`
      : magnitude < DAY_MS
        ? `${Math.floor(magnitude / HOUR_MS)} h`
        : `${Math.floor(magnitude / DAY_MS)} d`
  return ms < 0 ? `in ${amount}` : `${amount} ago`
}

/**
 * The number of a quantity with the fixed decimals of its table row.
 *
 * @returns Null for coded and missing values.
 * @throws ClinicalError `WRONG_NUMBER`.
 */
export function showNumber(quantity: Quantity): ShownNumber | null {
  const { name, value, ucum, comparator } = quantity
  if (value === null) return null
  const row = unitRow(name, ucum)
  const text = row ? roundToDecimals(value, shownDecimals(row, value)) : value
  const point = text.indexOf('.')
  const whole = point < 0 ? text : text.slice(0, point)
  return { comparator: comparator ?? '', whole, fraction: point < 0 ? '' : text.slice(point) }
}

/**
 * A quantity as text: `36.5`, `> 600`, `HI`, `New confusion`, or a dash when the device gave no number.
 *
 * @param withUnit - Appends the short unit.
 * @throws ClinicalError `WRONG_NUMBER`.
 */
export function formatQuantity(quantity: Quantity, withUnit = false): string {
  if (quantity.coded !== null) return answerText(quantity)
  const shown = showNumber(quantity)
  if (!shown) return offScaleText(quantity.comparator)
  const number = `${shown.comparator === '' ? '' : `${shown.comparator} `}${shown.whole}${shown.fraction}`
  const unit = unitRow(quantity.name, quantity.ucum)?.short ?? quantity.unit
  return withUnit && unit !== '' ? `${number} ${unit}` : number
}

/**
 * The quantities of one reading in one text: pressures as `128/82 (97)`, everything else in its order.
 *
 * @param withUnit - Appends the short unit.
 * @throws ClinicalError `WRONG_NUMBER`.
 */
export function formatQuantities(quantities: readonly Quantity[], withUnit = false): string {
  const of = (wanted: string) => quantities.find(({ name }) => name === wanted)
  const [systolic, diastolic, mean] = [of('systolic'), of('diastolic'), of('mean')]
  if (!systolic || !diastolic) return quantities.map((quantity) => formatQuantity(quantity, withUnit)).join(', ')
  const pressures = `${formatQuantity(systolic)}/${formatQuantity(diastolic)}`
  const all = mean ? `${pressures} (${formatQuantity(mean)})` : pressures
  return withUnit ? `${all} mmHg` : all
}

/** `OKAFOR, Ada`: family name in capitals, comma, given name. */
export function bannerName({ familyName, givenName }: Pick<Patient, 'familyName' | 'givenName'>): string {
  return `${familyName.toUpperCase()}, ${givenName}`
}

/** What the device showed instead of a number. */
export function offScaleText(comparator: Quantity['comparator']): string {
  if (comparator === null) return '–'
  return comparator === '>' ? 'HI' : 'LO'
}

/** The words of a coded answer; the code itself when the table does not have it. */
function answerText({ name, coded }: Quantity): string {
  const answers = isQuantityName(name) ? QUANTITIES[name].answers : []
  return answers.find(({ code }) => code === coded)?.text ?? coded ?? ''
}

/** Completed months between two dates; negative before birth. */
function ageMonths(birth: CalendarDate, on: CalendarDate): number {
  const months = (on.year - birth.year) * 12 + on.month - birth.month
  return on.day < birth.day ? months - 1 : months
}

function dateOf(text: string): CalendarDate {
  return text.length === 10 ? parseDate(text) : parseInstant(text)
}

/** Days since 1970 of a date. */
function dayNumber({ year, month, day }: CalendarDate): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS
}

function offsetText(offsetMin: number): string {
  const magnitude = Math.abs(offsetMin)
  return `${offsetMin < 0 ? '-' : '+'}${pad(Math.floor(magnitude / 60))}:${pad(magnitude % 60)}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
