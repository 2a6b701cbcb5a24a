/**
 * Contec08A, Contec08C: upper-arm blood pressure monitors.
 *
 * @remarks
 * - Source: MarkMLl/contec08a (a capture of the vendor's program, and eight records beside the vendor's own export).
 * - Reads: the readings of the three users: pressures, mean pressure, pulse; minutes, no seconds.
 * - Never sends: `41`, which that source takes for the command that clears the memory; anything that sets.
 * - Unknown: what asks for the clock; bytes 0, 1, 8, 12 and 13 of a record; and **how a systolic pressure below 128 is
 *   sent, and anything else above 127**: every published byte has bit 7 set, and nobody has published such values. A
 *   record is therefore read only where it can be read in one way: the pressures when the mean stands between them as
 *   it does in people, which a systolic pressure with a wrong bit 7 cannot bring about; the pulse from 30 on. What is
 *   not read has no value and a flag, and its bytes are kept.
 *
 * The ids are the chip maker's default: what does not answer like this is another device.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { forgetLateAnswers, isMendable, nextReport, retrying } from './conversation.ts'
import { throwIfAborted, type DriverContext, type MemoryDriver, type MemoryReadout } from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import { pressureOf } from './pressure.ts'
import { distinctKeys, inOneTimeline } from './stored-order.ts'
import { localTime } from './timeline.ts'

export const REPORT_BYTES = 64

const TAIL = [0x8f, 0xff, 0xfe, 0xfd, 0xfc] as const

/** The questions. */
export const CONTEC08A = {
  ping: Uint8Array.of(0x40, ...TAIL),
  info: Uint8Array.of(0x42, ...TAIL),
} as const

/** Asks for the readings of user 1, 2 or 3; they come without being asked for one by one. */
export function encodeDownload(user: number): Uint8Array {
  return Uint8Array.of(0x43, 0x41, 0x01, 0x03 + user, 0x02)
}

export const USERS = [1, 2, 3] as const
/** First bytes of answers: to the ping, the question for its name and the download; before the records of a user. */
const OTHER_ANSWERS: ReadonlySet<number> = new Set([0x40, 0x48, 0x4a])
const HEAD = 0x46

const REPLY_MS = 1000
const QUIET_MS = 100
const TRIES = 3
/** No user has more. */
const COUNT_LIMIT = 100

/** Bytes of a record that carry meaning or did in the published ones. */
const RECORD_BYTES = 14
/** A record may be published, and sent, without what follows the minute. */
const SHORTEST_RECORD = 12

/** Asks, and makes sure that what comes begins with `answer`. */
async function ask(context: DriverContext, question: Uint8Array, answer: number): Promise<void> {
  await forgetLateAnswers(context)
  await context.transport.write(question)
  const report = await nextReport(context, REPLY_MS, toHex(question))
  if (report[0] !== answer) throw new DeviceError('PROTOCOL', `${toHex(report.subarray(0, 16))} to ${toHex(question)}`)
}

/** Greets as the vendor's program does, twice. Anything may answer that; only this device answers the question after it. */
async function hello(context: DriverContext): Promise<void> {
  for (let greeting = 0; greeting < 2; greeting++) {
    await retrying(context, TRIES, QUIET_MS, async () => {
      await context.transport.write(CONTEC08A.ping)
      await nextReport(context, REPLY_MS, 'ping')
    })
  }
  try {
    await retrying(context, TRIES, QUIET_MS, () => ask(context, CONTEC08A.info, 0x48))
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'PROTOCOL') throw error
    throw new DeviceError('WRONG_MODEL', 'does not say what it is', { cause: error })
  }
}

/**
 * One record.
 *
 * @param report - The report that carries it, at least 12 bytes. Untrusted.
 * @param userSlot - `1`, `2`, `3`; null when not known.
 * @throws {@link DeviceError} `PROTOCOL` when it is none.
 */
export function decodeContec08aRecord(report: Uint8Array, userSlot: string | null): Measurement {
  const raw = report.slice(0, RECORD_BYTES)
  if (raw.length < SHORTEST_RECORD || raw[0] !== 0x82) throw new DeviceError('PROTOCOL', `record ${toHex(raw)}`)
  // Every byte of a record has bit 7 set; the systolic pressure's may be its own.
  if (raw.some((byte, index) => index !== 2 && byte < 0x80)) throw new DeviceError('PROTOCOL', `record ${toHex(raw)}`)
  const [, , systolic = 0, ...rest] = raw
  const [diastolic = 0, pulse = 0, mean = 0, year = 0, month = 0, , day = 0, hour = 0, minute = 0] = rest.map(
    (byte) => byte & 0x7f,
  )
  const isReadable = systolic >= 0x80 && standTogether(systolic, diastolic, mean)
  const hasPulse = pulse >= 30
  const pressure = (value: number): string | null => (isReadable ? String(value) : null)
  return pressureOf({
    systolic: pressure(systolic),
    diastolic: pressure(diastolic),
    mean: pressure(mean),
    pulse: hasPulse ? String(pulse) : null,
    deviceTime: localTime(2000 + year, month, day, hour, minute),
    flags: [...(isReadable ? [] : ['pressure-undocumented']), ...(hasPulse ? [] : ['pulse-undocumented'])],
    userSlot,
    recordKey: `${userSlot ?? '?'}:${toHex(raw)}`,
    raw,
  })
}

/**
 * True when the mean pressure divides the other two as it does in people, by 0.28 to 0.75 of the way from the lower
 * to the upper (0.32 to 0.52 in the published records). With 128 too many in the upper one it would be below 0.28.
 */
function standTogether(systolic: number, diastolic: number, mean: number): boolean {
  const part = (mean - diastolic) / (systolic - diastolic)
  return diastolic >= 30 && part >= 0.28 && part <= 0.75
}

/** The readings of one user, as the device sends them. */
async function readUser(context: DriverContext, user: number): Promise<Measurement[]> {
  await forgetLateAnswers(context)
  await context.transport.write(encodeDownload(user))
  const first = await nextReport(context, REPLY_MS, `download ${user}`)
  if (first[0] !== 0x4a) throw new DeviceError('PROTOCOL', `download ${user}: ${toHex(first.subarray(0, 8))}`)
  // Plugged in, but switched off.
  if (first[2] !== 0x01) throw new DeviceError('SILENT', 'the instrument is switched off')
  const head = await nextReport(context, REPLY_MS, `head of user ${user}`)
  const count = (head[4] ?? 0) & 0x7f
  if (head[0] !== HEAD || count > COUNT_LIMIT || ((head[13] ?? 0) & 0x03) !== user) {
    throw new DeviceError('PROTOCOL', `head of user ${user}: ${toHex(head.subarray(0, 16))}`)
  }
  const measurements: Measurement[] = []
  while (measurements.length < count) {
    throwIfAborted(context)
    const record = await nextReport(context, REPLY_MS, `record ${measurements.length + 1} of ${count}`)
    measurements.push(decodeContec08aRecord(record, String(user)))
    context.progress(measurements.length, count)
  }
  return distinctKeys(inOneTimeline(measurements))
}

/** How the instrument answers for a user without readings is not known: one user's failure is not another's. */
async function readingsOrFailure(context: DriverContext, user: number): Promise<Measurement[] | DeviceError> {
  try {
    return await retrying(context, TRIES, QUIET_MS, () => readUser(context, user))
  } catch (error) {
    if (!(error instanceof DeviceError) || !isMendable(error)) throw error
    return error
  }
}

/** The driver. There is nothing that ends a session. */
export const contec08aMonitor: MemoryDriver = {
  async probe(context) {
    await hello(context)
    return { model: 'Contec08A', serial: null }
  },
  async read(context): Promise<MemoryReadout> {
    await hello(context)
    const measurements: Measurement[] = []
    const failures: DeviceError[] = []
    for (const user of USERS) {
      const found = await readingsOrFailure(context, user)
      if (found instanceof DeviceError) failures.push(found)
      else measurements.push(...found)
    }
    const [failure] = failures
    if (failure !== undefined && failures.length === USERS.length) throw failure
    return { measurements, deviceNow: null, complete: failure === undefined }
  },
}

/**
 * Reports as published, one a line: records, and the head that says whose they are.
 *
 * @param lines - Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`.
 */
export function contec08aRecords(lines: readonly Uint8Array[]): Measurement[] {
  let user: string | null = null
  const records: Measurement[] = []
  for (const line of lines) {
    if (line[0] === HEAD) user = String((line[13] ?? 0) & 0x03)
    else if (!OTHER_ANSWERS.has(line[0] ?? 0)) records.push(decodeContec08aRecord(line, user))
  }
  return distinctKeys(records)
}
