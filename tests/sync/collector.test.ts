import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { decodeMessage } from '../../src/sync/codec.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { finalAt, linkAll, originOfSite, testNetwork, write } from './support/world.ts'

const own = originOfSite(0)
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size
const append = (world: RawWorld, count: number) => {
  world.store.append(Array.from({ length: count }, (_, i) => utf8(`entry ${i}`)))
  world.node.logChanged(own)
}

describe('the writer of a log', () => {
  it('asks each site for one head at a time, and then for the newest', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    append(world, 2)
    append(world, 2)
    append(world, 2)
    expect(peer.of('want-cosignature').map(({ note }) => sizeOf(note))).toEqual([2])
    peer.say({ kind: 'cosigned', req: peer.of('want-cosignature')[0]!.req, status: 409, at: 3, text: '' })
    expect(peer.of('want-cosignature').map(({ note }) => sizeOf(note))).toEqual([2, 6])
  })

  it('sends the proof along when it knows how far the other is', () => {
    const world = new RawWorld()
    append(world, 5)
    const peer = new RawPeer(world, 1)
    peer.say(peer.hello())
    peer.say({ kind: 'have', logs: [{ origin: own, size: 3, final: 0, cosigned: 0, votes: 0, mark: 0 }] })
    const [want] = peer.of('want-cosignature')
    expect([want?.oldSize, want?.proof]).toEqual([3, world.store.consistency(own, 3, 5)])
  })

  it('asks nobody before it has heard how far they are, and no node that does not cosign', () => {
    const world = new RawWorld()
    append(world, 5)
    const shy = new RawPeer(world, 1)
    shy.say(shy.hello())
    const node = new RawPeer(world, 2, 2).greet({ role: 'node' })
    world.pass(1000)
    expect([...shy.of('want-cosignature'), ...node.of('want-cosignature')]).toEqual([])
    expect(node.of('announce').map(({ note }) => sizeOf(note))).toEqual([5])
  })

  it('asks a witness for the newest head, though it has no vote, and gives it nothing but hashes', () => {
    const world = new RawWorld()
    const { site } = world.stores[0]!.identity
    world.store.documents = { rosterVersion: 2, rosters: [utf8('r1'), utf8('r2')], proposals: ['a proposal'] }
    const peer = new RawPeer(world, 1, 1, { kind: 'witness', site, log: 'sim.local/w' })
    peer.greet({ site, log: 'sim.local/w', role: 'witness', rosterVersion: 1 })
    append(world, 300)
    append(world, 1)
    peer.say({ kind: 'cosigned', req: peer.of('want-cosignature')[0]!.req, status: 200, at: 0, text: '' })
    world.pass(500)
    expect(peer.of('want-cosignature').map(({ note }) => sizeOf(note))).toEqual([300, 301])
    const told = peer.of('governance')
    expect(told.flatMap(({ rosters }) => rosters)).toContainEqual(utf8('r2'))
    expect(told.flatMap(({ contracts, proposals }) => [...contracts, ...proposals])).toEqual([])
    peer.say({ kind: 'want-entries', req: 9, origin: own, size: 301, from: 0, to: 2, maxBytes: 1_000_000, skip: 0 })
    expect([peer.end, peer.of('entries')]).toEqual(['OUT_OF_TURN', []])
  })

  it('takes nobody for a witness who is none, and no witness for a node', () => {
    const world = new RawWorld()
    const { site, log } = world.stores[1]!.identity
    const node = new RawPeer(world, 1).greet({ role: 'witness' })
    const witness = new RawPeer(world, 2, 1, { kind: 'witness', site, log }).greet({ role: 'mirror' })
    expect([node.end, witness.end]).toEqual(['NOT_WHO_IT_SAYS', 'NOT_WHO_IT_SAYS'])
  })

  it('counts no line that does not verify', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    append(world, 5)
    const wrong = `\u2014 ${world.stores[1]!.identity.site}/mirror ${'A'.repeat(104)}\n`
    const { req } = peer.of('want-cosignature')[0]!
    peer.say({ kind: 'cosigned', req, status: 200, at: 0, text: wrong })
    expect(world.store.logs.get(own)?.votesAt(5)).toBe(1)
    expect(peer.end).toBeUndefined()
  })

  it('is not stopped by text that is no line', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    append(world, 5)
    const { req } = peer.of('want-cosignature')[0]!
    peer.say({ kind: 'cosigned', req, status: 200, at: 0, text: 'nonsense' })
    append(world, 1)
    expect(peer.of('want-cosignature').map(({ note }) => sizeOf(note))).toEqual([5, 6])
  })
})

it('a site that was away for long is asked for at most two heads of each log', () => {
  const network = testNetwork(4)
  linkAll(network)
  network.kill(3)
  network.kill(2)
  // Sites 1 and 2 are never on together, and each alone makes no quorum of three with the writer.
  for (let block = 0; block < 400; block++) {
    write(network, 0, 2)
    network.run(100)
  }
  network.kill(1)
  network.start(2)
  linkAll(network)
  for (let block = 0; block < 400; block++) {
    write(network, 0, 2)
    network.run(100)
  }
  network.run(5000)
  // Where site 1 stopped, site 2 made up the quorum before it went on.
  expect(finalAt(network, 0, 0)).toBe(800)
  let asked = 0
  network.tamper = (from, to, message) => {
    if (to === 3 && from === 0 && decodeMessage(message).kind === 'want-cosignature') asked++
    return message
  }
  network.start(3)
  linkAll(network)
  network.run(20_000)
  expect(finalAt(network, 0, 0)).toBe(1600)
  expect(asked).toBeLessThanOrEqual(2)
})
