/**
 * Turns a captured exchange into what the device said, by running the real driver over it.
 *
 * @remarks
 * All or nothing: a capture with damage gives an error that says where, and no readings. Proven by
 * `tests/devices/decode-capture.test.ts` on the real captures.
 *
 * @packageDocumentation
 */
import { parsePlacedCapture, type PlacedCapture } from './capture-file.ts'
import { rowOfFamily, type DriverRow } from './driver-table.ts'
import { waysOf, type DriverContext, type DriverWay, type LiveSample, type RecordedSeries } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { createReplay } from './replay.ts'
import { replayProfile } from './replay-profiles.ts'

/** What is in a capture: readings, the measurements of a stream (one a second), or recorded seconds. */
export type Decoded =
  | { kind: 'measurement'; measurement: Measurement }
  | { kind: 'live'; sample: LiveSample }
  | { kind: 'series'; series: RecordedSeries }

/** A replayed scale is stepped on until the recording ends; nobody records more than this. */
const SPOT_LIMIT = 100_000

/**
 * Decodes a capture.
 *
 * @param family - Name of the device family. Untrusted.
 * @param text - The capture file. Untrusted.
 * @returns Everything in it, oldest first as the device stored it.
 * @throws {@link DeviceError} `CAPTURE`, or what the driver finds wrong; the message begins with the place.
 */
export async function decodeCapture(family: string, text: string): Promise<Decoded[]> {
  const row = rowOfFamily(family)
  if (row === null) throw new DeviceError('CAPTURE', 'no such family')
  const capture = parsePlacedCapture(text)
  const last = { place: 'start' }
  try {
    const isInputOnly = capture.every(({ direction }) => direction === 'in')
    return (isInputOnly ? decodeLines(row, capture, last) : null) ?? (await decodeExchange(row, capture, last))
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    throw new DeviceError(error.code, `${last.place}: ${error.message}`, { cause: error })
  }
}

/** Reports without their conversation; null when the family's driver has to say what they are. */
function decodeLines(
  { series, records }: DriverRow,
  capture: PlacedCapture,
  last: { place: string },
): Decoded[] | null {
  const lines = capture.map(({ bytes }) => bytes)
  const found = series?.(lines, (index) => (last.place = placeOf(capture, index))) ?? null
  if (found !== null) return found.map((one) => ({ kind: 'series', series: one }))
  if (records === undefined) return null
  // Each line by itself first, so that a failure has its place.
  for (const { bytes, place } of capture) {
    last.place = textOf(place)
    try {
      records([bytes])
    } catch (error) {
      if (lines.length === 1) throw error
      break
    }
  }
  return records(lines).map((measurement) => ({ kind: 'measurement', measurement }))
}

function placeOf(capture: PlacedCapture, index: number): string {
  const place = capture[index]?.place
  return place === undefined ? 'end' : textOf(place)
}

function textOf({ offset, line }: { offset: number; line: number }): string {
  return `offset ${offset} (line ${line})`
}

/** Runs the driver in each of its ways until one gives something. */
async function decodeExchange(row: DriverRow, capture: PlacedCapture, last: { place: string }): Promise<Decoded[]> {
  let failure: DeviceError | null = null
  let decoded: Decoded[] | null = null
  for (const way of waysOf(row.driver)) {
    const place = { place: last.place }
    try {
      const found = await decodeWay(row, way, capture, place)
      if (found.length > 0) return found
      decoded ??= found
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      // A way that was not recorded is silent: what another way found wrong says more.
      if (failure === null || failure.code === 'SILENT') {
        failure = error
        last.place = place.place
      }
    }
  }
  if (failure !== null && (decoded === null || failure.code !== 'SILENT')) throw failure
  return decoded ?? []
}

async function decodeWay(
  row: DriverRow,
  way: DriverWay,
  capture: PlacedCapture,
  last: { place: string },
): Promise<Decoded[]> {
  const profile = replayProfile(row.family)
  const places = new Map(capture.map(({ bytes, place }) => [bytes, place]))
  const served = (report: Uint8Array): void => {
    const place = places.get(report)
    if (place === undefined) return
    last.place = textOf(place)
    // A driver goes on after one damaged report of a stream; a recording with one is not whole.
    if (way === 'live') profile.validBytes(report)
  }
  // A replay takes no time: only waiting for nothing does.
  let nowMs = 0
  const idle = (timeoutMs: number): Promise<void> => {
    nowMs += timeoutMs
    return Promise.resolve()
  }
  const context: DriverContext = {
    transport: createReplay(capture, { mode: 'by-content', profile, served, idle, once: way === 'spot' }),
    signal: { aborted: false },
    nowMs: () => nowMs,
    progress: () => undefined,
  }
  if (way === 'memory') return decodeMemory(row, context)
  return untilSilent(way === 'live' ? samples(row, context) : spots(row, context))
}

async function decodeMemory({ driver }: DriverRow, context: DriverContext): Promise<Decoded[]> {
  const readout = await driver.read?.(context)
  if (readout?.series !== undefined) return readout.series.map((series) => ({ kind: 'series', series }))
  return (readout?.measurements ?? []).map((measurement) => ({ kind: 'measurement', measurement }))
}

async function* samples({ driver }: DriverRow, context: DriverContext): AsyncGenerator<Decoded> {
  for await (const sample of driver.live?.(context) ?? []) if (sample.measured) yield { kind: 'live', sample }
}

async function* spots({ driver }: DriverRow, context: DriverContext): AsyncGenerator<Decoded> {
  for await (const measurement of driver.spot?.(context) ?? []) yield { kind: 'measurement', measurement }
}

/** The end of a recording looks like a device that fell silent. */
async function untilSilent(stream: AsyncGenerator<Decoded>): Promise<Decoded[]> {
  const decoded: Decoded[] = []
  try {
    for await (const one of stream) {
      decoded.push(one)
      if (decoded.length === SPOT_LIMIT) throw new DeviceError('CAPTURE', `more than ${SPOT_LIMIT} measurements`)
    }
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'SILENT' || decoded.length === 0) throw error
  }
  return decoded
}
