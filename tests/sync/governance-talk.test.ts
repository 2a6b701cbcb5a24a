import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { Allowance, costOf } from '../../src/sync/allowance.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { linkAll, originOfSite, testNetwork, write } from './support/world.ts'
import { MemoryStore } from '../../bench/simulate/memory-store.ts'

describe('governed documents', () => {
  it('reach those that lack them, however far', () => {
    const network = testNetwork(4)
    for (const i of [0, 1, 2]) network.link(i, i + 1)
    network.run(1000)
    const documents = [utf8('roster 2'), utf8('roster 3')]
    network.stores[0]!.documents = { rosterVersion: 3, rosters: documents, proposals: ['a proposal'] }
    network.node(0)!.governanceChanged()
    network.run(1000)
    for (const { documents: had } of network.stores) {
      expect(had).toEqual({ rosterVersion: 3, rosters: documents, proposals: ['a proposal'] })
    }
    const before = network.traffic.messages
    network.run(10_000)
    expect(network.traffic.messages).toBe(before)
  })

  it('are sent to a newcomer from its version on, one in each message', () => {
    const world = new RawWorld()
    const rosters = [utf8('roster 2'), utf8('roster 3'), utf8('roster 4')]
    world.store.documents = { rosterVersion: 4, rosters, proposals: [] }
    const peer = new RawPeer(world, 1).greet({ rosterVersion: 2 })
    world.pass(500)
    expect(peer.of('governance').map((message) => message.rosters)).toEqual([[rosters[1]], [rosters[2]]])
  })

  it('are sent in the order of the store, a witness the rosters alone, and many of them no faster than are listened to', () => {
    const world = new RawWorld()
    const all = Array.from({ length: 600 }, (_, i) => ({
      ...{ type: i % 2 === 0 ? ('contract' as const) : ('roster' as const), version: 2 + (i >> 1) },
      fields: utf8(`document ${i}`),
    }))
    world.store.governanceAfter = (roster, contract) => ({
      documents: all.filter(({ type, version }) => version > { roster, contract }[type]).slice(0, 64),
      proposals: ['a proposal'],
    })
    const peer = new RawPeer(world, 1).greet()
    const { site, log } = world.stores[2]!.identity
    const witness = new RawPeer(world, 2, 2, { kind: 'witness', site, log }).greet({ role: 'witness' })
    const allowance = new Allowance(world.nowMs)
    let heard = 0
    for (let n = 0; n < 400; n++) {
      world.pass(250)
      for (const message of peer.of('governance').slice(heard))
        expect(allowance.take(costOf(message, 20), world.nowMs)).toBe(true)
      heard = peer.of('governance').length
    }
    const told = (of: RawPeer) => of.of('governance').flatMap(({ rosters, contracts }) => [...rosters, ...contracts])
    expect(told(peer)).toEqual(all.map(({ fields }) => fields))
    expect(told(witness)).toEqual(all.flatMap(({ type, fields }) => (type === 'roster' ? [fields] : [])))
    expect(peer.of('governance').at(-1)?.proposals).toEqual(['a proposal'])
    expect(witness.of('governance').some(({ proposals }) => proposals.length > 0)).toBe(false)
  })

  it('that are not valid here end nothing and are passed on to nobody', () => {
    const world = new RawWorld()
    const [peer, other] = [new RawPeer(world, 1).greet(), new RawPeer(world, 2, 2).greet()]
    world.store.addGovernance = () => false
    peer.say({ kind: 'governance', rosters: [utf8('nonsense')], contracts: [], proposals: ['nonsense'] })
    world.pass(500)
    expect([peer.end, other.of('governance')]).toEqual([undefined, []])
  })
})

describe('an opening', () => {
  it('reaches everybody once, and those who come later before any head', () => {
    const network = testNetwork(4)
    for (const i of [0, 1]) network.link(i, i + 1)
    network.run(1000)
    const entry = utf8('an opening')
    network.stores[0]!.addOpening(entry)
    network.run(1000)
    expect(network.stores.map(({ opened }) => opened)).toEqual([[entry], [entry], [entry], []])
    network.link(2, 3)
    network.run(1000)
    expect(network.stores[3]!.opened).toEqual([entry])
    const world = new RawWorld()
    world.store.addOpening(entry)
    const peer = new RawPeer(world, 1).greet()
    world.pass(100)
    expect(peer.sent.map(({ kind }) => kind).slice(0, 3)).toEqual(['hello', 'opened', 'have'])
  })
})

describe('a fork proof', () => {
  it('reaches everybody, also those who come later', () => {
    const network = testNetwork(4)
    for (const i of [0, 1]) network.link(i, i + 1)
    write(network, 3, 3)
    const [honest] = [network.stores[3]!.note(originOfSite(3), 3)!]
    const twin = testNetwork(4).stores[3]!
    twin.append([utf8('x'), utf8('y'), utf8('z')])
    const store = network.stores[0]!
    const fork = `chartseal/fork/v1\n\n${honest}\n${twin.note(originOfSite(3), 3)!}`
    const [a, b] = [honest, twin.note(originOfSite(3), 3)!].toSorted((x, y) => (x < y ? -1 : 1))
    expect(store.addEvidence([fork, `chartseal/fork/v1\n\n${a}\n${b}`][0]!)).toBe(true)
    network.node(0)!.tick()
    network.run(1000)
    expect(network.stores.map(({ proofs }) => proofs.size)).toEqual([1, 1, 1, 0])
    network.link(2, 3)
    network.run(1000)
    expect(network.stores[3]!.proofs.size).toBe(1)
  })

  it('that convicts nobody ends nothing', () => {
    const world = new RawWorld()
    const peer = new RawPeer(world, 1).greet()
    peer.say({ kind: 'evidence', text: 'nonsense' })
    expect([peer.end, world.store.proofs.size]).toEqual([undefined, 0])
  })
})

it('a node that starts is told its own newest cosigned head by each site', () => {
  const network = testNetwork(4)
  linkAll(network)
  write(network, 0, 5)
  network.run(3000)
  network.kill(0)
  // The disk of site 0 is replaced by an older one, which is empty.
  const { identity } = network.stores[0]!
  const older = new MemoryStore(identity, network.stores[0]!.shared)
  older.questions = [originOfSite(0)]
  ;(network.stores as MemoryStore[])[0] = older
  network.start(0)
  linkAll(network)
  network.run(2000)
  const answers = older.answers.filter(([, , note]) => note?.split('\n')[1] === '5')
  expect(new Set(answers.map(([peer]) => (peer.kind === 'node' ? peer.site : ''))).size).toBe(3)
})
