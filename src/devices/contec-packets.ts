/**
 * Packets of the Contec HID oximeters: which bytes a report holds, and what they say.
 *
 * @remarks
 * Messages only; the conversation is in `contec-28e9-028a.ts`. A packet's first byte has bit 7 set, its others do
 * not; its last byte is the sum of the others modulo 128; a report is filled up with zeros, as in all of the
 * published recording. Everything else is refused, so that any single changed byte of a report is noticed.
 * Proven by `tests/devices/contec-packets.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { DeviceError } from './errors.ts'

/** One point of the plethysmogram. */
export interface WavePacket {
  kind: 'wave'
  /** 0..127 */
  point: number
  finger: boolean
  raw: Uint8Array
}

/** The numbers, once a second. */
export interface NumbersPacket {
  kind: 'numbers'
  /** Percent, null when the device has none. */
  spo2: number | null
  /** Beats per minute, null when the device has none. */
  pulse: number | null
  /** Perfusion index in hundredths of a percent, as sent: models without one always say {@link NO_PERFUSION}. */
  perfusion: number
  raw: Uint8Array
}

/** An answer to a command that streams may carry: `stopped` ends the stream. */
export interface AnswerPacket {
  kind: 'stopped' | 'acknowledged'
  raw: Uint8Array
}

/** A packet of a live report. */
export type LivePacket = WavePacket | NumbersPacket | AnswerPacket

/** The constant of models that do not measure perfusion (`7F 00`). */
export const NO_PERFUSION = 0x7f

const FINGER_OUT = 0x60
const INVALID = 0x7f
/** Pulse rate 255 is the device's mark of an artifact. */
const ARTIFACT_PULSE = 255

/** Sum of all bytes modulo 128: the checksum of a packet, and of a command. */
export function checksum7(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0) & 0x7f
}

/** `body` with its checksum behind it. */
export function withChecksum7(body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(body.length + 1)
  whole.set(body)
  whole[body.length] = checksum7(body)
  return whole
}

/**
 * Takes the packet at `offset` out of a report.
 *
 * @param report - Untrusted.
 * @param offset - Where the packet starts, `0 <= offset < report.length`.
 * @param length - Its length in bytes, checksum included.
 * @throws {@link DeviceError} `PROTOCOL` when it is cut off or holds a byte above 127, `CHECKSUM`.
 */
export function takePacket(report: Uint8Array, offset: number, length: number): Uint8Array {
  const packet = report.slice(offset, offset + length)
  if (packet.length < length) throw new DeviceError('PROTOCOL', `packet at ${offset} is cut off`)
  if (packet.subarray(1).some((byte) => byte > 127)) {
    throw new DeviceError('PROTOCOL', `packet at ${offset} holds a start byte: ${toHex(packet)}`)
  }
  if (packet[length - 1] !== checksum7(packet.subarray(0, length - 1))) {
    throw new DeviceError('CHECKSUM', `packet at ${offset}: ${toHex(packet)}`)
  }
  return packet
}

/**
 * The packets of one report of the live stream, in order. They never cross reports.
 *
 * @param report - Untrusted, any length.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`; nothing of a damaged report is used.
 */
export function decodeLiveReport(report: Uint8Array): LivePacket[] {
  const packets: LivePacket[] = []
  let offset = 0
  while (offset < report.length && report[offset] !== 0) {
    const packet = decodeLivePacket(report, offset)
    packets.push(packet)
    offset += packet.raw.length
  }
  const stray = report.subarray(offset).findIndex((byte) => byte !== 0)
  if (stray >= 0) throw new DeviceError('PROTOCOL', `byte ${offset + stray} behind the last packet is not zero`)
  return packets
}

function decodeLivePacket(report: Uint8Array, offset: number): LivePacket {
  const start = report[offset] ?? 0
  const second = report[offset + 1] ?? 0
  if (start === 0xf0 && second === 0x70) return { kind: 'acknowledged', raw: takePacket(report, offset, 2) }
  if (start === 0xeb && second === 0x00) return decodeWave(takePacket(report, offset, 6))
  if (start === 0xeb && second === 0x01) return decodeNumbers(takePacket(report, offset, 8))
  if (start === 0xeb && second === 0x7f) return { kind: 'stopped', raw: takePacket(report, offset, 3) }
  throw new DeviceError('PROTOCOL', `unknown packet ${toHex(Uint8Array.of(start, second))} at ${offset}`)
}

/** `EB 00 ? point bar ck`. What byte 2 means is not known. */
function decodeWave(raw: Uint8Array): WavePacket {
  return { kind: 'wave', point: raw[3] ?? 0, finger: ((raw[4] ?? 0) & FINGER_OUT) !== FINGER_OUT, raw }
}

/** `EB 01 flags pulse spo2 perfusion(2, low first) ck`; flag bit 1 adds 128 to the pulse. */
function decodeNumbers(raw: Uint8Array): NumbersPacket {
  const pulse = (raw[3] ?? 0) + (((raw[2] ?? 0) & 0x02) === 0 ? 0 : 128)
  const spo2 = raw[4] ?? INVALID
  const perfusion = (raw[5] ?? 0) + ((raw[6] ?? 0) << 7)
  // Without a saturation the pulse is not one either: both come from the same light.
  if (spo2 === 0 || spo2 > 100) return { kind: 'numbers', spo2: null, pulse: null, perfusion, raw }
  return { kind: 'numbers', spo2, pulse: pulse === 0 || pulse === ARTIFACT_PULSE ? null : pulse, perfusion, raw }
}

/** A wave packet as the device sends it. `point` and `bar` 0..127; the bar's value 0x60 means that no finger is in. */
export function encodeWave(point: number, bar: number): Uint8Array {
  return withChecksum7(Uint8Array.of(0xeb, 0x00, bar === FINGER_OUT ? 0x04 : 0x06, point & 0x7f, bar & 0x7f))
}

/** A numbers packet as the device sends it; null values as with no finger in. `perfusion` in hundredths of a percent. */
export function encodeNumbers(spo2: number | null, pulse: number | null, perfusion: number): Uint8Array {
  const rate = pulse ?? INVALID
  const flags = rate > 127 ? 0x06 : 0x04
  return withChecksum7(
    Uint8Array.of(0xeb, 0x01, flags, rate & 0x7f, spo2 ?? INVALID, perfusion & 0x7f, (perfusion >> 7) & 0x7f),
  )
}
