import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildFlowsheet, rowOf, type ReadingInChart } from '../../../../src/renderer/components/chart/flowsheet.ts'
import { part } from '../../../support/fake-data.ts'
import { readingAt, rejectedRow, verifiedRow } from '../../../support/chart-rows.ts'

const at = (minutes: number): string => new Date(Date.UTC(2026, 10, 20) + minutes * 60_000).toISOString()

describe('buildFlowsheet', () => {
  it('puts values of one set into one column, newest set last, kinds in chart order', () => {
    const sheet = buildFlowsheet(
      [
        verifiedRow(readingAt('spo2', part.spo2(97), at(3), { setId: 'b' }), 5),
        verifiedRow(readingAt('blood-pressure', part.bp(128, 78), at(0), { setId: 'b' }), 4),
        verifiedRow(readingAt('temperature', part.temperature('36.5'), at(-60), { setId: 'a' }), 2),
      ],
      [],
    )
    expect(sheet.rows.map(({ kind }) => kind)).toEqual(['spo2', 'blood-pressure', 'temperature'])
    expect(sheet.columns.map((column) => column.type === 'set' && [column.at, column.cells.size])).toEqual([
      [at(-60), 1],
      [at(3), 2],
    ])
  })

  it('splits a set that holds two values for one row, or values far apart', () => {
    const memory = [0, 120, 125].map((minutes, n) =>
      verifiedRow(readingAt('blood-pressure', part.bp(120 + n, 80), at(minutes)), n),
    )
    expect(buildFlowsheet(memory, []).columns).toHaveLength(3)
    const apart = [
      verifiedRow(readingAt('spo2', part.spo2(97), at(0)), 1),
      verifiedRow(readingAt('heart-rate', part.pulse(70), at(11)), 2),
    ]
    expect(buildFlowsheet(apart, []).columns).toHaveLength(2)
  })

  const amended = (by: number) =>
    ({
      correction: { kind: 'amended', reason: 'typed wrong', by: 'Jonas', at: at(90), ref: { origin: 'o', index: by } },
    }) as const

  it('puts what took a value’s place into its cell, whenever it was signed, and keeps what stood there', () => {
    const sheet = buildFlowsheet(
      [
        verifiedRow(readingAt('spo2', part.spo2(79), at(0), { setId: 'a', ...amended(7) }), 1),
        verifiedRow(readingAt('spo2', part.spo2(95), at(60), { setId: 'b' }), 2),
        verifiedRow(
          readingAt('spo2', part.spo2(89), at(0), { setId: 'c', amends: { origin: 'o', index: 1 }, ...amended(9) }),
          7,
        ),
        verifiedRow(readingAt('spo2', part.spo2(97), at(0), { setId: 'd', amends: { origin: 'o', index: 7 } }), 9),
      ],
      [rejectedRow(5)],
    )
    const [first] = sheet.columns
    expect(sheet.columns.map(({ type }) => type)).toEqual(['set', 'set', 'rejected'])
    if (first?.type !== 'set') throw new Error('no set')
    expect([...first.cells.values()].map(({ position }) => position.index)).toEqual([9])
    expect([...first.replaced.values()].flat().map(({ position }) => position.index)).toEqual([1, 7])
  })

  it('shows what amends a record that is not there, and cannot be led in circles', () => {
    const lost = readingAt('spo2', part.spo2(97), at(0), { amends: { origin: 'o', index: 70 } })
    expect(buildFlowsheet([verifiedRow(lost, 3)], []).columns).toHaveLength(1)
    const circle = [4, 5].map((index) =>
      verifiedRow(readingAt('spo2', part.spo2(97), at(index), { amends: { origin: 'o', index: 9 - index } }), index),
    )
    const shown = buildFlowsheet(circle, []).columns.flatMap((column) =>
      column.type === 'set' ? [...column.cells.values(), ...[...column.replaced.values()].flat()] : [],
    )
    expect(new Set(shown.map(({ position }) => position.index))).toEqual(new Set([4, 5]))
  })

  it('never mixes units in one row', () => {
    const celsius = verifiedRow(readingAt('temperature', part.temperature('36.5'), at(0)), 1)
    const fahrenheit = verifiedRow(
      readingAt('temperature', [['temperature', '98.6', '[degF]', '°F']], at(1), { setId: 'other' }),
      2,
    )
    expect(buildFlowsheet([celsius, fahrenheit], []).rows).toHaveLength(2)
  })

  it('leaves a hole where the log holds a rejected record, and gives it no time and no value', () => {
    const readings = [10, 20, 30].map((index) =>
      verifiedRow(readingAt('spo2', part.spo2(97), at(index), { setId: `s${index}` }), index),
    )
    const sheet = buildFlowsheet(readings, [rejectedRow(15), rejectedRow(16), rejectedRow(99), rejectedRow(null)])
    expect(sheet.columns.map(({ type }) => type)).toEqual(['set', 'rejected', 'set', 'set', 'rejected'])
    expect(sheet.columns[1]).toMatchObject({ rows: [{ index: 15 }, { index: 16 }] })
    expect(sheet.columns[4]).toMatchObject({ rows: [{ index: 99 }, { index: null }] })
  })

  it('compares places of one log alone: records of two workstations stand by their times', () => {
    const inLog = (origin: string, index: number, minutes: number, recordedAt = at(minutes)) => {
      const setId = `${origin}${index}`
      const row = verifiedRow(readingAt('spo2', part.spo2(97), at(minutes), { setId, recordedAt }), index)
      return { ...row, position: { ...row.position, origin } }
    }
    const readings = [inLog('a', 10, 0), inLog('b', 3, 5), inLog('a', 12, 10)]
    const sheet = buildFlowsheet(readings, [{ ...rejectedRow(2), origin: 'b' }, rejectedRow(4)])
    expect(sheet.columns.map((column) => (column.type === 'set' ? column.key : column.rows[0]?.index))).toEqual([
      ...['a10/0', 2, 'b3/0', 'a12/0', 4],
    ])
    // Measured in the same minute: what was recorded later is the newer, whatever its place in another log.
    const atOnce = [inLog('a', 90, 20, at(21)), inLog('b', 4, 20, at(23))]
    const keys = buildFlowsheet(atOnce, []).columns.map(({ key }) => key)
    expect(keys).toEqual(['a90/0', 'b4/0'])
  })

  it('shows a chart of which nothing could be verified', () => {
    expect(buildFlowsheet([], [rejectedRow(1)]).columns).toHaveLength(1)
  })

  it('shows every reading exactly once, columns in order of time, cells in their own row (property)', () => {
    const kinds = [
      ['spo2', part.spo2(97)],
      ['heart-rate', part.pulse(70)],
      ['oxygen', part.air()],
      ['oxygen', part.oxygen('2')],
      ['glucose', part.glucose('5.6')],
    ] as const
    const reading = fc.record({
      kind: fc.constantFrom(...kinds),
      minutes: fc.integer({ min: 0, max: 600 }),
      set: fc.integer({ min: 0, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 40 }), fc.array(fc.nat(60), { maxLength: 5 }), (made, bad) => {
        const readings = made.map(({ kind: [kind, parts], minutes, set }, n) =>
          verifiedRow(readingAt(kind, [...parts], at(minutes), { setId: `${set}` }), n),
        )
        const sheet = buildFlowsheet(
          readings,
          bad.map((index) => rejectedRow(index)),
        )
        const shown: ReadingInChart[] = []
        let last = -Infinity
        for (const column of sheet.columns) {
          if (column.type === 'rejected') continue
          expect(Date.parse(column.at)).toBeGreaterThanOrEqual(last)
          last = Date.parse(column.at)
          for (const [key, cell] of column.cells) {
            expect(rowOf(cell.record).key).toBe(key)
            shown.push(cell)
          }
        }
        expect(shown).toHaveLength(readings.length)
        expect(new Set(shown).size).toBe(readings.length)
        const holes = sheet.columns.flatMap((column) => (column.type === 'rejected' ? column.rows : []))
        expect(holes).toHaveLength(bad.length)
      }),
    )
  })
})
