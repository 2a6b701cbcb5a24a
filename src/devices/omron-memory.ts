/**
 * Bytes of the Omron link with report id 2: frames that read a piece of the memory, and the records in it.
 *
 * @remarks
 * Messages only; the conversation is in `omron-0590-0090.ts`. Behind the report id a frame is: length (counts itself
 * and the checksum), type (2), address (2), size, data, 0, and a byte that makes the XOR of the whole 0. Proven by
 * `tests/devices/omron-memory.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { xorOf } from './omron-frames.ts'
import { pressureOf } from './pressure.ts'
import { localTime } from './timeline.ts'

export const REPORT_ID = 0x02

/** Length, type, address and size. */
const HEAD = 6
/** The zero before the checksum, and the checksum. */
const TAIL = 2

/** Types of frames: the device's answer has the question's type with the top bit set. */
const TYPE = { start: 0x0000, read: 0x0100, end: 0x0f00 } as const

/** Type of an answer to a read. */
export const READ_ANSWER = 0x8000 | TYPE.read

/** Where the records begin, and how many bytes are asked for at once. */
export const RECORDS_AT = 0x02ac
export const BLOCK_BYTES = 0x28
export const RECORD_BYTES = 14

/** One frame without report id. */
export interface OmronFrame {
  type: number
  address: number
  data: Uint8Array
}

function encodeFrame(type: number, address: number, size: number, data: Uint8Array): Uint8Array {
  const frame = Uint8Array.of(0, type >> 8, type, address >> 8, address, size, ...data, 0, 0)
  frame[0] = frame.length
  frame[frame.length - 1] = xorOf(frame)
  return Uint8Array.of(REPORT_ID, ...frame)
}

const NOTHING = new Uint8Array(0)

/** The commands without arguments, report id included. */
export const OMRON_MEMORY = {
  start: encodeFrame(TYPE.start, 0, 0x10, NOTHING),
  end: encodeFrame(TYPE.end, 0, 0, NOTHING),
} as const

/** Asks for {@link BLOCK_BYTES} bytes from `address` on; `0 <= address <= 0xffff`. */
export function encodeRead(address: number): Uint8Array {
  return encodeFrame(TYPE.read, address, BLOCK_BYTES, NOTHING)
}

/** A frame as the device sends it, report id included: for virtual devices and tests. */
export function encodeAnswer(command: 'start' | 'read' | 'end', address: number, data: Uint8Array): Uint8Array {
  return encodeFrame(0x8000 | TYPE[command], address, data.length, data)
}

/**
 * The frame in an input report.
 *
 * @param report - With report id; one more 0 in front of it is accepted, and so is anything behind the frame.
 *   Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function decodeFrame(report: Uint8Array): OmronFrame {
  const at = report[0] === 0 && report[1] === REPORT_ID ? 2 : 1
  const length = report[at] ?? 0
  const frame = report.slice(at, at + length)
  if (report[at - 1] !== REPORT_ID || length < HEAD + TAIL || frame.length < length) {
    throw new DeviceError('PROTOCOL', `frame ${toHex(report)}`)
  }
  if (xorOf(frame) !== 0) throw new DeviceError('CHECKSUM', `frame ${toHex(frame)}`)
  const word = (offset: number): number => ((frame[offset] ?? 0) << 8) | (frame[offset + 1] ?? 0)
  return { type: word(1), address: word(3), data: frame.slice(HEAD, -TAIL) }
}

/**
 * The data of an answer, if it is the one that was asked for.
 *
 * @param report - Untrusted.
 * @param address - That was asked for.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function decodeBlock(report: Uint8Array, address: number): Uint8Array {
  const { type, address: answered, data } = decodeFrame(report)
  if (type !== READ_ANSWER || answered !== address || data.length !== BLOCK_BYTES) {
    throw new DeviceError('PROTOCOL', `answer ${toHex(report)} to a read at ${address}`)
  }
  return data
}

/** `length` bits of a record from bit `from` on, the first bit of the first byte being 0. */
function bits(record: Uint8Array, from: number, length: number): number {
  let value = 0
  for (let bit = from; bit < from + length; bit++) {
    value = (value << 1) | (((record[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1)
  }
  return value
}

/** True when no record was ever written here. */
export function isEmpty(record: Uint8Array): boolean {
  return record[0] === 0xff && record[1] === 0xff && record[2] === 0xff
}

/**
 * One record.
 *
 * @param raw - {@link RECORD_BYTES} bytes: diastolic, systolic - 25, year - 2000, pulse, then bits: movement, irregular,
 *   month (4), day (5), hour (5), unknown (4), minute (6), second (6), and six bytes without known meaning. Untrusted.
 * @param userSlot - Whose it is; null when that is not known.
 * @param key - Names the record's place.
 * @throws {@link DeviceError} `PROTOCOL` on another length.
 */
export function decodeMemoryRecord(raw: Uint8Array, userSlot: string | null, key: string): Measurement {
  if (raw.length !== RECORD_BYTES) throw new DeviceError('PROTOCOL', `record of ${raw.length} bytes`)
  // The field holds up to 63; a clock that has just ticked over has been seen to write 60 and more.
  const second = Math.min(bits(raw, 58, 6), 59)
  const unknown = Uint8Array.of((raw[6] ?? 0) & 0xf0, ...raw.subarray(8))
  return pressureOf({
    systolic: String((raw[1] ?? 0) + 25),
    diastolic: String(raw[0] ?? 0),
    pulse: String(raw[3] ?? 0),
    deviceTime: localTime(
      2000 + (raw[2] ?? 0),
      bits(raw, 34, 4),
      bits(raw, 38, 5),
      bits(raw, 43, 5),
      bits(raw, 52, 6),
      second,
    ),
    flags: [
      ...(bits(raw, 33, 1) === 1 ? ['irregular-pulse'] : []),
      ...(bits(raw, 32, 1) === 1 ? ['movement'] : []),
      ...(unknown.every((byte) => byte === 0) ? [] : [`status-0x${toHex(unknown)}`]),
    ],
    userSlot,
    recordKey: `${key}:${toHex(raw)}`,
    raw,
  })
}
