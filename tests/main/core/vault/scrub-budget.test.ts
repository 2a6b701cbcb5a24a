import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Budget, type BudgetParts } from '../../../../src/main/core/vault/scrub-budget.ts'

/** A budget on a clock that only moves when told, and by pauses. */
function budgetOf(limits: Pick<BudgetParts, 'sliceMs' | 'pauseMs' | 'bytesPerS'>) {
  const clock = { ms: 0 }
  const pauses: number[] = []
  const pause = (ms: number) => {
    pauses.push(ms)
    clock.ms += ms
    return Promise.resolve()
  }
  return { clock, pauses, budget: new Budget({ ...limits, clockMs: () => clock.ms, pause }) }
}

it('rests after a slice of time, for the pause', async () => {
  const { clock, pauses, budget } = budgetOf({ sliceMs: 10, pauseMs: 30, bytesPerS: 1e9 })
  expect(budget.used(100)).toBeNull()
  clock.ms = 9
  expect(budget.used(100)).toBeNull()
  clock.ms = 10
  await budget.used(100)
  expect(pauses).toEqual([30])
  expect(budget.used(100)).toBeNull()
})

it('never reads faster than it may, whatever the sizes and times', async () => {
  const step = fc.record({ bytes: fc.nat(100_000), ms: fc.nat(20) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 200 }), async (steps) => {
      const { clock, budget } = budgetOf({ sliceMs: 8, pauseMs: 1, bytesPerS: 1_000_000 })
      let [bytes, largest] = [0, 0]
      for (const { bytes: read, ms } of steps) {
        clock.ms += ms
        bytes += read
        largest = Math.max(largest, read)
        await budget.used(read)
        // What may be ahead is one slice, and the row that ended it.
        expect(bytes).toBeLessThanOrEqual((clock.ms / 1000) * 1_000_000 + 8000 + largest)
      }
    }),
  )
})
