import { codeOf, exchange, readingsOf } from './exchange.ts'
import { check } from './results.ts'
import { plug, stateOf, unplug, type World } from './world.ts'
import type { BusFault } from './usbip-port.ts'

const CUFF = 'omron-0590-0028'
const OXIMETER = 'contec-28e9-028a'
/** Longer than the system waits for a report to be taken. */
const STREAM_S = 7

/** What no transport without a kernel can do: a device that takes no report from the bus, refuses one, or spoils it. */
export async function tryBusFaults(world: World): Promise<void> {
  const { bus, hub } = world
  const { device } = await plug(world, CUFF, CUFF)
  const oximeter = await plug(world, OXIMETER, OXIMETER)
  const broken = async (): Promise<{ code: string; state: string }> => ({
    code: await codeOf(exchange(hub, device, 1)),
    state: stateOf(hub, device),
  })
  const during = async (fault: BusFault): Promise<unknown> => {
    await bus.order({ do: 'bus-fault', key: CUFF, fault })
    const seen = await broken()
    await bus.order({ do: 'bus-fault', key: CUFF, fault: null })
    return seen
  }
  await check('bus: stall', () => during('stall'))
  await check('bus: error', () => during('error'))
  await check('bus: not taken, beside a stream', async () => {
    const [fault, stream] = await Promise.all([during('hang'), exchange(hub, oximeter.device, STREAM_S)])
    return { fault, gapMs: longestGapMs(stream.samples), ...readingsOf(stream) }
  })
  await check('bus: no answer', async () => {
    await bus.order({ do: 'silence', key: CUFF, isSilent: true })
    const seen = await broken()
    await bus.order({ do: 'silence', key: CUFF, isSilent: false })
    return seen
  })
  await check('bus: usable afterwards', async () => {
    const readings = readingsOf(await exchange(hub, device, 1))
    return { ...readings, state: stateOf(hub, device) }
  })
  await unplug(world, CUFF, device)
  await unplug(world, OXIMETER, oximeter.device)
}

function longestGapMs(samples: readonly { atUs: number }[]): number {
  const gaps = samples.slice(1).map(({ atUs }, index) => atUs - (samples[index]?.atUs ?? 0))
  return Math.round(Math.max(0, ...gaps) / 1000)
}
