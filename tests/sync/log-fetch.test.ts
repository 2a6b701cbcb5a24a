import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { decodeMessage, encodeMessage } from '../../src/sync/codec.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { CodedError } from '../../src/shared/errors.ts'
import type { Message } from '../../src/sync/messages.ts'
import {
  ANSWER_TIMEOUT_MS,
  MAX_ASKED_BYTES,
  MAX_PACKAGE_BYTES,
  MAX_WANTS,
  STORE_RETRY_MS,
} from '../../src/sync/limits.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { heldBy, originOfSite, testNetwork, write } from './support/world.ts'

const origin = originOfSite(1)

/** A node that is shown a log of `count` entries by the nodes of sites 1 and 2. */
function shown(count: number, size = 100, peers = 1) {
  const world = new RawWorld()
  const writer = world.stores[1]!
  writer.append(Array.from({ length: count }, (_, i) => utf8(`entry ${i}`.padEnd(size, '.'))))
  const note = writer.note(origin, count)!
  const list = Array.from({ length: peers }, (_, i) => {
    const peer = new RawPeer(world, i + 1, i + 1).greet()
    peer.say({ kind: 'announce', note })
    return peer
  })
  const serve = (peer: RawPeer, req: number): void => {
    const want = peer.of('want-entries').find((one) => one.req === req)!
    for (let index = want.from; index < want.to; index++) {
      const { entries, proof } = writer.entryPackage(origin, want.size, index)!
      for (let offset = index === want.from ? want.skip : 0; offset < entries.length; offset += 64) {
        const isEnd = offset + 64 >= entries.length
        const part = { package: index, offset, entries: entries.slice(offset, offset + 64) }
        peer.say({
          ...{ kind: 'entries', req, ...part, proof: isEnd ? proof : null },
          last: isEnd && index + 1 === want.to,
        })
      }
    }
  }
  return { world, writer, note, peers: list, serve, stored: () => world.store.standing(origin)!.stored }
}

describe('entries that are here', () => {
  /** Three logs whose entries are judged in parts: how many parts each had, in their order. */
  function judging(parts: number) {
    const world = new RawWorld(4)
    const judged: string[] = []
    const advance = world.store.advance.bind(world.store)
    world.store.advance = (log) => {
      judged.push(log)
      return judged.filter((one) => one === log).length < parts ? 'working' : advance(log)
    }
    const peer = new RawPeer(world, 1, 1).greet()
    // Not as the peer says things, after which the node finishes everything.
    const say = (message: Message) => world.node.received(1, encodeMessage(message))
    for (const site of [1, 2, 3]) {
      const writer = world.stores[site]!
      writer.append([utf8('entry')])
      const log = originOfSite(site)
      say({ kind: 'announce', note: writer.note(log, 1)! })
      const { req, size } = peer.of('want-entries').find((one) => one.origin === log)!
      const { entries, proof } = writer.entryPackage(log, size, 0)!
      say({ kind: 'entries', req, package: 0, offset: 0, entries, proof, last: true })
    }
    return { world, judged }
  }

  it('that grows block by block sends each entry once, and damaged ones again', () => {
    const { world, peers, serve, stored } = shown(300)
    const [peer] = peers
    const writer = world.stores[1]!
    const served = () => peer!.of('want-entries').at(-1)!
    serve(peer!, served().req)
    const grow = (size: number) => {
      writer.append([utf8(`entry ${size - 1}`)])
      peer!.say({ kind: 'announce', note: writer.note(origin, size)! })
      const { req } = peer!.of('want-consistency').at(-1)!
      peer!.say({ kind: 'consistency', req, proof: writer.consistency(origin, size - 1, size)! })
    }
    grow(301)
    expect(served()).toMatchObject({ from: 1, to: 2, skip: 44 })
    serve(peer!, served().req)
    expect(stored()).toBe(301)
    const whole = world.store.entryPackage.bind(world.store)
    world.store.entryPackage = () => null
    grow(302)
    expect(served()).toMatchObject({ from: 1, to: 2, skip: 0 })
    world.store.entryPackage = whole
    serve(peer!, served().req)
    expect([stored(), peer!.end]).toEqual([302, undefined])
  })

  it('are judged to the end without waiting for anybody, or for time to pass', () => {
    const { world, judged } = judging(20)
    expect(world.node.hasWork).toBe(true)
    const before = judged.length
    world.node.work()
    expect(judged.length).toBe(before + 1)
    world.work()
    expect(judged.length).toBe(60)
    for (const site of [1, 2, 3]) expect(world.store.standing(originOfSite(site))!.mirrored).toBe(1)
  })

  it('are judged one log after the other, a part of each', () => {
    const { world, judged } = judging(20)
    judged.length = 0
    for (let n = 0; n < 6; n++) world.node.work()
    expect(new Set(judged.slice(0, 3)).size).toBe(3)
    expect(judged.slice(3, 6)).toEqual(judged.slice(0, 3))
  })

  it('do not keep a tick busy when it is their turn anyway', () => {
    const { world, judged } = judging(20)
    const before = judged.length
    world.node.tick()
    expect(judged.length).toBe(before)
  })
})

describe('packages', () => {
  it('are asked of several peers at once, each for its part', () => {
    const { peers } = shown(256 * 60, 100, 2)
    const [a, b] = peers.map((peer) => peer.of('want-entries'))
    expect([a!.length, b!.length]).toEqual([MAX_WANTS, MAX_WANTS])
    const ranges = [...a!, ...b!].toSorted((x, y) => x.from - y.from)
    for (const [i, { from }] of ranges.entries()) expect(from).toBe(i === 0 ? 0 : ranges[i - 1]!.to)
  })

  it('that come early wait for those before them', () => {
    const { peers, serve, stored } = shown(256 * 8)
    const [peer] = peers
    const wants = peer!.of('want-entries').map(({ req }) => req)
    for (const req of wants.slice(1)) serve(peer!, req)
    expect(stored()).toBe(0)
    serve(peer!, wants[0]!)
    expect(stored()).toBeGreaterThanOrEqual(256 * 4)
  })

  it('that somebody keeps back are asked of somebody else', () => {
    const { world, peers, serve, stored } = shown(256 * 4, 100, 2)
    const [silent, other] = peers
    let served = 0
    for (let round = 0; round < 20 && stored() < 1024; round++) {
      for (const { req } of other!.of('want-entries').slice(served)) {
        served++
        serve(other!, req)
      }
      world.pass(ANSWER_TIMEOUT_MS / 4)
    }
    expect(stored()).toBe(1024)
    expect(silent!.end).toBeUndefined()
  })

  it('go on where they stopped after a restart', () => {
    const network = testNetwork(2)
    network.link(0, 1)
    network.tamper = (_from, to, message) =>
      to === 1 && network.stores[1]!.standing(originOfSite(0))!.stored > 1000 ? null : message
    write(network, 0, 5000)
    network.run(3000)
    const { stored } = network.stores[1]!.standing(originOfSite(0))!
    expect(stored).toBeGreaterThan(1000)
    expect(stored).toBeLessThan(5000)
    const asked: number[] = []
    network.kill(1)
    network.start(1)
    network.tamper = (from, _to, message) => {
      const said = decodeMessage(message)
      if (from === 1 && said.kind === 'want-entries') asked.push(said.from)
      return message
    }
    network.link(0, 1)
    expect(network.runUntil(() => heldBy(network, 1, 0) === heldBy(network, 0, 0), 20_000)).toBe(true)
    expect(Math.min(...asked)).toBe(Math.floor(stored / 256))
  })

  it('of the longest entries there can be come one by one', () => {
    const network = testNetwork(2)
    network.link(0, 1)
    write(network, 0, 300, 'entry', 65_535)
    let most = 0
    network.tamper = (_from, _to, message) => {
      most = Math.max(most, network.node(1)!.askedBytes)
      return message
    }
    expect(network.runUntil(() => heldBy(network, 1, 0) === heldBy(network, 0, 0), 60_000)).toBe(true)
    expect(most).toBeLessThanOrEqual(MAX_ASKED_BYTES + 2 * MAX_PACKAGE_BYTES)
  }, 60_000)
})

describe('a store that cannot store', () => {
  class Full extends CodedError<'DISK_FULL'> {}

  it('is tried again later, and nobody is blamed', () => {
    const { world, peers, serve, stored } = shown(100)
    const store = world.store.storePackage.bind(world.store)
    let isFull = true
    world.store.storePackage = (...args) => {
      if (isFull) throw new Full('DISK_FULL', 'for this test')
      store(...args)
    }
    const [peer] = peers
    serve(peer!, peer!.of('want-entries')[0]!.req)
    isFull = false
    world.pass(STORE_RETRY_MS + 1000)
    const again = peer!.of('want-entries').at(-1)!
    serve(peer!, again.req)
    expect([stored(), peer!.end]).toEqual([100, undefined])
  })

  it('that refuses what was sent blames whoever sent it', () => {
    const { world, peers, serve } = shown(100)
    world.store.storePackage = () => {
      throw new LedgerError('ROOT_MISMATCH', 'for this test')
    }
    const [peer] = peers
    serve(peer!, peer!.of('want-entries')[0]!.req)
    world.pass(10_000)
    expect(peer!.of('want-entries').length).toBe(1)
    world.pass(60_000)
    expect(peer!.of('want-entries').length).toBe(2)
  })
})

describe('a head', () => {
  it('that does not follow, with a proof that proves nothing, is asked of others', () => {
    const { world, writer, peers, serve } = shown(5, 100, 2)
    for (const peer of peers) for (const { req } of peer.of('want-entries')) serve(peer, req)
    writer.append([utf8('next')])
    const note = writer.note(origin, 6)!
    for (const peer of peers) peer.say({ kind: 'announce', note })
    const [liar, other] = peers[0]!.of('want-consistency').length > 0 ? peers : peers.toReversed()
    liar!.say({ kind: 'consistency', req: liar!.of('want-consistency')[0]!.req, proof: [new Uint8Array(32)] })
    const want = other!.of('want-consistency')[0]!
    other!.say({ kind: 'consistency', req: want.req, proof: [...writer.consistency(origin, 5, 6)!] })
    expect(world.store.standing(origin)?.pending).toBe(6)
    expect(world.store.proofs.size).toBe(0)
  })

  it('of a log that forked freezes it, with the proof that the fork itself gives', () => {
    const { world, peers, serve } = shown(5)
    const [peer] = peers
    for (const { req } of peer!.of('want-entries')) serve(peer!, req)
    const other = new RawWorld().stores[1]!
    other.append(Array.from({ length: 5 }, (_, i) => utf8(`another ${i}`)))
    other.append([utf8('more')])
    peer!.say({ kind: 'announce', note: other.note(origin, 6)! })
    const { req } = peer!.of('want-consistency')[0]!
    peer!.say({ kind: 'consistency', req, proof: [...other.consistency(origin, 5, 6)!] })
    expect(world.store.standing(origin)?.isFrozen).toBe(true)
    expect(world.store.standing(origin)?.pending).toBe(5)
    expect(peer!.of('evidence').length).toBe(1)
  })

  it('smaller than the pending one is compared when the entries are there', () => {
    const { world, peers, serve } = shown(5)
    const [peer] = peers
    const other = new RawWorld().stores[1]!
    other.append([utf8('another')])
    peer!.say({ kind: 'announce', note: other.note(origin, 1)! })
    expect(world.store.proofs.size).toBe(0)
    for (const { req } of peer!.of('want-entries')) serve(peer!, req)
    expect(world.store.proofs.size).toBe(1)
  })
})
