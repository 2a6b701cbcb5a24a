import { afterEach, expect, it } from 'vitest'
import type { Measurement } from '../../../src/devices/measurement.ts'
import { createVirtualScale } from '../../../src/devices/virtual-scale.ts'
import { createVirtualTemper } from '../../../src/devices/virtual-temper.ts'
import { createHub, type Hub } from '../../../src/main/devices/hub.ts'
import { virtualSource } from '../../../src/main/devices/made-up-sources.ts'
import { codeOf, fakeClock } from '../../support/device-world.ts'
import { line } from '../../support/readings-text.ts'

/** Devices that measure on the spot, at one hub: a scale and a thermometer. */
const hubs: Hub[] = []
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()))
})

const STILL = { status: 4, digits: 7240, reports: 5 }
const EMPTY = { status: 2, digits: 0, reports: 5 }

async function world() {
  const clock = fakeClock()
  // Sleeping lets others run: a device that never stops does not starve the test.
  const kind = {
    ...clock,
    sleep: async (ms: number) => (await clock.sleep(ms), new Promise<void>((done) => setImmediate(done))),
  }
  const scale = createVirtualScale({ clock: kind, steps: [EMPTY, STILL, EMPTY, { ...STILL, digits: 655 }, EMPTY] })
  const stick = createVirtualTemper({ clock: kind, hundredths: () => [2150, 412] })
  const hub = createHub({
    sources: [virtualSource([scale.device, stick])],
    nowMs: () => 1_700_000_000_000,
    monotonicMs: () => clock.nowMs(),
    pollMs: 1_000_000,
  })
  hubs.push(hub)
  await hub.start()
  const [scaleId = '', stickId = ''] = hub.devices().map(({ connectionId }) => connectionId)
  /** The first `count` measurements of a device. */
  const measured = async (id: string, count: number): Promise<Measurement[]> => {
    const found: Measurement[] = []
    const signal = { aborted: false }
    await hub.measure(id, { signal }, (measurement) => {
      found.push(measurement)
      signal.aborted = found.length >= count
    })
    return found
  }
  const problem = (id: string) => hub.devices().find(({ connectionId }) => connectionId === id)?.problem
  return { hub, scale, stick, scaleId, stickId, measured, problem }
}

const text = (found: readonly Measurement[]): string[] => found.map((one) => line(one).replace('no-time ', ''))

it('are listed as what they are, and measure at once', async () => {
  const { hub, scaleId, stickId, measured } = await world()
  expect(hub.devices().map(({ family }) => family)).toEqual(['hid-weighing-8d', 'pcsensor-temper'])
  const [weights, temperatures] = await Promise.all([measured(scaleId, 2), measured(stickId, 2)])
  expect(text(weights)).toEqual(['72.40', '6.55'])
  expect(text(temperatures)).toEqual(['21.50', '4.12 probe'])
  expect(temperatures.every(({ purpose }) => purpose === 'room')).toBe(true)
})

it('have no memory and no stream', async () => {
  const { hub, scaleId } = await world()
  expect(await codeOf(() => hub.readMemory(scaleId, { signal: { aborted: false } }))).toBe('PROTOCOL')
})

it('asleep: the one says so, the other goes on, and both work when they are awake', async () => {
  const { scale, scaleId, stick, stickId, measured, problem } = await world()
  for (const [device, id, other] of [
    [scale.device, scaleId, stickId],
    [stick, stickId, scaleId],
  ] as const) {
    scale.play([EMPTY, STILL, EMPTY])
    device.faults.silent = true
    expect(await codeOf(() => measured(id, 1))).toBe('SILENT')
    expect(problem(id)).toBe('DEVICE_SILENT')
    expect(await measured(other, 1)).not.toHaveLength(0)
    device.faults.silent = false
    scale.play([EMPTY, STILL, EMPTY])
    expect(await measured(id, 1)).not.toHaveLength(0)
    expect(problem(id)).toBeNull()
  }
})

it('unplugged in the middle: says so, and works when it comes back', async () => {
  const { hub, scale, scaleId, stick, stickId, measured } = await world()
  for (const [device, id] of [
    [scale.device, scaleId],
    [stick, stickId],
  ] as const) {
    device.faults.unplugAfter = 3
    expect(await codeOf(() => measured(id, 9))).toBe('UNPLUGGED')
    device.faults.unplugAfter = null
    device.present = true
    await hub.rescan()
    scale.play([EMPTY, STILL, EMPTY])
    expect(await measured(id, 1)).not.toHaveLength(0)
  }
})

it('a thermometer with a firmware nobody knows is not supported', async () => {
  const { hub, stick, stickId, measured } = await world()
  stick.faults.wrongModel = true
  expect(await codeOf(() => measured(stickId, 1))).toBe('WRONG_MODEL')
  expect(hub.devices().map(({ status }) => status)).toEqual(['ready', 'unsupported'])
})
