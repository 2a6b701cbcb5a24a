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
import { freestyleMeter, freestyleRecords } from './abbott-1a61.ts'
import { libreReader } from './abbott-libre.ts'
import { contourMeter, contourRecords } from './ascensia-1a79.ts'
import { bf480Records, bf480Scale } from './beurer-04d9-8010.ts'
import { beurerMonitor, beurerRecords } from './beurer-0c45-7406.ts'
import { contecOximeter } from './contec-28e9-028a.ts'
import { contecSeries } from './contec-memory.ts'
import { contec08aMonitor, contec08aRecords } from './contec08a-0483-5750.ts'
import type { Driver, RecordedSeries } from './driver.ts'
import { hidScale, scaleRecords } from './hid-weighing-8d.ts'
import type { Measurement } from './measurement.ts'
import { microlifeMonitor, microlifeRecords } from './microlife-04b4-5500.ts'
import { glucoTeqMeter, glucoTeqRecords } from './microlife-04d9-b564.ts'
import { omronMonitor } from './omron-0590-0028.ts'
import { omronRecords } from './omron-frames.ts'
import { omronMemoryMonitor, omronMemoryRecords } from './omron-0590-0090.ts'
import { temperRecords, temperStick } from './pcsensor-temper.ts'
import { taidocInstrument, taidocRecords } from './taidoc-10c4-ea80.ts'

/** One device family. */
export interface DriverRow {
  family: string
  /** For people, when the device has no better name. */
  name: string
  /** USB ids of the models. Empty for a device class of any maker, which must then name a `usagePage`. */
  ids: readonly UsbIds[]
  /** Required where vendor and product id are shared with other things. */
  productString?: RegExp
  /** A product text of a real device, for recordings; `name` where none is known. */
  exampleProduct?: string
  /** Required where a device offers several collections. */
  usagePage?: number
  usage?: number
  /** Number of the USB interface, where a device has several. */
  interface?: number
  /** Reports begin with their id, in both directions. */
  numberedReports?: true
  /** How well the driver is founded: on captured sessions, on constructed bytes, or on hope. */
  proven: (typeof PROVEN)[number]
  kinds: readonly ReadingKind[]
  /** Lengths of reports in bytes, without report id. */
  reportBytes: { input: number; output: number; feature: number }
  driver: Driver
  /**
   * Reads plain records, for families of which no whole exchange was published.
   *
   * @param lines - One record or report a line, as in the published data. Untrusted.
   * @throws {@link DeviceError} `PROTOCOL` or `CHECKSUM`.
   */
  records?: (lines: readonly Uint8Array[]) => Measurement[]
  /**
   * Reads recorded seconds from the bytes of a download without its conversation.
   *
   * @param reached - Told the index of each line before it is read.
   * @returns Null when the lines are no such thing.
   */
  series?: (lines: readonly Uint8Array[], reached: (index: number) => void) => RecordedSeries[] | null
}

/** Who a USB device says it is. */
export interface UsbIds {
  vendorId: number
  productId: number
}

/** What an operating system says about a HID device, all of it untrusted. */
export interface MatchInfo extends UsbIds {
  product: string | null
  usagePage: number | null
  usage: number | null
  /** Number of the USB interface, -1 when the system does not tell. */
  interface: number
}

/** All families. Where several fit one device, they are probed in this order. */
export const DRIVER_TABLE: readonly DriverRow[] = [
  {
    family: 'contec-28e9-028a',
    name: 'Contec CMS50E / Beurer PO 80',
    ids: [{ vendorId: 0x28e9, productId: 0x028a }],
    // The ids are a chip maker's default. Some systems put the manufacturer in front.
    productString: /(?:^|\s)Pulse Oximeter\s*$/i,
    exampleProduct: 'Pulse Oximeter',
    proven: 'captured',
    kinds: ['spo2', 'heart-rate'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: contecOximeter,
    series: contecSeries,
  },
  {
    family: 'omron-0590-0028',
    name: 'Omron HEM-790IT / M10-IT',
    ids: [{ vendorId: 0x0590, productId: 0x0028 }],
    proven: 'captured',
    kinds: ['blood-pressure'],
    reportBytes: { input: 8, output: 8, feature: 2 },
    driver: omronMonitor,
    records: omronRecords,
  },
  {
    family: 'omron-0590-0090',
    name: 'Omron HEM-7322U / HEM-7131U',
    ids: [{ vendorId: 0x0590, productId: 0x0090 }],
    productString: /blood pressure monitor/i,
    exampleProduct: 'OMRON Blood pressure monitor',
    numberedReports: true,
    proven: 'constructed',
    kinds: ['blood-pressure'],
    reportBytes: { input: 63, output: 63, feature: 0 },
    driver: omronMemoryMonitor,
    records: omronMemoryRecords,
  },
  {
    family: 'hid-weighing-8d',
    name: 'Scale',
    ids: [],
    usagePage: 0x8d,
    usage: 0x20,
    numberedReports: true,
    proven: 'captured',
    kinds: ['weight'],
    reportBytes: { input: 5, output: 0, feature: 0 },
    driver: hidScale,
    records: scaleRecords,
  },
  {
    family: 'pcsensor-temper',
    name: 'PCsensor TEMPer (room or refrigerator)',
    ids: [
      { vendorId: 0x1a86, productId: 0xe025 },
      { vendorId: 0x413d, productId: 0x2107 },
      { vendorId: 0x3553, productId: 0xa001 },
      { vendorId: 0x0c45, productId: 0x7401 },
      { vendorId: 0x0c45, productId: 0x7402 },
    ],
    // The first interface is a keyboard.
    interface: 1,
    proven: 'captured',
    kinds: ['environment'],
    reportBytes: { input: 8, output: 8, feature: 0 },
    driver: temperStick,
    records: temperRecords,
  },
  {
    family: 'beurer-0c45-7406',
    name: 'Beurer BM55 / BM58 / BM65',
    ids: [{ vendorId: 0x0c45, productId: 0x7406 }],
    proven: 'constructed',
    kinds: ['blood-pressure'],
    reportBytes: { input: 8, output: 8, feature: 0 },
    driver: beurerMonitor,
    records: beurerRecords,
  },
  {
    family: 'contec08a-0483-5750',
    name: 'Contec08A / Contec08C',
    ids: [{ vendorId: 0x0483, productId: 0x5750 }],
    // Real records, but none with a systolic pressure below 128.
    proven: 'experimental',
    kinds: ['blood-pressure'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: contec08aMonitor,
    records: contec08aRecords,
  },
  {
    family: 'microlife-04b4-5500',
    name: 'Microlife BP A6 PC / BP 3AC1-1 PC',
    ids: [{ vendorId: 0x04b4, productId: 0x5500 }],
    proven: 'constructed',
    kinds: ['blood-pressure'],
    reportBytes: { input: 8, output: 8, feature: 0 },
    driver: microlifeMonitor,
    records: microlifeRecords,
  },
  {
    family: 'microlife-04d9-b564',
    name: 'Microlife GlucoTeq / OkMeter',
    ids: [{ vendorId: 0x04d9, productId: 0xb564 }],
    proven: 'experimental',
    kinds: ['glucose'],
    reportBytes: { input: 8, output: 8, feature: 8 },
    driver: glucoTeqMeter,
    records: glucoTeqRecords,
  },
  {
    family: 'beurer-bf480-04d9-8010',
    name: 'Beurer BF480',
    ids: [{ vendorId: 0x04d9, productId: 0x8010 }],
    proven: 'experimental',
    kinds: ['weight', 'body-composition'],
    reportBytes: { input: 8, output: 8, feature: 8 },
    driver: bf480Scale,
    records: bf480Records,
  },
  {
    family: 'abbott-1a61',
    name: 'Abbott FreeStyle Precision Neo / Optium Neo / InsuLinx',
    ids: [0x3850, 0x3450, 0x3460].map((productId) => ({ vendorId: 0x1a61, productId })),
    exampleProduct: 'FreeStyle Precision Neo',
    proven: 'captured',
    kinds: ['glucose', 'ketone'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: freestyleMeter('FreeStyle Neo / InsuLinx'),
    records: freestyleRecords,
  },
  {
    family: 'abbott-1a61-libre',
    name: 'Abbott FreeStyle Libre / Libre Pro',
    ids: [0x3650, 0x3670].map((productId) => ({ vendorId: 0x1a61, productId })),
    exampleProduct: 'FreeStyle Libre',
    // Real records and checksums; the conversation around them is from descriptions.
    proven: 'constructed',
    kinds: ['glucose', 'sensor-glucose', 'ketone'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: libreReader('FreeStyle Libre'),
    records: freestyleRecords,
  },
  {
    family: 'ascensia-1a79',
    name: 'Ascensia / Bayer Contour',
    ids: [0x6002, 0x7410, 0x7350, 0x6200, 0x6300, 0x6210, 0x7800, 0x7900, 0x7950].map((productId) => ({
      vendorId: 0x1a79,
      productId,
    })),
    exampleProduct: 'Contour NEXT USB',
    // Real frames and reports; the session is put together from them.
    proven: 'constructed',
    kinds: ['glucose'],
    reportBytes: { input: 64, output: 64, feature: 0 },
    driver: contourMeter,
    records: contourRecords,
  },
  {
    family: 'taidoc-10c4-ea80',
    name: 'TaiDoc / FORA / GlucoRx',
    // Of the bridge, which multimeters have too: the probe asks for a model that is in a table.
    ids: [{ vendorId: 0x10c4, productId: 0xea80 }],
    exampleProduct: 'CP2110 HID USB-to-UART Bridge',
    numberedReports: true,
    proven: 'constructed',
    kinds: ['glucose', 'ketone', 'blood-pressure', 'temperature', 'spo2', 'weight'],
    reportBytes: { input: 63, output: 63, feature: 63 },
    driver: taidocInstrument,
    records: taidocRecords,
  },
]

/**
 * The families that a device may be of, the likelier first. Which it is, the drivers' probes tell.
 *
 * @param info - Untrusted.
 */
export function match(info: MatchInfo): DriverRow[] {
  return DRIVER_TABLE.filter((row) => fits(row, info))
}

/** The row of a family's name, or null. */
export function rowOfFamily(family: string): DriverRow | null {
  return DRIVER_TABLE.find((row) => row.family === family) ?? null
}

/** Ids under which a device of the family can be listed: those of its first model, or none for a class of any maker. */
export function idsOf({ ids: [first] }: DriverRow): UsbIds {
  return first ?? { vendorId: 0, productId: 0 }
}

function fits(row: DriverRow, info: MatchInfo): boolean {
  const isListed = row.ids.some(({ vendorId, productId }) => vendorId === info.vendorId && productId === info.productId)
  return (
    // A class of any maker's devices is known by its usage alone, so that has to be told.
    (isListed || (row.ids.length === 0 && row.usagePage !== undefined && info.usagePage === row.usagePage)) &&
    (row.productString === undefined || row.productString.test(info.product ?? '')) &&
    // Not every system tells these; where they are told, they must fit.
    (row.usagePage === undefined || info.usagePage === null || row.usagePage === info.usagePage) &&
    (row.usage === undefined || info.usage === null || row.usage === info.usage) &&
    (row.interface === undefined || info.interface === -1 || row.interface === info.interface)
  )
}
