import { expect, it } from 'vitest'
import { contecOximeter } from '../../src/devices/contec-28e9-028a.ts'
import type { LiveSample } from '../../src/devices/driver.ts'
import { addSample, EMPTY_WINDOW, take } from '../../src/devices/stable-window.ts'
import { createVirtualOximeter } from '../../src/devices/virtual-contec.ts'
import { createVirtualMonitor } from '../../src/devices/virtual-omron.ts'
import { createVirtualPatient } from '../../src/devices/virtual-patient.ts'
import { omronMonitor } from '../../src/devices/omron-0590-0028.ts'
import { codeOf, contextOf, fakeClock } from '../support/device-world.ts'

it("shows the patient's numbers through the real driver, sixty wave points a second, and settles", async () => {
  const clock = fakeClock()
  const device = createVirtualOximeter({ clock, seed: 11 })
  const patient = createVirtualPatient(11)
  const samples: LiveSample[] = []
  for await (const sample of contecOximeter.live(contextOf(device.open(), clock))) {
    samples.push(sample)
    if (samples.filter(({ measured }) => measured).length === 20) break
  }
  const startMs = samples[0]!.atMs
  const shown = samples.filter(({ measured, spo2 }) => measured && spo2 !== null)
  expect(shown.length).toBeGreaterThan(15)
  for (const { atMs, spo2, pulse } of shown) {
    expect([spo2, pulse]).toEqual([patient.spo2(atMs - startMs), patient.heartRate(atMs - startMs)])
  }
  const points = samples
    .filter(({ atMs }) => atMs - startMs >= 10_000 && atMs - startMs < 15_000)
    .flatMap(({ wave }) => wave)
  expect(points).toHaveLength(5 * 59)
  expect(Math.max(...points) - Math.min(...points)).toBeGreaterThan(60)
  expect(take(samples.reduce(addSample, EMPTY_WINDOW))?.seconds).toBeGreaterThan(10)
})

it('stops when it is not kept alive', async () => {
  const clock = fakeClock()
  const transport = createVirtualOximeter({ clock, seed: 1 }).open()
  await transport.write(Uint8Array.of(0x9b, 0x01, 0x1c))
  let reports = 0
  while ((await transport.read(1000)) !== null) reports += 1
  expect(reports).toBeGreaterThan(200)
  expect(reports).toBeLessThan(300)
})

it('keeps what a slow reader misses, up to a limit', async () => {
  const clock = fakeClock()
  const transport = createVirtualOximeter({ clock, seed: 1 }).open()
  await transport.write(Uint8Array.of(0x9b, 0x01, 0x1c))
  clock.advance(10_000)
  let reports = 0
  while ((await transport.read(0)) !== null) reports += 1
  expect(reports).toBe(64)
})

it('can be refused, taken away, and plugged in again', async () => {
  const clock = fakeClock()
  const records = createVirtualPatient(1).pressures('2026-01-01T00:00:00', 2)
  const device = createVirtualMonitor({ clock, banks: () => [records] })
  device.faults.open = 'PERMISSION'
  expect(await codeOf(() => device.open())).toBe('PERMISSION')
  device.faults.open = null
  device.present = false
  expect(await codeOf(() => device.open())).toBe('UNPLUGGED')
  device.present = true
  const { measurements } = await omronMonitor.read(contextOf(device.open(), clock))
  expect(measurements.map(({ quantities }) => quantities.map(({ value }) => Number(value)))).toEqual(
    records.map(({ systolic, diastolic, pulse }) => [systolic, diastolic, pulse]),
  )
})
