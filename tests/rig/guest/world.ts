import { createHub, type Hub, type HubDevice } from '../../../src/main/devices/hub.ts'
import { nodeHidSource } from '../../../src/main/devices/node-hid-source.ts'
import { Bus } from './bus.ts'
import { nowUs } from './bus-protocol.ts'
import { until } from './results.ts'

/** The hub as the application makes it, and the bus it knows nothing of. */
export interface World {
  bus: Bus
  hub: Hub
}

const POLL_MS = 250

/** Over the real node-hid. */
export async function startWorld(): Promise<World> {
  const bus = await Bus.start()
  const hub = await startHub()
  return { bus, hub }
}

/** A hub over this system's devices, listed. */
export async function startHub(): Promise<Hub> {
  const hub = createHub({ sources: [await nodeHidSource()], nowMs: () => Date.now(), pollMs: POLL_MS })
  await hub.start()
  return hub
}

/** Plugs a device in and waits until the hub has it. */
export async function plug(
  { bus, hub }: World,
  key: string,
  family: string,
): Promise<{ device: HubDevice; listedMs: number }> {
  const before = new Set(hub.devices().map(({ connectionId }) => connectionId))
  const startUs = nowUs()
  await bus.order({ do: 'plug', key, family })
  const device = await until(() => hub.devices().find(({ connectionId }) => !before.has(connectionId)))
  return { device, listedMs: Math.round((nowUs() - startUs) / 1000) }
}

/** Unplugs a device and waits until the hub has noticed. */
export async function unplug({ bus, hub }: World, key: string, device: HubDevice): Promise<void> {
  await bus.order({ do: 'unplug', key })
  await untilGone(hub, device)
}

/** Resolves when the hub no longer has the device. */
export async function untilGone(hub: Hub, { connectionId }: HubDevice): Promise<void> {
  await until(() => !hub.devices().some((device) => device.connectionId === connectionId))
}

/** The device's state as the hub gives it now. */
export function stateOf(hub: Hub, { connectionId }: HubDevice): string {
  const found = hub.devices().find((device) => device.connectionId === connectionId)
  return found === undefined ? 'gone' : [found.status, found.problem].filter((part) => part !== null).join(' ')
}
