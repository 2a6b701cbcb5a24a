/**
 * Stored records of the Contec HID oximeters: what is in the memory, and the packed values of one record.
 *
 * @remarks
 * Messages only; the conversation is in `contec-download.ts`. There are two kinds of memory. *Auto* holds up to 99
 * records and packs a value in four bits below a moving ceiling; *Manual* holds one and packs differences. Both give
 * one value a second. The unit pads the last packet, so that the announced count decides where a record ends.
 * Proven by `tests/devices/contec-memory.test.ts`: both published records equal the vendor's export value for value.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { takePacket, withChecksum7 } from './contec-packets.ts'
import type { RecordedSeries } from './driver.ts'
import { DeviceError } from './errors.ts'
import { localTime } from './timeline.ts'

/** What one half of a record holds. */
export type SeriesName = 'spo2' | 'pulse'

/** Which memory a unit has filled. */
export type MemoryKind = 'auto' | 'manual'

/** A stored record, before its values. */
export interface RecordHead {
  kind: MemoryKind
  /** Number of the record in the unit, from 1; 0 for the one record of a Manual memory. */
  index: number
  /** `YYYY-MM-DDTHH:mm:ss` of the first value, null when that is no time. */
  start: string | null
  /** Values of each half, one a second. */
  count: number
  /** The number of the unit's user; null in a Manual memory. */
  user: number | null
  isLast: boolean
  raw: Uint8Array
}

/** A day of seconds: the longest record. */
const COUNT_LIMIT = 86_400
/** Numbers of the memory's records. */
export const RECORD_LIMIT = 99

/** Questions about the memory. None of them changes it. */
export const MEMORY = {
  stored: Uint8Array.of(0x9f, 0x1f),
  autoHead: Uint8Array.of(0x9c, 0x01, 0x1d),
  manualHead: Uint8Array.of(0xa0, 0x00, 0x20),
} as const

/** Lengths of the answers, checksum included. */
export const MEMORY_ANSWER_BYTES = { stored: 8, autoHead: 21, manualHead: 14 } as const

const AUTO = { bytes: 30, flagsAt: 5, dataAt: 8, dataBytes: 21 } as const
const MANUAL = { bytes: 20, flagsAt: 3, dataAt: 5, dataBytes: 14 } as const

/** The start of each packet of a half. */
const START = {
  auto: { spo2: [0xed, 0x04, 0x01], pulse: [0xed, 0x04, 0x02] },
  manual: { spo2: [0xd3], pulse: [0xd2] },
} as const

/** What the unit writes where it could not measure. */
const ARTIFACT = { spo2: 127, pulse: 255 } as const
/** A number of seven bits a byte, the lowest first. */
const low7 = (...bytes: number[]): number => bytes.reduceRight((sum, byte) => sum * 128 + byte, 0)

/** The command that sends a half of a record. */
export function downloadCommand({ kind, index }: Pick<RecordHead, 'kind' | 'index'>, name: SeriesName): Uint8Array {
  if (kind === 'manual') return Uint8Array.of(name === 'spo2' ? 0xa3 : 0xa2, 0, 0, 0, name === 'spo2' ? 0x23 : 0x22)
  return withChecksum7(Uint8Array.of(0x9d, 0x04, name === 'spo2' ? 1 : 2, 0x01, index, 0, 0, 0))
}

/**
 * Which memory holds something.
 *
 * @param answer - Answer to {@link MEMORY}`.stored`, checked. Untrusted content.
 * @returns Null when the memory is empty.
 */
export function decodeStored(answer: Uint8Array): MemoryKind | null {
  if (answer[2] === 0) return null
  return answer[3] === 0 ? 'manual' : 'auto'
}

/**
 * The head of an Auto record: `EC last user index` time (6) count (3) name (7) checksum.
 *
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeAutoHead(answer: Uint8Array): RecordHead {
  const [, last = 0, user = 0, index = 0] = answer
  if (index < 1 || index > RECORD_LIMIT) throw new DeviceError('PROTOCOL', `record ${index}: ${toHex(answer)}`)
  return headOf('auto', answer, 4, 10, { index, user, isLast: last === 0x40 })
}

/**
 * The head of the Manual record: `D0 00` time (6) `00 00` count (3) checksum.
 *
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function decodeManualHead(answer: Uint8Array): RecordHead {
  return headOf('manual', answer, 2, 10, { index: 0, user: null, isLast: true })
}

function headOf(
  kind: MemoryKind,
  raw: Uint8Array,
  timeAt: number,
  countAt: number,
  rest: Pick<RecordHead, 'index' | 'user' | 'isLast'>,
): RecordHead {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = raw.subarray(timeAt, timeAt + 6)
  const count = low7(...raw.subarray(countAt, countAt + 3))
  if (count > COUNT_LIMIT) throw new DeviceError('PROTOCOL', `${count} values: ${toHex(raw)}`)
  return { kind, start: localTime(2000 + year, month, day, hour, minute, second), count, raw, ...rest }
}

/** One value of a record; null where the unit could not measure. */
export type Value = number | null

/**
 * Unpacks one half of a record from the bytes of its packets, which cross reports.
 *
 * Feed it reports until {@link SeriesDecoder.isComplete}. Memory is bounded by the count.
 */
export class SeriesDecoder {
  readonly values: Value[] = []
  readonly #kind: MemoryKind
  readonly #name: SeriesName
  readonly #limit: number
  readonly #packets: Uint8Array[] = []
  #rest: Uint8Array = new Uint8Array(0)
  #state = 0
  #highPart: number | null = null

  /**
   * @param count - Values to expect; null takes all, with what the unit has padded the last packet with.
   */
  constructor(kind: MemoryKind, name: SeriesName, count: number | null) {
    this.#kind = kind
    this.#name = name
    this.#limit = count ?? COUNT_LIMIT
  }

  get isComplete(): boolean {
    return this.values.length >= this.#limit
  }

  /** The packets so far, exactly. */
  get packets(): readonly Uint8Array[] {
    return this.#packets
  }

  /**
   * Takes the next bytes.
   *
   * @param report - Untrusted.
   * @throws {@link DeviceError} `PROTOCOL` when it is no packet of this half, or not the next one; `CHECKSUM`.
   */
  add(report: Uint8Array): void {
    const bytes = new Uint8Array(this.#rest.length + report.length)
    bytes.set(this.#rest)
    bytes.set(report, this.#rest.length)
    const { bytes: size } = this.#kind === 'auto' ? AUTO : MANUAL
    let at = 0
    for (; !this.isComplete && at + size <= bytes.length; at += size) this.#packet(takePacket(bytes, at, size))
    this.#rest = bytes.slice(at)
  }

  /** Bytes of a packet. */
  get packetBytes(): number {
    return (this.#kind === 'auto' ? AUTO : MANUAL).bytes
  }

  /** What came behind the last whole packet. */
  get rest(): Uint8Array {
    return this.#rest
  }

  #packet(packet: Uint8Array): void {
    const start: readonly number[] = START[this.#kind][this.#name]
    const number = low7(packet[start.length] ?? 0, packet[start.length + 1] ?? 0)
    if (start.some((byte, index) => packet[index] !== byte) || number !== this.#packets.length) {
      throw new DeviceError('PROTOCOL', `packet ${this.#packets.length} is ${toHex(packet)}`)
    }
    this.#packets.push(packet)
    const { flagsAt, dataAt, dataBytes } = this.#kind === 'auto' ? AUTO : MANUAL
    for (let k = 0; k < dataBytes && !this.isComplete; k++) {
      const flag = (((packet[flagsAt + Math.floor(k / 7)] ?? 0) >> (k % 7)) & 1) === 1
      const byte = packet[dataAt + k] ?? 0
      if (this.#kind === 'auto') this.#autoByte(byte, flag)
      else this.#manualByte(byte, flag, k === 0)
    }
  }

  /** Two values below the ceiling, or half of a new ceiling. */
  #autoByte(byte: number, flag: boolean): void {
    const [high, low] = [byte >> 4, byte & 15]
    if (flag && high === 7) {
      this.#state = this.#highPart === null ? this.#state : this.#highPart + low
      this.#highPart = this.#highPart === null ? low * 16 : null
      return
    }
    if (this.#highPart !== null) throw new DeviceError('PROTOCOL', 'half of a ceiling')
    this.#emit(this.#state - high - (flag ? 8 : 0))
    if (low !== 15) this.#emit(this.#state - low)
  }

  /** A value, two differences, or two artifacts. */
  #manualByte(byte: number, flag: boolean, isFirst: boolean): void {
    const artifact = ARTIFACT[this.#name]
    if (isFirst) {
      if (!flag || byte !== 0x7f) this.#state = byte + (flag ? 128 : 0)
      this.#emit(flag && byte === 0x7f ? artifact : this.#state)
    } else if (flag && byte === 0x7f) {
      this.#emit(artifact)
      this.#emit(artifact)
    } else {
      const [high, low] = [byte >> 4, byte & 15]
      this.#move(flag ? -high : high)
      if (low === 15) this.#emit(artifact)
      else this.#move(low & 8 ? -(low & 7) : low)
    }
  }

  #move(by: number): void {
    this.#state = (this.#state + by) & 0xff
    this.#emit(this.#state)
  }

  #emit(value: number): void {
    if (this.isComplete) return
    const limit = this.#name === 'spo2' ? 100 : 254
    if (value === ARTIFACT[this.#name]) this.values.push(null)
    else if (value < 0 || value > limit) throw new DeviceError('PROTOCOL', `${this.#name} of ${value}`)
    else this.values.push(value)
  }
}

/**
 * A half of a record, without the head that tells when it began and how many values it has: all values are given, with
 * those that only fill the last packet.
 *
 * @param lines - Reports of a download. Untrusted.
 * @param reached - Told the index of each line before it is read.
 * @returns Null when they begin like something else.
 * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
 */
export function contecSeries(lines: readonly Uint8Array[], reached: (index: number) => void): RecordedSeries[] | null {
  for (const kind of ['auto', 'manual'] as const) {
    for (const quantity of ['spo2', 'pulse'] as const) {
      const isIt = START[kind][quantity].every((byte, index) => lines[0]?.[index] === byte)
      if (isIt) return [halfOf(kind, quantity, lines, reached)]
    }
  }
  return null
}

function halfOf(
  kind: MemoryKind,
  quantity: SeriesName,
  lines: readonly Uint8Array[],
  reached: (index: number) => void,
): RecordedSeries {
  const decoder = new SeriesDecoder(kind, quantity, null)
  lines.forEach((line, index) => {
    reached(index)
    // Behind the last packet the report is filled up with zeros, which begin no packet.
    decoder.add(index === lines.length - 1 ? withoutPadding(line, decoder) : line)
  })
  if (decoder.rest.length > 0) throw new DeviceError('PROTOCOL', `${decoder.rest.length} bytes behind the last packet`)
  return { quantity, start: null, userSlot: null, values: decoder.values, raw: concatBytes(...decoder.packets) }
}

/** The last report up to the end of its last packet. A packet that is cut off stays, and fails. */
function withoutPadding(line: Uint8Array, { rest, packetBytes }: SeriesDecoder): Uint8Array {
  const end = line.findLastIndex((byte) => byte !== 0) + 1
  return line.subarray(0, Math.max(0, Math.ceil((rest.length + end) / packetBytes) * packetBytes - rest.length))
}
