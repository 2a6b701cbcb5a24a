import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { passedMs } from '../../src/shared/two-clocks.ts'

const THEN = { monotonicMs: 5000, wallMs: 1_700_000_000_000 }
const after = (monotonicMs: number, wallMs: number) =>
  passedMs(THEN, { monotonicMs: THEN.monotonicMs + monotonicMs, wallMs: THEN.wallMs + wallMs })

describe('what has passed', () => {
  it('is told by either clock when both agree', () => {
    expect([after(0, 0), after(60_000, 60_000), after(-60_000, -60_000)]).toEqual([0, 60_000, -60_000])
  })

  it('counts the hours in which the computer slept', () => {
    expect(after(10, 8 * 3_600_000)).toBe(8 * 3_600_000)
  })

  it('is no less when the wall clock is set back', () => {
    expect(after(300_000, -86_400_000)).toBe(300_000)
  })

  it('never falls behind either clock', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (ran, shown) => {
        const passed = passedMs({ monotonicMs: 0, wallMs: 0 }, { monotonicMs: ran, wallMs: shown })
        expect(passed >= ran && passed >= shown && (passed === ran || passed === shown)).toBe(true)
      }),
    )
  })
})
