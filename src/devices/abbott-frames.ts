/**
 * Bytes of Abbott's FreeStyle link: 64-byte reports with type and count, text replies and lists with checksums.
 *
 * @remarks
 * Messages only; the conversation is in `abbott-1a61.ts`. A report is a type, a count (0..62) and as many bytes; what
 * follows is left over. A text reply is a body, `CKSM:` with the sum of the body's bytes, and `CMD OK`, cut into
 * reports anywhere. A list ends in the number of its lines and the sum of their bytes. Bodies are Latin-1; control
 * characters other than line ends are refused, because a wrong count could bring in zeros that no sum notices.
 * Proven by `tests/devices/abbott-frames.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { DeviceError } from './errors.ts'

export const FREESTYLE_REPORT_BYTES = 64
const COUNT_LIMIT = FREESTYLE_REPORT_BYTES - 2

/** Types of frames that are used here. */
export const FRAME = {
  hello: 0x01,
  helloReply: 0x71,
  initA: 0x04,
  initAReply: 0x34,
  serial: 0x05,
  serialReply: 0x06,
  version: 0x15,
  versionReply: 0x35,
  text: 0x60,
  binary: 0x0a,
  binaryReply: 0x0b,
  ackReply: 0x0c,
  ack: 0x0d,
  keepAlive: 0x22,
  unknownCommand: 0x30,
} as const

/** One report. */
export interface FreestyleFrame {
  type: number
  payload: Uint8Array
}

/**
 * Reads one report by its count.
 *
 * @param report - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeFrame(report: Uint8Array): FreestyleFrame {
  const [type = 0, count = 0] = report
  if (report.length !== FREESTYLE_REPORT_BYTES || count > COUNT_LIMIT) {
    throw new DeviceError('PROTOCOL', `report of ${report.length} bytes with count ${count}`)
  }
  return { type, payload: report.slice(2, 2 + count) }
}

/** A report with zeros behind the counted bytes. `payload` is at most 62 bytes. */
export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  assert(payload.length <= COUNT_LIMIT, 'a frame holds 62 bytes')
  const report = new Uint8Array(FREESTYLE_REPORT_BYTES)
  report.set([type, payload.length])
  report.set(payload, 2)
  return report
}

/** Bytes of a Latin-1 text. */
export function toLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Text of Latin-1 bytes. */
export function fromLatin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** Sum of all bytes. */
function sumOf(text: string): number {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at)
  return sum % 0x1_0000_0000
}

const hex8 = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0')

const EMPTY = 'Log Empty\r\n'
const END = /CMD (?:OK|Fail!)\r\n$/
const REPLY = /^([\s\S]*)CKSM:([0-9A-F]{8})\r\nCMD OK\r\n$/
const LIST = /^((?:[^\r\n]*\r\n)*)([0-9]{1,6}),([0-9A-F]{8})\r\n$/
const CONTROL = /[\0-\x09\x0b\x0c\x0e-\x1f\x7f]/

/** True when a text reply is complete. */
export function isWholeReply(text: string): boolean {
  return END.test(text.slice(-16))
}

/**
 * The body of a text reply.
 *
 * @param text - The reply put together from its reports. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` also when the meter says that it failed, `CHECKSUM`.
 */
export function decodeTextReply(text: string): string {
  const [, body, checksum] = REPLY.exec(text) ?? []
  if (body === undefined || checksum === undefined || CONTROL.test(text)) {
    throw new DeviceError('PROTOCOL', `reply of ${text.length} bytes ends in ${JSON.stringify(text.slice(-24))}`)
  }
  if (hex8(sumOf(body)) !== checksum) throw new DeviceError('CHECKSUM', `a reply of ${text.length} bytes`)
  return body
}

/** True when a reply is a list of records and not a single answer. */
export function isList(body: string): boolean {
  return body === EMPTY || LIST.test(body)
}

/**
 * The lines of a list.
 *
 * @param body - From {@link decodeTextReply}. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function decodeList(body: string): string[] {
  if (body === EMPTY) return []
  const [, records, count, checksum] = LIST.exec(body) ?? []
  if (records === undefined || count === undefined || checksum === undefined) {
    throw new DeviceError('PROTOCOL', `a list ends in ${JSON.stringify(body.slice(-24))}`)
  }
  if (hex8(sumOf(records)) !== checksum) throw new DeviceError('CHECKSUM', `a list of ${count}`)
  const lines = records.split('\r\n').slice(0, -1)
  if (lines.length !== Number(count)) throw new DeviceError('PROTOCOL', `${lines.length} of ${count} records`)
  return lines
}

/** A whole reply around `body`: for virtual devices and tests. */
export function encodeTextReply(body: string): string {
  return `${body}CKSM:${hex8(sumOf(body))}\r\nCMD OK\r\n`
}

/** The body of a list: for virtual devices and tests. */
export function encodeList(lines: readonly string[]): string {
  if (lines.length === 0) return EMPTY
  const records = lines.map((line) => `${line}\r\n`).join('')
  return `${records}${lines.length},${hex8(sumOf(records))}\r\n`
}
