import { describe, expect, it } from 'vitest'
import { buildFlowsheet } from '../../../../src/renderer/components/chart/flowsheet.ts'
import { boundsOf, lineWithGaps, trendsOf } from '../../../../src/renderer/components/chart/trend.ts'
import { part } from '../../../support/fake-data.ts'
import { readingAt, verifiedRow } from '../../../support/chart-rows.ts'

const BORN = '1957-03-14'
const NOW = Date.UTC(2026, 10, 20, 12)
const hoursAgo = (hours: number): string => new Date(NOW - hours * 3_600_000).toISOString()
const pulses = (...list: [hours: number, value: number][]) =>
  list.map(([hours, value], n) =>
    verifiedRow(readingAt('heart-rate', part.pulse(value), hoursAgo(hours), { setId: `s${n}` }), n),
  )

describe('trendsOf', () => {
  it('draws pressures as pairs and leaves words and limits out', () => {
    const rows = [
      verifiedRow(readingAt('blood-pressure', part.bp(128, 78), hoursAgo(1)), 1),
      verifiedRow(readingAt('consciousness', part.consciousness('alert'), hoursAgo(1)), 2),
      verifiedRow(readingAt('glucose', part.glucose('5.6'), hoursAgo(1)), 3),
    ]
    const high = verifiedRow(readingAt('glucose', part.glucose('33.3'), hoursAgo(0.5), { setId: 'hi' }), 4)
    const limit = {
      ...high,
      record: {
        ...high.record,
        quantities: high.record.quantities.map((one) => ({ ...one, comparator: '>' as const })),
      },
    }
    const trends = trendsOf(buildFlowsheet([...rows, limit], []), boundsOf('24h', rows, NOW), BORN)
    expect(trends.map(({ row, points }) => [row.kind, points.map(({ value, low }) => [value, low])])).toEqual([
      ['blood-pressure', [[128, 78]]],
      ['glucose', [[5.6, null]]],
    ])
  })

  it('keeps the scale of a quantity fixed, and says when a value extends it', () => {
    const usual = pulses([2, 60], [1, 150])
    const [fixed] = trendsOf(buildFlowsheet(usual, []), boundsOf('24h', usual, NOW), BORN)
    expect(fixed).toMatchObject({ scale: [40, 160], isExtended: false })
    const fast = pulses([2, 60], [1, 190])
    const [extended] = trendsOf(buildFlowsheet(fast, []), boundsOf('24h', fast, NOW), BORN)
    expect(extended?.isExtended).toBe(true)
    expect(extended?.scale[1]).toBeGreaterThan(190)
  })

  it('shades the range of the clinic for adults, and never for children', () => {
    const rows = pulses([2, 60])
    const usual = (born: string | null) =>
      trendsOf(buildFlowsheet(rows, []), boundsOf('24h', rows, NOW), born)[0]?.usual
    expect(usual(BORN)).toEqual({ low: 50, high: 100 })
    expect(usual('2019-01-08')).toBeNull()
    expect(usual(null)).toBeNull()
  })

  it('shows only the span that was chosen', () => {
    const rows = pulses([30, 60], [5, 70])
    const count = (span: '6h' | '7d' | 'all') =>
      trendsOf(buildFlowsheet(rows, []), boundsOf(span, rows, NOW), BORN)[0]?.points.length
    expect([count('6h'), count('7d'), count('all')]).toEqual([1, 2, 2])
  })
})

describe('lineWithGaps', () => {
  it('breaks the line where values were not taken for long', () => {
    const rows = pulses([60, 70], [56, 71], [52, 72], [4, 73], [0.5, 74])
    const [series] = trendsOf(buildFlowsheet(rows, []), boundsOf('all', rows, NOW), BORN)
    const [times, values] = lineWithGaps(series?.points ?? [])
    expect(values).toEqual([70, 71, 72, null, 73, 74])
    expect(times.toSorted((a, b) => a - b)).toEqual(times)
  })

  it('draws one point and no point', () => {
    expect(lineWithGaps([])).toEqual([[], []])
  })
})
