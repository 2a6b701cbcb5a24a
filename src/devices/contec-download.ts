/**
 * Reading the memory of a Contec HID oximeter: which records there are, then both halves of each.
 *
 * @remarks
 * The heads of all records are read before any values, as the unit wants it. A download that loses step is asked for
 * again from its start. One record is one measurement of each quantity: the median of its seconds with their range,
 * because a night of seconds is not a thousand readings; the seconds themselves stay in the bytes that are kept.
 * Proven by `tests/devices/contec-download.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { ask, CONTEC, identify } from './contec-link.ts'
import {
  decodeAutoHead,
  decodeManualHead,
  decodeStored,
  downloadCommand,
  MEMORY,
  RECORD_LIMIT,
  SeriesDecoder,
  type RecordHead,
  type SeriesName,
  type Value,
} from './contec-memory.ts'
import { partFrom, retrying } from './conversation.ts'
import { drain, throwIfAborted, type DriverContext, type MemoryReadout, type RecordedSeries } from './driver.ts'
import { DeviceError } from './errors.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'
import { inOneTimeline } from './stored-order.ts'
import { TIME_INVALID } from './timeline.ts'

const REPORT_MS = 1000
const QUIET_MS = 20
const TRIES = 3
/** Reports of padding that a unit may send behind a download. */
const PADDING_LIMIT = 256
/** A reading keeps the bytes that it comes from up to this length: two hours of seconds. */
const KEPT_BYTES = 8192

/** Flag of a reading that stands for a recorded stretch of time. */
const RECORDED = 'recorded-series'
/** Flag of one that is longer than the bytes that are kept with it. */
const CUT = 'series-bytes-cut'

/** Reads everything. The unit is told to stop whatever happens. */
export async function readMemory(context: DriverContext): Promise<MemoryReadout> {
  try {
    await identify(context)
    const heads = await readHeads(context)
    const total = heads.reduce((sum, { count }) => sum + 2 * count, 0)
    const series: RecordedSeries[] = []
    let done = 0
    for (const head of heads) {
      for (const name of ['spo2', 'pulse'] as const) {
        const part = await download(context, head, name, (values) => context.progress(done + values, total))
        done += head.count
        series.push(part)
      }
    }
    const measurements = inOneTimeline(series.flatMap((part) => measurementOf(part)))
    return { measurements, deviceNow: null, complete: true, series }
  } finally {
    await partFrom(async () => {
      await context.transport.write(CONTEC.stopAll)
      await drain(context.transport, QUIET_MS, PADDING_LIMIT)
    })
  }
}

async function readHeads(context: DriverContext): Promise<RecordHead[]> {
  const kind = decodeStored(await question(context, MEMORY.stored, 0xef))
  if (kind === null) return []
  if (kind === 'manual') return [decodeManualHead(await question(context, MEMORY.manualHead, 0xd0))]
  const heads: RecordHead[] = []
  for (let isLast = false; !isLast;) {
    const head = decodeAutoHead(await question(context, MEMORY.autoHead, 0xec))
    if (heads.length === RECORD_LIMIT || heads.some(({ index }) => index === head.index)) {
      throw new DeviceError('PROTOCOL', `record ${head.index} again`)
    }
    heads.push(head)
    isLast = head.isLast
  }
  return heads
}

/** A question whose answer must come. The unit sends the head of the next record at each question for it. */
async function question(context: DriverContext, command: Uint8Array, start: number): Promise<Uint8Array> {
  const answer = await ask(context, command, start)
  if (answer === null) throw new DeviceError('SILENT', `no answer to ${toHex(command)}`)
  return answer
}

async function download(
  context: DriverContext,
  head: RecordHead,
  name: SeriesName,
  progress: (values: number) => void,
): Promise<RecordedSeries> {
  let tries = 0
  return retrying(context, TRIES, QUIET_MS, async () => {
    // What is left of a download that lost step would be taken for the next one.
    if (tries++ > 0) await ask(context, CONTEC.stopAll, 0xf0)
    const decoder = new SeriesDecoder(head.kind, name, head.count)
    if (!decoder.isComplete) await context.transport.write(downloadCommand(head, name))
    while (!decoder.isComplete) {
      throwIfAborted(context)
      const report = await context.transport.read(REPORT_MS)
      if (report === null) throw new DeviceError('SILENT', `${decoder.values.length} of ${head.count} values`)
      decoder.add(report)
      progress(decoder.values.length)
    }
    await drain(context.transport, QUIET_MS, PADDING_LIMIT)
    return seriesOf(head, name, decoder)
  })
}

function seriesOf(head: RecordHead, quantity: SeriesName, decoder: SeriesDecoder): RecordedSeries {
  const { start, user } = head
  const raw = concatBytes(head.raw, ...decoder.packets)
  return { quantity, start, userSlot: user === null ? null : String(user), values: decoder.values, raw }
}

/** A recorded stretch as one measurement; none when nothing could be measured in it. */
function measurementOf(series: RecordedSeries): Measurement[] {
  const { quantity, start, userSlot, values, raw } = series
  const found = values.filter((value) => value !== null)
  if (found.length === 0) return []
  const [min, median, max] = rangeOf(found)
  return [
    {
      ...ORDINARY,
      kind: quantity === 'spo2' ? 'spo2' : 'heart-rate',
      quantities: [measured(quantity, String(median))],
      window: { seconds: values.length, min: String(min), max: String(max) },
      deviceTime: start,
      flags: [
        ...(start === null ? [TIME_INVALID] : []),
        RECORDED,
        ...(raw.length > KEPT_BYTES ? [CUT] : []),
        ...(found.length === values.length ? [] : ['artifacts']),
      ],
      userSlot,
      recordKey: `${quantity}:${toHex(raw.subarray(0, 64))}:${values.length}:${checkOf(values)}`,
      raw: raw.slice(0, KEPT_BYTES),
    },
  ]
}

/** The lower median, so that a value is always one that the unit has shown. */
function rangeOf(values: readonly number[]): [min: number, median: number, max: number] {
  const sorted = values.toSorted((a, b) => a - b)
  const [min, median, max] = [sorted[0], sorted[(sorted.length - 1) >> 1], sorted.at(-1)]
  assert(min !== undefined && median !== undefined && max !== undefined, 'a record has values')
  return [min, median, max]
}

/** Tells two records apart that begin alike (FNV-1a; no secret, no proof). */
function checkOf(values: readonly Value[]): string {
  const hash = values.reduce<number>((sum, value) => Math.imul(sum ^ (value ?? 255), 0x01000193) >>> 0, 0x811c9dc5)
  return hash.toString(16).padStart(8, '0')
}
