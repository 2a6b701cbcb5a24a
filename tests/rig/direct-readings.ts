import { rowOfFamily } from '../../src/devices/driver-table.ts'
import { contextOf, fakeClock } from '../support/device-world.ts'
import { RIG_DEVICES } from './rig-devices.ts'

/** Long enough for every stream that is compared. */
const STREAM_SAMPLES = 400

/** What the rig's device of a family gives when there is no kernel between it and its driver; bytes as hex. */
export async function directReadings(family: string): Promise<{ memory: unknown; stream: string }> {
  const clock = fakeClock()
  const device = RIG_DEVICES[family]?.(clock)
  const { driver } = rowOfFamily(family) ?? {}
  if (device === undefined || driver === undefined) throw new Error(`no virtual device for ${family}`)
  const context = contextOf(device.open(), clock)
  await driver.probe(context)
  const readout = await driver.read?.(context)
  const memory = readout === undefined ? null : { measurements: readout.measurements, complete: readout.complete }
  const raw: Uint8Array[] = []
  if (driver.live !== undefined) {
    for await (const sample of driver.live(context)) if (raw.push(sample.raw) >= STREAM_SAMPLES) break
  }
  return { memory: JSON.parse(JSON.stringify(memory, bytesAsHex)), stream: Buffer.concat(raw).toString('hex') }
}

const bytesAsHex = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
