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
  /** Loses the input report with this number, counted from 0 since it was opened: the driver waits for nothing. */
  loseAt: number | null
  /** XORs one byte of the input report with the number `at`, of each report without one. */
  spoil: { byte: number; xor: number; at?: number } | null
  /** Answers the model question as a different product. */
  wrongModel: boolean
  /** Refuses this many requests in the way of its family (NAK, NO, busy) before it answers. Counted down. */
  refusals: number
  /** Sends its family's keep-alive or status reports between the others. */
  keepAlives: boolean
  /** Cuts answers into smaller frames than it has to. */
  splitFrames: boolean
  /** Leaves bytes of earlier reports behind the counted ones. */
  stalePadding: boolean
}

/** A device without hardware. */
export interface VirtualDevice {
  vendorId: number
  productId: number
  product: string
  manufacturer: string
  serial: string | null
  /** What a system tells of its first collection; left out where it tells nothing. */
  usage?: { page: number; id: number }
  /** False after it was unplugged, by a fault or by hand. */
  present: boolean
  faults: VirtualFaults
  open(): HidTransport
}

/** What a family adds: how it answers, and what it says by itself. */
export interface VirtualFirmware {
  /** Takes an output report; the answers are queued as input reports. */
  onOutput(report: Uint8Array): Uint8Array[]
  /** Takes a feature report; the answers are queued as input reports. */
  onFeature?(report: Uint8Array): Uint8Array[]
  /** When the next report comes without being asked for, as `nowMs`; null when none will. */
  nextAtMs(): number | null
  /** That report. */
  produce(): Uint8Array
}

/** No faults. */
export function noFaults(): VirtualFaults {
  return {
    open: null,
    silent: false,
    unplugAfter: null,
    loseAt: null,
    spoil: null,
    wrongModel: false,
    refusals: 0,
    keepAlives: false,
    splitFrames: false,
    stalePadding: false,
  }
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

  async sendFeature(report: Uint8Array): Promise<void> {
    this.mustBeThere()
    if (!this.device.faults.silent) this.queue.push(...(this.firmware.onFeature?.(report) ?? []))
    return Promise.resolve()
  }

  async read(timeoutMs: number): Promise<Uint8Array | null> {
    const untilMs = this.clock.nowMs() + timeoutMs
    for (;;) {
      this.mustBeThere()
      this.collect()
      const report = this.queue.shift()
      if (report !== undefined) {
        const delivered = this.delivered(report)
        if (delivered !== null) return delivered
        continue
      }
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

  /** The report as the host gets it; null when it is lost. */
  private delivered(report: Uint8Array): Uint8Array | null {
    const { unplugAfter, loseAt, spoil } = this.device.faults
    if (unplugAfter !== null && this.readCount >= unplugAfter) {
      this.device.present = false
      this.mustBeThere()
    }
    const number = this.readCount++
    if (number === loseAt) return null
    if (spoil === null || (spoil.at ?? number) !== number) return report
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
