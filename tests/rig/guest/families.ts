import type { HubDevice } from '../../../src/main/devices/hub.ts'
import type { SentReport } from './bus-protocol.ts'
import { codeOf, exchange, giveUp, readingsOf, type ArrivedSample } from './exchange.ts'
import { check } from './results.ts'
import { plug, stateOf, untilGone, type World } from './world.ts'

/** Measurements of a watched stream: enough reports for a 99th percentile. */
const WATCHED = 6
/** After so long most exchanges are under way. */
const SOON_MS = 120
/** Reports after which a device is unplugged in the middle of its exchange. */
const SOME_REPORTS = 2

/** Plugs one family in, begins and gives up, has its readings, and unplugs it in the middle. */
export async function tryFamily(world: World, family: string): Promise<void> {
  const { bus, hub } = world
  let device: HubDevice | null = null
  await check(`${family}: plugged in`, async () => {
    const plugged = await plug(world, family, family)
    device = plugged.device
    return { ...device, listedMs: plugged.listedMs }
  })
  if (device === null) return
  const known: HubDevice = device
  // What it was still saying must not be taken for an answer in the next exchange.
  await check(`${family}: given up in the middle`, () => giveUp(hub, known, SOON_MS))
  await check(`${family}: exchange`, async () => {
    const exchanged = await exchange(hub, known, WATCHED)
    const latency = latencyOf(await bus.order({ do: 'sent', key: family }), exchanged.samples)
    if (latency !== null) process.stdout.write(`RIG report to sample, ${family}: ${JSON.stringify(latency)}\n`)
    return { ...readingsOf(exchanged), latency, state: stateOf(hub, known) }
  })
  await check(`${family}: unplugged in the middle`, async () => {
    await bus.order({ do: 'unplug-after', key: family, reports: SOME_REPORTS })
    const code = await codeOf(exchange(hub, known, Infinity))
    await untilGone(hub, known)
    return { code }
  })
}

/** From the hand-over of a report to the kernel to the arrival of its sample, in microseconds. */
function latencyOf(
  sent: readonly SentReport[],
  samples: readonly ArrivedSample[],
): { count: number; medianUs: number; p99Us: number; highestUs: number } | null {
  const latencies: number[] = []
  let index = 0
  for (const { raw, atUs } of samples) {
    const hex = Buffer.from(raw).toString('hex')
    while (sent[index]?.hex.includes(hex) === false) index += 1
    const report = sent[index]
    if (report !== undefined) latencies.push(atUs - report.atUs)
  }
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0
  if (latencies.length === 0) return null
  return { count: latencies.length, medianUs: at(0.5), p99Us: at(0.99), highestUs: at(1) }
}
