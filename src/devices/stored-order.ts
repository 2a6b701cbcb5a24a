/**
 * Records in the order in which a device stored them, for memories that do not tell it.
 *
 * @remarks
 * Proven by `tests/devices/stored-order.test.ts`.
 *
 * @packageDocumentation
 */
import { readingsOf } from './device-log.ts'
import type { Measurement } from './measurement.ts'
import { CLOCK_DISCONTINUOUS } from './timeline.ts'

/**
 * Records of one user, those flagged that were not dated by the clock as it runs now.
 *
 * @param stored - Oldest first as the device wrote them.
 * @param deviceNow - The device's clock when it was read: no record can be later. Null when it cannot be asked.
 */
export function inOneTimeline(stored: readonly Measurement[], deviceNow: string | null = null): Measurement[] {
  return readingsOf(stored.map((measurement) => ({ kind: 'reading', measurement }))).map((measurement) => {
    const isLater = deviceNow !== null && measurement.deviceTime !== null && measurement.deviceTime > deviceNow
    return isLater ? discontinuous(measurement) : measurement
  })
}

/**
 * The records of a memory whose order nobody has documented, oldest first: from the first place to the last, the
 * other way, or around a ring that is full. When no such order makes the times rise, all are flagged.
 *
 * @param places - One user's records in the order of their places in the memory.
 * @param isFull - No place is free, so that the oldest may stand anywhere.
 */
export function oldestFirst(places: readonly Measurement[], isFull: boolean): Measurement[] {
  for (const stored of [[...places], places.toReversed()]) {
    const found = isFull ? turned(stored) : stored
    if (inOneTimeline(found).every((measurement, index) => measurement === found[index])) return found
  }
  return places.toSorted((a, b) => compare(timeOf(a), timeOf(b))).map((measurement) => discontinuous(measurement))
}

/** The ring from the place on where the times go back. */
function turned(ring: readonly Measurement[]): Measurement[] {
  const dated = ring.filter(({ deviceTime }) => deviceTime !== null)
  const oldest = dated.find((measurement, index) => index > 0 && timeOf(dated[index - 1]) > timeOf(measurement))
  const start = oldest === undefined ? 0 : ring.indexOf(oldest)
  return [...ring.slice(start), ...ring.slice(0, start)]
}

function timeOf(measurement: Measurement | undefined): string {
  return measurement?.deviceTime ?? ''
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function discontinuous(measurement: Measurement): Measurement {
  const { deviceTime, flags } = measurement
  if (deviceTime === null || flags.includes(CLOCK_DISCONTINUOUS)) return measurement
  return { ...measurement, flags: [...flags, CLOCK_DISCONTINUOUS] }
}

/**
 * The same records, each with a key of its own: two of one minute with the same values are two.
 *
 * @param stored - Oldest first, so that the first of two keeps its key when it is read again.
 */
export function distinctKeys(stored: readonly Measurement[]): Measurement[] {
  const seen = new Map<string, number>()
  return stored.map((measurement) => {
    const times = (seen.get(measurement.recordKey) ?? 0) + 1
    seen.set(measurement.recordKey, times)
    return times === 1 ? measurement : { ...measurement, recordKey: `${measurement.recordKey}#${times}` }
  })
}
