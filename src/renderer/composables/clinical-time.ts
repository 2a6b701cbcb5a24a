/*
 * Times on this screen: what the core says in any offset, as the clock of this workstation shows it. 24 hours,
 * independent of the language of the operating system.
 */

const two = (n: number): string => String(n).padStart(2, '0')

/** `HH:mm` of a moment in milliseconds since 1970, by this workstation's clock. */
export function clockTime(epochMs: number): string {
  const date = new Date(epochMs)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

/** ISO 8601 of a moment with this workstation's offset, which the formatters of `clinical` read. */
export function localInstant(instant: string | number): string {
  const date = new Date(instant)
  const offset = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19)
  const size = Math.abs(offset)
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** `YYYY-MM-DD` of a moment by this workstation's clock. */
export function localDay(instant: string | number): string {
  return localInstant(instant).slice(0, 10)
}
