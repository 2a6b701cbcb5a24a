/**
 * ASTM E1394 records of the Contour meters: header, results, end.
 *
 * @remarks
 * Fields are separated by `|`, components by `^`, markers by `/`. A value carries its own unit and is never
 * converted; only the limits of the scale, which the header tells in mg/dL, are given in the unit of the value that
 * is off them. Proven by `tests/devices/ascensia-records.test.ts` on real records.
 *
 * @packageDocumentation
 */
import { toLatin1 } from './abbott-frames.ts'
import type { LogEntry } from './device-log.ts'
import type { DeviceIdentity } from './driver.ts'
import { DeviceError } from './errors.ts'
import { measured, offScale, ORDINARY } from './measurement.ts'
import { localTime, TIME_INVALID } from './timeline.ts'

/** What the header says. */
export interface ContourHeader {
  identity: DeviceIdentity
  /** The meter's clock. */
  deviceNow: string | null
  /** Number of results that will follow, null when it does not tell. */
  results: number | null
  /** Limits of the scale in mg/dL, null when it does not tell. */
  scale: { low: number; high: number } | null
}

const RESULT_FIELDS = 9
/** Twice as many as any published result has. */
const MARKER_LIMIT = 10
const MGDL_PER_MMOL = 18.0182
const UNITS = ['mg/dL', 'mmol/L'] as const
const MARKERS: Readonly<Record<string, string>> = { B: 'before-meal', A: 'after-meal', F: 'fasting' }

/**
 * The header record.
 *
 * @param text - Text of a frame. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `WRONG_MODEL`.
 */
export function decodeHeader(text: string): ContourHeader {
  const fields = text.split('|')
  if (fields[0] !== 'H' || fields[1] !== '\\^&' || fields.length < 14) {
    throw new DeviceError('PROTOCOL', `header ${JSON.stringify(text.slice(0, 40))}`)
  }
  const [model = '', , serial = ''] = (fields[4] ?? '').split('^')
  if (!/^(?:Bayer|Contour)\d{4}$/.test(model)) throw new DeviceError('WRONG_MODEL', `header of ${model.slice(0, 20)}`)
  const count = fields[6] ?? ''
  return {
    identity: { model, serial: /^[0-9A-Z][0-9A-Z-]{3,30}$/i.test(serial) ? serial : null },
    deviceNow: timeOf(fields[13] ?? ''),
    results: /^\d{1,4}$/.test(count) ? Number(count) : null,
    scale: scaleOf(fields[5] ?? ''),
  }
}

/** `V=LLHHH`. A scale that no meter has is none. */
function scaleOf(info: string): ContourHeader['scale'] {
  const [, low, high] = /(?:^|\^)V=(\d\d)(\d{3})(?:\^|$)/.exec(info) ?? []
  const scale = { low: Number(low), high: Number(high) }
  return scale.low >= 5 && scale.low <= 40 && scale.high >= 400 ? scale : null
}

/**
 * The log in a transfer.
 *
 * @param texts - Texts of the frames between header and end, in order: the oldest result comes first. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeResults(texts: readonly string[], scale: ContourHeader['scale']): LogEntry[] {
  const entries: LogEntry[] = []
  let isControl = false
  for (const text of texts) {
    const fields = text.split('|')
    // An order says whether the results that follow it are of control solution.
    if (fields[0] === 'O') isControl = fields[11] === 'Q'
    else if (fields[0] === 'P') isControl = false
    if (fields[0] === 'R') entries.push(decodeResult(fields, text, scale, isControl))
  }
  return entries
}

function decodeResult(
  fields: readonly string[],
  text: string,
  scale: ContourHeader['scale'],
  isControl: boolean,
): LogEntry {
  const [, sequence = '', name, value = '', units = '', , marks = '', , time = ''] = fields
  if (fields.length < RESULT_FIELDS || !/^\d{1,5}$/.test(sequence)) {
    throw new DeviceError('PROTOCOL', `result ${JSON.stringify(text.slice(0, 80))}`)
  }
  if (name !== '^^^Glucose') return { kind: 'other' }
  const markers = marks === '' ? [] : marks.split('/')
  if (markers.length > MARKER_LIMIT) throw new DeviceError('PROTOCOL', `${markers.length} markers`)
  const deviceTime = timeOf(time)
  const [unit = '', reference = ''] = units.split('^')
  return {
    kind: 'reading',
    measurement: {
      ...ORDINARY,
      kind: 'glucose',
      quantities: [quantityOf(value, unit, markers, scale)],
      deviceTime,
      control: isControl || markers.includes('C'),
      flags: [
        ...(deviceTime === null ? [TIME_INVALID] : []),
        ...(reference === 'P' || reference === '' ? [] : [mark('reference', reference)]),
        ...markers.filter((marker) => marker !== 'C').map(flagOf),
      ],
      // Without the sequence number, which moves when the memory is full, and the markers, which a person can change.
      recordKey: [time, value, units].join('|'),
      raw: toLatin1(text),
    },
  }
}

function quantityOf(
  value: string,
  unit: string,
  markers: readonly string[],
  scale: ContourHeader['scale'],
): ReturnType<typeof measured> {
  const known = UNITS.find((each) => each === unit)
  if (known === undefined) throw new DeviceError('PROTOCOL', `unit ${JSON.stringify(unit)}`)
  if (markers.includes('<')) return offScale('glucose', limitIn(known, scale?.low), '<', known)
  if (markers.includes('>')) return offScale('glucose', limitIn(known, scale?.high), '>', known)
  if (!/^\d{1,4}(?:\.\d{1,2})?$/.test(value)) throw new DeviceError('PROTOCOL', `value ${JSON.stringify(value)}`)
  return measured('glucose', value, known)
}

function limitIn(unit: (typeof UNITS)[number], mgdl: number | undefined): string | null {
  if (mgdl === undefined) return null
  return unit === 'mg/dL' ? String(mgdl) : (mgdl / MGDL_PER_MMOL).toFixed(1)
}

function flagOf(marker: string): string {
  if (marker === '<' || marker === '>') return 'off-scale'
  return (Object.hasOwn(MARKERS, marker) ? MARKERS[marker] : undefined) ?? mark('mark', marker)
}

const mark = (name: string, text: string): string =>
  /^[0-9A-Za-z]{1,4}$/.test(text) ? `${name}-${text.toLowerCase()}` : name

/** `YYYYMMDDHHMM`, with or without seconds. */
function timeOf(text: string): string | null {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$/.exec(text)
  if (parts === null) return null
  const [, year = NaN, month = NaN, day = NaN, hour = NaN, minute = NaN, second = 0] = parts.map(Number)
  return localTime(year, month, day, hour, minute, Number.isNaN(second) ? 0 : second)
}
