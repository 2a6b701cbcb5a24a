import { createVirtualFreestyle, createVirtualLibre, neoLine } from '../../src/devices/virtual-abbott.ts'
import { contourRecord, createVirtualContour } from '../../src/devices/virtual-ascensia.ts'
import { createVirtualBeurer } from '../../src/devices/virtual-beurer.ts'
import { createVirtualBf480 } from '../../src/devices/virtual-bf480.ts'
import { createVirtualContec08a } from '../../src/devices/virtual-contec08a.ts'
import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'
import type { VirtualClock, VirtualDevice } from '../../src/devices/virtual-device.ts'
import { glucoseResults } from '../../src/devices/virtual-glucose.ts'
import { createVirtualGlucoTeq, createVirtualMicrolife } from '../../src/devices/virtual-microlife.ts'
import { createVirtualMemoryMonitor } from '../../src/devices/virtual-omron-memory.ts'
import { createVirtualMonitor } from '../../src/devices/virtual-omron.ts'
import { createVirtualPatient, type VirtualRecord } from '../../src/devices/virtual-patient.ts'
import { createVirtualScale } from '../../src/devices/virtual-scale.ts'
import { createVirtualTaidoc } from '../../src/devices/virtual-taidoc.ts'
import { createVirtualTemper } from '../../src/devices/virtual-temper.ts'

const SEED = 11
const NEWEST = '2026-03-04T05:06:07'
const DEVICE_NOW = '2026-03-04T06:00:00'
const twoUsers: [VirtualRecord[], VirtualRecord[]] = [
  createVirtualPatient(SEED).pressures(NEWEST, 5),
  createVirtualPatient(SEED + 1).pressures(NEWEST, 2),
]
const [oneUser] = twoUsers
/** A short recording, with a second in which the finger was out. */
const stretch = {
  start: NEWEST,
  user: 1,
  spo2: Array.from({ length: 40 }, (_, second) => (second === 20 ? null : 95 + (second % 3))),
  pulse: Array.from({ length: 40 }, (_, second) => (second === 20 ? null : 66 + (second % 5))),
}
const glucose = glucoseResults(SEED, '2026-03-04T05:06:00', 6)

/** One virtual device for each family of the driver table; the same readings whenever it is made. */
export const RIG_DEVICES: Readonly<Record<string, (clock: VirtualClock) => VirtualDevice>> = {
  'contec-28e9-028a': (clock) =>
    createVirtualOximeter({ clock, seed: SEED, fingerMs: [0, Infinity], records: [stretch] }),
  'omron-0590-0028': (clock) => createVirtualMonitor({ clock, banks: () => twoUsers }),
  'omron-0590-0090': (clock) => createVirtualMemoryMonitor({ clock, users: () => twoUsers, places: 60 }),
  'hid-weighing-8d': (clock) =>
    createVirtualScale({
      clock,
      steps: [
        { status: 3, digits: 6810, reports: 3 },
        { status: 4, digits: 7240, reports: Infinity },
      ],
    }).device,
  'pcsensor-temper': (clock) => createVirtualTemper({ clock, hundredths: () => [2134, 487] }),
  'beurer-0c45-7406': (clock) => createVirtualBeurer({ clock, users: () => twoUsers }),
  'contec08a-0483-5750': (clock) => createVirtualContec08a({ clock, users: () => twoUsers }),
  'microlife-04b4-5500': (clock) =>
    createVirtualMicrolife({ clock, records: () => oneUser, deviceNow: DEVICE_NOW, slot: 2 }),
  'microlife-04d9-b564': (clock) =>
    createVirtualGlucoTeq({
      clock,
      results: () => [
        { time: '2026-03-04T07:10:00', mgdl: 142, meal: 2 },
        { time: '2026-03-03T07:05:00', mgdl: 96, meal: 1 },
      ],
    }),
  'beurer-bf480-04d9-8010': (clock) =>
    createVirtualBf480({
      clock,
      deviceNow: DEVICE_NOW,
      users: () => [
        [{ time: '2026-03-01T07:00:00', weight: 724, shares: [213, 551, 402] }],
        [{ time: '2026-03-02T07:15:00', weight: 1004, shares: [301, 488, 355] }],
      ],
    }),
  'abbott-1a61': (clock) =>
    createVirtualFreestyle({
      clock,
      deviceNow: DEVICE_NOW,
      serial: 'MAGH123-X4567',
      lines: () => glucose.map((result, index) => neoLine(result, index + 1)).toReversed(),
    }),
  'abbott-1a61-libre': (clock) =>
    createVirtualLibre({
      clock,
      deviceNow: DEVICE_NOW,
      serial: 'JCMV123-T4567',
      history: () => glucoseResults(SEED + 1, '2026-03-04T05:00:00', 30),
      strips: () => glucose,
    }),
  'ascensia-1a79': (clock) =>
    createVirtualContour({
      clock,
      deviceNow: DEVICE_NOW,
      records: () => glucose.map((result, index) => contourRecord(result, index + 1)),
    }),
  'taidoc-10c4-ea80': (clock) =>
    createVirtualTaidoc({
      clock,
      model: '4277',
      deviceNow: DEVICE_NOW,
      records: () => glucose.map(({ time, mgdl }) => ({ time, value: [mgdl & 0xff, mgdl >> 8, 0, 0x40] })),
    }),
}
