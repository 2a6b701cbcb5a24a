import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { decodeMessage } from '../../src/sync/codec.ts'
import { GRACE_MS, ROUND_MS } from '../../src/sync/limits.ts'
import type { HaveLog } from '../../src/sync/messages.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { finalAt, heldBy, linkAll, originOfSite, testNetwork, write } from './support/world.ts'

const own = originOfSite(0)
const entries = (count: number) => Array.from({ length: count }, (_, i) => utf8(`entry ${i}`))
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size
const have = (size: number, over: Partial<HaveLog> = {}): HaveLog => {
  return { origin: own, size, final: 0, cosigned: 0, votes: 0, mark: 0, ...over }
}
/** Sizes of the heads that a peer was shown. */
const shown = (peer: RawPeer) =>
  [...peer.of('announce').map(({ note }) => note), ...peer.of('heads').flatMap(({ notes }) => notes)].map(sizeOf)

/** A node whose own log is not asked about: its site has no vote to collect here. */
function quiet(count: number): RawWorld {
  const world = new RawWorld(3, 1, () => 'node')
  if (count > 0) world.store.append(entries(count))
  return world
}

describe('a node', () => {
  it('says in its greeting how far it has each log, also when it has none', () => {
    const [empty, full] = [quiet(0), quiet(5)].map((world) => new RawPeer(world, 1).greet({ role: 'node' }))
    expect(empty!.of('have')).toEqual([{ kind: 'have', logs: [] }])
    expect(full!.of('have')[0]?.logs).toEqual([have(5)])
  })

  it('shows soon what a newcomer lacks, and nothing that it has', () => {
    const world = quiet(5)
    const [behind, even] = [new RawPeer(world, 1), new RawPeer(world, 2, 2)]
    for (const [peer, size] of [
      [behind, 3],
      [even, 5],
    ] as const) {
      peer.say(peer.hello({ role: 'node' }))
      peer.say({ kind: 'have', logs: [have(size)] })
    }
    world.pass(500)
    expect([shown(behind), shown(even)]).toEqual([[5], []])
  })

  it('says what changed at most once a second', () => {
    const world = quiet(1)
    const peer = new RawPeer(world, 1).greet({ role: 'node' })
    for (let i = 0; i < 20; i++) {
      world.store.append(entries(1))
      world.node.logChanged(own)
      world.pass(250)
    }
    expect(peer.of('have').length).toBeLessThanOrEqual(7)
    expect(peer.of('have').at(-1)?.logs[0]?.size).toBeGreaterThan(15)
  })

  it('shows a head once, and again in the next round when that came to nothing', () => {
    const world = quiet(5)
    const peer = new RawPeer(world, 1).greet({ role: 'node' })
    world.pass(2000)
    expect(shown(peer)).toEqual([5])
    world.pass(2 * ROUND_MS)
    expect(shown(peer).length).toBeGreaterThanOrEqual(2)
    expect(shown(peer).length).toBeLessThanOrEqual(3)
    peer.say({ kind: 'have', logs: [have(5)] })
    const before = shown(peer).length
    world.pass(3 * ROUND_MS)
    expect(shown(peer).length).toBe(before)
  })

  it('says nothing to a peer that does not read, and the newest when it reads again', () => {
    const world = quiet(1)
    const peer = new RawPeer(world, 1).greet({ role: 'node' })
    peer.isReading = false
    for (let i = 0; i < 50; i++) {
      world.store.append(entries(1))
      world.node.logChanged(own)
      world.pass(1000)
    }
    expect(peer.sent.length).toBeLessThan(6)
    peer.isReading = true
    world.node.drained(1)
    world.pass(2000)
    expect(shown(peer).at(-1)).toBe(51)
  })

  it('takes no hint about logs that no roster lists', () => {
    const world = quiet(1)
    const peer = new RawPeer(world, 1).greet({ role: 'node' })
    peer.say({ kind: 'have', logs: [{ ...have(5), origin: 'sim.local/other/1' }] })
    expect([...(world.node.facts()[0]?.known.keys() ?? [])]).not.toContain('sim.local/other/1')
  })

  it('shows the second node of a site that has given its vote the newest head all the same', () => {
    const world = new RawWorld(3, 1)
    world.store.append(entries(5))
    world.store.offersFor = () => []
    const peer = new RawPeer(world, 1).greet({ role: 'node' })
    world.pass(1000)
    expect(shown(peer)).toEqual([5])
  })
})

describe('a claim to have more than anybody showed', () => {
  const other = originOfSite(1)
  const known = ({ node, store }: RawWorld) => node.knownSize(store.standing(other)!)
  const unshown = ({ node }: RawWorld) => [...node.facts().flatMap((facts) => [...facts.unshown])]
  function claiming(size: number) {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1, 2).greet()
    peer.say({ kind: 'have', logs: [{ ...have(size), origin: other }] })
    return { world, peer }
  }

  it('counts for nothing, is held against the peer after a round, and ends with it', () => {
    const { world } = claiming(10 ** 9)
    expect([known(world), unshown(world)]).toEqual([0, []])
    world.pass(3 * ROUND_MS)
    expect([known(world), unshown(world)]).toEqual([0, [other]])
    world.node.disconnected(1)
    expect(unshown(world)).toEqual([])
  })

  it('is held against nobody who shows the head, also while its entries do not come', () => {
    const { world, peer } = claiming(5)
    world.stores[1]!.append(entries(5))
    peer.say({ kind: 'announce', note: world.stores[1]!.note(other, 5)! })
    world.pass(3 * ROUND_MS)
    expect([known(world), unshown(world)]).toEqual([5, []])
  })

  it('is forgiven when the head is shown later', () => {
    const { world, peer } = claiming(5)
    world.pass(3 * ROUND_MS)
    expect(unshown(world)).toEqual([other])
    world.stores[1]!.append(entries(5))
    peer.say({ kind: 'announce', note: world.stores[1]!.note(other, 5)! })
    world.pass(2 * ROUND_MS)
    expect(unshown(world)).toEqual([])
  })

  it('grows with a log that is fetched as it grows, and is no lie', () => {
    const { world, peer } = claiming(1)
    const writer = world.stores[1]!
    for (let size = 1; size <= 8; size++) {
      writer.append(entries(1))
      peer.say({ kind: 'have', logs: [{ ...have(size + 1), origin: other }] })
      peer.say({ kind: 'announce', note: writer.note(other, size)! })
      world.pass(ROUND_MS)
    }
    expect(unshown(world)).toEqual([])
  })
})

describe('cosignatures', () => {
  it('of one number and not the same ones are exchanged', () => {
    const network = testNetwork(5)
    // Sites 1 and 2 each hear the writer and one more site, and then only each other.
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [0, 3],
    ] as const)
      network.link(a, b)
    write(network, 0, 3)
    network.run(3000)
    const votes = (i: number) => network.stores[i]!.logs.get(own)?.votesAt(3) ?? 0
    network.kill(0)
    network.link(1, 2)
    network.link(2, 4)
    expect(network.runUntil(() => finalAt(network, 4, 0) === 3, 20_000)).toBe(true)
    expect(votes(4)).toBeGreaterThanOrEqual(4)
  })

  it('that a peer keeps back are heard from another', () => {
    const network = testNetwork(4)
    network.tamper = (from, to, message) => {
      const { kind } = decodeMessage(message)
      const isKept = from === 0 && to === 3 && (kind === 'announce' || kind === 'heads' || kind === 'want-cosignature')
      return isKept ? message.slice(0, 0) : message
    }
    linkAll(network)
    network.cut(0, 3)
    write(network, 0, 3)
    expect(network.runUntil(() => finalAt(network, 3, 0) === 3, 10 * GRACE_MS)).toBe(true)
    expect(heldBy(network, 3, 0)).toBe(heldBy(network, 0, 0))
  })
})

it('when everybody has everything, nothing more is said', () => {
  const network = testNetwork(4)
  linkAll(network)
  for (const i of [0, 1, 2, 3]) write(network, i, 10)
  network.run(20_000)
  const { messages } = network.traffic
  network.run(4 * ROUND_MS)
  expect(network.traffic.messages).toBe(messages)
})
