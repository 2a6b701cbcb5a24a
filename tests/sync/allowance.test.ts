import { expect, it } from 'vitest'
import { Allowance, costOf } from '../../src/sync/allowance.ts'

it('every head of a large network may be said at once, and no more', () => {
  const allowance = new Allowance(0)
  expect(allowance.take(16_384, 0)).toBe(true)
  expect(allowance.take(1, 0)).toBe(false)
})

it('points come back with time, up to what there was', () => {
  const allowance = new Allowance(0)
  allowance.take(16_384, 0)
  expect(allowance.take(512, 1000)).toBe(true)
  expect(allowance.take(512, 1500)).toBe(false)
  const rested = new Allowance(0)
  expect(rested.take(16_385, 1e9)).toBe(false)
})

it('a clock that goes back gives nothing', () => {
  const allowance = new Allowance(1000)
  allowance.take(16_384, 1000)
  expect(allowance.take(1, 0)).toBe(false)
})

it('what costs more to check costs more to say', () => {
  const bye = costOf({ kind: 'bye' }, 1)
  expect(costOf({ kind: 'evidence', text: 'x' }, 1)).toBeGreaterThan(bye + 30)
  expect(costOf({ kind: 'governance', rosters: [], contracts: [], proposals: [] }, 1)).toBeGreaterThan(bye + 60)
  expect(costOf({ kind: 'heads', notes: ['a', 'b'] }, 1)).toBe(bye + 2)
  expect(costOf({ kind: 'bye' }, 8192)).toBeCloseTo(3)
})
