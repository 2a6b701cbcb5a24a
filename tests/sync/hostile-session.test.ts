import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { encodeMessage } from '../../src/sync/codec.ts'
import { MAX_QUEUED, MAX_WANTS } from '../../src/sync/limits.ts'
import { runs } from '../support/budget.ts'
import { anyMessage } from './support/messages.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { finalAt, heldBy, linkAll, originOfSite, testNetwork, write } from './support/world.ts'

/** Everything that a node has stored, in short: what must not change by bytes that prove nothing. */
function stateOf({ store }: RawWorld): string {
  const logs = [...store.logs.values()].filter(({ held, state }) => held !== null || state.pending !== null)
  return JSON.stringify([
    logs.map((log) => [
      log.origin,
      log.digest(),
      log.state.stored,
      log.state.pending?.note,
      log.final,
      log.votesAt(log.cosigned),
    ]),
    [...store.proofs.keys()],
  ])
}

/** A node that holds two entries of its own. */
function nodeWithEntries(): RawWorld {
  const world = new RawWorld()
  world.store.append([utf8('one'), utf8('two')])
  return world
}

const chaos = fc.oneof(
  { weight: 3, arbitrary: anyMessage.map((message) => encodeMessage(message)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }) },
)

describe('a peer that keeps to nothing', () => {
  it('is hung up on or ignored, and changes nothing', () => {
    fc.assert(
      fc.property(fc.array(chaos, { maxLength: 60 }), fc.boolean(), fc.boolean(), (frames, isGreeted, isReading) => {
        const world = nodeWithEntries()
        const peer = new RawPeer(world, 1)
        peer.isReading = isReading
        if (isGreeted) peer.greet()
        // Documents are any bytes in this store, and not what is tried here.
        world.store.addGovernance = () => false
        const before = stateOf(world)
        for (const [i, frame] of frames.entries()) {
          peer.raw(frame)
          if (i % 7 === 0) world.pass(500)
        }
        world.pass(70_000)
        expect(stateOf(world)).toBe(before)
        expect(peer.of('entries').length).toBeLessThanOrEqual(frames.length)
      }),
      { numRuns: runs(300, 5000) },
    )
  })

  it('that does not read gets no more than it was owed', () => {
    const world = nodeWithEntries()
    const peer = new RawPeer(world, 1)
    peer.greet()
    peer.isReading = false
    const note = world.store.note(originOfSite(0), 2)!
    for (let i = 0; i < 1000; i++) {
      if (peer.end !== undefined) break
      peer.say({ kind: 'want-consistency', req: i + 1, origin: originOfSite(0), older: 1, newer: 2 })
      peer.say({ kind: 'announce', note })
    }
    expect(peer.end).toBe('TOO_MANY_REQUESTS')
    expect(peer.sent.length).toBeLessThan(10)
  })

  it('gets its answers one after another, in its own time', () => {
    const world = nodeWithEntries()
    const peer = new RawPeer(world, 1)
    peer.greet()
    peer.isReading = false
    for (let req = 1; req <= MAX_QUEUED; req++) {
      peer.say({ kind: 'want-consistency', req, origin: originOfSite(0), older: 1, newer: 2 })
    }
    peer.isReading = true
    world.node.drained(1)
    const atOnce = peer.of('consistency').length
    expect(atOnce).toBeLessThan(MAX_QUEUED)
    world.work()
    expect(peer.of('consistency').map(({ req }) => req)).toEqual(Array.from({ length: MAX_QUEUED }, (_, i) => i + 1))
    expect(peer.end).toBeUndefined()
  })

  it.each([
    ['BAD_MESSAGE', (peer: RawPeer) => peer.raw(Uint8Array.of(0xff))],
    ['OUT_OF_TURN', (peer: RawPeer) => peer.say({ kind: 'have', logs: [] })],
    ['WRONG_VERSION', (peer: RawPeer) => peer.say(peer.hello({ version: 2 }))],
    ['OTHER_NETWORK', (peer: RawPeer) => peer.say(peer.hello({ network: new Uint8Array(32) }))],
    ['NOT_WHO_IT_SAYS', (peer: RawPeer) => peer.say(peer.hello({ log: 'sim.local/s0002/n1' }))],
    ['NOT_WHO_IT_SAYS', (peer: RawPeer) => peer.say(peer.hello({ site: 'sim.local/s0002' }))],
  ] as const)('is refused with %s before anything else', (code, say) => {
    const world = nodeWithEntries()
    const peer = new RawPeer(world, 1)
    say(peer)
    expect(peer.end).toBe(code)
    expect(peer.isCut).toBe(true)
    expect(peer.sent.map(({ kind }) => kind)).toEqual(['hello'])
  })

  it('and says nothing is hung up on after a while', () => {
    const world = nodeWithEntries()
    const peer = new RawPeer(world, 1)
    world.pass(9_000)
    expect(peer.end).toBeUndefined()
    world.pass(2_000)
    expect(peer.end).toBe('NO_HELLO')
  })

  it.each([
    ['a second hello', (peer: RawPeer) => peer.say(peer.hello())],
    ['an answer that nobody asked for', (peer: RawPeer) => peer.say({ kind: 'consistency', req: 77, proof: [] })],
  ])('is hung up on for %s', (_, say) => {
    const peer = new RawPeer(nodeWithEntries(), 1).greet()
    say(peer)
    expect(peer.end).toBe('OUT_OF_TURN')
  })

  it('and floods is hung up on, and others go on', () => {
    const world = nodeWithEntries()
    const other = new RawPeer(world, 2, 2).greet()
    const peer = new RawPeer(world, 1).greet()
    for (let i = 0; i < 40_000 && peer.end === undefined; i++) peer.say({ kind: 'have', logs: [] })
    expect(peer.end).toBe('FLOOD')
    other.say({ kind: 'want-consistency', req: 1, origin: originOfSite(0), older: 1, newer: 2 })
    expect(other.of('consistency').length).toBe(1)
  })

  it('with a one-time key may ask to join, and nothing else', () => {
    const world = nodeWithEntries()
    world.store.guests = (body) => (body.length === 3 ? utf8('welcome') : null)
    const who = { kind: 'guest', transportKey: new Uint8Array(32) } as const
    const guest = new RawPeer(world, 1, 1, who)
    guest.say(guest.hello({ site: 'new.local/x', log: 'new.local/x/n1' }))
    guest.say({ kind: 'join-request', req: 1, body: utf8('abc') })
    guest.say({ kind: 'join-request', req: 2, body: utf8('abcd') })
    expect(guest.sent.map(({ kind }) => kind)).toEqual(['hello', 'join-answer', 'error'])
    guest.say({
      kind: 'want-entries',
      req: 3,
      origin: originOfSite(0),
      size: 2,
      from: 0,
      to: 1,
      maxBytes: 1000,
      skip: 0,
    })
    expect(guest.end).toBe('OUT_OF_TURN')
  })
})

describe('a peer that lies', () => {
  it('about how much it has is asked for no more than the credits, and then for nothing', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1)
    const origin = originOfSite(1)
    world.stores[1]!.append(Array.from({ length: 3000 }, (_, i) => utf8(`entry ${i}`)))
    peer.say(peer.hello())
    peer.say({ kind: 'have', logs: [{ origin, size: 2 ** 50, final: 2 ** 50, cosigned: 2 ** 50, votes: 3, mark: 1 }] })
    expect(peer.of('want-entries')).toEqual([])
    peer.say({ kind: 'announce', note: world.stores[1]!.note(origin, 3000)! })
    expect(peer.of('want-entries').length).toBeGreaterThan(0)
    world.pass(300_000)
    expect(peer.of('want-entries').length).toBeLessThanOrEqual(MAX_WANTS)
    expect(world.store.standing(origin)?.stored).toBe(0)
  })

  it('about entries is blamed and then hung up on, and nothing of it is stored', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1)
    const origin = originOfSite(1)
    world.stores[1]!.append([utf8('the truth')])
    peer.greet()
    peer.say({ kind: 'announce', note: world.stores[1]!.note(origin, 1)! })
    for (let i = 0; i < 20 && peer.end === undefined; i++) {
      const want = peer.of('want-entries').at(-1)
      if (want !== undefined && want.req > i) {
        const lie = { package: 0, offset: 0, entries: [utf8('a lie')], proof: [], last: true }
        peer.say({ kind: 'entries', req: want.req, ...lie })
      }
      world.pass(61_000)
    }
    expect(peer.end).toBe('BAD_ANSWER')
    expect(world.store.standing(origin)?.stored).toBe(0)
  })

  it.each([
    ['more entries than a package', { package: 0, offset: 0, proof: null, last: false }, 257],
    ['another package', { package: 1, offset: 0, proof: [], last: true }, 1],
    ['entries out of order', { package: 0, offset: 5, proof: [], last: true }, 1],
  ])('with %s is hung up on', (_, part, count) => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    const origin = originOfSite(1)
    world.stores[1]!.append(Array.from({ length: 600 }, (_, i) => utf8(`entry ${i}`)))
    peer.say({ kind: 'announce', note: world.stores[1]!.note(origin, 600)! })
    const req = peer.of('want-entries')[0]!.req
    for (let left = count; left > 0; left -= 256) {
      const entries = Array.from({ length: Math.min(256, left) }, () => utf8('x'))
      peer.say({ kind: 'entries', req, ...part, offset: left < count ? 255 : part.offset, entries })
    }
    expect(peer.end).toBe('BAD_ANSWER')
  })

  it('with more bytes than it was asked for is hung up on', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    const origin = originOfSite(1)
    world.stores[1]!.append(Array.from({ length: 600 }, (_, i) => utf8(`entry ${i}`)))
    peer.say({ kind: 'announce', note: world.stores[1]!.note(origin, 600)! })
    const { req, maxBytes } = peer.of('want-entries')[0]!
    const entries = [new Uint8Array(60_000)]
    for (let offset = 0; offset * 60_000 <= maxBytes && peer.end === undefined; offset++) {
      peer.say({ kind: 'entries', req, package: 0, offset, entries, proof: null, last: false })
    }
    expect(peer.end).toBe('BAD_ANSWER')
  })

  it('that keeps everything back is routed around', () => {
    const network = testNetwork(4)
    linkAll(network)
    // Site 3 takes everything and answers no request for entries.
    network.tamper = (from, _to, message) =>
      from === 3 && message[1] === 4 ? encodeMessage({ kind: 'have', logs: [] }) : message
    network.cut(0, 1)
    write(network, 0, 2000)
    const isDone = () => heldBy(network, 1, 0) === heldBy(network, 0, 0) && finalAt(network, 1, 0) === 2000
    expect(network.runUntil(isDone, 120_000)).toBe(true)
  })
})

it('whatever one of four sites sends, the others agree, and hold nothing that the writers did not write', () => {
  const SEED = Number(process.env.CHARTSEAL_SEED ?? Date.now() % 2 ** 31)
  const fault = fc.constantFrom('flip', 'cut', 'twice', 'swap', 'lose', 'none')
  fc.assert(
    fc.property(fc.infiniteStream(fault), fc.infiniteStream(fc.nat()), fc.nat(), (faults, numbers, seed) => {
      const network = testNetwork(4, seed)
      const kept: Uint8Array[] = []
      const next = () => numbers.next().value as number
      network.tamper = (from, _to, message) => {
        if (from !== 3 || next() % 4 !== 0) return message
        kept[next() % 20] = message
        switch (faults.next().value) {
          case 'flip':
            return message.with(next() % message.length, next() % 256)
          case 'cut':
            return message.slice(0, 1 + (next() % message.length))
          case 'twice':
          case 'swap':
            return kept[next() % 20] ?? message
          case 'lose':
            return null
          default:
            return message
        }
      }
      for (let round = 0; round < 12; round++) {
        linkAll(network)
        write(network, round % 4, 1 + (next() % 300))
        network.run(1500)
      }
      const honest = [0, 1, 2]
      const isDone = () =>
        honest.every((i) =>
          honest.every((of) => finalAt(network, i, of) === network.stores[of]!.standing(originOfSite(of))!.pending),
        )
      for (let round = 0; round < 40 && !isDone(); round++) {
        linkAll(network)
        network.run(3000)
      }
      expect(isDone()).toBe(true)
      for (const i of honest) {
        for (const of of [0, 1, 2, 3]) {
          const [log, written] = [
            network.stores[i]!.logs.get(originOfSite(of)),
            network.stores[of]!.logs.get(originOfSite(of))!,
          ]
          if (log?.held == null) continue
          expect(log.rootAt(log.held.size)).toEqual(written.rootAt(log.held.size))
        }
      }
    }),
    { numRuns: runs(20, 100), seed: SEED },
  )
}, 600_000)
