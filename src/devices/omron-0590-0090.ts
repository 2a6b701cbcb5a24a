/**
 * Omron HEM-7322U (M500 IT, M6 Comfort IT) and HEM-7131U (M400 IT, M3 IT): upper-arm blood pressure monitors.
 *
 * @remarks
 * - Source: LazyT/obpm (sends these bytes, reads these addresses) and userx14/omblepy (the same memory over
 *   Bluetooth). No session over USB has been published: answers are composed from those two.
 * - Reads: the readings of both users: pressures, pulse, irregular pulse, movement; the serial number that the USB
 *   descriptor shows is a real one.
 * - Never sends: writes to the memory, the clock.
 * - Unknown: the order of the records (it follows from their times); six bytes and four bits of each. Which model
 *   answers is not said either: 60 or 100 places for each user. While nothing shows that it is the larger one, a record
 *   in a place that would be the first user's there and the second's on the smaller one has no user and the flag
 *   `user-unknown`.
 *
 * @packageDocumentation
 */
import { nextReport, partFrom, retrying } from './conversation.ts'
import { throwIfAborted, type DriverContext, type MemoryDriver, type MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import {
  BLOCK_BYTES,
  decodeBlock,
  decodeFrame,
  decodeMemoryRecord,
  encodeRead,
  isEmpty,
  OMRON_MEMORY,
  READ_ANSWER,
  RECORD_BYTES,
  RECORDS_AT,
} from './omron-memory.ts'
import { oldestFirst } from './stored-order.ts'

const REPLY_MS = 1000
const QUIET_MS = 100
const TRIES = 3

/** Places for records of one user, on the smaller and on the larger model. */
const SMALL = 60
const LARGE = 100
const SMALL_BLOCKS = (2 * SMALL * RECORD_BYTES) / BLOCK_BYTES
const LARGE_BLOCKS = (2 * LARGE * RECORD_BYTES) / BLOCK_BYTES

async function start(context: DriverContext): Promise<void> {
  await retrying(context, TRIES, QUIET_MS, async () => {
    await context.transport.write(OMRON_MEMORY.start)
    const { type } = decodeFrame(await nextReport(context, REPLY_MS, 'start'))
    if (type !== 0x8000) throw new DeviceError('PROTOCOL', `answer of type ${type} to start`)
  })
}

async function end(context: DriverContext): Promise<void> {
  await partFrom(async () => {
    await context.transport.write(OMRON_MEMORY.end)
    await context.transport.read(REPLY_MS)
  })
}

async function readBlock(context: DriverContext, index: number): Promise<Uint8Array> {
  const address = RECORDS_AT + index * BLOCK_BYTES
  return retrying(context, TRIES, QUIET_MS, async () => {
    await context.transport.write(encodeRead(address))
    return decodeBlock(await nextReport(context, REPLY_MS, `read at ${address}`), address)
  })
}

/** The memory of both users. The smaller model may not answer where its own ends. */
async function readMemory(context: DriverContext): Promise<Uint8Array> {
  const memory = new Uint8Array(LARGE_BLOCKS * BLOCK_BYTES)
  for (let index = 0; index < LARGE_BLOCKS; index++) {
    throwIfAborted(context)
    try {
      memory.set(await readBlock(context, index), index * BLOCK_BYTES)
    } catch (error) {
      const isBeyond = index >= SMALL_BLOCKS && error instanceof DeviceError && error.code === 'SILENT'
      if (!isBeyond) throw error
      return memory.subarray(0, SMALL_BLOCKS * BLOCK_BYTES)
    }
    context.progress(index + 1, LARGE_BLOCKS)
  }
  return memory
}

/** A place in the memory, and what stands in it. */
interface Place {
  index: number
  raw: Uint8Array
}

/** Which places are whose, on each model and where it is not known which it is. */
const AREAS = {
  small: [
    { from: 0, to: SMALL, user: '1' },
    { from: SMALL, to: 2 * SMALL, user: '2' },
  ],
  large: [
    { from: 0, to: LARGE, user: '1' },
    { from: LARGE, to: 2 * LARGE, user: '2' },
  ],
  either: [
    { from: 0, to: SMALL, user: '1' },
    { from: SMALL, to: LARGE, user: null },
    { from: LARGE, to: 2 * SMALL, user: '2' },
  ],
} as const

/**
 * The records of a memory, each user's oldest first.
 *
 * @param memory - From the first record on; as long as the smaller or the larger model's. Untrusted.
 */
export function decodeMemory(memory: Uint8Array): Pick<MemoryReadout, 'measurements' | 'complete'> {
  const places: Place[] = Array.from({ length: Math.floor(memory.length / RECORD_BYTES) }, (_, index) => ({
    index,
    raw: memory.slice(index * RECORD_BYTES, (index + 1) * RECORD_BYTES),
  }))
  const model = modelOf(places)
  const measurements = AREAS[model].flatMap(({ from, to, user }) => readingsOf(places.slice(from, to), user))
  const isSomethingBeyond = model === 'either' && places.slice(2 * SMALL).some(({ raw }) => !isEmpty(raw))
  return { measurements, complete: !isSomethingBeyond }
}

/**
 * The larger model is one that has records where the smaller has none: filled from the second user's first place on
 * without a gap, and every one of them likely. Otherwise it may be settings that stand there.
 */
function modelOf(places: readonly Place[]): keyof typeof AREAS {
  if (places.length <= 2 * SMALL) return 'small'
  const last = places.findLastIndex(({ raw }) => !isEmpty(raw))
  const isLarge = last >= 2 * SMALL && places.slice(LARGE, last + 1).every(({ raw }) => isLikely(raw))
  return isLarge ? 'large' : 'either'
}

function isLikely(raw: Uint8Array): boolean {
  const { deviceTime } = decodeMemoryRecord(raw, null, '')
  const [diastolic = 0, systolicLess25 = 0, , pulse = 0] = raw
  return deviceTime !== null && diastolic >= 20 && systolicLess25 + 25 > diastolic && pulse >= 20
}

function readingsOf(places: readonly Place[], user: string | null): Measurement[] {
  const written = places.filter(({ raw }) => !isEmpty(raw))
  const readings = written.map(({ raw }) => {
    const reading = decodeMemoryRecord(raw, user, user ?? 'unknown')
    return user === null ? { ...reading, flags: [...reading.flags, 'user-unknown'] } : reading
  })
  return oldestFirst(readings, written.length === places.length)
}

/** The probe may have started the session already: whether a monitor answers a second start is not known. */
async function startAgain(context: DriverContext): Promise<void> {
  try {
    await start(context)
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'SILENT') throw error
  }
}

async function readAll(context: DriverContext): Promise<MemoryReadout> {
  await startAgain(context)
  return { ...decodeMemory(await readMemory(context)), deviceNow: null }
}

/** The driver. */
export const omronMemoryMonitor: MemoryDriver = {
  async probe(context) {
    try {
      await start(context)
      return { model: 'HEM-7322U / HEM-7131U', serial: null }
    } catch (error) {
      await end(context)
      throw error
    }
  },
  async read(context) {
    try {
      return await readAll(context)
    } finally {
      await end(context)
    }
  },
}

/**
 * Records as published, one a line; or answers to reads, of which the whole records count.
 *
 * @param lines - 14 bytes, or a report with its id. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`.
 */
export function omronMemoryRecords(lines: readonly Uint8Array[]): Measurement[] {
  if (lines.every((line) => line.length === RECORD_BYTES)) {
    return lines.filter((raw) => !isEmpty(raw)).map((raw) => decodeMemoryRecord(raw, null, ''))
  }
  const memory = new Uint8Array(LARGE_BLOCKS * BLOCK_BYTES).fill(0xff)
  for (const line of lines) {
    const { type, address, data } = decodeFrame(line)
    // Other parts of the memory hold settings.
    const at = address - RECORDS_AT
    if (type === READ_ANSWER && at >= 0 && at + data.length <= memory.length) memory.set(data, at)
  }
  return decodeMemory(memory).measurements
}
