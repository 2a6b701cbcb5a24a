import { describe, expect, it } from 'vitest'
import type { AccessRow } from '../../../../src/renderer/api/types.ts'
import { FILTERS, fitting } from '../../../../src/renderer/components/audit/filter.ts'
import { FakeCore } from '../../../support/fake-api.ts'
import { rejectedRow } from '../../../support/chart-rows.ts'
import { handleOf } from '../../../support/fake-data.ts'

const rows = new FakeCore({ signedInAs: 0, now: Date.UTC(2026, 10, 20) }).records.list(
  null,
  null,
  100,
) as unknown as AccessRow[]
const kinds = (found: readonly AccessRow[]) => found.map((row) => (row.status === 'verified' ? row.record.kind : 'bad'))

describe('fitting', () => {
  it('shows everything without a filter', () => {
    expect(fitting(rows, 'all', '')).toEqual(rows)
  })

  it.each(['emergency', 'export', 'view', 'list'] as const)('shows %s alone', (filter) => {
    expect(new Set(kinds(fitting(rows, filter, '')))).toEqual(new Set([filter]))
  })

  it('shows what the audit found', () => {
    expect(fitting(rows, 'finding', '')).toHaveLength(1)
  })

  it('finds people by a part of the name, patients by the beginning of the number', () => {
    expect(kinds(fitting(rows, 'all', 'hallo'))).toEqual(['emergency'])
    expect(fitting(rows, 'all', handleOf(2))).toHaveLength(2)
    expect(fitting(rows, 'all', handleOf(99))).toEqual([])
  })

  it.each(FILTERS)('never hides an entry that failed verification (%s)', (filter) => {
    expect(kinds(fitting([rejectedRow(4), ...rows], filter, 'nobody at all'))).toEqual(['bad'])
  })
})
