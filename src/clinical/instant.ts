/**
 * Dates and times as FHIR writes them, checked against the calendar, and arithmetic on them without a locale.
 *
 * @remarks
 * The platform's parser accepts too much and moves the 30th of February to March. Here a text either names a
 * moment that exists, or is refused. Proven by `tests/clinical/instant.test.ts`.
 *
 * @packageDocumentation
 */
import { ClinicalError } from './errors.ts'

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const LOCAL = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})$/
const INSTANT = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
/** UTC+14:00 is the largest offset in use, and the largest that FHIR allows. */
const MAX_OFFSET_MIN = 14 * 60

/** A calendar date. Months and days count from 1. */
export interface CalendarDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** A moment with the local reading of the clock that was written down. */
export interface Moment extends CalendarDate {
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** Minutes east of UTC. */
  readonly offsetMin: number
  /** Milliseconds since 1970-01-01T00:00Z; finer digits are cut. */
  readonly epochMs: number
}

/**
 * Reads `YYYY-MM-DD`.
 *
 * @param text - Untrusted.
 * @throws {@link ClinicalError} `WRONG_TIME`.
 */
export function parseDate(text: string): CalendarDate {
  const match = DATE.exec(text)
  const [year, month, day] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])]
  const isDay = match !== null && year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
  if (!isDay) throw new ClinicalError('WRONG_TIME', 'not a date of the calendar')
  return { year, month, day }
}

/**
 * Reads an ISO 8601 date and time with seconds and offset: FHIR `instant`.
 *
 * @param text - Untrusted.
 * @throws {@link ClinicalError} `WRONG_TIME`.
 */
export function parseInstant(text: string): Moment {
  const match = INSTANT.exec(text)
  if (!match) throw new ClinicalError('WRONG_TIME', 'not a time with seconds and offset')
  const [, dateText = '', h, m, s, fraction = '', zone = ''] = match
  const clock = checkedClock(Number(h), Number(m), Number(s))
  const date = parseDate(dateText)
  const offsetMin = offsetMinutes(zone)
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return { ...date, ...clock, offsetMin, epochMs: utcMs(date, clock) + ms - offsetMin * 60_000 }
}

/**
 * Checks a device's own clock reading, `YYYY-MM-DDTHH:mm:ss` without offset.
 *
 * @param text - Untrusted.
 * @throws {@link ClinicalError} `WRONG_TIME`.
 */
export function checkLocalTime(text: string): void {
  const match = LOCAL.exec(text)
  if (!match) throw new ClinicalError('WRONG_TIME', 'not a local time with seconds')
  parseDate(match[1] ?? '')
  checkedClock(Number(match[2]), Number(match[3]), Number(match[4]))
}

/**
 * ISO 8601 text with seconds of a moment, as a clock at `offsetMin` shows it.
 *
 * @param epochMs - Milliseconds since 1970; cut to seconds.
 * @param offsetMin - Minutes east of UTC, within 14 hours.
 */
export function instantText(epochMs: number, offsetMin: number): string {
  const local = new Date(epochMs + offsetMin * 60_000).toISOString().slice(0, 19)
  const magnitude = Math.abs(offsetMin)
  const [h, m] = [Math.floor(magnitude / 60), magnitude % 60].map((part) => String(part).padStart(2, '0'))
  return `${local}${offsetMin < 0 ? '-' : '+'}${h ?? ''}:${m ?? ''}`
}

/**
 * The date some days later.
 *
 * @param date - `YYYY-MM-DD`. Untrusted.
 * @param days - May be negative.
 * @throws {@link ClinicalError} `WRONG_TIME`, also for what would lie outside the years 1 to 9999.
 */
export function addDays(date: string, days: number): string {
  const { year, month, day } = parseDate(date)
  const moved = new Date(new Date(0).setUTCFullYear(year, month - 1, day + days)).toISOString()
  const text = moved.slice(0, moved.indexOf('T'))
  parseDate(text)
  return text
}

/** Days of a month in the Gregorian calendar. */
function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0)
}

/** The clock's hands, when they are hands of a clock. Leap seconds are refused: no clock we read shows them. */
function checkedClock(hour: number, minute: number, second: number): { hour: number; minute: number; second: number } {
  if (hour > 23 || minute > 59 || second > 59) throw new ClinicalError('WRONG_TIME', 'not a time of day')
  return { hour, minute, second }
}

/** Minutes east of UTC of `Z` or `±HH:mm`. */
function offsetMinutes(zone: string): number {
  if (zone === 'Z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))]
  const magnitude = hours * 60 + minutes
  if (minutes > 59 || magnitude > MAX_OFFSET_MIN) throw new ClinicalError('WRONG_TIME', 'no such offset')
  return zone.startsWith('-') ? -magnitude : magnitude
}

/** Milliseconds since 1970 of a reading of a UTC clock. Years below 100 are years, not the 1900s. */
function utcMs(date: CalendarDate, clock: { hour: number; minute: number; second: number }): number {
  const days = new Date(0).setUTCFullYear(date.year, date.month - 1, date.day)
  return days + ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1000
}
