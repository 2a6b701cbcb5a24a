import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { consentWorld, granted, holder, PIN, weigh, weightsIn, type World } from '../../../support/consent-world.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Charts that were told to have changed since the last time this was asked, once everybody has looked. */
async function told({ events }: World): Promise<string[]> {
  vi.advanceTimersByTime(10_000)
  // What is looked at is worked out in a few turns.
  for (let n = 0; n < 50; n++) await new Promise((done) => setImmediate(done))
  const changed = events.flatMap((event) => (event.kind === 'chart-changed' ? [event.handle] : []))
  events.length = 0
  return changed
}

it('are told when a consent ends by its date while they are open, once, and show nothing when asked for again', async () => {
  const world = await consentWorld()
  const [ends, stays] = [await holder(world, 1), await holder(world, 2)]
  for (const [patient, until] of [
    [ends, '2026-03-09'],
    [stays, '2027-03-02'],
  ] as const) {
    await weigh(world, patient, '70.1')
    await granted(world, patient, { until })
    await world.vault.chart(patient.handle, 1)
  }
  await told(world)
  world.clock.nowMs = Date.UTC(2026, 2, 8, 12)
  expect(await told(world)).toEqual([])
  world.clock.nowMs = Date.UTC(2026, 2, 11)
  expect(await told(world)).toEqual([ends.handle])
  expect(await told(world)).toEqual([])
  expect(weightsIn(await world.vault.chart(ends.handle, 2))).toEqual(['access'])
  expect(weightsIn(await world.vault.chart(stays.handle, 2))).toEqual(['70.1'])
})

it('are told when a consent begins, and forgotten when nobody is signed in', async () => {
  const world = await consentWorld()
  const patient = await holder(world, 1)
  await granted(world, patient, { from: '2026-03-05', until: '2026-03-09' })
  await world.vault.chart(patient.handle, 1)
  await told(world)
  world.clock.nowMs = Date.UTC(2026, 2, 6, 12)
  expect(await told(world)).toEqual([patient.handle])
  await world.vault.signOut()
  await told(world)
  world.clock.nowMs = Date.UTC(2026, 2, 12)
  await world.vault.signIn(world.team.nurse, PIN)
  expect(await told(world)).toEqual([])
})
