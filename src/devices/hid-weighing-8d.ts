/**
 * Any scale of the HID weighing class: usage page 8Dh, usage 20h. DYMO, Mettler Toledo, Fairbanks and others.
 *
 * @remarks
 * - Source: the USB-IF's point of sale usage tables; reports of a Mettler Toledo PS60 and of DYMO scales, published
 *   by four programs (pyusb-scale, erjiang/usbscale, dustyjewett/webscale, a Rust reader).
 * - Reads: the weight in the unit that the scale shows, each time something new rests on it.
 * - Never sends: anything; zeroing is done at the scale.
 * - Unknown: nothing that matters. Scales with report id 4 for the data are known from one program only. Scales that
 *   type the weight as a keyboard cannot be read.
 *
 * These are scales for parcels, infants, nappies and floors: whether one may weigh a patient is for the clinic to say.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { throwIfAborted, type Driver, type DriverContext } from './driver.ts'
import { DeviceError } from './errors.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'

/** Report ids: the data, and on most scales the status, on some the data. */
const DATA = 0x03
const STATUS = 0x04
export const REPORT_BYTES = 6

/** What a scale says about the weight, by its number. */
const STATES = {
  1: 'fault',
  2: 'stable-at-zero',
  3: 'in-motion',
  4: 'stable',
  5: 'under-zero',
  6: 'over-limit',
  7: 'needs-calibration',
  8: 'needs-zeroing',
} as const
/** A state of {@link STATES}. */
export type ScaleState = (typeof STATES)[keyof typeof STATES]

/** In these the number means the weight. */
const STILL: ReadonlySet<ScaleState> = new Set(['stable-at-zero', 'stable', 'under-zero'])

/** UCUM codes of the units in which a weight may be recorded, by the scale's number. The others are refused. */
const UCUM_OF: Readonly<Record<number, string>> = { 2: 'g', 3: 'kg', 11: '[oz_av]', 12: '[lb_av]' }

/** A report of a scale. */
export interface ScaleReport {
  state: ScaleState
  /** Digits as the scale shows them, with its sign. */
  value: string
  /** The unit's number in the HID usage tables, 1..12. */
  unit: number
  raw: Uint8Array
}

/**
 * One report.
 *
 * @param report - With report id; one more 0 in front of it is accepted. Untrusted.
 * @returns Null for a report that holds no weight.
 * @throws {@link DeviceError} `PROTOCOL` when it is no report of a scale.
 */
export function decodeScaleReport(report: Uint8Array): ScaleReport | null {
  const raw = report[0] === 0 ? report.slice(1) : report.slice()
  const [id = 0, status = 0, unit = 0, exponent = 0, low = 0, high = 0] = raw
  // Reports of attributes, limits and statistics, and the status alone.
  if (id !== DATA && !(id === STATUS && raw.length === REPORT_BYTES)) {
    if (id >= 1 && id <= 6) return null
    throw new DeviceError('PROTOCOL', `report ${toHex(report)}`)
  }
  const state = (STATES as Readonly<Record<number, ScaleState>>)[status]
  const power = exponent > 127 ? exponent - 256 : exponent
  if (raw.length !== REPORT_BYTES || state === undefined || unit < 1 || unit > 12 || power < -6 || power > 3) {
    throw new DeviceError('PROTOCOL', `report ${toHex(report)}`)
  }
  const digits = low | (high << 8)
  const value = `${state === 'under-zero' && digits !== 0 ? '-' : ''}${decimal(digits, power)}`
  return { state, value, unit, raw }
}

/** `digits` times ten to the `power`, with all digits and no others. */
function decimal(digits: number, power: number): string {
  if (power >= 0) return String(digits * 10 ** power)
  const text = String(digits).padStart(1 - power, '0')
  return `${text.slice(0, power)}.${text.slice(power)}`
}

/**
 * The measurement of a report.
 *
 * @throws {@link DeviceError} `PROTOCOL` when the unit is none in which a person's weight is recorded.
 */
export function weightOf({ state, value, unit, raw }: ScaleReport, recordKey: string): Measurement {
  const ucum = UCUM_OF[unit]
  if (ucum === undefined) throw new DeviceError('PROTOCOL', `unit ${unit}`)
  return {
    kind: 'weight',
    quantities: [measured('weight', value, ucum)],
    deviceTime: null,
    flags: state === 'stable' ? [] : [state],
    ...ORDINARY,
    recordKey,
    raw,
  }
}

/** Without a report for so long, the scale is asleep: scales that are on send several a second. */
const SILENT_MS = 60_000
/** How long one wait lasts, so that giving up is noticed. */
const WAIT_MS = 250
/** Reports that are none, in a row, before the device is given up. */
const BAD_LIMIT = 20

/** The next data report; null when none came in time for looking at the signal. */
async function nextData(
  context: DriverContext,
  line: { quietSinceMs: number; bad: number },
): Promise<ScaleReport | null> {
  throwIfAborted(context)
  const report = await context.transport.read(WAIT_MS)
  if (report === null) return null
  line.quietSinceMs = context.nowMs()
  try {
    const data = decodeScaleReport(report)
    line.bad = 0
    return data
  } catch (error) {
    line.bad += 1
    if (line.bad < BAD_LIMIT) return null
    throw error
  }
}

/** The scale has shown the same stable weight twice: it is one. */
async function* settled(context: DriverContext): AsyncGenerator<Measurement, void, undefined> {
  const line = { quietSinceMs: context.nowMs(), bad: 0 }
  // What is queued from before may be old: nothing counts until a second report says the same.
  let last: string | null = null
  let offered: string | null = null
  for (;;) {
    const data = await nextData(context, line)
    if (data === null) {
      if (context.nowMs() - line.quietSinceMs >= SILENT_MS) throw new DeviceError('SILENT', 'no report of the scale')
      continue
    }
    const shown = data.state === 'stable' ? toHex(data.raw) : null
    if (shown !== null && shown === last && shown !== offered) yield weightOf(data, `${context.nowMs()}:${shown}`)
    if (shown !== null && shown === last) offered = shown
    // The next one on the scale may weigh the same: what was taken off is not there any more.
    if (data.state === 'stable-at-zero' || data.state === 'under-zero') offered = null
    last = shown
  }
}

/** The driver. */
export const hidScale: Driver = {
  async probe(context) {
    // A scale that stands still may say nothing: what it claims to be in its descriptor is all there is to know.
    throwIfAborted(context)
    return Promise.resolve({ model: 'HID scale', serial: null })
  },
  async *spot(context) {
    try {
      yield* settled(context)
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code !== 'CANCELLED') throw error
    }
  },
}

/**
 * Reports as published, one a line: each weight that stands still and is not the one before it. An empty scale counts.
 *
 * @param lines - With report ids. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function scaleRecords(lines: readonly Uint8Array[]): Measurement[] {
  const weights: Measurement[] = []
  let last = ''
  for (const data of lines.map((line) => decodeScaleReport(line))) {
    if (data === null) continue
    const shown = toHex(data.raw)
    if (STILL.has(data.state) && shown !== last) weights.push(weightOf(data, `${weights.length}:${shown}`))
    last = shown
  }
  return weights
}
