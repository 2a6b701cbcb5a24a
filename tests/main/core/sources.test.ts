import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DEMO_DEVICES } from '../../../src/main/core/demo/devices.ts'
import { demoDevices, recordings } from '../../../src/main/core/sources.ts'
import { createHub, type Hub } from '../../../src/main/devices/hub.ts'
import { captureText, hasCapture } from '../../support/device-world.ts'

let folder: string
const hubs: Hub[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-sources-'))
})
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function started(source: Parameters<typeof createHub>[0]['sources'][number]): Promise<Hub> {
  const hub = createHub({ sources: [source], nowMs: Date.now, pollMs: 1_000_000 })
  hubs.push(hub)
  await hub.start()
  return hub
}

describe('the demonstration’s devices', () => {
  it('are plugged in and out together, and are those that its clinic enrols', async () => {
    const demo = demoDevices(Date.now)
    const hub = await started(demo.source)
    expect(hub.devices()).toEqual([])
    demo.setPresent(true)
    await hub.rescan()
    const named = (list: readonly { family: string | null; serial: string | null }[]): unknown =>
      list.map(({ family, serial }) => `${family} ${serial}`).sort()
    expect(named(hub.devices())).toEqual(named(DEMO_DEVICES.map(({ origin }) => origin)))
  })

  it('keep their readings: the same time is the same reading, and a new one comes every few minutes', async () => {
    const now = { ms: Date.parse('2026-05-06T07:08:09Z') }
    const demo = demoDevices(() => now.ms)
    demo.setPresent(true)
    const hub = await started(demo.source)
    const cuff = hub.devices().find(({ mode }) => mode === 'memory')!.connectionId
    const keys = async (): Promise<string[]> =>
      (await hub.readMemory(cuff, { signal: { aborted: false } })).measurements.map(({ recordKey }) => recordKey)
    const before = await keys()
    expect(await keys()).toEqual(before)
    now.ms += 5 * 60_000
    const after = await keys()
    const gone = before.length / 3
    expect([after.length, after.slice(0, -gone)]).toEqual([before.length, before.slice(gone)])
  })
})

describe('a recording', () => {
  const record = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }

  it.each([
    ['a family that nobody knows', 'contec-0000-0000', 'IN< 00\n', /contec-0000-0000/],
    ['a text that is no recording', 'contec-28e9-028a', 'hello\n', /cannot replay .*capture.*contec-28e9-028a/],
  ])('of %s stops the start with a sentence that names the file', async (_what, family, text, message) => {
    await expect(recordings([{ family, file: record('capture', text) }])).rejects.toThrow(message)
  })

  it('that is missing, or larger than any, does so too', async () => {
    await expect(recordings([{ family: 'contec-28e9-028a', file: join(folder, 'none') }])).rejects.toThrow(
      /none.*ENOENT/,
    )
    const file = record('large', '')
    truncateSync(file, 16 * 1024 * 1024 + 1)
    await expect(recordings([{ family: 'contec-28e9-028a', file }])).rejects.toThrow(/larger than 16 MiB/)
  })

  const LIVE = 'contec-28e9-028a/live.first-600-reports.hex'
  it.skipIf(!hasCapture(LIVE))(
    'needs ../shared/data: of a stream is a device that starts again when it is over',
    async () => {
      const file = record('live', captureText(LIVE))
      const hub = await started(await recordings([{ family: 'contec-28e9-028a', file }]))
      expect(hub.devices()).toMatchObject([{ family: 'contec-28e9-028a', virtual: true, mode: 'live' }])
    },
  )
})
