import { expect, it } from 'vitest'
import { finalAt, testNetwork, write } from './support/world.ts'

const ROUNDS = 30
/** Seconds after which a block is final, at most. */
const PATIENCE = 12

it('sites that reach each other only over a third get their votes while everybody goes on writing', () => {
  for (const seed of [1, 2, 3]) {
    const network = testNetwork(4, seed)
    network.link(0, 1)
    network.link(0, 2)
    network.run(2000)
    for (let round = 1; round <= ROUNDS; round++) {
      for (const site of [0, 1, 2, 3]) write(network, site, 3)
      network.run(1000)
      for (const site of [0, 1, 2])
        expect(finalAt(network, site, site)).toBeGreaterThanOrEqual(3 * Math.max(0, round - PATIENCE))
    }
    // The fourth is alone, and nothing of it is final anywhere.
    expect(finalAt(network, 3, 3)).toBe(0)
  }
})
