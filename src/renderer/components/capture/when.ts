/**
 * Times as the work views show them, by this workstation's clock: `14:05`, `03-Mar-2026 14:05`, spans such as `3 h`.
 *
 * @packageDocumentation
 */
import { bannerName, formatDate, formatRelative, formatTime } from '../../../clinical/format.ts'
import { localInstant } from '../../composables/clinical-time.ts'

/** `DD-Mmm-YYYY` of a moment, or of a date without time. */
export function dateText(at: string | number): string {
  return formatDate(typeof at === 'string' && at.length === 10 ? at : localInstant(at))
}

/** `HH:mm`, or `HH:mm:ss`. */
export function timeText(at: string | number, withSeconds = false): string {
  const local = localInstant(at)
  return withSeconds ? local.slice(11, 19) : formatTime(local)
}

/** Time when it was today, else date and time. */
export function whenText(at: string | number, nowMs: number): string {
  const isToday = dateText(at) === dateText(nowMs)
  return isToday ? timeText(at) : `${dateText(at)} ${timeText(at)}`
}

/** Always date and time. */
export function dateTimeText(at: string | number): string {
  return `${dateText(at)} ${timeText(at)}`
}

/** `just now`, `12 min ago`, `3 h ago`. */
export function agoText(at: string, nowMs: number): string {
  return formatRelative(localInstant(at), nowMs)
}

/** `OKAFOR, Ada`. */
export const nameText = bannerName

/** A span in the largest unit that fits: `45 s`, `12 min`, `3 h`, `2 d`. */
export function spanText(seconds: number): string {
  const s = Math.abs(Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`
}
