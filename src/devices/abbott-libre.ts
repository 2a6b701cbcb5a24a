/**
 * Abbott FreeStyle Libre and Libre Pro readers: sensor glucose, strip glucose, ketone.
 *
 * @remarks
 * - Source: tidepool-org/uploader (driver, tests), glucometers-tech/glucometer-protocols; nineteen CRCs and four
 *   records of a real reader. No whole session is published: the conversation follows the description.
 * - Reads: what the sensor stored every quarter of an hour, scans, strip tests, clock changes; serial number; the clock.
 * - Never sends: date and time, compression, anything that sets. Does not ask for tables with the patient's name.
 * - Unknown: layout of control solution tests. The Libre 2 and 3 encrypt and are not supported.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { FRAME, encodeFrame, type FreestyleFrame } from './abbott-frames.ts'
import { greet, nextFrame, SILENCE_SLICES } from './abbott-link.ts'
import { readingsOf } from './device-log.ts'
import type { Driver, DriverContext, MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import {
  decodeLibreFrame,
  decompress,
  encodeLibreFrame,
  encodeMessage,
  OPERATION,
  takeMessages,
  type LibreFrame,
  type LibreMessage,
} from './libre-frames.ts'
import { decodeLibreRecord, LIBRE_TABLE, readerTimeOf } from './libre-records.ts'
import { localTime } from './timeline.ts'

/** How often a damaged or missing frame is asked for again within one answer. */
const REPEATS = 6
/** Half seconds to wait for what was asked for again. */
const AGAIN_SLICES = 2
/** Frames that may be on their way when one is missing. */
const STRAY_LIMIT = 1024
/** Ninety days of sensor values and a thousand results are far below this. */
const MESSAGE_LIMIT = 20_000
const FACTORY_TABLE = 1
const EPOCH_AT = 157

/** The binary conversation: numbers of the frames on both sides. */
class LibreLink {
  private readonly context: DriverContext
  private expected = 0
  private number = 0

  constructor(context: DriverContext) {
    this.context = context
  }

  /**
   * Asks for messages until `isLast` sees the last one.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
   */
  async ask(request: LibreMessage, isLast: (message: LibreMessage) => boolean): Promise<LibreMessage[]> {
    await this.send(request)
    // Without it the reader keeps what does not fill a frame.
    await this.send({ operation: OPERATION.flush, data: new Uint8Array(0) })
    const messages: LibreMessage[] = []
    let stream: Uint8Array = new Uint8Array(0)
    for (let last = false; !last;) {
      const data = await this.nextData()
      const taken = takeMessages(Uint8Array.of(...stream, ...data))
      stream = taken.rest
      refuse(taken.messages, request)
      messages.push(...taken.messages)
      last = taken.messages.some(isLast)
      if (messages.length > MESSAGE_LIMIT) throw new DeviceError('PROTOCOL', 'a table without end')
    }
    return messages
  }

  private async send(message: LibreMessage): Promise<void> {
    const frame = { expected: this.expected, number: this.number, data: encodeMessage(message) }
    this.number = (this.number + 1) & 0xff
    await this.context.transport.write(encodeFrame(FRAME.binary, encodeLibreFrame(frame)))
  }

  /** Data of the next frame in order; one that is damaged or does not come is asked for again. */
  private async nextData(): Promise<Uint8Array> {
    let failure = new DeviceError('SILENT', `no frame ${this.expected}`)
    let isAsked = false
    for (let repeats = 0, strays = 0; repeats < REPEATS && strays < STRAY_LIMIT;) {
      const frame = await nextFrame(this.context, isAsked ? AGAIN_SLICES : SILENCE_SLICES)
      if (frame?.type === FRAME.ackReply) {
        strays += 1
        continue
      }
      const decoded = frame === null ? failure : decodedOr(frame)
      if (!(decoded instanceof DeviceError) && decoded.number === this.expected) {
        this.expected = (this.expected + 1) & 0xff
        await this.acknowledge()
        return decoded.data
      }
      if (decoded instanceof DeviceError) failure = decoded
      // Those that were on their way behind a lost one come in the wrong order: asking once is enough.
      const isStray = isAsked && !(decoded instanceof DeviceError)
      if (isStray) strays += 1
      else repeats += 1
      if (!isStray) await this.acknowledge()
      isAsked = true
    }
    throw failure
  }

  /** Says which frame is expected next: acknowledges those before it, and asks for it again. */
  private async acknowledge(): Promise<void> {
    await this.context.transport.write(encodeFrame(FRAME.ack, Uint8Array.of(this.expected, this.number, 0, 0)))
  }
}

function decodedOr({ type, payload }: FreestyleFrame): LibreFrame | DeviceError {
  if (type !== FRAME.binaryReply) throw new DeviceError('PROTOCOL', `frame of type ${type}`)
  try {
    return decodeLibreFrame(payload)
  } catch (error) {
    if (error instanceof DeviceError && error.code === 'CHECKSUM') return error
    throw error
  }
}

/** Nothing but what was asked for may come: a frame cut one zero too long would look like another message. */
function refuse(messages: readonly LibreMessage[], request: LibreMessage): void {
  const isCompressed = (operation: number): boolean =>
    request.operation === OPERATION.database && operation === OPERATION.compressedDatabase
  const strange = messages.find(({ operation }) => operation !== request.operation && !isCompressed(operation))
  if (strange !== undefined) {
    const what = strange.operation === OPERATION.error ? 'error' : `operation ${strange.operation}`
    throw new DeviceError('PROTOCOL', `${what} ${toHex(strange.data.subarray(0, 8))} to ${request.operation}`)
  }
}

async function table(link: LibreLink, number: number): Promise<Uint8Array[]> {
  const messages = await link.ask(
    { operation: OPERATION.database, data: Uint8Array.of(number) },
    ({ operation, data }) => operation === OPERATION.database && data.length === 0,
  )
  const records = messages.filter(({ data }) => data.length > 0).map(recordOf)
  if (records.some((record) => record[0] !== number)) throw new DeviceError('PROTOCOL', `another table than ${number}`)
  return records
}

function recordOf({ operation, data }: LibreMessage): Uint8Array {
  return operation === OPERATION.compressedDatabase ? decompress(data) : data
}

async function clockOf(link: LibreLink): Promise<string | null> {
  const [answer] = await link.ask(
    { operation: OPERATION.dateTime, data: new Uint8Array(0) },
    ({ operation }) => operation === OPERATION.dateTime,
  )
  const [second = 0, minute = 0, hour = 0, day = 0, month = 0, low = 0, high = 0, valid] = answer?.data ?? []
  return valid === 1 ? localTime(low | (high << 8), month, day, hour, minute, second) : null
}

/** What the reader's own clock calls 0, in seconds of local time since 1970. */
async function epochOf(link: LibreLink): Promise<number> {
  const [answer] = await link.ask(
    { operation: OPERATION.configuration, data: Uint8Array.of(FACTORY_TABLE) },
    ({ operation }) => operation === OPERATION.configuration,
  )
  const data = answer?.data ?? new Uint8Array(0)
  if (data[0] !== FACTORY_TABLE || data.length < EPOCH_AT + 4) {
    throw new DeviceError('PROTOCOL', `factory table of ${data.length} bytes`)
  }
  return new DataView(data.buffer, data.byteOffset).getInt32(EPOCH_AT, true)
}

async function readAll(context: DriverContext): Promise<MemoryReadout> {
  await greet(context, 'acknowledged')
  const link = new LibreLink(context)
  const deviceNow = await clockOf(link)
  const epochS = await epochOf(link)
  const results = await table(link, LIBRE_TABLE.results)
  context.progress(1, 2)
  const history = await table(link, LIBRE_TABLE.history)
  // The reader's own clock is never set, so that it tells the order across both tables.
  const inOrder = [...results, ...history].toSorted((a, b) => readerTimeOf(a) - readerTimeOf(b))
  const measurements = readingsOf(inOrder.map((record) => decodeLibreRecord(record, epochS)))
  context.progress(2, 2)
  return { measurements, deviceNow, complete: true }
}

/**
 * The driver.
 *
 * @param model - As printed on the reader.
 */
export function libreReader(model: string): Driver {
  return {
    async probe(context) {
      return { model, serial: await greet(context, 'acknowledged') }
    },
    read: readAll,
  }
}
