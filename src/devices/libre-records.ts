/**
 * Database records of the FreeStyle Libre reader: what its sensor stored, and what a person scanned or tested.
 *
 * @remarks
 * A record is the number of its table, then its number (16 bit), type, a byte whose bit 7 says that the time is
 * valid, the reader's clock and the user's offset from it (seconds), data, and a CRC-16 over all but the table.
 * Values are in mg/dL whatever the reader shows. A sensor measures in the fluid below the skin, not in blood: its
 * values are another quantity. The reader stores what is off scale as the limit, so the limit itself counts as off scale.
 * Unknown: the layout of control solution tests (type 4) and of smart tags; they are left out. Proven by
 * `tests/devices/libre-records.test.ts` on published records.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import type { Quantity } from '../shared/api/schemas.ts'
import type { LogEntry } from './device-log.ts'
import { DeviceError } from './errors.ts'
import { crc16 } from './libre-frames.ts'
import { measured, offScale, ORDINARY, type Measurement } from './measurement.ts'
import { TIME_INVALID } from './timeline.ts'

/** Tables that hold readings. */
export const LIBRE_TABLE = { results: 0x00, history: 0x06 } as const

/** Bytes of a record: table and head, then the data with the CRC. */
const HEAD_BYTES = 13
const CRC_BYTES = 2
const RECORD = { history: HEAD_BYTES + 8, result: HEAD_BYTES + 14, clockSet: HEAD_BYTES + 12 } as const
const TYPE = { history: 12, clockSet: 5, results: [0, 1, 2] } as const
/** What a result is, in the two top bits of its value. */
const RESULTS = ['glucose', 'ketone', 'sensor-glucose'] as const
const VALUE_BITS = 0x03ff
const LOW_MGDL = 40
const HIGH_MGDL = 500
const KETONE_HIGH = 8 * 18
const MGDL_PER_MMOL = 18
const HISTORY_FLAGS: readonly (readonly [number, string])[] = [
  [0x0400, 'status-0x0400'],
  [0x0800, 'status-0x0800'],
  [0x1000, 'sensor-first'],
  [0x2000, 'clock-set-before'],
  [0x4000, 'food'],
  [0x8000, 'rapid-insulin'],
]

/**
 * One record.
 *
 * @param record - Data of a database message. Untrusted.
 * @param epochS - The reader's factory setting: what its clock calls 0, in seconds of local time since 1970; null
 *   when it is not known, and with it no time.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function decodeLibreRecord(record: Uint8Array, epochS: number | null): LogEntry {
  if (record.length < HEAD_BYTES + CRC_BYTES) throw new DeviceError('PROTOCOL', `record ${toHex(record)}`)
  const type = record[3] ?? 0
  if (type === TYPE.history) return history(checked(record, RECORD.history), epochS)
  if (type === TYPE.clockSet) return clockSet(checked(record, RECORD.clockSet), epochS)
  if ((TYPE.results as readonly number[]).includes(type)) return result(checked(record, RECORD.result), epochS)
  return { kind: 'other' }
}

/** Seconds of the reader's own clock at which a record was stored. The record is untrusted. */
export function readerTimeOf(record: Uint8Array): number {
  return i32(record, 5)
}

/** The record cut to its length, its CRC checked. Zeros that filled up a compressed record may follow. */
function checked(record: Uint8Array, bytes: number): Uint8Array {
  const whole = record.slice(0, bytes)
  if (whole.length < bytes || record.subarray(bytes).some((byte) => byte !== 0)) {
    throw new DeviceError('PROTOCOL', `record of ${record.length} bytes, ${bytes} wanted`)
  }
  if (crc16(whole.subarray(1, -CRC_BYTES)) !== u16(whole, bytes - CRC_BYTES)) {
    throw new DeviceError('CHECKSUM', `record ${toHex(whole)}`)
  }
  return whole
}

function history(record: Uint8Array, epochS: number | null): LogEntry {
  const word = u16(record, HEAD_BYTES)
  const quality = u16(record, HEAD_BYTES + 4)
  const flags = HISTORY_FLAGS.flatMap(([bit, flag]) => ((word & bit) === 0 ? [] : [flag]))
  return reading(record, epochS, 'sensor-glucose', glucose('sensor-glucose', word & VALUE_BITS), quality, flags)
}

function result(record: Uint8Array, epochS: number | null): LogEntry {
  const word = u16(record, HEAD_BYTES)
  const kind = word >> 14
  const value = word & VALUE_BITS
  const flags = (word & 0x3c00) === 0 ? [] : [mask('status', word & 0x3c00)]
  const name = RESULTS[kind]
  if (name === undefined) throw new DeviceError('PROTOCOL', `result of kind ${kind}`)
  const quantity = name === 'ketone' ? ketone(value) : glucose(name, value)
  return reading(record, epochS, name, quantity, u16(record, HEAD_BYTES + 10), flags)
}

function ketone(value: number): Quantity {
  if (value > KETONE_HIGH) return offScale('ketone', '8.0', '>')
  return measured('ketone', (value / MGDL_PER_MMOL).toFixed(1))
}

function glucose(name: 'glucose' | 'sensor-glucose', value: number): Quantity {
  if (value <= LOW_MGDL) return offScale(name, String(LOW_MGDL), '<')
  if (value >= HIGH_MGDL) return offScale(name, String(HIGH_MGDL), '>')
  return measured(name, String(value))
}

function reading(
  record: Uint8Array,
  epochS: number | null,
  kind: (typeof RESULTS)[number],
  quantity: Quantity,
  quality: number,
  flags: readonly string[],
): LogEntry {
  // A value of bad quality is none; the reader does not show it either.
  const shown = quality === 0 ? quantity : { ...quantity, value: null, comparator: null }
  const deviceTime = timeOf(record, 4, epochS)
  const measurement: Measurement = {
    ...ORDINARY,
    kind,
    quantities: [shown],
    deviceTime,
    flags: [
      ...(deviceTime === null ? [TIME_INVALID] : []),
      ...(shown.comparator === null ? [] : ['off-scale']),
      ...(quality === 0 ? [] : [mask('quality', quality)]),
      ...flags,
    ],
    recordKey: toHex(record.subarray(0, 13)),
    raw: record,
  }
  return { kind: 'reading', measurement }
}

function clockSet(record: Uint8Array, epochS: number | null): LogEntry {
  const wasValid = u16(record, HEAD_BYTES + 8) !== 0
  const from = wasValid ? localOf(i32(record, HEAD_BYTES) + i32(record, HEAD_BYTES + 4), epochS) : null
  return { kind: 'clock-set', from, to: timeOf(record, 4, epochS) }
}

/** Time of a record whose byte `at` says whether it is valid, with reader time and offset behind it. */
function timeOf(record: Uint8Array, at: number, epochS: number | null): string | null {
  if (((record[at] ?? 0) & 0x80) === 0) return null
  return localOf(i32(record, at + 1) + i32(record, at + 5), epochS)
}

function localOf(seconds: number, epochS: number | null): string | null {
  if (epochS === null) return null
  const date = new Date((epochS + seconds) * 1000)
  const year = date.getUTCFullYear()
  return year >= 2000 && year < 2100 ? date.toISOString().slice(0, 19) : null
}

const mask = (name: string, bits: number): string => `${name}-0x${bits.toString(16).padStart(4, '0')}`

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}

function i32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) | (u16(bytes, at + 2) << 16)
}
