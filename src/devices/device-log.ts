/**
 * A device's log as a timeline: which of its readings were dated by a clock that was set to something else later.
 *
 * @remarks
 * The clock that can be compared with ours is the one of now. What was stored before it was set by more than a
 * change of summer time, or is dated later than something stored after it, was dated by another clock: nobody knows
 * when it was measured. Proven by `tests/devices/device-log.test.ts`.
 *
 * @packageDocumentation
 */
import type { Measurement } from './measurement.ts'
import { CLOCK_DISCONTINUOUS } from './timeline.ts'

/** An entry of a device's log. */
export type LogEntry =
  | { kind: 'reading'; measurement: Measurement }
  /** The clock was set: what it showed before and after, null where that is no time. */
  | { kind: 'clock-set'; from: string | null; to: string | null }
  /** Anything that is no reading: statistics, insulin, settings. */
  | { kind: 'other' }

/** Summer time, and setting the minutes right with it. */
const SMALL_CHANGE_S = 90 * 60

/**
 * The readings of a log, with `clock-discontinuous` among the flags of those whose date cannot be trusted. Records
 * that are equal get keys of their own: two equal values in one minute are two readings.
 *
 * @param entries - In the order in which the device stored them, oldest first.
 */
export function readingsOf(entries: readonly LogEntry[]): Measurement[] {
  const readings: Measurement[] = []
  let earliestLater = Infinity
  for (const entry of entries.toReversed()) {
    if (entry.kind === 'clock-set') earliestLater = Math.min(earliestLater, limitOf(entry.from, entry.to))
    if (entry.kind !== 'reading') continue
    const { measurement } = entry
    const atS = measurement.deviceTime === null ? null : secondsOf(measurement.deviceTime)
    readings.push(atS !== null && atS > earliestLater ? discontinuous(measurement) : measurement)
    if (atS !== null) earliestLater = Math.min(earliestLater, atS)
  }
  return numbered(readings.toReversed())
}

/** Readings that were stored before the clock was set must not be later than this. */
function limitOf(from: string | null, to: string | null): number {
  if (from === null || to === null) return -Infinity
  const isSmall = Math.abs(secondsOf(to) - secondsOf(from)) <= SMALL_CHANGE_S
  return isSmall ? secondsOf(to) : -Infinity
}

function discontinuous(measurement: Measurement): Measurement {
  return { ...measurement, flags: [...measurement.flags, CLOCK_DISCONTINUOUS] }
}

/** Counted from the oldest on, so that a second read-out with newer records behind them gives the same keys. */
function numbered(readings: readonly Measurement[]): Measurement[] {
  const seen = new Map<string, number>()
  return readings.map((measurement) => {
    const before = seen.get(measurement.recordKey) ?? 0
    seen.set(measurement.recordKey, before + 1)
    return before === 0 ? measurement : { ...measurement, recordKey: `${measurement.recordKey}#${before}` }
  })
}

/** Seconds since an origin that is the same for all: only differences mean something. */
function secondsOf(time: string): number {
  return Date.parse(`${time}Z`) / 1000
}
