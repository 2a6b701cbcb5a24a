/**
 * Virtual FreeStyle devices: a meter that answers text commands, and a Libre reader with its numbered frames.
 *
 * @remarks
 * Proven by `tests/devices/abbott-1a61.test.ts` and `tests/devices/abbott-libre.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import {
  decodeFrame,
  encodeFrame,
  encodeList,
  encodeTextReply,
  FRAME,
  FREESTYLE_REPORT_BYTES,
  fromLatin1,
  toLatin1,
} from './abbott-frames.ts'
import { crc16, encodeLibreFrame, encodeMessage, OPERATION, takeMessages } from './libre-frames.ts'
import { LIBRE_TABLE } from './libre-records.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualGlucose } from './virtual-glucose.ts'

/** Bytes of one report that a text, or a piece of a binary message, may have. */
const TEXT_BYTES = 62
const DATA_BYTES = 56
const SPLIT_BYTES = 7

/** Options of {@link createVirtualFreestyle}. */
export interface VirtualFreestyleOptions {
  clock: VirtualClock
  /** Lines of the meter's log, newest first. Asked anew when the device is opened. */
  lines: () => readonly string[]
  /** The meter's clock, `YYYY-MM-DDTHH:mm:ss`; null when it has lost it. */
  deviceNow: string | null
  serial?: string
}

/** The line of a result in the log of a Precision Neo. */
export function neoLine({ time, mgdl }: VirtualGlucose, id: number): string {
  return `7,${id},${clockFields(time)},1,${mgdl},0,1,0,0,0,0,0,0,0,0`
}

/** Month, day, year, hour, minute, as the meters write them. */
function clockFields(time: string): string {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = time.split(/\D/).map(Number)
  return [month, day, year - 2000, hour, minute].join(',')
}

/** A virtual meter: Precision Neo by its ids. */
export function createVirtualFreestyle(options: VirtualFreestyleOptions): VirtualDevice {
  const description = {
    vendorId: 0x1a61,
    productId: 0x3850,
    product: 'FreeStyle Precision Neo',
    manufacturer: 'Abbott',
  }
  return buildVirtual(description, options.clock, (device) => {
    const dress = dresser(device)
    return {
      onOutput(report) {
        const { type, payload } = decodeFrame(report)
        const greeting = greetingOf(type, options.serial, device)
        if (greeting !== null) return dress([greeting])
        if (type !== FRAME.text) return []
        const text = refuses(device) ? 'CMD Fail!\r\n' : textReply(fromLatin1(payload), options)
        const pieces = cut(toLatin1(text), device.faults.splitFrames ? SPLIT_BYTES : TEXT_BYTES)
        return dress(pieces.map((piece) => encodeFrame(FRAME.text, piece)))
      },
    }
  })
}

function textReply(command: string, { lines, deviceNow }: VirtualFreestyleOptions): string {
  const [month, day, year, hour, minute] = clockFields(deviceNow ?? '').split(',')
  const isLost = deviceNow === null
  if (command === '$date?\r\n') return encodeTextReply(`${isLost ? '255,255,255' : [month, day, year].join(',')}\r\n`)
  if (command === '$time?\r\n') return encodeTextReply(`${isLost ? '255,255' : [hour, minute].join(',')}\r\n`)
  if (command === '$result?\r\n') return encodeTextReply(encodeList(lines()))
  return 'CMD Fail!\r\n'
}

/** Answers to the greeting; null when the frame is none. */
function greetingOf(type: number, serial: string | undefined, device: VirtualDevice): Uint8Array | null {
  const replies = new Map([
    [FRAME.initA, encodeFrame(FRAME.initAReply, Uint8Array.of(0x0c))],
    [FRAME.serial, encodeFrame(FRAME.serialReply, toLatin1(`${serial ?? '00000000 (No SerialNum)'}\0`))],
    [FRAME.version, encodeFrame(FRAME.versionReply, toLatin1('1.40\0'))],
    [FRAME.hello, encodeFrame(FRAME.helloReply, Uint8Array.of(1))],
  ] as [number, Uint8Array][])
  const reply = replies.get(type) ?? null
  if (reply === null) return null
  return device.faults.wrongModel ? encodeFrame(FRAME.unknownCommand, Uint8Array.of(0x85)) : reply
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, index) => bytes.slice(index * size, (index + 1) * size))
}

/** Keep-alives before each report, and what is left over behind the counted bytes, when the faults want them. */
function dresser(device: VirtualDevice): (reports: Uint8Array[]) => Uint8Array[] {
  let left: Uint8Array = new Uint8Array(FREESTYLE_REPORT_BYTES).fill(0xa5)
  return (reports) => {
    const { keepAlives, stalePadding } = device.faults
    const all = keepAlives
      ? reports.flatMap((report) => [encodeFrame(FRAME.keepAlive, Uint8Array.of(5)), report])
      : reports
    return all.map((report) => {
      const whole = stalePadding ? left.slice() : report
      whole.set(report.subarray(0, 2 + (report[1] ?? 0)))
      left = whole
      return whole
    })
  }
}

/** Options of {@link createVirtualLibre}. */
export interface VirtualLibreOptions {
  clock: VirtualClock
  /** What the sensor stored, and strip tests; oldest first. Asked anew when the device is opened. */
  history: () => readonly VirtualGlucose[]
  strips: () => readonly VirtualGlucose[]
  /** The reader's clock, `YYYY-MM-DDTHH:mm:ss`; null when it has lost it. */
  deviceNow: string | null
  serial?: string
  /** Another program has switched compression on. */
  compressed?: boolean
}

/** What the reader's own clock calls 0: 2017. */
const EPOCH_S = 1_483_228_800
const FACTORY_BYTES = 200
const EPOCH_AT = 157

/** A record of the reader's database. */
export function libreRecord(table: number, { time, mgdl }: VirtualGlucose, number: number): Uint8Array {
  const isHistory = table === LIBRE_TABLE.history
  const body = new Uint8Array(isHistory ? 20 : 26)
  const view = new DataView(body.buffer)
  view.setUint16(0, number & 0xffff, true)
  body.set([isHistory ? 12 : 2, 0x80], 2)
  view.setInt32(4, Date.parse(`${time}Z`) / 1000 - EPOCH_S, true)
  view.setUint16(12, mgdl, true)
  view.setUint16(body.length - 2, crc16(body.subarray(0, -2)), true)
  return Uint8Array.of(table, ...body)
}

/** A virtual Libre reader. */
export function createVirtualLibre(options: VirtualLibreOptions): VirtualDevice {
  const description = { vendorId: 0x1a61, productId: 0x3650, product: 'FreeStyle Libre', manufacturer: 'Abbott' }
  return buildVirtual(description, options.clock, (device) => {
    const dress = dresser(device)
    const sender = new LibreSender(options, device)
    return {
      onOutput(report) {
        const { type, payload } = decodeFrame(report)
        const greeting = greetingOf(type, options.serial, device)
        if (greeting !== null) return dress([greeting])
        if (type === FRAME.binary) return dress(sender.onRequest(payload))
        return type === FRAME.ack ? dress(sender.onAcknowledged(payload[0] ?? 0)) : []
      },
    }
  })
}

/** The reader's side of the numbered frames. */
class LibreSender {
  private readonly options: VirtualLibreOptions
  private readonly device: VirtualDevice
  private sent: Uint8Array[] = []
  private pending: Uint8Array = new Uint8Array(0)
  private expected = 0
  private lastAcknowledged = -1

  constructor(options: VirtualLibreOptions, device: VirtualDevice) {
    this.options = options
    this.device = device
  }

  onRequest(payload: Uint8Array): Uint8Array[] {
    this.expected = ((payload[1] ?? 0) + 1) & 0xff
    const [request] = takeMessages(payload.slice(6)).messages
    if (request === undefined) return []
    if (request.operation !== OPERATION.flush) {
      this.pending = concatBytes(this.pending, this.answer(request.operation, request.data[0] ?? 0))
      return []
    }
    const pieces = cut(this.pending, this.device.faults.splitFrames ? SPLIT_BYTES : DATA_BYTES)
    this.pending = new Uint8Array(0)
    const first = this.sent.length
    for (const data of pieces) {
      const frame = encodeLibreFrame({ expected: this.expected, number: this.sent.length & 0xff, data })
      this.sent.push(encodeFrame(FRAME.binaryReply, frame))
    }
    return [encodeFrame(FRAME.ackReply, Uint8Array.of(this.expected, 0, 0, 0)), ...this.sent.slice(first)]
  }

  /** The same number twice: that frame did not arrive. */
  onAcknowledged(number: number): Uint8Array[] {
    const isRepeated = number === this.lastAcknowledged
    this.lastAcknowledged = number
    const from = this.sent.length - ((this.sent.length - number) & 0xff)
    return isRepeated ? this.sent.slice(from) : []
  }

  private answer(operation: number, table: number): Uint8Array {
    const { deviceNow, history, strips } = this.options
    if (refuses(this.device)) return encodeMessage({ operation: OPERATION.error, data: Uint8Array.of(operation, 3) })
    if (operation === OPERATION.dateTime) return encodeMessage({ operation, data: dateTime(deviceNow) })
    if (operation === OPERATION.configuration) return encodeMessage({ operation, data: factoryTable() })
    const results = table === LIBRE_TABLE.history ? history() : strips()
    const records = results.map((result, index) => this.record(libreRecord(table, result, index)))
    return concatBytes(...records, encodeMessage({ operation: OPERATION.database, data: new Uint8Array(0) }))
  }

  private record(record: Uint8Array): Uint8Array {
    if (this.options.compressed !== true) return encodeMessage({ operation: OPERATION.database, data: record })
    const words = Math.ceil((record.length - 1) / 4)
    const data = new Uint8Array(1 + 4 + words * 4)
    data.set([record[0] ?? 0, 0xfd, words, 0, 0])
    data.set(record.subarray(1), 5)
    return encodeMessage({ operation: OPERATION.compressedDatabase, data })
  }
}

function dateTime(time: string | null): Uint8Array {
  const parts = (time ?? '2017-01-01T00:00:00').split(/\D/).map(Number)
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
  return Uint8Array.of(second, minute, hour, day, month, year, year >> 8, Number(time !== null))
}

function factoryTable(): Uint8Array {
  const table = new Uint8Array(FACTORY_BYTES).fill(0x11)
  table[0] = 1
  new DataView(table.buffer).setInt32(EPOCH_AT, EPOCH_S, true)
  return table
}
