import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Buckets } from '../../src/ledger/buckets.ts'

const key = fc.stringMatching(/^[0-9a-f]{4,6}$/)

it('is a map, and no older one changes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat())), (pairs) => {
      const before: [Buckets<number>, Map<string, number>][] = []
      let buckets = Buckets.empty<number>()
      const model = new Map<string, number>()
      for (const [name, value] of pairs) {
        before.push([buckets, new Map(model)])
        buckets = buckets.with(name, value)
        model.set(name, value)
      }
      for (const [older, then] of [...before, [buckets, model] as const]) {
        expect(new Map(older.entries())).toEqual(then)
        for (const [name] of pairs) expect(older.get(name)).toBe(then.get(name) ?? null)
      }
      const even = buckets.map((value) => (value % 2 === 0 ? `${value}` : null))
      const wanted = [...model].flatMap(([name, value]) => (value % 2 === 0 ? [[name, `${value}`] as const] : []))
      expect(new Map(even.entries())).toEqual(new Map(wanted))
    }),
  )
})
