/**
 * Beurer BM55, BM58, BM65 with USB: upper-arm blood pressure monitors.
 *
 * @remarks
 * - Source: roose242/bmdump, p3pp3rX/beurer_bm58, muling-tt, beep-projects/bpconnect, NHS MediPi: six programs that
 *   agree. No raw session has been published.
 * - Reads: the readings of both users: pressures, pulse, arrhythmia, the BM55's movement bit; minutes, no seconds.
 * - Never sends: anything that sets or clears.
 * - Unknown: what asks for the clock; bits beyond those named (kept as `status-0x…`); which model answers, so that a
 *   bit which only some of them have is read alike on all. Answers carry no checksum. Units of newer firmware with
 *   numbered reports are not supported, nor are those with a serial converter (067B:2303).
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { forgetLateAnswers, nextReport, partFrom, retrying } from './conversation.ts'
import { drain, throwIfAborted, type DriverContext, type MemoryDriver, type MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { pressureOf } from './pressure.ts'
import { distinctKeys, oldestFirst } from './stored-order.ts'
import { localTime } from './timeline.ts'

export const REPORT_BYTES = 8
const FILL = 0xf4
const READY = 0x55
const NO_RECORD = 0xa9

/** First bytes of commands. */
export const BEURER = {
  hello: 0xaa,
  text: [0xa4, 0xa5, 0xa6, 0xa7],
  count: 0xa2,
  record: 0xa3,
  end: [0xf7, 0xf6],
} as const

const HELLO_MS = 2000
const REPLY_MS = 5000
const QUIET_MS = 60
const TRIES = 3
/** Of one user. */
const PLACES = 60
/** Between the two ends; known programs wait 40 to 50 ms. */
const END_PAUSE_MS = 50

/** A command with its argument, filled up as the known programs do. */
export function encodeCommand(command: number, argument: number = FILL): Uint8Array {
  return new Uint8Array(REPORT_BYTES).fill(FILL).with(0, command).with(1, argument)
}

async function ask(
  context: DriverContext,
  command: number,
  argument?: number,
  timeoutMs = REPLY_MS,
): Promise<Uint8Array> {
  throwIfAborted(context)
  // An answer does not say to which question.
  await forgetLateAnswers(context)
  await context.transport.write(encodeCommand(command, argument))
  const report = await nextReport(context, timeoutMs, toHex(Uint8Array.of(command)))
  if (report.length !== REPORT_BYTES) throw new DeviceError('PROTOCOL', `report of ${report.length} bytes`)
  return report
}

/** Asks whether the monitor is in its PC mode. */
async function hello(context: DriverContext): Promise<void> {
  await retrying(context, TRIES, QUIET_MS, async () => {
    const [first = 0] = await ask(context, BEURER.hello, undefined, HELLO_MS)
    if (first !== READY) throw new DeviceError('WRONG_MODEL', `answers ${first} to hello`)
  })
}

/** The monitor's text about itself. */
async function identify(context: DriverContext): Promise<string> {
  const parts: Uint8Array[] = []
  for (const command of BEURER.text) parts.push(await retrying(context, TRIES, QUIET_MS, () => ask(context, command)))
  const text = concatBytes(...parts).filter((byte) => byte !== FILL && byte >= 0x20 && byte < 0x7f)
  return String.fromCharCode(...text).trim()
}

/**
 * One record.
 *
 * @param raw - {@link REPORT_BYTES} bytes: systolic - 25, diastolic - 25, pulse, month (bit 7: movement), day (bit 7:
 *   user B), hour, minute, year - 2000 (bit 7: arrhythmia). Untrusted.
 * @throws {@link DeviceError} `PROTOCOL` on another length, and when it is another answer.
 */
export function decodeBeurerRecord(raw: Uint8Array): Measurement {
  if (raw.length !== REPORT_BYTES || !isRecord(raw)) throw new DeviceError('PROTOCOL', `record ${toHex(raw)}`)
  const [systolic = 0, diastolic = 0, pulse = 0, month = 0, day = 0, hour = 0, minute = 0, year = 0] = raw
  const unknown = ((month & 0x70) << 8) | (day & 0x60)
  return pressureOf({
    systolic: String(systolic + 25),
    diastolic: String(diastolic + 25),
    pulse: String(pulse),
    deviceTime: localTime(2000 + (year & 0x7f), month & 0x0f, day & 0x1f, hour, minute),
    flags: [
      ...((year & 0x80) === 0 ? [] : ['irregular-pulse']),
      ...((month & 0x80) === 0 ? [] : ['movement']),
      ...(unknown === 0 ? [] : [`status-0x${unknown.toString(16).padStart(4, '0')}`]),
    ],
    userSlot: (day & 0x80) === 0 ? 'A' : 'B',
    recordKey: toHex(raw),
    raw: raw.slice(),
  })
}

/** No clock shows other digits, and no pressure is the other way round. A clock that was never set may show zeros. */
function isRecord([systolic = 0, diastolic = 0, , month = 0, , hour = 0, minute = 0]: Uint8Array): boolean {
  return systolic > diastolic && (month & 0x0f) <= 12 && hour <= 23 && minute <= 59
}

/** Record `index`, 1 being the first; null when the monitor says that it has none there. */
async function readRecord(context: DriverContext, index: number): Promise<Measurement | null> {
  return retrying(context, TRIES, QUIET_MS, async () => {
    const raw = await ask(context, BEURER.record, index)
    // The mark of an empty place is also a systolic pressure of 194: with a record behind it, it is that.
    return raw[0] === NO_RECORD && !isRecord(raw) ? null : decodeBeurerRecord(raw)
  })
}

async function readAll(context: DriverContext): Promise<MemoryReadout> {
  await hello(context)
  const [count = 0] = await retrying(context, TRIES, QUIET_MS, () => ask(context, BEURER.count))
  const records: Measurement[] = []
  let missing = 0
  for (let index = 1; index <= count; index++) {
    const record = await readRecord(context, index)
    if (record === null) missing += 1
    else records.push(record)
    context.progress(index, count)
  }
  const ofUser = (user: string): Measurement[] => {
    const places = records.filter(({ userSlot }) => userSlot === user)
    return distinctKeys(oldestFirst(places, places.length === PLACES))
  }
  return { measurements: [...ofUser('A'), ...ofUser('B')], deviceNow: null, complete: missing === 0 }
}

async function end(context: DriverContext): Promise<void> {
  await partFrom(async () => {
    for (const command of BEURER.end) {
      await context.transport.write(encodeCommand(command))
      await drain(context.transport, END_PAUSE_MS, 8)
    }
  })
}

/** The driver. */
export const beurerMonitor: MemoryDriver = {
  async probe(context) {
    try {
      await hello(context)
      return { model: (await identify(context)) || 'BM55 / BM58 / BM65', serial: null }
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
 * Records as published, one a line.
 *
 * @param lines - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function beurerRecords(lines: readonly Uint8Array[]): Measurement[] {
  return distinctKeys(lines.map((line) => decodeBeurerRecord(line)))
}
