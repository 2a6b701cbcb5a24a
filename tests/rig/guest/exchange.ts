/** What a device gives through the kernel, in a form that can be compared with what it gives directly. */
import { rowOfFamily } from '../../../src/devices/driver-table.ts'
import { DeviceError } from '../../../src/devices/errors.ts'
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
}

const never = { aborted: false }

/**
 * Reads the memory, and listens to the stream.
 *
 * @param measurements - Where the stream is left.
 */
export async function exchange(hub: Hub, device: HubDevice, measurements: number): Promise<Exchanged> {
  const { read, live } = rowOfFamily(device.family ?? '')?.driver ?? {}
  return {
    memory: read === undefined ? null : await readMemory(hub, device),
    samples: live === undefined ? [] : await listen(hub, device, measurements),
  }
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
