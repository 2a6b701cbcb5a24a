import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ORDINARY, type Measurement } from '../../src/devices/measurement.ts'
import { distinctKeys, inOneTimeline, oldestFirst } from '../../src/devices/stored-order.ts'

const at = (deviceTime: string | null, recordKey = deviceTime ?? 'none'): Measurement => ({
  kind: 'blood-pressure',
  quantities: [],
  deviceTime,
  flags: [],
  ...ORDINARY,
  recordKey,
  raw: new Uint8Array(0),
})

const times = (found: readonly Measurement[]): string[] =>
  found.map(({ deviceTime, flags }) => [deviceTime ?? 'none', ...flags].join(' '))

const DAYS = ['2023-01-01T08:00:00', '2023-01-02T08:00:00', '2023-01-03T08:00:00', '2023-01-04T08:00:00']
const RESET = '2007-01-01T00:00:00'
const MARK = 'clock-discontinuous'

describe('records in one timeline', () => {
  it('are left alone while their times rise', () => {
    const stored = DAYS.map((day) => at(day))
    expect(inOneTimeline(stored)).toEqual(stored)
  })

  it('are flagged where a later one is dated earlier', () => {
    const found = inOneTimeline([DAYS[0]!, DAYS[1]!, RESET, DAYS[2]!].map((day) => at(day)))
    expect(times(found)).toEqual([`${DAYS[0]} ${MARK}`, `${DAYS[1]} ${MARK}`, RESET, DAYS[2]])
  })

  it('are flagged when the device is not that far yet', () => {
    const found = inOneTimeline([at(DAYS[0]!), at(DAYS[2]!)], DAYS[1])
    expect(times(found)).toEqual([DAYS[0], `${DAYS[2]} ${MARK}`])
  })

  it('keep those without a time in their place, unflagged', () => {
    expect(times(inOneTimeline([at(DAYS[0]!), at(null), at(RESET)]))).toEqual([`${DAYS[0]} ${MARK}`, 'none', RESET])
  })
})

describe('a memory whose order is not documented', () => {
  const rising = fc
    .uniqueArray(fc.integer({ min: 0, max: 9999 }), { minLength: 1, maxLength: 30 })
    .map((minutes) =>
      minutes.toSorted((a, b) => a - b).map((minute) => at(new Date(minute * 60_000).toISOString().slice(0, 19))),
    )

  it('is put in order from either end', () => {
    fc.assert(
      fc.property(rising, fc.boolean(), (records, isReversed) => {
        expect(oldestFirst(isReversed ? records.toReversed() : records, false)).toEqual(records)
      }),
    )
  })

  it('is put in order around a full ring, wherever its oldest stands, in either direction', () => {
    fc.assert(
      fc.property(rising, fc.nat(), fc.boolean(), (records, shift, isReversed) => {
        const start = shift % records.length
        const ring = [...records.slice(start), ...records.slice(0, start)]
        // Of two records in a ring each order rises once: the first that does is taken.
        if (records.length > 2) expect(oldestFirst(isReversed ? ring.toReversed() : ring, true)).toEqual(records)
      }),
    )
  })

  it('that is not full cannot turn: one jump back is the clock', () => {
    const found = oldestFirst(
      [DAYS[1]!, DAYS[2]!, DAYS[0]!].map((day) => at(day)),
      false,
    )
    expect(times(found)).toEqual([0, 1, 2].map((day) => `${DAYS[day]} ${MARK}`))
  })

  it('with two jumps has no order at all', () => {
    const found = oldestFirst(
      [DAYS[2]!, DAYS[0]!, DAYS[3]!, DAYS[1]!].map((day) => at(day)),
      true,
    )
    expect(found.every(({ flags }) => flags.includes(MARK))).toBe(true)
  })

  it('loses nothing and doubles nothing, whatever the times', () => {
    const any = fc.array(
      fc.option(fc.integer({ min: 0, max: 40 }).map((minute) => new Date(minute * 60_000).toISOString().slice(0, 19))),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(any, fc.boolean(), (list, isFull) => {
        const records = list.map((time, index) => at(time, String(index)))
        const keys = oldestFirst(records, isFull).map(({ recordKey }) => recordKey)
        expect(keys.toSorted()).toEqual(records.map(({ recordKey }) => recordKey).toSorted())
      }),
    )
  })
})

it('two records of one minute with the same values are two, and stay so', () => {
  const keys = distinctKeys([at(DAYS[0]!, 'a'), at(DAYS[0]!, 'a'), at(DAYS[1]!, 'b')]).map(({ recordKey }) => recordKey)
  expect(keys).toEqual(['a', 'a#2', 'b'])
})
