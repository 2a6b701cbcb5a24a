import { describe, expect, it } from 'vitest'
import { finalAt, heldBy, linkAll, testNetwork, write } from './support/world.ts'

const ALL = [0, 1, 2, 3]

describe('four sites', () => {
  it('hold and finalize each other logs', () => {
    const network = testNetwork(4)
    linkAll(network)
    for (const i of ALL) write(network, i, 5)
    const isDone = () => ALL.every((i) => ALL.every((of) => finalAt(network, i, of) === 5))
    expect(network.runUntil(isDone, 10_000)).toBe(true)
    for (const i of ALL) for (const of of ALL) expect(heldBy(network, i, of)).toBe(heldBy(network, of, of))
    expect(network.complaints).toEqual([])
  })

  it('finalize with one away, and it catches up when it is back', () => {
    const network = testNetwork(4)
    linkAll(network)
    network.kill(3)
    for (let k = 0; k < 20; k++) {
      write(network, 0, 30)
      network.run(300)
    }
    expect(network.runUntil(() => [0, 1, 2].every((i) => finalAt(network, i, 0) === 600), 10_000)).toBe(true)
    network.start(3)
    linkAll(network)
    const isBack = () => heldBy(network, 3, 0) === heldBy(network, 0, 0) && finalAt(network, 3, 0) === 600
    expect(network.runUntil(isBack, 20_000)).toBe(true)
  })

  it('finalize nothing with two away, and everything when one of them is back', () => {
    const network = testNetwork(4)
    network.link(0, 1)
    write(network, 0, 40)
    network.run(5_000)
    expect(heldBy(network, 1, 0)).toBe(heldBy(network, 0, 0))
    expect(finalAt(network, 0, 0)).toBe(0)
    network.link(1, 2)
    expect(network.runUntil(() => [0, 1, 2].every((i) => finalAt(network, i, 0) === 40), 30_000)).toBe(true)
  })
})

it('a long log comes from several peers at once', () => {
  const network = testNetwork(4)
  for (const [a, b] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const)
    network.link(a, b)
  for (let k = 0; k < 4; k++) write(network, 0, 4000)
  expect(network.runUntil(() => heldBy(network, 2, 0) === heldBy(network, 0, 0), 60_000)).toBe(true)
  for (const i of [0, 1, 2]) network.link(3, i)
  expect(network.runUntil(() => heldBy(network, 3, 0) === heldBy(network, 0, 0), 60_000)).toBe(true)
  expect(network.complaints).toEqual([])
})
