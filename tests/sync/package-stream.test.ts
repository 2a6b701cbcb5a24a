import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PackageStream } from '../../src/sync/package-stream.ts'
import { expectCode } from '../support/expect-code.ts'

const want = { origin: 'a/1', size: 1000, from: 1, to: 3, maxBytes: 10_000, skip: 0 }
const part = (index: number, offset: number, count: number, proof: Uint8Array[] | null, last = false) => ({
  kind: 'entries' as const,
  req: 1,
  package: index,
  offset,
  entries: Array.from({ length: count }, (_, i) => Uint8Array.of(index, offset + i)),
  proof,
  last,
})

describe('a package that comes in parts', () => {
  it('is whole however it was cut', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 20 }), (cuts) => {
        const stream = new PackageStream(want)
        const places = [0, ...cuts.toSorted((a, b) => a - b), 256]
        const wholes = places.slice(1).map((end, i) => {
          const from = places[i] ?? 0
          return stream.take(part(1, from, end - from, end === 256 ? [new Uint8Array(32)] : null))
        })
        expect(wholes.slice(0, -1).every((whole) => whole === null)).toBe(true)
        expect(wholes.at(-1)?.entries).toEqual(part(1, 0, 256, null).entries)
        expect(stream.next).toBe(2)
      }),
    )
  })

  it('goes on after what is held', () => {
    const held = part(1, 0, 10, null).entries
    const stream = new PackageStream({ ...want, skip: 10 }, held)
    expectCode('BAD_ANSWER', () => stream.take(part(1, 0, 256, [])))
    expect(stream.take(part(1, 10, 246, []))?.entries).toEqual(part(1, 0, 256, null).entries)
    expect(stream.take(part(2, 0, 256, []))?.entries).toHaveLength(256)
  })

  it('is refused out of order, twice, beyond what was asked for, or too long', () => {
    const refuse = (parts: readonly ReturnType<typeof part>[]) => {
      const stream = new PackageStream(want)
      for (const one of parts.slice(0, -1)) stream.take(one)
      expectCode('BAD_ANSWER', () => stream.take(parts.at(-1)!))
    }
    refuse([part(0, 0, 1, [])])
    refuse([part(2, 0, 1, [])])
    refuse([part(1, 1, 1, [])])
    refuse([part(1, 0, 1, []), part(1, 0, 1, [])])
    refuse([part(1, 0, 5, null), part(1, 0, 5, null)])
    refuse([part(1, 0, 256, []), part(2, 0, 256, []), part(3, 0, 1, [])])
    refuse([part(1, 0, 200, null), part(1, 200, 57, [])])
    const tooLong = { ...part(1, 0, 1, null), entries: [new Uint8Array(10_001)] }
    refuse([tooLong])
  })
})
