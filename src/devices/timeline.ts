/**
 * Times as devices keep them: local, without zone, possibly impossible.
 *
 * @remarks
 * Proven by `tests/devices/timeline.test.ts`.
 *
 * @packageDocumentation
 */

/** Flag of a record that another setting of the device's clock has dated. */
export const CLOCK_DISCONTINUOUS = 'clock-discontinuous'
/** Flag of a record whose time is none. */
export const TIME_INVALID = 'device-time-invalid'

/**
 * A local time as text, `YYYY-MM-DDTHH:mm:ss`; null when there is no such time.
 *
 * @param year - Full year. Like all parts untrusted.
 * @param month - 1..12.
 * @param day - 1..31.
 * @param hour - 0..23.
 * @param minute - 0..59.
 * @param second - 0..59; devices that show minutes only have 0.
 */
export function localTime(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second = 0,
): string | null {
  const parts = [year, month, day, hour, minute, second]
  if (!parts.every((part) => Number.isInteger(part) && part >= 0) || year < 1900 || year > 9999) return null
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null
  if (hour > 23 || minute > 59 || second > 59) return null
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`
}
