/** What the process that holds the virtual devices can be told, and what it says. */
import type { UsbIds } from '../../../src/devices/driver-table.ts'
import type { BusFault } from './usbip-port.ts'

/** `key` names a device; the same family may be plugged in under several. */
export type BusOrder =
  /** `ids` instead of those that its virtual device has. */
  | { do: 'plug'; key: string; family: string; ids?: UsbIds }
  | { do: 'unplug'; key: string }
  /** Unplugs it by itself when it has sent this many more reports. */
  | { do: 'unplug-after'; key: string; reports: number }
  | { do: 'bus-fault'; key: string; fault: BusFault | null }
  | { do: 'silence'; key: string; isSilent: boolean }
  /** Gives what it has sent since it was plugged in. */
  | { do: 'sent'; key: string }

/** An input report and when it was given to the kernel, on the system's monotonic clock. */
export interface SentReport {
  atUs: number
  hex: string
}

/** Numbered by whoever asks. */
export interface NumberedOrder {
  number: number
  order: BusOrder
}

/** `error` is null when all went well. */
export interface BusReply {
  number: number
  error: string | null
  sent: SentReport[]
}

/** Microseconds of the monotonic clock, which all processes share. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1000n)
