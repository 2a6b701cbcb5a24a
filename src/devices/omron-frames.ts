/**
 * Bytes of the Omron link with 8-byte reports: commands cut into counted reports, replies put together again.
 *
 * @remarks
 * Messages only; the conversation is in `omron-0590-0028.ts`. A report's first byte counts the valid bytes behind
 * it (1..7); what follows them is left over from earlier reports. Count 0 is an empty report; count 8 means that
 * the device is not ready. A reply is `OK`, a body, and the XOR of the body. Proven by
 * `tests/devices/omron-frames.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { toHex } from '../shared/bytes.ts'
import { DeviceError } from './errors.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'

export const REPORT_BYTES = 8
const CHUNK = 7

/** What one input report says. */
export type OmronReport = { kind: 'empty' } | { kind: 'not-ready' } | { kind: 'data'; bytes: Uint8Array }

/**
 * Reads one input report by its count.
 *
 * @param report - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeReport(report: Uint8Array): OmronReport {
  const count = report[0] ?? 0
  if (report.length !== REPORT_BYTES || count > REPORT_BYTES) {
    throw new DeviceError('PROTOCOL', `report of ${report.length} bytes with count ${count}`)
  }
  if (count === 0) return { kind: 'empty' }
  if (count === REPORT_BYTES) return { kind: 'not-ready' }
  return { kind: 'data', bytes: report.slice(1, 1 + count) }
}

/** Cuts a message into reports: 7 bytes each, the last one shorter, filled up with zeros. */
export function encodeReports(message: Uint8Array): Uint8Array[] {
  const reports: Uint8Array[] = []
  for (let at = 0; at < message.length; at += CHUNK) {
    const chunk = message.subarray(at, at + CHUNK)
    const report = new Uint8Array(REPORT_BYTES)
    report[0] = chunk.length
    report.set(chunk, 1)
    reports.push(report)
  }
  return reports
}

/** XOR of all bytes. */
export function xorOf(bytes: Uint8Array): number {
  return bytes.reduce((xor, byte) => xor ^ byte, 0)
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0))

/** Messages without arguments, and the zeros that wake the link. */
export const OMRON = {
  wake: new Uint8Array(30),
  version: Uint8Array.from(ascii('VER00')),
  profile: Uint8Array.from(ascii('PRF00')),
  serial: Uint8Array.from(ascii('SRL00')),
  end: Uint8Array.of(...ascii('END'), 0xff, 0xff),
  ok: Uint8Array.from(ascii('OK')),
  busy: Uint8Array.from(ascii('NO')),
} as const

/** How many readings a user's memory holds. `bank` is 0 for user A, 1 for user B. */
export function encodeCount(bank: number): Uint8Array {
  return withArguments('GDC', 0, bank, 0, 0)
}

/** One reading. `index` 0 is the newest; `0 <= index <= 255`. */
export function encodeReading(bank: number, index: number): Uint8Array {
  return withArguments('GME', 0, bank, 0, index)
}

function withArguments(mnemonic: string, ...values: number[]): Uint8Array {
  assert(
    values.every((value) => Number.isInteger(value) && value >= 0 && value <= 255),
    `arguments of ${mnemonic} are bytes`,
  )
  return Uint8Array.of(...ascii(mnemonic), ...values, xorOf(Uint8Array.from(values)))
}

/**
 * The body of a reply: what stands between `OK` and the checksum.
 *
 * @param reply - One reply put together from its reports. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` when it does not begin with `OK`, `CHECKSUM`.
 */
export function decodeReply(reply: Uint8Array): Uint8Array {
  if (reply[0] !== OMRON.ok[0] || reply[1] !== OMRON.ok[1] || reply.length < 4) {
    throw new DeviceError('PROTOCOL', `reply ${toHex(reply)}`)
  }
  if (xorOf(reply.subarray(2)) !== 0) throw new DeviceError('CHECKSUM', `reply ${toHex(reply)}`)
  return reply.slice(2, -1)
}

/** A reply around `body`: for virtual devices and tests. */
export function encodeReply(body: Uint8Array): Uint8Array {
  return Uint8Array.of(...OMRON.ok, ...body, xorOf(body))
}

/** Bytes of a record: `00`, 13 bytes. */
export const RECORD_BODY_BYTES = 14

const FLAG_IRREGULAR = 0x0001
const FLAG_MOVEMENT = 0x0002
const FLAGS_SERIES = 0x0030

/**
 * One reading.
 *
 * @param body - Body of the reply to a reading command, {@link RECORD_BODY_BYTES} bytes: 0, year - 2000, month, day,
 *   hour, minute, second, unit, systolic (2), diastolic, pulse, flags (2).
 * @param bank - 0 for user A, 1 for user B.
 * @throws {@link DeviceError} `PROTOCOL` on another length or another unit than mmHg.
 */
export function decodeRecord(body: Uint8Array, bank: number): Measurement {
  if (body.length !== RECORD_BODY_BYTES || body[0] !== 0) throw new DeviceError('PROTOCOL', `record ${toHex(body)}`)
  const raw = body.slice(1)
  // A unit is never guessed: 0 is the only one ever seen.
  if (raw[6] !== 0) throw new DeviceError('PROTOCOL', `unit ${raw[6] ?? -1}`)
  const deviceTime = decodeTime(raw)
  return {
    ...ORDINARY,
    userSlot: bank === 0 ? 'A' : 'B',
    kind: 'blood-pressure',
    quantities: [
      measured('systolic', String(((raw[7] ?? 0) << 8) | (raw[8] ?? 0))),
      measured('diastolic', String(raw[9] ?? 0)),
      measured('pulse', String(raw[10] ?? 0)),
    ],
    deviceTime,
    flags: [
      ...(deviceTime === null ? ['device-time-invalid'] : []),
      ...flagsOf(((raw[11] ?? 0) << 8) | (raw[12] ?? 0)),
      ...(bank === 0 ? [] : ['user-b']),
    ],
    recordKey: `${bank}:${toHex(raw)}`,
    raw,
  }
}

function flagsOf(word: number): string[] {
  const flags: string[] = []
  if ((word & FLAG_IRREGULAR) !== 0) flags.push('irregular-pulse')
  if ((word & FLAG_MOVEMENT) !== 0) flags.push('movement')
  const series = (word & FLAGS_SERIES) >> 4
  if (series !== 0) flags.push(`series-${series}`)
  const unknown = word & ~(FLAG_IRREGULAR | FLAG_MOVEMENT | FLAGS_SERIES)
  if (unknown !== 0) flags.push(`status-0x${unknown.toString(16).padStart(4, '0')}`)
  return flags
}

/** The record's time, or null when it is none. */
function decodeTime(raw: Uint8Array): string | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = raw
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(2000 + year, month)
  if (!isDate || hour > 23 || minute > 59 || second > 59) return null
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${2000 + year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/**
 * Readings out of plain records: 13 bytes and their XOR, one a line.
 *
 * @param lines - Untrusted. User A is assumed: a record does not say whose it is.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function omronRecords(lines: readonly Uint8Array[]): Measurement[] {
  return lines.map((line) => {
    if (line.length !== RECORD_BODY_BYTES) throw new DeviceError('PROTOCOL', `record of ${line.length} bytes`)
    if (xorOf(line) !== 0) throw new DeviceError('CHECKSUM', `record ${toHex(line)}`)
    return decodeRecord(Uint8Array.of(0, ...line.subarray(0, -1)), 0)
  })
}
