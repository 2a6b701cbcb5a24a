import { rowOfFamily } from '../../src/devices/driver-table.ts'
import { contextOf, fakeClock } from '../support/device-world.ts'
import type { Readings } from './guest/exchange.ts'
import { RIG_DEVICES } from './rig-devices.ts'

/** Long enough for everything that is compared. */
const STREAM_SAMPLES = 400
const SPOTS = 1

/** What the rig's device of a family gives when there is no kernel between it and its driver; bytes as hex. */
export async function directReadings(family: string): Promise<Readings> {
  const clock = fakeClock()
  const device = RIG_DEVICES[family]?.(clock)
  const { driver } = rowOfFamily(family) ?? {}
  if (device === undefined || driver === undefined) throw new Error(`no virtual device for ${family}`)
  const context = contextOf(device.open(), clock)
  await driver.probe(context)
  const readout = await driver.read?.(context)
  const samples = driver.live === undefined ? [] : await firstOf(driver.live(context), STREAM_SAMPLES)
  const spots = driver.spot === undefined ? [] : await firstOf(driver.spot(context), SPOTS)
  return hexed({
    memory: readout === undefined ? null : { measurements: readout.measurements, complete: readout.complete },
    stream: Buffer.concat(samples.map(({ raw }) => raw)).toString('hex'),
    spots: spots.map((spot) => ({ ...spot, recordKey: null })),
  })
}

async function firstOf<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const first: Item[] = []
  for await (const item of items) if (first.push(item) >= count) break
  return first
}

function hexed(readings: Readings): Readings {
  const text = JSON.stringify(readings, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return JSON.parse(text) as Readings
}
