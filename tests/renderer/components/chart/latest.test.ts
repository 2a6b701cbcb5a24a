import { describe, expect, it } from 'vitest'
import { buildFlowsheet } from '../../../../src/renderer/components/chart/flowsheet.ts'
import { isAged, latestOf } from '../../../../src/renderer/components/chart/latest.ts'
import { part } from '../../../support/fake-data.ts'
import { readingAt, verifiedRow } from '../../../support/chart-rows.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const hoursAgo = (hours: number): string => new Date(NOW - hours * 3_600_000).toISOString()

describe('latestOf', () => {
  it('gives the newest value and the one before it', () => {
    const rows = [30, 20, 10].map((hours, n) =>
      verifiedRow(readingAt('spo2', part.spo2(95 + n), hoursAgo(hours), { setId: `s${n}` }), n),
    )
    const [spo2] = latestOf(buildFlowsheet(rows, []))
    expect(spo2?.newest.record.quantities[0]?.value).toBe('97')
    expect(spo2?.previous?.record.quantities[0]?.value).toBe('96')
  })

  it('never gives a value that was retracted', () => {
    const correction = { kind: 'entered-in-error', reason: 'x', by: 'y', at: hoursAgo(1) } as const
    const rows = [20, 10].map((hours, n) =>
      verifiedRow(readingAt('spo2', part.spo2(95 + n), hoursAgo(hours), { setId: `s${n}` }), n),
    )
    const wrong = { setId: 'wrong', correction: { ...correction, ref: { origin: 'o', index: 9 } } }
    const [spo2] = latestOf(
      buildFlowsheet([...rows, verifiedRow(readingAt('spo2', part.spo2(60), hoursAgo(2), wrong), 5)], []),
    )
    expect(spo2?.newest.position.index).toBe(1)
    expect(spo2?.previous?.position.index).toBe(0)
  })

  it('gives one value for a kind that was recorded in two units: the newest', () => {
    const rows = [
      verifiedRow(readingAt('weight', [['weight', '158.7', '[lb_av]', 'lb']], hoursAgo(1), { setId: 'b' }), 2),
      verifiedRow(readingAt('weight', part.weight('72.0'), hoursAgo(5), { setId: 'a' }), 1),
    ]
    const latest = latestOf(buildFlowsheet(rows, []))
    expect(latest.map(({ newest }) => newest.position.index)).toEqual([2])
  })

  it.each([
    ['spo2', 11.99, false],
    ['spo2', 12, true],
    ['weight', 300, false],
    ['weight', 336, true],
  ] as const)('a value of %s is old after %d hours: %s', (kind, hours, aged) => {
    const parts = kind === 'spo2' ? part.spo2(97) : part.weight('72.0')
    expect(isAged(verifiedRow(readingAt(kind, parts, hoursAgo(hours)), 1), NOW)).toBe(aged)
  })
})
