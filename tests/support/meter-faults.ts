import { expect } from 'vitest'
import type { Driver } from '../../src/devices/driver.ts'
import {
  noFaults,
  type VirtualClock,
  type VirtualDevice,
  type VirtualFaults,
} from '../../src/devices/virtual-device.ts'
import { codeOf, contextOf, fakeClock } from './device-world.ts'

/** A virtual device on a clock of its own. */
export type MakeDevice = (clock: VirtualClock) => VirtualDevice

/** What `read` ends with under these faults, and how long it took. */
export async function readUnder(driver: Driver, make: MakeDevice, faults: Partial<VirtualFaults>) {
  const clock = fakeClock()
  const device = make(clock)
  Object.assign(device.faults, faults)
  const startMs = clock.nowMs()
  const code = await codeOf(async () => driver.read?.(contextOf(device.open(), clock)))
  return { code, tookMs: clock.nowMs() - startMs, device, clock }
}

/** Texts of what a device's memory gives. */
export async function readTexts(driver: Driver, device: VirtualDevice, clock: VirtualClock): Promise<string[]> {
  const { measurements = [] } = (await driver.read?.(contextOf(device.open(), clock))) ?? {}
  return measurements.map(({ kind, quantities, deviceTime, flags }) =>
    [
      kind,
      ...quantities.map(({ comparator, value }) => `${comparator ?? ''}${value ?? '-'}`),
      deviceTime,
      ...flags,
    ].join(' '),
  )
}

/** After any fault the same device, opened anew without faults, gives everything. */
export async function expectUsable(
  driver: Driver,
  { device, clock }: { device: VirtualDevice; clock: VirtualClock },
  wanted: readonly string[],
): Promise<void> {
  device.present = true
  device.faults = noFaults()
  expect(await readTexts(driver, device, clock)).toEqual(wanted)
}
