import { describe, expect, it } from 'vitest'
import { readingsOf, type LogEntry } from '../../src/devices/device-log.ts'
import { measured, ORDINARY } from '../../src/devices/measurement.ts'

const reading = (deviceTime: string | null, recordKey = deviceTime ?? '?'): LogEntry => ({
  kind: 'reading',
  measurement: {
    ...ORDINARY,
    kind: 'glucose',
    quantities: [measured('glucose', '100')],
    deviceTime,
    flags: [],
    recordKey,
    raw: new Uint8Array(1),
  },
})
const set = (from: string | null, to: string | null): LogEntry => ({ kind: 'clock-set', from, to })
const day = (of: number, clock = '12:00'): string => `2020-03-${String(of).padStart(2, '0')}T${clock}:00`
const flagged = (...entries: LogEntry[]): boolean[] =>
  readingsOf(entries).map(({ flags }) => flags.includes('clock-discontinuous'))

describe('readings of a log', () => {
  it('keep their order and lose what is no reading', () => {
    const readings = readingsOf([reading(day(1)), { kind: 'other' }, reading(day(2))])
    expect(readings.map(({ deviceTime }) => deviceTime)).toEqual([day(1), day(2)])
  })

  it('with equal keys are counted from the oldest', () => {
    const keys = (...entries: LogEntry[]) => readingsOf(entries).map(({ recordKey }) => recordKey)
    const twice = [reading(day(1), 'a'), reading(day(1), 'a')]
    expect(keys(...twice)).toEqual(['a', 'a#1'])
    expect(keys(...twice, reading(day(2), 'b'), reading(day(2), 'a')).slice(0, 2)).toEqual(['a', 'a#1'])
  })
})

describe('a date cannot be trusted', () => {
  it.each<[string, LogEntry[], boolean[]]>([
    ['of none, while time goes on', [reading(day(1)), reading(day(2))], [false, false]],
    ['before time went back', [reading(day(5)), reading(day(6)), reading(day(2))], [true, true, false]],
    [
      'only where it is later than what follows',
      [reading(day(1)), reading(day(6)), reading(day(2))],
      [false, true, false],
    ],
    [
      'before the clock was set by hours',
      [reading(day(1)), set(day(1, '13:00'), day(1, '17:00')), reading(day(2))],
      [true, false],
    ],
    ['before the clock was set from no time', [reading(day(1)), set(null, day(2)), reading(day(3))], [true, false]],
    [
      'of none, when summer time began',
      [reading(day(1)), set(day(2, '02:00'), day(2, '03:00')), reading(day(3))],
      [false, false],
    ],
    [
      'of none but the hour that came twice',
      [reading(day(1)), reading(day(2, '02:30')), set(day(2, '03:00'), day(2, '02:00'))],
      [false, true],
    ],
    ['in the last record, when the clock was set after it', [reading(day(1)), set(day(2), day(9))], [true]],
    ['of none, when two are of one minute', [reading(day(1), 'a'), reading(day(1), 'b')], [false, false]],
    ['of none that has no date', [reading(null), reading(day(1))], [false, false]],
  ])('%s', (_, entries, wanted) => {
    expect(flagged(...entries)).toEqual(wanted)
  })
})
