import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lastValues } from '../../../../src/renderer/components/capture/last-values.ts'
import type { ReadingRow } from '../../../../src/renderer/api/types.ts'
import { FakeCore } from '../../../support/fake-api.ts'
import { handleOf, history } from '../../../support/fake-data.ts'
import { readingsOf } from '../../../support/fake-data.ts'

const NOW = Date.parse('2026-11-21T09:00:00Z')

function rows(): ReadingRow[] {
  const core = new FakeCore({ now: NOW })
  return history(24, 3, 120, 80, 70, 97)
    .flatMap((set, n) => readingsOf(set, NOW, `set-${n}`))
    .map((reading) => core.row(core.record(handleOf(1), reading)) as unknown as ReadingRow)
}

describe('lastValues', () => {
  it('finds the newest of each field, in whatever order the rows come', () => {
    const sorted = lastValues(rows())
    fc.assert(
      fc.property(fc.shuffledSubarray(rows(), { minLength: rows().length }), (shuffled) => {
        expect(new Map([...lastValues(shuffled)].sort())).toEqual(new Map([...sorted].sort()))
      }),
      { numRuns: 20 },
    )
    const newest = Math.max(
      ...rows().flatMap((row) => (row.status === 'verified' ? [Date.parse(row.record.measuredAt)] : [])),
    )
    expect(Date.parse(sorted.get('respiratory-rate')?.measuredAt ?? '')).toBe(newest)
    expect(sorted.get('systolic')?.quantities.map(({ name }) => name)).toEqual(['systolic', 'diastolic'])
  })

  it('leaves out what was corrected, what a patient reported, and what is hidden', () => {
    const [first] = rows().filter((row) => row.status === 'verified' && row.record.kind === 'spo2')
    if (first?.status !== 'verified') throw new Error('no reading')
    const changed = (more: object) => [{ ...first, record: { ...first.record, ...more } }] as unknown as ReadingRow[]
    expect(lastValues(changed({})).size).toBe(1)
    expect(lastValues(changed({ correction: { kind: 'amended' } })).size).toBe(0)
    expect(lastValues(changed({ method: 'patient-reported' })).size).toBe(0)
    expect(lastValues(changed({ kind: 'environment' })).size).toBe(0)
    const hidden = {
      status: 'rejected',
      step: 'access',
      reason: '',
      origin: 'x',
      index: 1,
      entryId: null,
      seq: 1,
    } as const
    expect(lastValues([hidden]).size).toBe(0)
  })
})
