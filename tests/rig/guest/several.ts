import type { HubDevice } from '../../../src/main/devices/hub.ts'
import { RIG_DEVICES } from '../rig-devices.ts'
import { exchange, readingsOf, type Readings } from './exchange.ts'
import { check, until } from './results.ts'
import { untilGone, type World } from './world.ts'

/** The family of which two are plugged in. */
const TWICE = 'omron-0590-0028'
const SECOND = 'second'
/** Exchanges at once: what a busy bedside has. */
const AT_ONCE = 4

/** One device of every family, and two of one, plugged in at once after all of them were unplugged before. */
export async function trySeveral({ bus, hub }: World): Promise<void> {
  const keys = [...Object.keys(RIG_DEVICES), SECOND]
  const family = (key: string): string => (key === SECOND ? TWICE : key)
  await check('several: plugged in', async () => {
    await Promise.all(keys.map((key) => bus.order({ do: 'plug', key, family: family(key) })))
    await until(() => hub.devices().length === keys.length)
    return hub.devices().map((device) => ({ connectionId: device.connectionId, family: device.family }))
  })
  await check('several: exchanges at once', async () => {
    const waiting = hub.devices()
    const readings: [string | null, Readings][] = []
    const worker = async (): Promise<void> => {
      for (let device = waiting.shift(); device !== undefined; device = waiting.shift()) {
        readings.push([device.family, readingsOf(await exchange(hub, device, 1))])
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return readings
  })
  await check('several: one of two identical ones is unplugged', async () => {
    const before = hub.devices()
    await bus.order({ do: 'unplug', key: SECOND })
    const gone = await until(() => before.find((device) => !isListed(hub.devices(), device)))
    const [left] = hub.devices().filter((device) => device.family === TWICE)
    if (left === undefined) throw new Error('both are gone')
    return { gone: gone.family, readings: readingsOf(await exchange(hub, left, 1)) }
  })
  await check('several: all unplugged', async () => {
    const before = hub.devices()
    await Promise.all(Object.keys(RIG_DEVICES).map((key) => bus.order({ do: 'unplug', key })))
    for (const device of before) await untilGone(hub, device)
  })
}

const isListed = (devices: readonly HubDevice[], { connectionId }: HubDevice): boolean =>
  devices.some((device) => device.connectionId === connectionId)
