/**
 * The one value of a live stream: its longest recent stretch without movement in the numbers.
 *
 * @remarks
 * A stretch lasts while a finger is in, both numbers are there, saturation stays within {@link SPO2_SPREAD} points
 * and pulse within {@link PULSE_SPREAD} beats. The device measures once a second, so measurements count seconds.
 * A value is the median of the stretch, and always one that the device has shown. Proven by
 * `tests/devices/stable-window.test.ts` against a model that searches all stretches.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import type { LiveSample } from './driver.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'

/** Seconds from which a stretch gives a value. */
export const STABLE_FROM_S = 5
/** Seconds after which the oldest measurement is dropped: the value is that of now. */
export const WINDOW_LIMIT_S = 30
export const SPO2_SPREAD = 2
export const PULSE_SPREAD = 6
/** Two measurements further apart than this have something missing between them. */
const GAP_MS = 2500

interface Second {
  atMs: number
  spo2: number
  pulse: number
  perfusionIndex: string | null
  raw: Uint8Array
}

/** The present stretch. Immutable; start with {@link EMPTY_WINDOW}. */
export interface WindowState {
  readonly seconds: readonly Second[]
  readonly finger: boolean
}

/** No stretch yet. */
export const EMPTY_WINDOW: WindowState = { seconds: [], finger: false }

/** Digits of the device: the median of a stretch, and its range. */
export interface WindowValue {
  value: string
  min: string
  max: string
}

/** What a stretch is reduced to. */
export interface StableWindow {
  seconds: number
  spo2: WindowValue
  pulse: WindowValue
  /** As last shown, null when the device has none. */
  perfusionIndex: string | null
  /** The measurement packets, in order. */
  raw: Uint8Array
}

/**
 * The stretch after one more sample.
 *
 * @param state - The stretch so far.
 * @param sample - The next sample of the stream, in order.
 */
export function addSample(state: WindowState, sample: LiveSample): WindowState {
  if (!sample.finger) return EMPTY_WINDOW
  if (!sample.measured) return state.finger ? state : { ...state, finger: true }
  const { atMs, spo2, pulse, perfusionIndex, raw } = sample
  if (spo2 === null || pulse === null) return { seconds: [], finger: true }
  const last = state.seconds.at(-1)
  const earlier = last !== undefined && atMs - last.atMs > GAP_MS ? [] : state.seconds
  const seconds = [...earlier, { atMs, spo2, pulse, perfusionIndex, raw: raw.slice(-MEASUREMENT_BYTES) }]
  while (seconds.length > WINDOW_LIMIT_S || !isSteady(seconds)) seconds.shift()
  return { seconds, finger: true }
}

/** A measurement is the last packet of its sample. */
const MEASUREMENT_BYTES = 8

function isSteady(seconds: readonly Second[]): boolean {
  return (
    spread(seconds.map(({ spo2 }) => spo2)) <= SPO2_SPREAD && spread(seconds.map(({ pulse }) => pulse)) <= PULSE_SPREAD
  )
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values)
}

/** Length of the present stretch in seconds, whether it is long enough or not. */
export function stableSeconds(state: WindowState): number {
  return state.seconds.length
}

/** The value of the present stretch, or null while it is shorter than {@link STABLE_FROM_S}. */
export function take(state: WindowState): StableWindow | null {
  const { seconds } = state
  if (seconds.length < STABLE_FROM_S) return null
  return {
    seconds: seconds.length,
    spo2: reduce(seconds.map(({ spo2 }) => spo2)),
    pulse: reduce(seconds.map(({ pulse }) => pulse)),
    perfusionIndex: seconds.at(-1)?.perfusionIndex ?? null,
    raw: concatBytes(...seconds.map(({ raw }) => raw)),
  }
}

/** The lower median, so that an even number of values gives none between two. */
function reduce(values: readonly number[]): WindowValue {
  const sorted = values.toSorted((a, b) => a - b)
  const [min, median, max] = [sorted[0], sorted[(sorted.length - 1) >> 1], sorted.at(-1)]
  assert(min !== undefined && median !== undefined && max !== undefined, 'a stretch has values')
  return { value: String(median), min: String(min), max: String(max) }
}

/**
 * The stretch as measurements: saturation and heart rate.
 *
 * @param window - From {@link take}.
 */
export function measurementsOfWindow(window: StableWindow): Measurement[] {
  const common = { ...ORDINARY, deviceTime: null, flags: [], raw: window.raw }
  // The packets name the stretch: taking it twice gives the same keys, a second longer gives others.
  const key = toHex(window.raw)
  return [
    { ...common, kind: 'spo2', quantities: [measured('spo2', window.spo2.value)], recordKey: `spo2:${key}` },
    { ...common, kind: 'heart-rate', quantities: [measured('pulse', window.pulse.value)], recordKey: `pulse:${key}` },
  ]
}
