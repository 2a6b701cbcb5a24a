/**
 * Glucose results of a made-up patient, for the memories of virtual meters.
 *
 * @remarks
 * Everything follows from the seed. Proven by the tests of the meters' drivers.
 *
 * @packageDocumentation
 */
import { seededRandom } from './virtual-patient.ts'

/** One result before it is in a meter. */
export interface VirtualGlucose {
  /** `YYYY-MM-DDTHH:mm:00`: meters do not show seconds. */
  time: string
  mgdl: number
}

/**
 * Results, oldest first, about four a day.
 *
 * @param seed - Any integer.
 * @param newest - Time of the newest, `YYYY-MM-DDTHH:mm:00`.
 */
export function glucoseResults(seed: number, newest: string, count: number): VirtualGlucose[] {
  const random = seededRandom(seed)
  const level = 110 + random() * 50
  const newestMs = Date.parse(`${newest}Z`)
  return Array.from({ length: count }, (_, index) => {
    const beforeMs = (count - 1 - index) * 6 * 3_600_000
    const shiftMs = index === count - 1 ? 0 : Math.floor(random() * 90) * 60_000
    return {
      time: new Date(newestMs - beforeMs - shiftMs).toISOString().slice(0, 19),
      mgdl: Math.round(level + (random() - 0.4) * 80),
    }
  })
}
