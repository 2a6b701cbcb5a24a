/**
 * Repeatable chance for the demonstration clinic: the same seed tells the same stories on every machine.
 * Not for anything secret.
 *
 * @packageDocumentation
 */

/** Numbers in `[0, 1)`. */
export type Random = () => number

/**
 * A small generator over 32 bits of state (the "mulberry32" step: add a constant, mix by multiplication).
 *
 * @param seed - Any integer; its lowest 32 bits count.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Noise that remembers: each step keeps half of the last deviation, as consecutive measurements of one person do.
 *
 * @param spread - Standard deviation of one step's own part, about.
 * @returns A function that gives the next deviation.
 */
export function driftingNoise(random: Random, spread: number): () => number {
  let last = 0
  return () => {
    // The sum of three uniform numbers is close enough to normal for a blood pressure.
    last = last / 2 + (random() + random() + random() - 1.5) * 2 * spread
    return last
  }
}
