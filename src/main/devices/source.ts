/**
 * Where devices come from: the operating system, virtual devices, or recordings. The hub does not know which.
 *
 * @packageDocumentation
 */
import type { DriverRow } from '../../devices/driver-table.ts'
import type { HidTransport } from '../../devices/driver.ts'

/** What a transport must know of a family's reports. */
export type ReportFormat = Pick<DriverRow, 'reportBytes' | 'numberedReports'>

/** One HID device as its source lists it. Texts are untrusted. */
export interface DeviceInfo {
  /** Names the device within its source while it is plugged in. */
  path: string
  vendorId: number
  productId: number
  product: string | null
  manufacturer: string | null
  serial: string | null
  usagePage: number | null
  usage: number | null
  /** Number of the USB interface, or -1. */
  interface: number
  virtual: boolean
  /** Name of the source. */
  source: string
}

/** A way to devices. */
export interface DeviceSource {
  readonly name: string
  /**
   * What is plugged in now.
   *
   * @throws DeviceError `STACK_MISSING` when HID cannot work on this machine.
   */
  list(): Promise<DeviceInfo[]>
  /**
   * Opens a listed device.
   *
   * @param format - How its reports look.
   * @throws DeviceError `PERMISSION`, `BUSY` or `UNPLUGGED`.
   */
  open(info: DeviceInfo, format: ReportFormat): Promise<HidTransport>
  close(): Promise<void>
}
