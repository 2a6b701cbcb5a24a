import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { hasher } from '../../bench/simulate/keys.ts'
import type { PayloadRow } from '../../src/sync/messages.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { linkAll, type Network, originOfSite, testNetwork } from './support/world.ts'

const origin = originOfSite(0)
const row = (index: number): PayloadRow => ({
  index,
  ciphertext: utf8(`sealed ${index}`),
  wrappedKey: new Uint8Array(72),
  salt: new Uint8Array(72),
})
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i))

/** Site 0 writes entries that bind payloads, and has all of them but those left out. */
function writePayloads(network: Network, count: number, without: (index: number) => boolean = () => false): void {
  const store = network.stores[0]!
  const all = rows(count)
  store.append(all.map(({ ciphertext }) => hasher.sha256(ciphertext)))
  store.payloads.set(origin, new Map(all.filter(({ index }) => !without(index)).map((one) => [one.index, one])))
  network.node(0)!.logChanged(origin)
}

const heldBy = (network: Network, i: number) => network.stores[i]!.payloads.get(origin)?.size ?? 0

describe('payloads', () => {
  it('come to those who want them and may have them, and to nobody else', () => {
    const network = testNetwork(4)
    for (const i of [1, 2]) network.stores[i]!.wantsPayloads = (of) => of === origin
    network.stores[0]!.maySend = (peer) => peer.kind === 'node' && peer.site === network.stores[1]!.identity.site
    linkAll(network)
    writePayloads(network, 700)
    expect(network.runUntil(() => heldBy(network, 1) === 700, 20_000)).toBe(true)
    network.run(5000)
    expect([heldBy(network, 2), heldBy(network, 3)]).toEqual([0, 0])
    expect(network.complaints).toEqual([])
  })

  it('come from whoever has them', () => {
    const network = testNetwork(4)
    network.stores[3]!.wantsPayloads = (of) => of === origin
    for (const store of network.stores) store.maySend = () => true
    const isOdd = (index: number) => index % 2 === 1
    const odd = rows(300).filter(({ index }) => isOdd(index))
    network.stores[1]!.payloads.set(origin, new Map(odd.map((one) => [one.index, one])))
    linkAll(network)
    writePayloads(network, 300, isOdd)
    expect(network.runUntil(() => heldBy(network, 3) === 300, 20_000)).toBe(true)
  })

  it('that may be had after consent are asked for again', () => {
    const network = testNetwork(4)
    network.stores[1]!.wantsPayloads = (of) => of === origin
    linkAll(network)
    writePayloads(network, 50)
    network.run(5000)
    expect(heldBy(network, 1)).toBe(0)
    network.stores[0]!.maySend = () => true
    network.node(1)!.payloadsChanged(origin)
    network.run(70_000)
    expect(heldBy(network, 1)).toBe(50)
  })

  it('are asked for once of a peer that has none', () => {
    const network = testNetwork(4)
    network.stores[1]!.wantsPayloads = (of) => of === origin
    for (const store of network.stores) store.maySend = () => true
    linkAll(network)
    writePayloads(network, 50, () => true)
    network.run(10_000)
    const before = network.traffic.messages
    network.run(20_000)
    expect(network.traffic.messages).toBe(before)
  })
})

describe('a peer', () => {
  /** A node that wants the payloads of what the peer's site wrote, and the request that it made. */
  function asked(count = 3) {
    const world = new RawWorld()
    const log = originOfSite(1)
    world.store.wantsPayloads = (of) => of === log
    const writer = world.stores[1]!
    writer.append(rows(count).map(({ ciphertext }) => hasher.sha256(ciphertext)))
    const peer = new RawPeer(world, 1).greet()
    peer.say({ kind: 'announce', note: writer.note(log, count)! })
    const { req, from, to } = peer.of('want-entries')[0]!
    for (let index = from; index < to; index++) {
      const { entries, proof } = writer.entryPackage(log, count, index)!
      peer.say({ kind: 'entries', req, package: index, offset: 0, entries, proof, last: index + 1 === to })
    }
    return { world, peer, log, want: peer.of('want-payloads')[0]! }
  }

  it('that sends what its entry does not bind is not believed', () => {
    const { world, peer, log, want } = asked()
    const false1 = { ...row(1), ciphertext: utf8('another') }
    peer.say({ kind: 'payloads', req: want.req, last: true, rows: [row(0), false1], keys: [] })
    expect([...(world.store.payloads.get(log)?.keys() ?? [])]).toEqual([0])
    expect(peer.end).toBeUndefined()
  })

  it('that may send nothing is not asked for the rest of a long log, until something changes', () => {
    const { world, peer, log, want } = asked(1000)
    peer.say({ kind: 'error', req: want.req, code: 'NOT_FOR_YOU' })
    world.pass(60_000)
    expect(peer.of('want-payloads')).toHaveLength(1)
    world.node.payloadsChanged(log)
    expect(peer.of('want-payloads').map(({ from }) => from)).toEqual([0, 0])
  })

  it.each([
    ['out of order', [row(1), row(0)]],
    ['twice', [row(1), row(1)]],
    ['beyond the range', [row(3)]],
  ])('that sends rows %s is hung up on', (_, sent) => {
    const { peer, want } = asked()
    peer.say({ kind: 'payloads', req: want.req, last: true, rows: sent, keys: [] })
    expect(peer.end).toBe('BAD_ANSWER')
  })

  it('that is asked when what may be had changes is asked from the start again', () => {
    const { world, peer, log, want } = asked()
    expect(want.from).toBe(0)
    world.node.payloadsChanged(log)
    peer.say({ kind: 'payloads', req: want.req, last: true, rows: [], keys: [] })
    expect(peer.of('want-payloads').map(({ from }) => from)).toEqual([0, 0])
    // Nothing changed since: the answer counts.
    peer.say({ kind: 'payloads', req: peer.of('want-payloads')[1]!.req, last: true, rows: [], keys: [] })
    expect(peer.of('want-payloads')).toHaveLength(2)
  })

  it('that sends keys without end is hung up on', () => {
    const { peer, want } = asked()
    const key = { subject: new Uint8Array(16), epoch: 1, recipient: new Uint8Array(32), sealed: new Uint8Array(80) }
    const keys = Array.from({ length: 1000 }, () => key)
    for (let i = 0; i < 10 && peer.end === undefined; i++) {
      peer.say({ kind: 'payloads', req: want.req, last: false, rows: [], keys })
    }
    expect(peer.end).toBe('BAD_ANSWER')
  })
})
