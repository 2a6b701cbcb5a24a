/**
 * A patient for virtual devices: heart rate, saturation, pulse wave and blood pressure as functions of time.
 *
 * @remarks
 * Everything follows from the seed, so that a demonstration or a test can be repeated. The numbers stay within what
 * a resting adult shows. Proven by `tests/devices/virtual-patient.test.ts`.
 *
 * @packageDocumentation
 */

/** A pressure reading before it is in a device. */
export interface VirtualRecord {
  /** `YYYY-MM-DDTHH:mm:ss`, the device's local time. */
  time: string
  systolic: number
  diastolic: number
  pulse: number
  /** The device's flags word. */
  flags: number
}

/** A patient. Times are milliseconds since the patient began. */
export interface VirtualPatient {
  /** Beats per minute. */
  heartRate(atMs: number): number
  /** Percent. */
  spo2(atMs: number): number
  /** Height of the pulse wave, 0..127. */
  pleth(atMs: number): number
  /** Perfusion index in hundredths of a percent. */
  perfusion(atMs: number): number
  /**
   * Pressure readings for a device's memory, oldest first, four hours apart.
   *
   * @param newest - Time of the newest, `YYYY-MM-DDTHH:mm:ss`.
   */
  pressures(newest: string, count: number): VirtualRecord[]
}

/** Numbers in `[0, 1)` that follow from `seed` (mulberry32). Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Breathing makes the heart a little faster and slower. */
const BREATH_MS = 4200
const DRIFT_MS = 47_000

/**
 * A patient.
 *
 * @param seed - Any integer.
 */
export function createVirtualPatient(seed: number): VirtualPatient {
  const random = seededRandom(seed)
  const restingRate = 62 + random() * 22
  const restingSpo2 = 95.6 + random() * 2.6
  const restingSystolic = 112 + random() * 26
  const phase = random() * 2 * Math.PI
  const sway = (atMs: number, periodMs: number): number => Math.sin((2 * Math.PI * atMs) / periodMs + phase)
  const integral = (atMs: number, periodMs: number): number =>
    (periodMs / (2 * Math.PI)) * (Math.cos(phase) - Math.cos((2 * Math.PI * atMs) / periodMs + phase))
  const rate = (atMs: number): number => restingRate + 1.2 * sway(atMs, BREATH_MS) + 1.5 * sway(atMs, DRIFT_MS)
  // The integral of the rate, so that the wave never jumps when the rate changes.
  const beats = (atMs: number): number =>
    (restingRate * atMs + 1.2 * integral(atMs, BREATH_MS) + 1.5 * integral(atMs, DRIFT_MS)) / 60_000
  return {
    heartRate: (atMs) => Math.round(rate(atMs)),
    spo2: (atMs) => Math.round(Math.min(99, restingSpo2 + 0.6 * sway(atMs, DRIFT_MS * 1.7))),
    pleth: (atMs) => plethOf(beats(atMs) % 1, 1 + 0.06 * sway(atMs, BREATH_MS)),
    perfusion: (atMs) => Math.round(310 + 60 * sway(atMs, DRIFT_MS)),
    pressures: (newest, count) => pressuresOf(random, restingSystolic, restingRate, newest, count),
  }
}

/** One beat: a steep rise, a fall, and the second wave after the valve closes. `phase` in `[0, 1)`. */
function plethOf(phase: number, strength: number): number {
  const bump = (centre: number, width: number): number => Math.exp(-(((phase - centre) / width) ** 2))
  const height = bump(0.22, 0.11) + 0.42 * bump(0.52, 0.13) + 0.1 * bump(1.1, 0.2)
  return Math.max(0, Math.min(127, Math.round(14 + 88 * strength * height)))
}

function pressuresOf(
  random: () => number,
  systolic: number,
  rate: number,
  newest: string,
  count: number,
): VirtualRecord[] {
  const newestMs = Date.parse(`${newest}Z`)
  return Array.from({ length: count }, (_, index) => {
    const upper = Math.round(systolic + (random() - 0.5) * 14)
    return {
      time: new Date(
        newestMs -
          (count - 1 - index) * 4 * 3_600_000 -
          Math.floor(random() * 900) * 1000 * Number(index !== count - 1),
      )
        .toISOString()
        .slice(0, 19),
      systolic: upper,
      diastolic: Math.round(upper * 0.62 + (random() - 0.5) * 8),
      pulse: Math.round(rate + (random() - 0.5) * 8),
      flags: random() < 0.1 ? 0x0001 : 0,
    }
  })
}
