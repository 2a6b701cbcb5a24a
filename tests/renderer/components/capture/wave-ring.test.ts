import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WaveRing } from '../../../../src/renderer/components/capture/wave-ring.ts'

describe('WaveRing', () => {
  it('keeps the newest samples, each in the slot of its position', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: 20 }), { maxLength: 20 }),
        (capacity, batches) => {
          const ring = new WaveRing(capacity)
          const all: number[] = []
          for (const batch of batches) {
            ring.push(batch)
            all.push(...batch)
          }
          expect(ring.total).toBe(all.length)
          expect(ring.length).toBe(Math.min(all.length, capacity))
          const expected = Array.from(
            { length: capacity },
            (_, slot) => all.findLast((__, at) => at % capacity === slot) ?? null,
          )
          expect(Array.from({ length: capacity }, (_, slot) => ring.slot(slot))).toEqual(expected)
        },
      ),
    )
  })

  it('forgets everything when cleared', () => {
    const ring = new WaveRing(3)
    ring.push([1, 2, 3, 4])
    ring.clear()
    expect([ring.total, ring.length, ring.slot(0)]).toEqual([0, 0, null])
  })
})
