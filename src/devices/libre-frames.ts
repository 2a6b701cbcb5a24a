/**
 * The binary protocol of the FreeStyle Libre reader: transport frames with a CRC, application messages across them.
 *
 * @remarks
 * Messages only; the conversation is in `abbott-libre.ts`. The payload of a binary report is the number expected
 * next, the own number, a CRC-32 and a piece of the message stream; a message is its length in up to three bytes of
 * seven bits (bit 7 set, least significant first), an operation code (bit 7 clear) and as much data. The CRC takes
 * its input as little-endian 32-bit words. Proven by `tests/devices/libre-frames.test.ts` on published values.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { DeviceError } from './errors.ts'

/** Operation codes of the application protocol. All of them ask; none that sets is known to this program. */
export const OPERATION = {
  database: 0x31,
  compressedDatabase: 0x35,
  dateTime: 0x41,
  configuration: 0x51,
  flush: 0x7d,
  error: 0x7e,
} as const

/** One message of the application protocol. */
export interface LibreMessage {
  operation: number
  data: Uint8Array
}

/** One transport frame. */
export interface LibreFrame {
  /** The number that the sender expects next, and the sender's own. */
  expected: number
  number: number
  data: Uint8Array
}

const CRC32_POLYNOMIAL = 0x04c11db7
const HEADER_BYTES = 6
/** A length has at most three bytes of seven bits. */
const LENGTH_BYTES = 3

/** CRC-32 of the transport: most significant bit first, all ones at the start, nothing at the end. */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffff_ffff
  for (let at = 0; at < bytes.length; at += 4) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4)
    remainder ^= a | (b << 8) | (c << 16) | (d << 24)
    for (let bit = 0; bit < 32; bit++) {
      remainder = (remainder << 1) ^ (remainder < 0 ? CRC32_POLYNOMIAL : 0)
    }
  }
  return remainder >>> 0
}

/** CRC-16 of a record: reflected, all ones at the start, its bits in reverse order at the end. */
export function crc16(bytes: Uint8Array): number {
  let remainder = 0xffff
  for (const byte of bytes) {
    remainder ^= byte
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ ((remainder & 1) === 0 ? 0 : 0x8408)
  }
  let reversed = 0
  for (let bit = 0; bit < 16; bit++) reversed |= ((remainder >> bit) & 1) << (15 - bit)
  return reversed
}

/**
 * One transport frame.
 *
 * @param payload - Payload of a binary report. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function decodeLibreFrame(payload: Uint8Array): LibreFrame {
  if (payload.length <= HEADER_BYTES) throw new DeviceError('PROTOCOL', `binary frame ${toHex(payload)}`)
  const [expected = 0, number = 0, a = 0, b = 0, c = 0, d = 0] = payload
  const data = payload.slice(HEADER_BYTES)
  if (crc32(data) !== (a | (b << 8) | (c << 16) | (d << 24)) >>> 0) {
    throw new DeviceError('CHECKSUM', `binary frame ${number}`)
  }
  return { expected, number, data }
}

/** Payload of a binary report. */
export function encodeLibreFrame({ expected, number, data }: LibreFrame): Uint8Array {
  const crc = crc32(data)
  return Uint8Array.of(expected, number, crc, crc >> 8, crc >> 16, crc >> 24, ...data)
}

/** A message as it stands in the stream. */
export function encodeMessage({ operation, data }: LibreMessage): Uint8Array {
  assert(data.length < 1 << (7 * LENGTH_BYTES), 'a length has 21 bits')
  const length: number[] = []
  for (let rest = data.length; rest > 0; rest >>= 7) length.push(0x80 | (rest & 0x7f))
  return Uint8Array.of(...length, operation, ...data)
}

/**
 * Takes the whole messages off the front of a stream.
 *
 * @param stream - Data of consecutive frames. Untrusted.
 * @returns The messages, and what is left: the beginning of the next one.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function takeMessages(stream: Uint8Array): { messages: LibreMessage[]; rest: Uint8Array } {
  const messages: LibreMessage[] = []
  let rest = stream
  for (let message = firstMessage(rest); message !== null; message = firstMessage(rest)) {
    messages.push(message)
    rest = rest.subarray(message.bytes)
  }
  return { messages, rest }
}

function firstMessage(stream: Uint8Array): (LibreMessage & { bytes: number }) | null {
  const lengthBytes = stream.findIndex((byte) => byte < 0x80)
  if (lengthBytes > LENGTH_BYTES || (lengthBytes === -1 && stream.length > LENGTH_BYTES)) {
    throw new DeviceError('PROTOCOL', `message begins ${toHex(stream.subarray(0, 8))}`)
  }
  if (lengthBytes === -1) return null
  const length = stream.subarray(0, lengthBytes).reduceRight((value, byte) => (value << 7) | (byte & 0x7f), 0)
  const bytes = lengthBytes + 1 + length
  if (stream.length < bytes) return null
  return { operation: stream[lengthBytes] ?? 0, data: stream.slice(lengthBytes + 1, bytes), bytes }
}

const BLOCK = { plain: 0xfd, zeros: 0xff } as const
/** No table of the reader is near this size. */
const TABLE_LIMIT = 1 << 16

/**
 * A database record whose data were sent compressed: the table's number, then blocks of words as they are, or of
 * zeros. Readers compress only after another program asked for it.
 *
 * @param data - Data of a message. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decompress(data: Uint8Array): Uint8Array {
  const parts = [data.subarray(0, 1)]
  let size = 1
  for (let at = 1; at < data.length;) {
    const [type = 0, a = 0, b = 0, c = 0] = data.subarray(at, at + 4)
    const bytes = (a | (b << 8) | (c << 16)) * 4
    size += bytes
    at += 4
    const isPlain = type === BLOCK.plain
    if ((!isPlain && type !== BLOCK.zeros) || size > TABLE_LIMIT || (isPlain && at + bytes > data.length)) {
      throw new DeviceError('PROTOCOL', `compressed block of type ${type}`)
    }
    parts.push(isPlain ? data.subarray(at, at + bytes) : new Uint8Array(bytes))
    if (isPlain) at += bytes
  }
  return concatBytes(...parts)
}
