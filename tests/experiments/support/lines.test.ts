import { describe, expect, it } from 'vitest'
import { GOOD_LINE, Lines, seeded } from './lines.ts'

const PACKET = 1000

/** When `count` packets arrive that are sent at once. */
function arrivals(line: Partial<typeof GOOD_LINE>, count: number): (number | null)[] {
  const lines = new Lines(seeded(1))
  lines.set(1, 2, { ...GOOD_LINE, ...line })
  return Array.from({ length: count }, () => lines.arrival(1, 2, PACKET, 0))
}

describe('a line', () => {
  it('that is good carries everything at once, and only its own direction is cut', () => {
    const lines = new Lines(seeded(1))
    lines.set(1, 2, { ...GOOD_LINE, isCut: true })
    expect([lines.arrival(1, 2, PACKET, 5), lines.arrival(2, 1, PACKET, 5)]).toEqual([null, 5])
    expect(lines.total()).toEqual({ packets: 2, bytes: 2 * PACKET, lost: 1 })
  })

  it('that is far carries in order, also when it becomes near meanwhile', () => {
    const lines = new Lines(seeded(1))
    lines.set(1, 2, { ...GOOD_LINE, delayMs: 100 })
    const first = lines.arrival(1, 2, PACKET, 0)
    lines.set(1, 2, GOOD_LINE)
    expect([first, lines.arrival(1, 2, PACKET, 1)]).toEqual([100, 100])
  })

  it('that is slow makes packets wait for each other, and loses what its buffer does not hold', () => {
    const times = arrivals({ bytesPerSecond: 10_000 }, 100)
    expect(times.slice(0, 3)).toEqual([100, 200, 300])
    expect(times.filter((time) => time !== null)).toHaveLength(65)
  })

  it('loses about the share that it should, the same ones in every run', () => {
    const lost = () => arrivals({ loss: 0.01 }, 10_000).flatMap((time, n) => (time === null ? [n] : []))
    expect(lost().length).toBeGreaterThan(50)
    expect(lost().length).toBeLessThan(200)
    expect(lost()).toEqual(lost())
  })
})
