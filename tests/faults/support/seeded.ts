/** Random numbers that a failed run can be repeated with: `CHARTSEAL_SEED=… vitest run …`. */

/** The seed of this run. Tests put it into their titles. */
export const SEED = Number(process.env.CHARTSEAL_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** A source of random numbers. */
export interface Random {
  /** A whole number, `0 <= n < limit`. */
  below(limit: number): number
  /** One of `items`. */
  oneOf<Item>(items: readonly Item[]): Item
}

/** Mulberry32 over the run's seed and a name, so that each test draws its own numbers whichever others run. */
export function seeded(name: string): Random {
  let state = SEED
  for (let i = 0; i < name.length; i++) state = Math.imul(state, 31) + name.charCodeAt(i)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    oneOf: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to choose from')
      return item
    },
  }
}
