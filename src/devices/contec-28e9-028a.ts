/**
 * Contec CMS50E, Beurer PO 80, Pulox PO-400 (CMS50F): pulse oximeters with a USB plug of their own.
 *
 * @remarks
 * - Source: icefest/pulseoxdl and stgloorious/hid-pulse-oximeter (reverse engineered); recordings of the first,
 *   checked against the vendor's own export.
 * - Reads: saturation, pulse rate, plethysmogram, and perfusion index where the model has one, live; the records of
 *   its memory, one value a second.
 * - Never sends: set clock (`83`), delete (`9D 7F …`, `A1 …`), and `A7 01`, which the vendor sends between the halves of
 *   a Manual record and nothing needs.
 * - Unknown: byte 2 of a wave packet; the meaning of the two vendor start commands `82 02` and `80 00`, which are
 *   sent because the vendor sends them. No serial number: two units differ by their port only.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { readMemory } from './contec-download.ts'
import { ask, CONTEC, identify } from './contec-link.ts'
import { decodeLiveReport, NO_PERFUSION, type LivePacket, type NumbersPacket } from './contec-packets.ts'
import type { DriverContext, LiveDriver, LiveSample, MemoryDriver } from './driver.ts'
import { DeviceError } from './errors.ts'

/** The device stops without one within some seconds; both known programs send it every 5 s. */
export const KEEP_ALIVE_MS = 5000
/** How long a stream is listened to before the clock is looked at. */
const REPORT_MS = 1000
/** A stream brings 20 reports a second: this long without any means that it is over. */
const STREAM_SILENT_MS = 3000
/** Reports in a row that may be damaged before the stream is given up. */
const DAMAGED_LIMIT = 5

async function start(context: DriverContext): Promise<void> {
  await identify(context)
  await ask(context, CONTEC.unknown0, 0xf2)
  await ask(context, CONTEC.unknown1, 0xf0)
  await ask(context, CONTEC.user, 0xfe)
  await context.transport.write(CONTEC.startWave)
  await context.transport.write(CONTEC.startNumbers)
}

/** Tells the device to stop and empties the queue up to its answer. */
async function stop(context: DriverContext): Promise<void> {
  try {
    await context.transport.write(CONTEC.stop)
    for (let i = 0; i < 128; i++) {
      const report = await context.transport.read(200)
      if (report === null || holdsStop(report)) return
    }
  } catch (error) {
    // A device that is gone cannot be told; what ended the stream is the better news.
    if (!(error instanceof DeviceError)) throw error
  }
}

function holdsStop(report: Uint8Array): boolean {
  const packets = decodeOrError(report)
  return !(packets instanceof DeviceError) && packets.some((packet) => packet.kind === 'stopped')
}

/** What the last packets said, folded into samples. */
interface StreamState {
  numbers: NumbersPacket | null
  finger: boolean
  /** A perfusion index other than the constant was seen. */
  hasPerfusion: boolean
}

/** Samples of one report's packets: each measurement ends one, and so does the report. */
function* samplesOf(packets: readonly LivePacket[], state: StreamState, atMs: number): Generator<LiveSample> {
  let wave: number[] = []
  let raw: Uint8Array[] = []
  const sample = (measured: boolean): LiveSample => {
    const numbers = state.finger ? state.numbers : null
    const result = {
      atMs,
      wave,
      measured,
      spo2: numbers?.spo2 ?? null,
      pulse: numbers?.pulse ?? null,
      perfusionIndex: perfusionText(numbers, state),
      finger: state.finger,
      raw: concatBytes(...raw),
    }
    wave = []
    raw = []
    return result
  }
  for (const packet of packets) {
    if (packet.kind !== 'wave' && packet.kind !== 'numbers') continue
    raw.push(packet.raw)
    if (packet.kind === 'wave') {
      state.finger = packet.finger
      if (packet.finger) wave.push(packet.point)
    } else {
      state.numbers = packet
      state.hasPerfusion ||= packet.perfusion !== NO_PERFUSION
      yield sample(true)
    }
  }
  if (raw.length > 0) yield sample(false)
}

function perfusionText(numbers: NumbersPacket | null, state: StreamState): string | null {
  if (!state.hasPerfusion || typeof numbers?.spo2 !== 'number') return null
  const { perfusion } = numbers
  return `${Math.trunc(perfusion / 100)}.${String(perfusion % 100).padStart(2, '0')}`
}

async function* stream(context: DriverContext): AsyncGenerator<LiveSample, void, undefined> {
  const state: StreamState = { numbers: null, finger: false, hasPerfusion: false }
  let damaged = 0
  let keptAliveMs = context.nowMs()
  let heardMs = keptAliveMs
  while (!context.signal.aborted) {
    if (context.nowMs() - keptAliveMs >= KEEP_ALIVE_MS) {
      await context.transport.write(CONTEC.keepAlive)
      keptAliveMs = context.nowMs()
    }
    const report = await context.transport.read(REPORT_MS)
    const atMs = context.nowMs()
    if (report === null) {
      if (atMs - heardMs >= STREAM_SILENT_MS) throw new DeviceError('SILENT', 'the stream stopped')
      continue
    }
    heardMs = atMs
    const packets = decodeOrError(report)
    if (packets instanceof DeviceError) {
      // One damaged report is a gap in the stream; many are another device, or a broken one.
      if (++damaged >= DAMAGED_LIMIT) throw packets
      continue
    }
    damaged = 0
    yield* samplesOf(packets, state, atMs)
  }
}

function decodeOrError(report: Uint8Array): LivePacket[] | DeviceError {
  try {
    return decodeLiveReport(report)
  } catch (error) {
    if (error instanceof DeviceError) return error
    throw error
  }
}

/** The driver. */
export const contecOximeter: LiveDriver & MemoryDriver = {
  probe: identify,
  read: readMemory,
  async *live(context) {
    try {
      await start(context)
      yield* stream(context)
    } catch (error) {
      if (error instanceof DeviceError && error.code === 'CANCELLED') return
      throw error
    } finally {
      await stop(context)
    }
  },
}
