import { describe, expect, it } from 'vitest'
import { encodeCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import { decodeCapture } from '../../src/devices/decode-capture.ts'
import { rowOfFamily } from '../../src/devices/driver-table.ts'
import { recordingTransport } from '../../src/devices/replay.ts'
import { createVirtualBeurer } from '../../src/devices/virtual-beurer.ts'
import { createVirtualBf480 } from '../../src/devices/virtual-bf480.ts'
import { createVirtualContec08a } from '../../src/devices/virtual-contec08a.ts'
import type { VirtualClock, VirtualDevice } from '../../src/devices/virtual-device.ts'
import { createVirtualGlucoTeq, createVirtualMicrolife } from '../../src/devices/virtual-microlife.ts'
import { createVirtualMemoryMonitor } from '../../src/devices/virtual-omron-memory.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'
import { createVirtualScale } from '../../src/devices/virtual-scale.ts'
import { createVirtualTemper } from '../../src/devices/virtual-temper.ts'
import { contextOf, fakeClock } from '../support/device-world.ts'
import { line } from '../support/readings-text.ts'

/** What "record this exchange" writes, and what `decode` makes of it, for the families without a published session. */
const records = createVirtualPatient(6).pressures('2026-05-06T07:08:00', 3)
const high = records.map((record) => ({ ...record, systolic: record.systolic + 40 }))
const NOW = '2026-05-06T08:00:00'
const weighings = records.map(({ time }) => ({ time, weight: 724, shares: [213, 551, 402] as const }))

const FAMILIES: Record<string, (clock: VirtualClock) => VirtualDevice> = {
  'omron-0590-0090': (clock) => createVirtualMemoryMonitor({ clock, users: () => [records, records.slice(0, 1)] }),
  'beurer-0c45-7406': (clock) => createVirtualBeurer({ clock, users: () => [records, records.slice(0, 1)] }),
  'contec08a-0483-5750': (clock) => createVirtualContec08a({ clock, users: () => [high, [], high.slice(0, 1)] }),
  'microlife-04b4-5500': (clock) => createVirtualMicrolife({ clock, records: () => records, deviceNow: NOW, slot: 1 }),
  'microlife-04d9-b564': (clock) =>
    createVirtualGlucoTeq({ clock, results: () => records.map(({ time }) => ({ time, mgdl: 95, meal: 1 })) }),
  'beurer-bf480-04d9-8010': (clock) => createVirtualBf480({ clock, deviceNow: NOW, users: () => [weighings] }),
  'hid-weighing-8d': (clock) => {
    const still = { status: 4, digits: 7240, reports: 3 }
    return createVirtualScale({
      clock,
      steps: [still, { status: 2, digits: 0, reports: 2 }, { ...still, digits: 655 }],
    }).device
  },
  'pcsensor-temper': (clock) => createVirtualTemper({ clock }),
}

/** A session with a virtual device: what it gave, and the capture of it. */
async function session(family: string): Promise<{ given: string[]; capture: CaptureLine[] }> {
  const clock = fakeClock()
  const { driver } = rowOfFamily(family)!
  const capture: CaptureLine[] = []
  const transport = recordingTransport(FAMILIES[family]!(clock).open(), (one) => capture.push(one))
  const context = contextOf(transport, clock)
  await driver.probe(context)
  const given = (await driver.read?.(context))?.measurements.map(line) ?? []
  for await (const one of driver.spot?.(context) ?? []) if (given.push(line(one)) === 2) break
  return { given, capture }
}

describe.each(Object.keys(FAMILIES))('%s', (family) => {
  it('is decoded from the capture of an exchange: the same, and nothing twice', async () => {
    const { given, capture } = await session(family)
    expect(given.length).toBeGreaterThanOrEqual(2)
    const decoded = await decodeCapture(family, encodeCapture(capture))
    const found = decoded.map((one) => (one.kind === 'measurement' ? line(one.measurement) : one.kind))
    // Reports of a scale alone are read as they stand: an empty scale counts.
    expect(found.filter((text) => !text.includes('stable-at-zero'))).toEqual(given)
  })
})
