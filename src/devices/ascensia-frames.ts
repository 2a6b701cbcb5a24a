/**
 * Bytes of the Ascensia (Bayer) Contour link: reports marked `ABC`, ASTM E1381 frames across them.
 *
 * @remarks
 * Messages only; the conversation is in `ascensia-1a79.ts`. A report is `ABC`, a count (0..60) and as many bytes. A
 * frame is STX, its number `0`..`7`, text, CR, ETB or (the last one) ETX, two hex digits of the sum of all bytes from
 * the number to ETB or ETX, CR and LF. Single bytes EOT, ENQ, ACK, NAK stand between frames. Proven by
 * `tests/devices/ascensia-frames.test.ts` on ten real frames.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { fromLatin1, toLatin1 } from './abbott-frames.ts'
import { DeviceError } from './errors.ts'

export const CONTOUR_REPORT_BYTES = 64
/** First byte of a report. No frame begins like it. */
export const MARKED = 0x41
const MARK = [MARKED, 0x42, 0x43] as const
const COUNT_LIMIT = CONTOUR_REPORT_BYTES - MARK.length - 1

/** Control characters of the link. */
export const CONTROL = { stx: 0x02, etx: 0x03, eot: 0x04, enq: 0x05, ack: 0x06, nak: 0x15, etb: 0x17 } as const
const CR = 0x0d
const LF = 0x0a
/** Numbers, checksum and ends around a frame's text. */
const FRAME_EXTRA = 7
/** The longest real frame has 278 bytes. */
const FRAME_LIMIT = 1024

/** One frame. */
export interface ContourFrame {
  /** 0..7, counting up and around. */
  number: number
  /** Without the CR at its end. */
  text: string
  isLast: boolean
}

/**
 * The bytes that a report carries.
 *
 * @param report - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeContourReport(report: Uint8Array): Uint8Array {
  const count = report[MARK.length] ?? 0
  const isMarked = MARK.every((byte, index) => report[index] === byte)
  if (report.length !== CONTOUR_REPORT_BYTES || !isMarked || count > COUNT_LIMIT) {
    throw new DeviceError('PROTOCOL', `report ${toHex(report.subarray(0, 8))} of ${report.length} bytes`)
  }
  return report.slice(MARK.length + 1, MARK.length + 1 + count)
}

/** Reports that carry `bytes`. */
export function encodeContourReports(bytes: Uint8Array): Uint8Array[] {
  const reports: Uint8Array[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += COUNT_LIMIT) {
    const chunk = bytes.subarray(at, at + COUNT_LIMIT)
    const report = new Uint8Array(CONTOUR_REPORT_BYTES)
    report.set([...MARK, chunk.length, ...chunk])
    reports.push(report)
  }
  return reports
}

/**
 * How many bytes of `buffer` are one whole frame, beginning at its first byte.
 *
 * @param buffer - Begins with STX. Untrusted.
 * @returns null while the frame is not all there.
 * @throws {@link DeviceError} `PROTOCOL` when it cannot become one.
 */
export function frameLength(buffer: Uint8Array): number | null {
  const end = buffer.findIndex((byte) => byte === CONTROL.etx || byte === CONTROL.etb)
  const nested = buffer.indexOf(CONTROL.stx, 1)
  if (nested !== -1 && (end === -1 || nested < end)) throw new DeviceError('PROTOCOL', 'a frame within a frame')
  if ((end === -1 ? buffer.length : end) > FRAME_LIMIT) throw new DeviceError('PROTOCOL', 'a frame without end')
  return end === -1 || buffer.length < end + 5 ? null : end + 5
}

/**
 * One frame.
 *
 * @param bytes - From STX to LF. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function decodeContourFrame(bytes: Uint8Array): ContourFrame {
  const length = bytes.length
  const end = bytes[length - 5]
  const number = (bytes[1] ?? 0) - 0x30
  const isShaped =
    length >= FRAME_EXTRA + 1 &&
    bytes[0] === CONTROL.stx &&
    (end === CONTROL.etb || end === CONTROL.etx) &&
    bytes[length - 6] === CR &&
    bytes[length - 2] === CR &&
    bytes[length - 1] === LF
  if (!isShaped || number < 0 || number > 7) throw new DeviceError('PROTOCOL', `frame ${toHex(bytes.subarray(0, 16))}`)
  if (fromLatin1(bytes.subarray(length - 4, length - 2)) !== checksumOf(bytes.subarray(1, length - 4))) {
    throw new DeviceError('CHECKSUM', `frame ${number} of ${length} bytes`)
  }
  const text = fromLatin1(bytes.subarray(2, length - 6))
  if (!/^[\x20-\x7e\x80-\xff]*$/.test(text))
    throw new DeviceError('PROTOCOL', `frame ${number} holds control characters`)
  return { number, text, isLast: end === CONTROL.etx }
}

/** A frame as bytes: for virtual devices and tests. */
export function encodeContourFrame({ number, text, isLast }: ContourFrame): Uint8Array {
  assert(number >= 0 && number <= 7, 'frames are numbered 0 to 7')
  const body = Uint8Array.of(0x30 + number, ...toLatin1(text), CR, isLast ? CONTROL.etx : CONTROL.etb)
  return Uint8Array.of(CONTROL.stx, ...body, ...toLatin1(checksumOf(body)), CR, LF)
}

function checksumOf(bytes: Uint8Array): string {
  const sum = bytes.reduce((all, byte) => (all + byte) & 0xff, 0)
  return sum.toString(16).toUpperCase().padStart(2, '0')
}
