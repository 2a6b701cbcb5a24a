/**
 * Omron HEM-790IT / 7080IT, BP791IT, M10-IT, HEM-670IT, 1500PRO: upper-arm and wrist blood pressure monitors.
 *
 * @remarks
 * - Source: openyou/libomron (reverse engineered); three complete sessions of the vendor's program with an HEM-790IT
 *   and the vendor's own export.
 * - Reads: all readings of both users, oldest first: pressures, pulse, irregular pulse, movement, series number.
 * - Never sends: clear memory, anything that sets.
 * - Unknown: flag bits beyond those (kept as `status-0x…`); units other than 0 (refused). No command is known that
 *   reads the clock, and the serial number command answers the same on all units. HEM-637 has no flags word and is
 *   not supported. Pedometers share the ids: their version text does not begin with `M`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes, toHex } from '../shared/bytes.ts'
import {
  drain,
  throwIfAborted,
  type DeviceIdentity,
  type DriverContext,
  type MemoryDriver,
  type MemoryReadout,
} from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import {
  decodeRecord,
  decodeReply,
  decodeReport,
  encodeCount,
  encodeReading,
  encodeReports,
  OMRON,
  RECORD_BODY_BYTES,
} from './omron-frames.ts'

/** Feature reports that choose what the link is for. */
const MODE = { info: Uint8Array.of(0x01, 0x01), readings: Uint8Array.of(0x74, 0xbc) } as const

const REPLY_MS = 1000
const WAKE_MS = 500
const WAKE_TRIES = 10
const TRIES = 5
/** Known programs pause this long before they ask again. */
const PAUSE_MS = 150
/** The largest memory known holds 84 readings a user; a count above this is not one. */
const COUNT_LIMIT = 200

/** Bytes of the bodies of replies. */
const BODY = { version: 12, profile: 11, serial: 8, count: 5 } as const

async function send(context: DriverContext, message: Uint8Array): Promise<void> {
  for (const report of encodeReports(message)) await context.transport.write(report)
}

/** Chooses a mode and wakes the link. The first attempt in a mode is usually answered by "not ready". */
async function wake(context: DriverContext, mode: Uint8Array): Promise<void> {
  throwIfAborted(context)
  await context.transport.sendFeature(mode)
  for (let attempt = 0; attempt < WAKE_TRIES; attempt++) {
    throwIfAborted(context)
    await send(context, OMRON.wake)
    if (await isAwake(context)) return
  }
  throw new DeviceError('SILENT', `not awake after ${WAKE_TRIES} attempts`)
}

async function isAwake(context: DriverContext): Promise<boolean> {
  // An empty report may come for each report we sent, ahead of the answer.
  for (let i = 0; i < 8; i++) {
    const report = await context.transport.read(WAKE_MS)
    if (report === null) return false
    const decoded = decodeReport(report)
    if (decoded.kind === 'not-ready') return false
    if (decoded.kind === 'data' && equalBytes(decoded.bytes, OMRON.ok)) return true
  }
  return false
}

/**
 * Asks once.
 *
 * @returns The reply's body, or why there is none: `busy` (the device said NO) or `silent`.
 */
async function askOnce(
  context: DriverContext,
  message: Uint8Array,
  bodyBytes: number,
): Promise<Uint8Array | 'busy' | 'silent'> {
  await send(context, message)
  const wanted = OMRON.ok.length + bodyBytes + 1
  let reply: Uint8Array = new Uint8Array(0)
  while (reply.length < wanted) {
    const report = await context.transport.read(REPLY_MS)
    if (report === null) {
      if (reply.length === 0) return 'silent'
      throw new DeviceError('PROTOCOL', `reply ends after ${reply.length} of ${wanted} bytes`)
    }
    const decoded = decodeReport(report)
    if (decoded.kind !== 'data') continue
    if (reply.length === 0 && equalBytes(decoded.bytes, OMRON.busy)) return 'busy'
    // A bare OK is a late answer to waking: it belongs to no command.
    if (reply.length === 0 && equalBytes(decoded.bytes, OMRON.ok)) continue
    reply = concatBytes(reply, decoded.bytes)
  }
  if (reply.length > wanted) throw new DeviceError('PROTOCOL', `reply has ${reply.length} of ${wanted} bytes`)
  return decodeReply(reply)
}

/** Asks until there is an answer: again after NO, after a damaged reply, and after none. */
async function ask(context: DriverContext, message: Uint8Array, bodyBytes: number, tries = TRIES): Promise<Uint8Array> {
  let failure = new DeviceError('SILENT', `no reply to ${toHex(message)}`)
  for (let attempt = 0; attempt < tries; attempt++) {
    throwIfAborted(context)
    try {
      const answer = await askOnce(context, message, bodyBytes)
      if (answer instanceof Uint8Array) return answer
      if (answer === 'busy') failure = new DeviceError('PROTOCOL', `says NO to ${toHex(message)}`)
    } catch (error) {
      if (!(error instanceof DeviceError) || (error.code !== 'PROTOCOL' && error.code !== 'CHECKSUM')) throw error
      failure = error
      await drain(context.transport, PAUSE_MS, 32)
    }
  }
  throw failure
}

/** Who is there. */
async function identify(context: DriverContext): Promise<DeviceIdentity> {
  const version = await ask(context, OMRON.version, BODY.version)
  const model = String.fromCharCode(...version.subarray(1)).trim()
  // Pedometers answer on the same ids.
  if (version[1] !== 0x4d || !/^[ -~]+$/.test(model)) throw new DeviceError('WRONG_MODEL', `version ${toHex(version)}`)
  return { model, serial: null }
}

/** Asks what the vendor's program asks, though we have no use for the answer and some models may give none. */
async function askInPassing(context: DriverContext, message: Uint8Array, bodyBytes: number): Promise<void> {
  try {
    await ask(context, message, bodyBytes, 1)
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code === 'UNPLUGGED' || error.code === 'CANCELLED') throw error
  }
}

/** Readings of one user, oldest first. */
async function readBank(
  context: DriverContext,
  bank: number,
  count: number,
  done: number,
  total: number,
): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (let index = count - 1; index >= 0; index--) {
    const body = await ask(context, encodeReading(bank, index), RECORD_BODY_BYTES)
    measurements.push(decodeRecord(body, bank))
    context.progress(done + measurements.length, total)
  }
  return measurements
}

async function countOf(context: DriverContext, bank: number, tries: number): Promise<number> {
  const body = await ask(context, encodeCount(bank), BODY.count, tries)
  const count = ((body[3] ?? 0) << 8) | (body[4] ?? 0)
  if (count > COUNT_LIMIT) throw new DeviceError('PROTOCOL', `${count} readings in bank ${bank}`)
  return count
}

/** How many readings user B has; null when the device does not tell, as models with one user may do. */
async function countOfSecond(context: DriverContext): Promise<number | null> {
  try {
    return await countOf(context, 1, 2)
  } catch (error) {
    if (error instanceof DeviceError && (error.code === 'SILENT' || error.code === 'PROTOCOL')) return null
    throw error
  }
}

/** Ends the session. The unit switches itself off; without this some have been seen to hang. */
async function end(context: DriverContext): Promise<void> {
  try {
    await drain(context.transport, 10, 32)
    await send(context, OMRON.end)
    await drain(context.transport, 200, 8)
  } catch (error) {
    // A device that is gone cannot be told; what happened before is the better news.
    if (!(error instanceof DeviceError)) throw error
  }
}

async function readAll(context: DriverContext): Promise<MemoryReadout> {
  await wake(context, MODE.readings)
  await identify(context)
  await askInPassing(context, OMRON.profile, BODY.profile)
  const first = await countOf(context, 0, TRIES)
  const measurements = await readBank(context, 0, first, 0, first)
  const second = await countOfSecond(context)
  measurements.push(...(await readBank(context, 1, second ?? 0, first, first + (second ?? 0))))
  return { measurements, deviceNow: null, complete: second !== null }
}

/** The driver. */
export const omronMonitor: MemoryDriver = {
  async probe(context) {
    try {
      await wake(context, MODE.info)
      const identity = await identify(context)
      await askInPassing(context, OMRON.profile, BODY.profile)
      await askInPassing(context, OMRON.serial, BODY.serial)
      return identity
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
