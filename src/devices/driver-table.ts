/**
 * The device families we know: how to recognise one, what it measures, which driver speaks to it.
 *
 * @remarks
 * Ids are from reverse engineering and from the captures named in each driver. Proven by
 * `tests/devices/driver-table.test.ts`.
 *
 * @packageDocumentation
 */
import type { PROVEN } from '../shared/api/codes.ts'
import type { ReadingKind } from '../shared/api/schemas.ts'
import { contecOximeter } from './contec-28e9-028a.ts'
import type { Driver } from './driver.ts'
import { omronMonitor } from './omron-0590-0028.ts'

/** One device family. */
export interface DriverRow {
  family: string
  /** For people, when the device has no better name. */
  name: string
  vendorId: number
  productId: number
  /** Required where vendor and product id are shared with other things. */
  productString?: RegExp
  /** Required where a device offers several collections. */
  usagePage?: number
  usage?: number
  /** How well the driver is founded: on captured sessions, on constructed bytes, or on hope. */
  proven: (typeof PROVEN)[number]
  kinds: readonly ReadingKind[]
  /** Lengths of reports in bytes, without report id. */
  reportBytes: { input: number; output: number; feature: number }
  driver: Driver
}

/** What an operating system says about a HID device, all of it untrusted. */
export interface MatchInfo {
  vendorId: number
  productId: number
  product: string | null
  usagePage: number | null
  usage: number | null
}

/** All families. Order does not matter: no two rows fit one device. */
export const DRIVER_TABLE: readonly DriverRow[] = [
  {
    family: 'contec-28e9-028a',
    name: 'Contec CMS50E / Beurer PO 80',
    vendorId: 0x28e9,
    productId: 0x028a,
    // The ids are a chip maker's default. Some systems put the manufacturer in front.
    productString: /(?:^|\s)Pulse Oximeter\s*$/i,
    proven: 'captured',
    kinds: ['spo2', 'heart-rate'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: contecOximeter,
  },
  {
    family: 'omron-0590-0028',
    name: 'Omron HEM-790IT / M10-IT',
    vendorId: 0x0590,
    productId: 0x0028,
    proven: 'captured',
    kinds: ['blood-pressure'],
    reportBytes: { input: 8, output: 8, feature: 2 },
    driver: omronMonitor,
  },
]

/**
 * The family a device claims to be of, or null. The claim is settled by the driver's probe.
 *
 * @param info - Untrusted.
 */
export function match(info: MatchInfo): DriverRow | null {
  return DRIVER_TABLE.find((row) => fits(row, info)) ?? null
}

/** The row of a family's name, or null. */
export function rowOfFamily(family: string): DriverRow | null {
  return DRIVER_TABLE.find((row) => row.family === family) ?? null
}

function fits(row: DriverRow, info: MatchInfo): boolean {
  return (
    row.vendorId === info.vendorId &&
    row.productId === info.productId &&
    (row.productString === undefined || row.productString.test(info.product ?? '')) &&
    // Not every system tells the usage; where it is told, it must fit.
    (row.usagePage === undefined || info.usagePage === null || row.usagePage === info.usagePage) &&
    (row.usage === undefined || info.usage === null || row.usage === info.usage)
  )
}
