/**
 * Beurer BF480 USB: a scale that estimates body composition and keeps the readings of ten users.
 *
 * @remarks
 * - Source: Urban82/BeurerScaleManager and NHS MediPi. No dump has been published.
 * - Reads: weight, and where it was measured the shares of fat, water and muscle, of each user who is set up; minutes,
 *   no seconds; the scale's clock.
 * - Never sends: anything but the one question.
 * - Unknown: what the rest of the last 512 bytes says. Height, birth date, gender and activity of the users stand in
 *   them and are not kept. The dump has no checksum: it counts only when it is whole.
 *
 * The question is a feature report in the one program and an output report in the other's words: it is asked the
 * second way when the first stays without answer.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { forgetEarlierSession } from './conversation.ts'
import { throwIfAborted, type DriverContext, type MemoryDriver, type MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import { measured, ORDINARY, type Measurement } from './measurement.ts'
import { distinctKeys, inOneTimeline, oldestFirst } from './stored-order.ts'
import { localTime, TIME_INVALID } from './timeline.ts'

export const REPORT_BYTES = 8
/** Asks for the whole memory. */
export const BF480_QUESTION = Uint8Array.of(0x10, 0, 0, 0, 0, 0, 0, 0)

/** Bytes of the memory, and where its parts begin. */
export const BF480 = {
  bytes: 8192,
  users: 10,
  places: 60,
  variables: 6,
  variableBytes: 128,
  userBlocks: 7936,
  userBlockBytes: 8,
  date: 8160,
  time: 8163,
} as const
const USER_BYTES = BF480.variables * BF480.variableBytes

const PLACE_BYTES = 2 * BF480.variables

const FIRST_MS = 3000
const NEXT_MS = 2000
const QUIET_MS = 200

/** The day of a word: years since 1920 (7 bits), month (4), day (5). The time of another: hour, minute. */
function timeOf(date: number, time: number): string | null {
  return localTime(1920 + (date >> 9), (date >> 5) & 0x0f, date & 0x1f, time >> 8, time & 0xff)
}

/** Nothing was ever written here. */
const isBlank = (word: number): boolean => word === 0 || word === 0xffff

/** Tenths as text: 724 is 72.4. */
const tenths = (word: number): string => `${Math.floor(word / 10)}.${word % 10}`

/**
 * One place of a user's memory.
 *
 * @param words - Weight in tenths of a kilogram, fat, water and muscle in tenths of a percent, date, time. Untrusted.
 * @param user - The user's number on the scale; null when not known.
 * @returns Null for an empty place.
 */
export function decodeBf480Record(words: readonly number[], user: number | null): Measurement | null {
  const [weight = 0, fat = 0, water = 0, muscle = 0, date = 0, time = 0] = words
  if (isBlank(weight)) return null
  const deviceTime = timeOf(date, time)
  const raw = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]))
  // With shoes on there is a weight and nothing else.
  const share = (name: 'body-fat' | 'body-water' | 'muscle-mass', word: number) =>
    isBlank(word) ? [] : [measured(name, tenths(word), '%')]
  return {
    kind: 'weight',
    quantities: [
      measured('weight', tenths(weight), 'kg'),
      ...share('body-fat', fat),
      ...share('body-water', water),
      ...share('muscle-mass', muscle),
    ],
    deviceTime,
    flags: deviceTime === null ? [TIME_INVALID] : [],
    ...ORDINARY,
    userSlot: user === null ? null : String(user),
    recordKey: `${user ?? ''}:${toHex(raw)}`,
    raw,
  }
}

/** The readings of one user, oldest first; none when there is no such user. */
function readingsOfUser(memory: DataView, user: number, deviceNow: string | null): Measurement[] {
  const id = memory.getUint8(BF480.userBlocks + user * BF480.userBlockBytes)
  if (id < 1 || id > BF480.users) return []
  const places = Array.from({ length: BF480.places }, (_, place) =>
    Array.from({ length: BF480.variables }, (__, variable) =>
      memory.getUint16(user * USER_BYTES + variable * BF480.variableBytes + place * 2),
    ),
  )
  const readings = places.map((words) => decodeBf480Record(words, id)).filter((reading) => reading !== null)
  const stored = oldestFirst(readings, readings.length === BF480.places)
  return distinctKeys(inOneTimeline(stored, deviceNow))
}

/**
 * A whole memory.
 *
 * @param memory - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` when it is not whole, or no user's number is one.
 */
export function decodeBf480Memory(memory: Uint8Array): MemoryReadout {
  if (memory.length !== BF480.bytes) throw new DeviceError('PROTOCOL', `memory of ${memory.length} bytes`)
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
  const deviceNow = timeOf(view.getUint16(BF480.date), view.getUint16(BF480.time))
  const users = Array.from({ length: BF480.users }, (_, user) => readingsOfUser(view, user, deviceNow))
  return { measurements: users.flat(), deviceNow, complete: true }
}

async function firstReport(context: DriverContext): Promise<Uint8Array> {
  await context.transport.sendFeature(BF480_QUESTION)
  const report = await context.transport.read(FIRST_MS)
  if (report !== null) return report
  throwIfAborted(context)
  await context.transport.write(BF480_QUESTION)
  const late = await context.transport.read(FIRST_MS)
  if (late === null) throw new DeviceError('SILENT', 'no answer')
  return late
}

async function dump(context: DriverContext): Promise<Uint8Array> {
  const memory = new Uint8Array(BF480.bytes)
  let report: Uint8Array | null = await firstReport(context)
  for (let at = 0; at < memory.length; at += REPORT_BYTES) {
    throwIfAborted(context)
    if (at > 0) report = await context.transport.read(NEXT_MS)
    if (report?.length !== REPORT_BYTES) throw new DeviceError('PROTOCOL', `dump ends after ${at} bytes`)
    memory.set(report, at)
    context.progress(at + REPORT_BYTES, memory.length)
  }
  // One report more would mean that one was lost or doubled: nothing of such a dump is where it should be.
  if ((await context.transport.read(QUIET_MS)) !== null) throw new DeviceError('PROTOCOL', 'more than a whole dump')
  return memory
}

/**
 * A dump, asked for once more when the first was not whole: on a busy machine the rest of a session that was given up may
 * come so late that it stands before the answer.
 */
async function wholeDump(context: DriverContext): Promise<Uint8Array> {
  await forgetEarlierSession(context)
  try {
    return await dump(context)
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'PROTOCOL') throw error
    await forgetEarlierSession(context)
    return dump(context)
  }
}

/** The driver. There is nothing that ends a session, and no question that only asks who is there. */
export const bf480Scale: MemoryDriver = {
  async probe(context) {
    throwIfAborted(context)
    return Promise.resolve({ model: 'BF480', serial: null })
  },
  async read(context) {
    return decodeBf480Memory(await wholeDump(context))
  },
}

/**
 * Places of the memory, one a line; or the reports of a whole dump.
 *
 * @param lines - 12 bytes each (weight, fat, water, muscle, date, time), or 1024 times 8. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function bf480Records(lines: readonly Uint8Array[]): Measurement[] {
  if (lines.some((line) => line.length !== PLACE_BYTES)) return decodeBf480Memory(concatBytes(...lines)).measurements
  const places = lines.map((line) => {
    const view = new DataView(line.buffer, line.byteOffset, line.byteLength)
    return Array.from({ length: BF480.variables }, (_, variable) => view.getUint16(variable * 2))
  })
  return distinctKeys(places.map((words) => decodeBf480Record(words, null)).filter((reading) => reading !== null))
}
