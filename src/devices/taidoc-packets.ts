/**
 * Bytes of TaiDoc's instruments behind a CP2110 bridge: numbered reports, and packets of eight bytes.
 *
 * @remarks
 * Messages only; the conversation is in `taidoc-10c4-ea80.ts`. The id of a data report is the number of its bytes
 * (1..63); a packet may come in any number of reports. A packet is `51`, a command, four bytes, `A3` (ours) or `A5`
 * (the instrument's), and the sum of the first seven. Proven by `tests/devices/taidoc-packets.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { DeviceError } from './errors.ts'

/** Feature reports that set the bridge to 19200 baud, 8N1, and switch it on. */
export const BRIDGE = {
  configure: Uint8Array.of(0x50, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x03, 0x00),
  enable: Uint8Array.of(0x41, 0x01),
} as const

/** Commands, all of them questions. */
export const COMMAND = {
  clock: 0x23,
  model: 0x24,
  recordTime: 0x25,
  recordValue: 0x26,
  serialLow: 0x27,
  serialHigh: 0x28,
  count: 0x2b,
  oximetry: 0x49,
} as const
/** Asks a scale for its last weight; one byte shorter than the others. */
export const WEIGHT_REQUEST = Uint8Array.of(0x51, 0x71, 0x02, 0x00, 0x00, 0xa3, 0x67)
/** The instrument's notice that it has begun to listen. */
export const LISTENING = 0x54

/** No report of the bridge begins like this: 63 is its longest. */
export const PACKET_START = 0x51
const OURS = 0xa3
const THEIRS = 0xa5
export const PACKET_BYTES = 8
const DATA_LIMIT = 63

/** What an instrument says. */
export interface TaidocPacket {
  command: number
  /** 4 bytes. */
  data: Uint8Array
}

/**
 * The bytes that a report carries.
 *
 * @param report - With its id, which some systems put behind one more 0. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeBridgeReport(report: Uint8Array): Uint8Array {
  const numbered = report[0] === 0 ? report.subarray(1) : report
  const count = numbered[0] ?? 0
  if (count === 0 || count > DATA_LIMIT || numbered.length < 1 + count) {
    throw new DeviceError('PROTOCOL', `report ${toHex(report.subarray(0, 8))} of ${report.length} bytes`)
  }
  return numbered.slice(1, 1 + count)
}

/** A report that carries `bytes`, 1 to 63 of them. */
export function encodeBridgeReport(bytes: Uint8Array): Uint8Array {
  assert(bytes.length > 0 && bytes.length <= DATA_LIMIT, 'a report carries 1 to 63 bytes')
  return Uint8Array.of(bytes.length, ...bytes)
}

/** A packet of ours. */
export function encodeRequest(command: number, ...data: number[]): Uint8Array {
  return packet(command, data, OURS)
}

/** A packet of an instrument: for virtual devices and tests. */
export function encodeAnswer(command: number, ...data: number[]): Uint8Array {
  return packet(command, data, THEIRS)
}

function packet(command: number, data: readonly number[], direction: number): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0] = data
  const body = Uint8Array.of(PACKET_START, command, a, b, c, d, direction)
  return Uint8Array.of(...body, sumOf(body))
}

/** Sum of all bytes, as a packet ends in it. */
export function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0)
}

/**
 * Takes the first packet out of what has come. Bytes before a packet are noise of the line and dropped.
 *
 * @param buffer - Untrusted.
 * @returns The packet, or null while there is none; and what is left.
 * @throws {@link DeviceError} `CHECKSUM` when something is a packet but for its sum.
 */
export function takePacket(buffer: Uint8Array): { packet: TaidocPacket | null; rest: Uint8Array } {
  for (let at = buffer.indexOf(PACKET_START); at !== -1; at = buffer.indexOf(PACKET_START, at + 1)) {
    const rest = buffer.subarray(at)
    if (rest.length < PACKET_BYTES) return { packet: null, rest }
    if (rest[6] !== THEIRS) continue
    if (rest[7] !== sumOf(rest.subarray(0, 7))) {
      throw new DeviceError('CHECKSUM', `packet ${toHex(rest.subarray(0, PACKET_BYTES))}`)
    }
    return { packet: { command: rest[1] ?? 0, data: rest.slice(2, 6) }, rest: rest.subarray(PACKET_BYTES) }
  }
  return { packet: null, rest: new Uint8Array(0) }
}
