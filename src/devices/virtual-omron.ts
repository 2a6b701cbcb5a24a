/**
 * A virtual blood pressure monitor that speaks the bytes of the Omron HEM-790IT.
 *
 * @remarks
 * As in the captured sessions: not ready at the first attempt of a mode, `NO` to the first request of a reading,
 * left-over bytes behind the counted ones. Proven by `tests/devices/virtual-devices.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes, toHex } from '../shared/bytes.ts'
import { encodeReply, encodeReports, OMRON, REPORT_BYTES } from './omron-frames.ts'
import { noFaults, openVirtual, type VirtualClock, type VirtualDevice, type VirtualFirmware } from './virtual-device.ts'
import type { VirtualRecord } from './virtual-patient.ts'

/** Options of {@link createVirtualMonitor}. */
export interface VirtualMonitorOptions {
  clock: VirtualClock
  /** What the real ones do not have. By default none. */
  serial?: string
  /** Readings of user A, and of user B; oldest first. Asked anew when the device is opened. */
  banks: () => readonly (readonly VirtualRecord[])[]
  /** A model that has no second user, and does not answer when asked for one. */
  singleUser?: boolean
}

const VERSION = 'M7080IT 207'

class MonitorFirmware implements VirtualFirmware {
  private readonly banks: readonly (readonly VirtualRecord[])[]
  private readonly singleUser: boolean
  private readonly device: VirtualDevice
  private pending: Uint8Array[] = []
  private wakes = 0
  private readonly refused = new Set<string>()
  private left = new Uint8Array(REPORT_BYTES)

  constructor({ banks, singleUser = false }: VirtualMonitorOptions, device: VirtualDevice) {
    this.banks = banks()
    this.singleUser = singleUser
    this.device = device
  }

  onOutput(report: Uint8Array): Uint8Array[] {
    const count = Math.min(report[0] ?? 0, 7)
    this.pending.push(report.slice(1, 1 + count))
    if (count === 7) return []
    const command = concatBytes(...this.pending)
    this.pending = []
    return this.answer(command).map((answer) => this.withLeftovers(answer))
  }

  nextAtMs(): null {
    return null
  }

  produce(): Uint8Array {
    return new Uint8Array(REPORT_BYTES)
  }

  private answer(command: Uint8Array): Uint8Array[] {
    const is = (other: Uint8Array): boolean => equalBytes(command, other)
    if (is(OMRON.wake)) return this.wake()
    if (is(OMRON.version)) return this.reply(0, ...ascii(this.device.faults.wrongModel ? 'HJ720IT 100' : VERSION))
    if (is(OMRON.profile)) return this.reply(0, ...ascii('0010100000'))
    if (is(OMRON.serial)) return this.reply(0, 6, 0, 0, 0, 0, 0, 0)
    if (is(OMRON.end)) return [...encodeReports(OMRON.ok), ...encodeReports(Uint8Array.from(ascii('OFF\r\n')))]
    return this.memory(command)
  }

  private wake(): Uint8Array[] {
    this.wakes += 1
    if (this.wakes === 1) return [Uint8Array.of(8, 0x60, 0, 0, 0, 0, 0, 0)]
    return [new Uint8Array(REPORT_BYTES), ...encodeReports(OMRON.ok)]
  }

  private memory(command: Uint8Array): Uint8Array[] {
    const mnemonic = String.fromCharCode(...command.subarray(0, 3))
    const [bankIndex = 0, , index = 0] = command.subarray(4)
    const bank = this.banks[bankIndex] ?? (bankIndex === 1 && !this.singleUser ? [] : undefined)
    if (command.length !== 8 || bank === undefined) return []
    if (mnemonic === 'GDC') return this.reply(0, 0, 0x14, 0, bank.length)
    const record = bank.at(-1 - index)
    if (mnemonic !== 'GME' || record === undefined) return []
    const key = toHex(command)
    if (!this.refused.has(key)) {
      this.refused.add(key)
      return encodeReports(OMRON.busy)
    }
    return this.reply(0, ...encodeVirtualRecord(record))
  }

  private reply(...body: number[]): Uint8Array[] {
    return encodeReports(encodeReply(Uint8Array.from(body)))
  }

  /** Behind the counted bytes stand those of earlier reports, as in the captures. */
  private withLeftovers(report: Uint8Array): Uint8Array {
    const count = report[0] ?? 0
    const whole = this.left.slice()
    whole.set(count === 0 || count > 7 ? report : report.subarray(0, 1 + count))
    this.left = whole
    return whole
  }
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0))

/** The 13 bytes of a record. */
export function encodeVirtualRecord(record: VirtualRecord): Uint8Array {
  const time = record.time.split(/\D/).map(Number)
  const [year = 2000, ...rest] = time
  return Uint8Array.of(
    year - 2000,
    ...rest,
    0,
    record.systolic >> 8,
    record.systolic,
    record.diastolic,
    record.pulse,
    record.flags >> 8,
    record.flags,
  )
}

/** A virtual monitor. */
export function createVirtualMonitor(options: VirtualMonitorOptions): VirtualDevice {
  const device: VirtualDevice = {
    vendorId: 0x0590,
    productId: 0x0028,
    product: 'HEM-790IT',
    manufacturer: 'OMRON',
    serial: options.serial ?? null,
    present: true,
    faults: noFaults(),
    open: () => openVirtual(device, new MonitorFirmware(options, device), options.clock),
  }
  return device
}
