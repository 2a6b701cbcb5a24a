/**
 * TaiDoc instruments with a CP2110 bridge (GlucoRx Nexus, FORA, Aktivmed and others): glucose meters TD-4277, 4235,
 * 4279, 4141, 4283, 4257; blood pressure TD-3128; thermometers TD-1241, 1261, 1035; oximeters TD-8201, 8255; scale
 * TD-2555.
 *
 * @remarks
 * - Source: glucometers-tech/glucometer-protocols and glucometerutils (glucose, with real times), tidepool-org/uploader;
 *   advmeds-bluetooth-lib for all others, which it reads by the same packets over Bluetooth. No session is published.
 * - Reads: all records of the memory with their times, oldest first; of an oximeter what it measures now; of a scale
 *   its last weight; serial number; the clock.
 * - Never sends: the clock, clearing the memory, starting a measurement, switching off. The bridge is set to the
 *   speed of the instrument, which it forgets when unplugged.
 * - Unknown: everything about the other instruments over USB (their readings are flagged `experimental-decoder`), the
 *   scale of ketone values, when a scale weighed. Instruments of several kinds in one are not supported.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import { retrying } from './conversation.ts'
import { readingsOf, type LogEntry } from './device-log.ts'
import {
  drain,
  throwIfAborted,
  type DeviceIdentity,
  type Driver,
  type DriverContext,
  type MemoryReadout,
} from './driver.ts'
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'
import {
  BRIDGE,
  COMMAND,
  decodeBridgeReport,
  encodeBridgeReport,
  encodeRequest,
  LISTENING,
  PACKET_START,
  takePacket,
  WEIGHT_REQUEST,
  type TaidocPacket,
} from './taidoc-packets.ts'
import { decodeRecord, decodeWeight, modelOf, timeOf, type TaidocKind } from './taidoc-records.ts'

const REPLY_MS = 1000
const TRIES = 3
const QUIET_MS = 100
/** More of anything is not an answer. */
const NOISE_LIMIT = 256
/** The largest memory known holds 1000 records. */
const COUNT_LIMIT = 4000
const WEIGHT_QUIET_MS = 200
/** How often an oximeter is asked until it shows the same twice, and how long in between. */
const OXIMETRY_TRIES = 20
const OXIMETRY_PAUSE_MS = 500

/** The line behind the bridge. */
class TaidocLink {
  private readonly context: DriverContext

  constructor(context: DriverContext) {
    this.context = context
  }

  /** Sets the bridge to the instrument's speed and switches it on. */
  async open(): Promise<void> {
    throwIfAborted(this.context)
    await this.context.transport.sendFeature(BRIDGE.configure)
    await this.context.transport.sendFeature(BRIDGE.enable)
  }

  /**
   * Asks for four bytes.
   *
   * @param index - Number of a record, 0 is the newest.
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
   */
  async ask(command: number, index = 0): Promise<Uint8Array> {
    return retrying(this.context, TRIES, QUIET_MS, async () => {
      await this.send(command, index)
      return this.answer(command, index)
    })
  }

  /** Asks with a request of its own for an answer of any length: it ends when the instrument falls silent. */
  async askLong(request: Uint8Array): Promise<Uint8Array> {
    return retrying(this.context, TRIES, QUIET_MS, async () => {
      await this.context.transport.write(encodeBridgeReport(request))
      const parts = [await this.read(REPLY_MS)]
      for (;;) {
        const report = await this.context.transport.read(WEIGHT_QUIET_MS)
        if (report === null) return concatBytes(...parts)
        parts.push(decodeBridgeReport(report))
        if (parts.length > NOISE_LIMIT) throw new DeviceError('PROTOCOL', 'an answer without end')
      }
    })
  }

  /** Waits, and drops what comes meanwhile. */
  async pause(durationMs: number): Promise<void> {
    await drain(this.context.transport, durationMs, NOISE_LIMIT)
  }

  private async send(command: number, argument: number): Promise<void> {
    await this.context.transport.write(encodeBridgeReport(encodeRequest(command, argument & 0xff, argument >> 8)))
  }

  private async answer(command: number, index: number): Promise<Uint8Array> {
    let buffer: Uint8Array = new Uint8Array(0)
    for (let received = 0; received <= NOISE_LIMIT;) {
      const taken = takePacket(buffer)
      buffer = taken.rest
      if (taken.packet?.command === command) return taken.packet.data
      // It was not listening yet when we asked. Other packets are late answers to earlier questions.
      if (taken.packet?.command === LISTENING) await this.send(command, index)
      if (taken.packet !== null) continue
      const bytes = await this.read(REPLY_MS)
      received += bytes.length
      buffer = concatBytes(buffer, bytes)
    }
    throw new DeviceError('PROTOCOL', `no answer to ${command} in ${NOISE_LIMIT} bytes`)
  }

  private async read(timeoutMs: number): Promise<Uint8Array> {
    throwIfAborted(this.context)
    const report = await this.context.transport.read(timeoutMs)
    if (report === null) throw new DeviceError('SILENT', 'no answer')
    return decodeBridgeReport(report)
  }
}

async function serialOf(link: TaidocLink): Promise<string | null> {
  const high = await link.ask(COMMAND.serialHigh)
  const low = await link.ask(COMMAND.serialLow)
  const serial = toHex(Uint8Array.of(...high.toReversed(), ...low.toReversed()))
  return /^(?:0+|f+)$/.test(serial) ? null : serial.toUpperCase()
}

async function countOf(link: TaidocLink): Promise<number> {
  const [low = 0, high = 0] = await link.ask(COMMAND.count)
  const count = low | (high << 8)
  if (count > COUNT_LIMIT) throw new DeviceError('PROTOCOL', `${count} records`)
  return count
}

async function readMemory(context: DriverContext, link: TaidocLink, kind: TaidocKind): Promise<Measurement[]> {
  const count = await countOf(link)
  const entries: LogEntry[] = []
  for (let index = count - 1; index >= 0; index--) {
    const time = await link.ask(COMMAND.recordTime, index)
    entries.push(decodeRecord(kind, time, await link.ask(COMMAND.recordValue, index)))
    context.progress(entries.length, count)
  }
  // A record that came meanwhile has moved all others: time and value may be of two.
  if ((await countOf(link)) !== count) throw new DeviceError('PROTOCOL', 'a record came while reading')
  return readingsOf(entries)
}

async function readWeight(link: TaidocLink): Promise<Measurement[]> {
  const weight = decodeWeight(await link.askLong(WEIGHT_REQUEST))
  return weight === null ? [] : [weight]
}

/** What the oximeter measures, once it says the same twice. */
async function readOximetry(context: DriverContext, link: TaidocLink): Promise<Measurement[]> {
  let before = ''
  for (let i = 0; i < OXIMETRY_TRIES; i++) {
    const value = await link.ask(COMMAND.oximetry)
    const entry = decodeRecord('spo2', new Uint8Array(4), value)
    if (entry.kind === 'reading' && toHex(value) === before) return [measuredNow(entry.measurement, context.nowMs())]
    before = entry.kind === 'reading' ? toHex(value) : ''
    await link.pause(OXIMETRY_PAUSE_MS)
  }
  throw new DeviceError('NO_FINGER', 'no saturation')
}

/** It is measured as it is asked for: no time of its own, and no other reading even with the same numbers. */
function measuredNow(measurement: Measurement, nowMs: number): Measurement {
  return { ...measurement, flags: measurement.flags.slice(1), recordKey: `${measurement.recordKey}@${nowMs}` }
}

async function identify(link: TaidocLink): Promise<{ model: string; kind: TaidocKind }> {
  await link.open()
  return modelOf(await link.ask(COMMAND.model))
}

/** What the kind of instrument has: a memory, a last weight, or what it measures now. */
async function readAll(context: DriverContext): Promise<MemoryReadout> {
  const link = new TaidocLink(context)
  const { kind } = await identify(link)
  if (kind === 'spo2') return { measurements: await readOximetry(context, link), deviceNow: null, complete: true }
  if (kind === 'weight') return { measurements: await readWeight(link), deviceNow: null, complete: true }
  const deviceNow = timeOf(await link.ask(COMMAND.clock))
  return { measurements: await readMemory(context, link, kind), deviceNow, complete: true }
}

/**
 * Readings in the packets of an exchange. Before the first value, the model must have been told.
 *
 * @param lines - Packets, or reports of the bridge. Untrusted.
 * @throws {@link DeviceError} `PROTOCOL`, `CHECKSUM`, `WRONG_MODEL`.
 */
export function taidocRecords(lines: readonly Uint8Array[]): Measurement[] {
  const entries: LogEntry[] = []
  let kind: TaidocKind | null = null
  let time: Uint8Array = new Uint8Array(4)
  for (const { command, data } of packetsOf(lines)) {
    if (command === COMMAND.model) kind = modelOf(data).kind
    if (command === COMMAND.recordTime) time = data
    if (command !== COMMAND.recordValue && command !== COMMAND.oximetry) continue
    if (kind === null) throw new DeviceError('PROTOCOL', 'no model before the first value: it could be anything')
    entries.push(decodeRecord(kind, time, data))
    time = new Uint8Array(4)
  }
  return readingsOf(entries)
}

function packetsOf(lines: readonly Uint8Array[]): TaidocPacket[] {
  const packets: TaidocPacket[] = []
  let rest = concatBytes(...lines.map((line) => (line[0] === PACKET_START ? line : decodeBridgeReport(line))))
  for (;;) {
    const taken = takePacket(rest)
    if (taken.packet === null) return packets
    packets.push(taken.packet)
    rest = taken.rest
  }
}

/** The driver. */
export const taidocInstrument: Driver = {
  /** Asks for model and serial number. */
  async probe(context): Promise<DeviceIdentity> {
    const link = new TaidocLink(context)
    const { model } = await identify(link)
    return { model, serial: await serialOf(link) }
  },
  read: readAll,
}
