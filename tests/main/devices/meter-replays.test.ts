import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { createHub, type Hub } from '../../../src/main/devices/hub.ts'
import { replaySource } from '../../../src/main/devices/made-up-sources.ts'
import { captureText, hasCapture } from '../../support/device-world.ts'
import { sharedData } from '../../support/shared-data.ts'

/** Published sessions of meters, as if they were plugged in: `npm start -- --replay FAMILY=FILE`. */
const hubs: Hub[] = []
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()))
})

async function readingsOf(family: string, text: string) {
  const hub = createHub({
    sources: [replaySource([{ family, text }])],
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => performance.now(),
    pollMs: 1_000_000,
  })
  hubs.push(hub)
  await hub.start()
  const [device] = hub.devices()
  const { measurements } = await hub.readMemory(device?.connectionId ?? '', { signal: { aborted: false } })
  return { device: hub.devices()[0], measurements }
}

const session = 'freestyle-insulinx-1a61-3450/session.hex'
it.skipIf(!hasCapture(session))('needs ../shared/data: an InsuLinx is recognised by its session and read', async () => {
  const { device, measurements } = await readingsOf('abbott-1a61', captureText(session))
  expect(device).toMatchObject({ family: 'abbott-1a61', serial: 'JAGT241-U6242', status: 'ready' })
  expect(measurements).toHaveLength(227)
})

const VECTORS = sharedData('device-captures/vectors.json')
it.skipIf(VECTORS === null)(
  'needs ../shared/data: a Contour Next USB is recognised by its session and read',
  async () => {
    const { vectors } = JSON.parse(readFileSync(VECTORS ?? '', 'utf8')) as {
      vectors: { family: string; exchange?: { out: string; in: string[] }[] }[]
    }
    const exchange = vectors.find((each) => each.family === 'ascensia-1a79' && each.exchange)?.exchange ?? []
    const text = exchange.flatMap((each) => [`OUT> ${each.out}`, ...each.in.map((hex) => `IN< ${hex}`)]).join('\n')
    const { device, measurements } = await readingsOf('ascensia-1a79', text)
    expect(device).toMatchObject({ family: 'ascensia-1a79', serial: '7428-4293200', status: 'ready' })
    expect(measurements.map(({ quantities }) => quantities[0]?.value)).toEqual(['102', '106'])
  },
)
