import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { localTime } from '../../src/devices/timeline.ts'

describe('a local time', () => {
  it('is written with all its digits', () => {
    expect(localTime(2024, 2, 29, 3, 4, 5)).toBe('2024-02-29T03:04:05')
    expect(localTime(2015, 7, 21, 8, 30)).toBe('2015-07-21T08:30:00')
  })

  it.each([
    [2023, 2, 29, 0, 0, 0],
    [2023, 0, 1, 0, 0, 0],
    [2023, 13, 1, 0, 0, 0],
    [2023, 1, 0, 0, 0, 0],
    [2023, 4, 31, 0, 0, 0],
    [2023, 1, 1, 24, 0, 0],
    [2023, 1, 1, 0, 60, 0],
    [2023, 1, 1, 0, 0, 60],
    [2023, 1, 1, -1, 0, 0],
    [Number.NaN, 1, 1, 0, 0, 0],
    [2023, 1.5, 1, 0, 0, 0],
  ])('%d-%d-%d %d:%d:%d is none', (...parts) => expect(localTime(...parts)).toBeNull())

  it('is exactly what the calendar has', () => {
    const part = (max: number) => fc.integer({ min: 0, max })
    fc.assert(
      fc.property(
        fc.integer({ min: 2000, max: 2127 }),
        part(15),
        part(31),
        part(31),
        part(63),
        part(63),
        (year, month, day, hour, minute, second) => {
          const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
          const isReal =
            date.getUTCMonth() === month - 1 &&
            date.getUTCDate() === day &&
            date.getUTCHours() === hour &&
            date.getUTCMinutes() === minute &&
            date.getUTCSeconds() === second
          expect(localTime(year, month, day, hour, minute, second)).toBe(
            isReal ? date.toISOString().slice(0, 19) : null,
          )
        },
      ),
    )
  })
})
