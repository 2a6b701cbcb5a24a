import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CLOCK_TOLERANCE_MS, ClockWatch } from '../../../../src/main/core/vault/clock-watch.ts'

const MINUTE = 60_000

function watched(newestSealMs = 0) {
  const clock = { wall: 1_800_000_000_000, steady: 500, seal: newestSealMs }
  const watch = new ClockWatch({
    nowMs: () => clock.wall,
    steadyMs: () => clock.steady,
    newestSealMs: () => clock.seal,
  })
  const pass = (ms: number, jumpMs = 0) => {
    clock.steady += ms
    clock.wall += ms + jumpMs
    return watch.look()
  }
  return { clock, watch, pass }
}

it('believes a clock that goes on as time does, also over a night of sleep', () => {
  const { pass } = watched()
  for (const ms of [0, 1, MINUTE, 12 * 60 * MINUTE]) expect(pass(ms)).toBe(null)
})

it('does not believe a clock that is behind the newest seal, until it is not', () => {
  const { clock, watch, pass } = watched()
  clock.seal = clock.wall + CLOCK_TOLERANCE_MS
  expect(watch.look()).toBe(null)
  clock.seal += 1
  expect(watch.look()).toEqual({ kind: 'clock-behind', byMs: -CLOCK_TOLERANCE_MS - 1 })
  expect(pass(1)).toBe(null)
})

it.each([1, -1])('does not believe a clock that jumped, and does once it jumped back (%i)', (direction) => {
  const { pass } = watched()
  expect(pass(MINUTE, direction * CLOCK_TOLERANCE_MS)).toBe(null)
  const jump = direction * (CLOCK_TOLERANCE_MS + 1)
  expect(pass(MINUTE, jump)).toEqual({ kind: 'clock-jumped', byMs: jump })
  expect(pass(60 * MINUTE)).toEqual({ kind: 'clock-jumped', byMs: jump })
  expect(pass(MINUTE, -jump)).toBe(null)
})

it('takes drift as it comes, however long it goes on', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 300 }), (drifts) => {
      const { pass } = watched()
      for (const drift of drifts) expect(pass(30_000, drift)).toBe(null)
    }),
  )
})
