import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LiveRun } from '../../../src/main/core/live-run.ts'
import type { HubSample } from '../../../src/main/devices/live-session.ts'
import { LiveEvent } from '../../../src/shared/api/schemas.ts'
import { runs } from '../../support/budget.ts'

const sample = (atMs: number, wave: number[]): HubSample => ({
  atMs,
  wave,
  measured: false,
  spo2: 97,
  pulse: 70,
  perfusionIndex: '4.20',
  finger: true,
  raw: new Uint8Array(),
  stableS: 1,
})

/** Runs over `samples`, listening from the start. */
async function told(samples: readonly HubSample[]): Promise<LiveEvent[]> {
  const listening = Promise.withResolvers<undefined>()
  const run = new LiveRun(
    async function* () {
      await listening.promise
      yield* samples
    },
    () => 'INTERNAL',
  )
  const events: LiveEvent[] = []
  const reading = (async () => {
    for await (const event of run.listen(undefined)) events.push(event)
  })()
  listening.resolve(undefined)
  await reading
  return events
}

describe('a running stream', () => {
  it('tells every point once and in order, in events that fit the contract, about ten a second', async () => {
    const points = fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: 6 })
    const gaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 120 }), points), { maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(gaps, async (steps) => {
        let atMs = 0
        const samples = steps.map(([gapMs, wave]) => sample((atMs += gapMs), wave))
        const events = await told(samples)
        for (const event of events) LiveEvent.parse(event)
        expect(events.at(-1)).toEqual({ kind: 'ended', code: null })
        const told_ = events.flatMap((event) => (event.kind === 'samples' ? event.wave : []))
        // What came after the last event is not told: the stream is over.
        const all = samples.flatMap(({ wave }) => wave)
        expect(told_).toEqual(all.slice(0, told_.length))
        expect(all.length - told_.length).toBeLessThan(256)
        const timed = events.filter((event) => event.kind === 'samples' && event.wave.length < 200).length
        expect(timed).toBeLessThanOrEqual(atMs / 90 + 2)
      }),
      { numRuns: runs(60, 2000) },
    )
  })

  it('cuts a burst that is longer than one event may be', async () => {
    const events = await told(Array.from({ length: 300 }, (_, i) => sample(0, [i % 128, i % 128])))
    const waves = events.flatMap((event) => (event.kind === 'samples' ? [event.wave.length] : []))
    expect(Math.max(...waves)).toBeLessThanOrEqual(256)
    expect(waves.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(600 - 256)
  })

  it('tells whoever comes after its end that it has ended', async () => {
    const run = new LiveRun(
      async function* () {
        await Promise.reject(new Error('x'))
        yield sample(0, [])
      },
      () => 'DEVICE_SILENT',
    )
    await run.over
    const events: LiveEvent[] = []
    for await (const event of run.listen(undefined)) events.push(event)
    expect([run.isOver, events]).toEqual([true, [{ kind: 'ended', code: 'DEVICE_SILENT' }]])
  })

  it('ends with the code that it was stopped with', async () => {
    const run = new LiveRun(
      async function* (signal) {
        for (let i = 0; !signal.aborted; i++) {
          await new Promise((done) => setImmediate(done))
          yield sample(i * 50, [1])
        }
      },
      () => 'INTERNAL',
    )
    const listening = run.listen(undefined)
    await listening.next()
    expect(run.hasListeners).toBe(true)
    await run.stop('UNKNOWN_CAPTURE')
    let last: LiveEvent | null = null
    for await (const event of listening) last = event
    expect([last, run.hasListeners]).toEqual([{ kind: 'ended', code: 'UNKNOWN_CAPTURE' }, false])
  })
})
