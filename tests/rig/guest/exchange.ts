/** What a device gives through the kernel, in a form that can be compared with what it gives directly. */
import { rowOfFamily } from '../../../src/devices/driver-table.ts'
import { DeviceError } from '../../../src/devices/errors.ts'
import type { Measurement } from '../../../src/devices/measurement.ts'
import type { Hub, HubDevice } from '../../../src/main/devices/hub.ts'
import { nowUs } from './bus-protocol.ts'

/** A sample of a stream and when the hub gave it. */
export interface ArrivedSample {
  raw: Uint8Array
  atUs: number
}

/** All ways of a device; null and empty for those it does not have. */
export interface Exchanged {
  memory: unknown
  samples: ArrivedSample[]
  spots: Measurement[]
}

/** What came, without when. */
export interface Readings {
  memory: unknown
  /** Hex of the stream. */
  stream: string
  /** Without their keys, which carry the time. */
  spots: unknown[]
}

const never = { aborted: false }

/**
 * Reads the memory, listens to the stream, takes one measurement.
 *
 * @param count - Measurements after which the stream is left; Infinity also for measuring until the device is gone.
 */
export async function exchange(hub: Hub, device: HubDevice, count: number): Promise<Exchanged> {
  const { read, live, spot } = rowOfFamily(device.family ?? '')?.driver ?? {}
  return {
    memory: read === undefined ? null : await readMemory(hub, device),
    samples: live === undefined ? [] : await listen(hub, device, count),
    spots: spot === undefined ? [] : await takeSpots(hub, device, count === Infinity ? count : 1),
  }
}

/** Begins an exchange and gives it up in the middle. Resolves when the device is released. */
export async function giveUp(hub: Hub, { connectionId, family }: HubDevice, afterMs: number): Promise<void> {
  const { read, live } = rowOfFamily(family ?? '')?.driver ?? {}
  const signal = { aborted: false }
  setTimeout(() => (signal.aborted = true), afterMs)
  if (read !== undefined) await codeOf(hub.readMemory(connectionId, { signal }))
  else if (live !== undefined) for await (const _sample of hub.live(connectionId, { signal })) continue
}

async function readMemory(hub: Hub, { connectionId }: HubDevice): Promise<unknown> {
  const { measurements, complete } = await hub.readMemory(connectionId, { signal: never })
  return { measurements, complete }
}

async function listen(hub: Hub, { connectionId }: HubDevice, measurements: number): Promise<ArrivedSample[]> {
  const samples: ArrivedSample[] = []
  let measured = 0
  for await (const sample of hub.live(connectionId, { signal: never })) {
    samples.push({ raw: sample.raw, atUs: nowUs() })
    if (sample.measured && ++measured >= measurements) break
  }
  return samples
}

async function takeSpots(hub: Hub, { connectionId }: HubDevice, count: number): Promise<Measurement[]> {
  const spots: Measurement[] = []
  const signal = { aborted: false }
  await hub.measure(connectionId, { signal }, (measurement) => {
    spots.push(measurement)
    signal.aborted = spots.length >= count
  })
  return spots.slice(0, count)
}

/** Of an exchange. */
export function readingsOf({ memory, samples, spots }: Exchanged): Readings {
  return {
    memory,
    stream: Buffer.concat(samples.map(({ raw }) => raw)).toString('hex'),
    spots: spots.map((spot) => ({ ...spot, recordKey: null })),
  }
}

/** The code of the DeviceError that `work` ends with; 'none' when it does not fail. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    if (error instanceof DeviceError) return error.code
    throw error
  }
}
