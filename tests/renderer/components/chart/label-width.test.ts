import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelWidth } from '../../../../src/renderer/components/chart/label-width.ts'

describe('labelWidth', () => {
  it('is what the labels need while every column fits', () => {
    expect(labelWidth(1000, 192, [100, 100, 100])).toBe(192)
    expect(labelWidth(492, 192, [100, 100, 100])).toBe(192)
    expect(labelWidth(300, 192, [])).toBe(192)
  })

  it('takes what a cut column would show', () => {
    expect(labelWidth(430, 192, [100, 100, 100])).toBe(230)
    expect(labelWidth(430.5, 192, [100, 100, 100])).toBe(231)
  })

  it('lets a column be cut when not even one fits', () => {
    expect(labelWidth(250, 192, [100, 100])).toBe(192)
  })

  it('never cuts a column where one fits, and never wastes the room of another', () => {
    const width = fc.integer({ min: 40, max: 300 })
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 3000 }),
        fc.array(width, { minLength: 1, maxLength: 60 }),
        (box, columns) => {
          const label = labelWidth(box, 192, columns)
          const room = box - label
          const ends = columns.toReversed().map((_, n, all) => all.slice(0, n + 1).reduce((sum, one) => sum + one, 0))
          const whole = ends.filter((end) => end <= box - 192)
          expect(label).toBeGreaterThanOrEqual(192)
          if (whole.length === columns.length || whole.length === 0) expect(label).toBe(192)
          else expect(room).toBe(whole.at(-1))
        },
      ),
    )
  })
})
