/**
 * What a driver is, and what it is given: a transport, a clock, and a way to be stopped.
 *
 * @remarks
 * A driver never opens or closes a device and never asks which machine it runs on; whoever hands in the transport
 * closes it. Proven by the driver tests, which hand in replays and virtual devices.
 *
 * @packageDocumentation
 */
import { DeviceError } from './errors.ts'
import type { Measurement } from './measurement.ts'

/**
 * An open HID device. Only one `read` may wait at a time.
 *
 * Families without `numberedReports` in the driver table see payloads only. For the others byte 0 of every report,
 * in and out, is the report's id; some systems put one more 0 in front of an input report.
 */
export interface HidTransport {
  /**
   * Sends one output report. One without number is padded to the report's length by the implementer; a numbered one is
   * sent as it is.
   */
  write(report: Uint8Array): Promise<void>
  /** The next input report, or null after `timeoutMs` without one. */
  read(timeoutMs: number): Promise<Uint8Array | null>
  /** Sends one feature report. */
  sendFeature(report: Uint8Array): Promise<void>
  /** Releases the device. A second call does nothing. */
  close(): Promise<void>
}

/** What a driver works with. */
export interface DriverContext {
  transport: HidTransport
  /** Becomes true when the caller gives up. Looked at between reports. */
  signal: { readonly aborted: boolean }
  /** Milliseconds from any fixed origin, never going back. */
  nowMs(): number
  /** Records read of records to read. */
  progress(done: number, total: number): void
}

/** Who answered the probe. */
export interface DeviceIdentity {
  /** Model text of the device, trimmed. */
  model: string
  /** A serial number worth the name, else null. */
  serial: string | null
}

/** Everything in a device's memory. */
export interface MemoryReadout {
  /** Oldest first within each user of the device. */
  measurements: Measurement[]
  /** The device's clock when it was read (`YYYY-MM-DDTHH:mm:ss`, local), null when it cannot be asked. */
  deviceNow: string | null
  /** False when a part of the memory did not answer: there may be more. */
  complete: boolean
  /** The seconds behind the measurements, of a memory that holds recorded stretches of time. */
  series?: readonly RecordedSeries[]
}

/** A quantity recorded once a second. */
export interface RecordedSeries {
  quantity: 'spo2' | 'pulse'
  /** `YYYY-MM-DDTHH:mm:ss` of the first value, local to the device; null when it shows no valid time. */
  start: string | null
  userSlot: string | null
  /** Null where the device could not measure. */
  values: readonly (number | null)[]
  raw: Uint8Array
}

/** What a stream said in one report, or in the part of it up to a measurement. */
export interface LiveSample {
  /** `nowMs` of the context when the report came. */
  atMs: number
  /** Plethysmogram points 0..127, in order, 60 a second. Empty while no finger is in. */
  wave: number[]
  /** A measurement packet came in this sample. Otherwise the numbers are those of the last one. */
  measured: boolean
  /** Percent, or null while there is none. */
  spo2: number | null
  /** Beats per minute, or null while there is none. */
  pulse: number | null
  /** Percent with two decimals as the device gives it, or null. */
  perfusionIndex: string | null
  /** A finger is in the sensor. */
  finger: boolean
  /** The packets of this sample, exactly. */
  raw: Uint8Array
}

/** How a family is spoken to. It has at least one of `read`, `live` and `spot`, and may have several. */
export interface Driver {
  /**
   * Asks who is there, changing nothing. Leaves the device awake for what follows.
   *
   * @throws {@link DeviceError} `WRONG_MODEL` when a different product answers, `SILENT`, `PROTOCOL`, `CHECKSUM`,
   *   `UNPLUGGED` or `CANCELLED`.
   */
  probe(context: DriverContext): Promise<DeviceIdentity>
  /**
   * Reads the whole memory and ends the session with the device, whatever happens.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `WRONG_MODEL`, `UNPLUGGED` or `CANCELLED`.
   */
  read?: (context: DriverContext) => Promise<MemoryReadout>
  /**
   * Streams until the consumer stops or the signal aborts; always tells the device to stop. Aborting ends the
   * stream quietly.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM` or `UNPLUGGED`.
   */
  live?: (context: DriverContext) => AsyncGenerator<LiveSample, void, undefined>
  /**
   * Yields each measurement as the device finishes it: a settled weight, a temperature asked for. Goes on until the
   * consumer stops or the signal aborts, which ends it quietly. Waiting for a person to step on is not an error.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM` or `UNPLUGGED`.
   */
  spot?: (context: DriverContext) => AsyncGenerator<Measurement, void, undefined>
}

/** A way to get readings out of a device. */
export type DriverWay = 'memory' | 'live' | 'spot'

/** A driver that can read a memory. */
export type MemoryDriver = Driver & Required<Pick<Driver, 'read'>>

/** A driver that can stream. */
export type LiveDriver = Driver & Required<Pick<Driver, 'live'>>

/** The ways of a driver. */
export function waysOf({ read, live, spot }: Driver): DriverWay[] {
  return [
    ...(live === undefined ? [] : ['live' as const]),
    ...(spot === undefined ? [] : ['spot' as const]),
    ...(read === undefined ? [] : ['memory' as const]),
  ]
}

/**
 * Stops a driver's work when nobody wants it any more.
 *
 * @throws {@link DeviceError} `CANCELLED`.
 */
export function throwIfAborted(context: DriverContext): void {
  if (context.signal.aborted) throw new DeviceError('CANCELLED', 'the caller gave up')
}

/** Reads and drops what is queued until nothing comes for `quietMs`, `limit` reports at most. Also a pause. */
export async function drain(transport: HidTransport, quietMs: number, limit: number): Promise<void> {
  for (let i = 0; i < limit; i++) {
    if ((await transport.read(quietMs)) === null) return
  }
}
