/**
 * What a virtual device is: the description an operating system would give, and a transport that speaks its bytes.
 *
 * @remarks
 * Time is handed in, so that a test can run a minute in no time. Faults are switched by whoever holds the device.
 * Proven by `tests/devices/virtual-devices.test.ts`, which runs the real drivers against them.
 *
 * @packageDocumentation
 */
import type { HidTransport } from './driver.ts'
import { DeviceError, type DeviceErrorCode } from './errors.ts'

/** Time for a virtual device. */
export interface VirtualClock {
  /** Milliseconds from any origin, never going back. */
  nowMs(): number
  sleep(durationMs: number): Promise<void>
}

/** What a test may break. All of it can be changed at any time. */
export interface VirtualFaults {
  /** Opening fails with this code. */
  open: DeviceErrorCode | null
  /** Opens, and answers nothing: switched off. */
  silent: boolean
  /** Goes away when this many reports have been read since it was opened. */
  unplugAfter: number | null
  /** XORs one byte of each report. */
  spoil: { byte: number; xor: number } | null
  /** Answers the model question as a different product. */
  wrongModel: boolean
}

/** A device without hardware. */
export interface VirtualDevice {
  vendorId: number
  productId: number
  product: string
  manufacturer: string
  serial: string | null
  /** False after it was unplugged, by a fault or by hand. */
  present: boolean
  faults: VirtualFaults
  open(): HidTransport
}

/** What a family adds: how it answers, and what it says by itself. */
export interface VirtualFirmware {
  /** Takes an output report; the answers are queued as input reports. */
  onOutput(report: Uint8Array): Uint8Array[]
  /** When the next report comes without being asked for, as `nowMs`; null when none will. */
  nextAtMs(): number | null
  /** That report. */
  produce(): Uint8Array
}

/** No faults. */
export function noFaults(): VirtualFaults {
  return { open: null, silent: false, unplugAfter: null, spoil: null, wrongModel: false }
}

/** Reports that an operating system keeps for a slow reader before it drops the oldest. */
const QUEUE_LIMIT = 64

/** A transport to a virtual device's firmware. */
class VirtualTransport implements HidTransport {
  private readonly device: VirtualDevice
  private readonly firmware: VirtualFirmware
  private readonly clock: VirtualClock
  private queue: Uint8Array[] = []
  private readCount = 0
  private closed = false

  constructor(device: VirtualDevice, firmware: VirtualFirmware, clock: VirtualClock) {
    this.device = device
    this.firmware = firmware
    this.clock = clock
  }

  async write(report: Uint8Array): Promise<void> {
    this.mustBeThere()
    if (!this.device.faults.silent) this.queue.push(...this.firmware.onOutput(report))
    return Promise.resolve()
  }

  async sendFeature(): Promise<void> {
    this.mustBeThere()
    return Promise.resolve()
  }

  async read(timeoutMs: number): Promise<Uint8Array | null> {
    const untilMs = this.clock.nowMs() + timeoutMs
    for (;;) {
      this.mustBeThere()
      this.collect()
      const report = this.queue.shift()
      if (report !== undefined) return this.delivered(report)
      const nowMs = this.clock.nowMs()
      if (nowMs >= untilMs) return null
      const nextAtMs = this.device.faults.silent ? null : this.firmware.nextAtMs()
      await this.clock.sleep(Math.max(1, Math.min(untilMs, nextAtMs ?? untilMs) - nowMs))
    }
  }

  async close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  private mustBeThere(): void {
    if (this.closed) throw new DeviceError('UNPLUGGED', 'closed')
    if (!this.device.present) throw new DeviceError('UNPLUGGED', 'unplugged')
  }

  /** Queues what the device has said by now. */
  private collect(): void {
    for (let due = this.dueNow(); due; due = this.dueNow()) {
      this.queue.push(this.firmware.produce())
      if (this.queue.length > QUEUE_LIMIT) this.queue.shift()
    }
  }

  private dueNow(): boolean {
    const nextAtMs = this.device.faults.silent ? null : this.firmware.nextAtMs()
    return nextAtMs !== null && nextAtMs <= this.clock.nowMs()
  }

  private delivered(report: Uint8Array): Uint8Array {
    const { unplugAfter, spoil } = this.device.faults
    if (unplugAfter !== null && this.readCount >= unplugAfter) {
      this.device.present = false
      this.mustBeThere()
    }
    this.readCount += 1
    if (spoil === null) return report
    const spoilt = report.slice()
    spoilt[spoil.byte] = (spoilt[spoil.byte] ?? 0) ^ spoil.xor
    return spoilt
  }
}

/**
 * A transport to `firmware`, as opening the device gives.
 *
 * @throws {@link DeviceError} the code of the fault `open`, or `UNPLUGGED`.
 */
export function openVirtual(device: VirtualDevice, firmware: VirtualFirmware, clock: VirtualClock): HidTransport {
  if (device.faults.open !== null) throw new DeviceError(device.faults.open, 'fault of a virtual device')
  if (!device.present) throw new DeviceError('UNPLUGGED', 'not there')
  return new VirtualTransport(device, firmware, clock)
}
