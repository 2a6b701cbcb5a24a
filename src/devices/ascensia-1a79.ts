/**
 * Ascensia (Bayer) Contour USB, Next USB, Next, Next Link, Next Link 2.4, Next One, Plus One, Plus Blue: glucose meters.
 *
 * @remarks
 * - Source: ASTM E1381 and E1394; hilljb/glucodump and glucometerutils with real reports and frames, healer,
 *   tidepool-org/uploader. No whole session is published; the one in the tests is put together from real records.
 * - Reads: all results with their own unit, oldest first: markers, control solution, HI and LO; serial number; the clock.
 * - Never sends: the clock, disconnecting, anything that sets. The transfer has no other commands than ACK and NAK.
 * - Unknown: most markers (kept as `mark-…`); results of other names (carbohydrates, insulin) are left out. Nothing
 *   is used of a transfer that did not reach its end record.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { partFrom } from './conversation.ts'
import {
  CONTOUR_REPORT_BYTES,
  CONTROL,
  decodeContourFrame,
  decodeContourReport,
  encodeContourReports,
  frameLength,
  MARKED,
  type ContourFrame,
} from './ascensia-frames.ts'
import { decodeHeader, decodeResults, type ContourHeader } from './ascensia-records.ts'
import { readingsOf } from './device-log.ts'
import { drain, throwIfAborted, type Driver, type DriverContext, type MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'

const SLICE_MS = 500
const SILENCE_SLICES = 10
/** Times that a frame is asked for again, and that a transfer is begun. */
const REPEATS = 6
const STARTS = 2
/** The largest memory holds 2000 results; each may have an order of its own. */
const FRAME_COUNT_LIMIT = 8192
/** What is left over from an earlier transfer is dropped first. */
const STALE_LIMIT = 64
const QUIET_MS = 50

type Token = { control: number } | { frame: ContourFrame }

/** The link: control bytes out, control bytes and frames in. */
class ContourLink {
  private readonly context: DriverContext
  private buffer: Uint8Array = new Uint8Array(0)

  constructor(context: DriverContext) {
    this.context = context
  }

  async send(control: number): Promise<void> {
    for (const report of encodeContourReports(Uint8Array.of(control))) await this.context.transport.write(report)
  }

  /** Drops what has come and waits until nothing more does. */
  async quiet(): Promise<void> {
    this.buffer = new Uint8Array(0)
    await drain(this.context.transport, QUIET_MS, STALE_LIMIT)
  }

  /**
   * The next control byte or frame.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
   */
  async next(): Promise<Token> {
    for (;;) {
      const [first] = this.buffer
      if (first === CONTROL.stx) {
        const length = frameLength(this.buffer)
        if (length !== null) return { frame: decodeContourFrame(this.take(length)) }
      } else if (first !== undefined) {
        return { control: controlOf(this.take(1)) }
      }
      this.buffer = concatBytes(this.buffer, await this.read())
    }
  }

  private take(bytes: number): Uint8Array {
    const taken = this.buffer.slice(0, bytes)
    this.buffer = this.buffer.slice(bytes)
    return taken
  }

  private async read(): Promise<Uint8Array> {
    for (let slices = 0; slices < SILENCE_SLICES; slices++) {
      throwIfAborted(this.context)
      const report = await this.context.transport.read(SLICE_MS)
      if (report === null) continue
      const bytes = decodeContourReport(report)
      if (bytes.length > 0) return bytes
    }
    throw new DeviceError('SILENT', `nothing after ${this.buffer.length} bytes`)
  }
}

function controlOf(bytes: Uint8Array): number {
  const [control = 0] = bytes
  if (!(Object.values(CONTROL) as number[]).includes(control)) {
    throw new DeviceError('PROTOCOL', `${toHex(bytes)} between frames`)
  }
  return control
}

/** Starts a transfer. The meter answers with EOT, its header, and ENQ. */
async function start(link: ContourLink): Promise<ContourHeader> {
  let failure = new DeviceError('PROTOCOL', 'no header')
  for (let attempt = 0; attempt < STARTS; attempt++) {
    await link.quiet()
    await link.send(CONTROL.eot)
    try {
      return await headerOf(link)
    } catch (error) {
      if (!(error instanceof DeviceError) || !isMendable(error)) throw error
      failure = error
    }
  }
  throw failure
}

async function headerOf(link: ContourLink): Promise<ContourHeader> {
  let header: ContourHeader | null = null
  for (let i = 0; i < REPEATS; i++) {
    const token = await link.next()
    if ('frame' in token) header = decodeHeader(token.frame.text)
    else if (token.control === CONTROL.enq && header !== null) return header
    else if (token.control === CONTROL.nak) break
  }
  throw new DeviceError('PROTOCOL', 'no header')
}

/** Frames from the header to the end record, each acknowledged; a repeated one counts once. */
async function transfer(context: DriverContext, link: ContourLink, results: number): Promise<string[]> {
  const texts: string[] = []
  let last: ContourFrame | null = null
  while (last?.isLast !== true) {
    await link.send(CONTROL.ack)
    const frame = await nextFrame(link)
    if (last !== null && frame.number === last.number) continue
    if (frame.number !== ((last?.number ?? 0) + 1) % 8) throw new DeviceError('PROTOCOL', `frame ${frame.number}`)
    if (texts.length >= FRAME_COUNT_LIMIT) throw new DeviceError('PROTOCOL', 'a transfer without end')
    texts.push(frame.text)
    last = frame
    context.progress(Math.min(Math.max(0, texts.length - 2), results), results)
  }
  if (texts.at(-1)?.startsWith('L|') !== true) throw new DeviceError('PROTOCOL', 'the last frame is no end record')
  return texts
}

/** The next frame, asked for again while it is damaged or does not come. */
async function nextFrame(link: ContourLink): Promise<ContourFrame> {
  let failure: DeviceError | null = null
  for (let repeats = 0; repeats < REPEATS; repeats++) {
    try {
      return await frameOf(link)
    } catch (error) {
      if (!(error instanceof DeviceError) || !isMendable(error)) throw error
      // A meter that stays silent would be asked for half a minute; what was wrong before says more.
      if (error.code === 'SILENT' && failure !== null) throw failure
      failure = error
      await link.quiet()
      await link.send(CONTROL.nak)
    }
  }
  throw failure ?? new DeviceError('PROTOCOL', 'no frame')
}

function isMendable({ code, message }: DeviceError): boolean {
  return code === 'CHECKSUM' || code === 'SILENT' || (code === 'PROTOCOL' && message !== ENDED)
}

const ENDED = 'the transfer ended before its end record'

async function frameOf(link: ContourLink): Promise<ContourFrame> {
  for (let i = 0; i < REPEATS; i++) {
    const token = await link.next()
    if ('frame' in token) return token.frame
    if (token.control === CONTROL.eot) throw new DeviceError('PROTOCOL', ENDED)
    if (token.control === CONTROL.enq) await link.send(CONTROL.ack)
  }
  throw new DeviceError('PROTOCOL', 'control bytes and no frame')
}

/** Acknowledges the end record; the meter answers with EOT. */
async function finish(link: ContourLink): Promise<void> {
  await partFrom(async () => {
    await link.send(CONTROL.ack)
    await link.quiet()
  })
}

function isSame(first: ContourHeader, second: ContourHeader): boolean {
  const without = (header: ContourHeader): string => JSON.stringify({ ...header, deviceNow: null })
  return without(first) === without(second)
}

/** Frames are numbered to 8 only; the results count on. */
function isCounted(texts: readonly string[]): boolean {
  const numbers = texts.flatMap((text) => /^R\|(\d+)\|/.exec(text)?.[1] ?? []).map(Number)
  return numbers.every((number, index) => number > (numbers[index - 1] ?? -1))
}

/** The whole transfer, up to its end record. */
async function readAll(context: DriverContext): Promise<MemoryReadout> {
  const link = new ContourLink(context)
  const first = await start(link)
  const [head = '', ...texts] = await transfer(context, link, first.results ?? 0)
  await finish(link)
  const header = decodeHeader(head)
  // It comes twice. A sum does not notice when parts of it have changed places.
  if (!isSame(first, header)) throw new DeviceError('PROTOCOL', 'the header came in two versions')
  if (!isCounted(texts)) throw new DeviceError('PROTOCOL', 'results are out of order')
  const entries = decodeResults(texts.slice(0, -1), header.scale)
  return {
    measurements: readingsOf(entries),
    deviceNow: header.deviceNow,
    complete: header.results === null || header.results === entries.length,
  }
}

/**
 * Readings in the frames of a transfer, or of a part of one.
 *
 * @param lines - Reports, or bytes of the frames themselves. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`, `WRONG_MODEL`.
 */
export function contourRecords(lines: readonly Uint8Array[]): Measurement[] {
  const texts = framesOf(concatBytes(...lines.map(bytesOf))).map(({ text }) => text)
  const head = texts.find((text) => text.startsWith('H|'))
  return readingsOf(decodeResults(texts, head === undefined ? null : decodeHeader(head).scale))
}

function bytesOf(line: Uint8Array): Uint8Array {
  return line.length === CONTOUR_REPORT_BYTES && line[0] === MARKED ? decodeContourReport(line) : line
}

function framesOf(bytes: Uint8Array): ContourFrame[] {
  const frames: ContourFrame[] = []
  let rest = bytes
  while (rest.length > 0) {
    const length = rest[0] === CONTROL.stx ? frameLength(rest) : 1
    if (length === null) throw new DeviceError('PROTOCOL', 'the last frame is not all there')
    if (rest[0] === CONTROL.stx) frames.push(decodeContourFrame(rest.subarray(0, length)))
    else controlOf(rest)
    rest = rest.subarray(length)
  }
  return frames
}

/** The driver. */
export const contourMeter: Driver = {
  /** Asks for the header. */
  async probe(context) {
    const { identity } = await start(new ContourLink(context))
    return identity
  },
  read: readAll,
}
