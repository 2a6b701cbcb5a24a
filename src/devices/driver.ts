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

/** An open HID device with unnumbered reports. Only one `read` may wait at a time. */
export interface HidTransport {
  /** Sends one output report: the payload without report id; the implementer pads it to the report's length. */
  write(report: Uint8Array): Promise<void>
  /** The next input report without report id, or null after `timeoutMs` without one. */
  read(timeoutMs: number): Promise<Uint8Array | null>
  /** Sends one feature report, payload without report id. */
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
}

/** A device that keeps readings and is asked for them. */
export interface MemoryDriver {
  mode: 'memory'
  /**
   * Asks who is there, changing nothing. Leaves the device awake for `read`.
   *
   * @throws {@link DeviceError} `WRONG_MODEL` when a different product answers, else as `read`.
   */
  probe(context: DriverContext): Promise<DeviceIdentity>
  /**
   * Reads the whole memory and ends the session with the device, whatever happens.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM`, `WRONG_MODEL`, `UNPLUGGED` or `CANCELLED`.
   */
  read(context: DriverContext): Promise<MemoryReadout>
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

/** A device that measures while we listen. */
export interface LiveDriver {
  mode: 'live'
  /**
   * Asks who is there, changing nothing.
   *
   * @throws {@link DeviceError} `WRONG_MODEL`, `SILENT`, `PROTOCOL`, `CHECKSUM`, `UNPLUGGED` or `CANCELLED`.
   */
  probe(context: DriverContext): Promise<DeviceIdentity>
  /**
   * Streams until the consumer stops or the signal aborts; always tells the device to stop. Aborting ends the
   * stream quietly.
   *
   * @throws {@link DeviceError} `SILENT`, `PROTOCOL`, `CHECKSUM` or `UNPLUGGED`.
   */
  live(context: DriverContext): AsyncGenerator<LiveSample, void, undefined>
}

/** Any driver. */
export type Driver = MemoryDriver | LiveDriver

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
