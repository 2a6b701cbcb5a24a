import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CopyReports } from '../../../../src/main/core/network/copy-reports.ts'

function world(liars: number) {
  const clock = { ms: 0 }
  const reports = new CopyReports(
    () => clock.ms,
    () => liars,
  )
  const heard = (...reporters: (string | null)[]) => reporters.map((reporter) => reports.heard(reporter))
  return { clock, heard }
}

describe('reports that the own log has two writers', () => {
  it('are believed from a copy that speaks to this node', () => {
    expect(world(1).heard(null)).toEqual([true])
  })

  it('are believed of one site where no site lies, and of one more than may lie elsewhere', () => {
    expect(world(0).heard('a')).toEqual([true])
    expect(world(1).heard('a', 'a', 'b')).toEqual([false, false, true])
    expect(world(2).heard('a', 'b', 'a', 'b', 'c')).toEqual([false, false, false, false, true])
  })

  it('are forgotten after two minutes', () => {
    const { clock, heard } = world(1)
    heard('a')
    clock.ms += 120_000
    expect(heard('b', 'a')).toEqual([false, true])
  })

  it('are never believed of as many sites as may lie, whatever they say and however often', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.nat(3), fc.nat(60_000)), { maxLength: 60 }),
        (liars, said) => {
          const { clock, heard } = world(liars)
          for (const [site, ms] of said) {
            clock.ms += ms
            expect(heard(`liar ${site % liars}`)).toEqual([false])
          }
        },
      ),
    )
  })

  it('of honest sites are not crowded out by one that floods', () => {
    const { heard } = world(2)
    heard('a', ...Array.from({ length: 1000 }, () => 'liar'))
    expect(heard('b')).toEqual([true])
  })
})
