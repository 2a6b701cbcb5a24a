import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/ledger/hash.ts'
import { decodeMessage } from '../../src/sync/codec.ts'
import { COSIGN_TIMEOUT_MS, MAX_WAITING_COSIGN } from '../../src/sync/limits.ts'
import { RawPeer, RawWorld } from './support/raw-peer.ts'
import { originOfSite, testNetwork, linkAll, write } from './support/world.ts'

const origin = originOfSite(1)
const entries = (count: number) => Array.from({ length: count }, (_, i) => utf8(`entry ${i}`))

/** The writer at site 1 asks the node at site 0, and serves what it is asked for. */
function askingWriter(world: RawWorld) {
  const peer = new RawPeer(world, 1).greet()
  const writer = world.stores[1]!
  let served = 0
  return {
    peer,
    writer,
    ask: (req: number, size: number, note = writer.note(origin, size)!) => {
      peer.say({ kind: 'want-cosignature', req, oldSize: 0, proof: [], note })
    },
    serve: () => {
      for (const want of peer.of('want-entries').slice(served)) {
        served++
        const { proof, entries: all } = writer.entryPackage(origin, want.size, want.from)!
        const part = { package: want.from, offset: 0, entries: all, proof, last: true }
        peer.say({ kind: 'entries', req: want.req, ...part })
      }
    },
  }
}

describe('a request to cosign', () => {
  it('is answered when every entry is held, and not before', () => {
    const world = new RawWorld()
    const { peer, writer, ask, serve } = askingWriter(world)
    writer.append(entries(3))
    ask(1, 3)
    expect(peer.of('cosigned')).toEqual([])
    serve()
    const [answer] = peer.of('cosigned')
    expect([answer?.status, answer?.req]).toEqual([200, 1])
    const head = writer.checkHead(writer.note(origin, 3)! + (answer?.text ?? ''))
    expect(writer.addVotes(head)).toBe('stored')
    expect(writer.logs.get(origin)?.votesAt(3)).toBe(2)
  })

  it('for the head that was cosigned gets a line again, and for a smaller one the larger size', () => {
    const world = new RawWorld()
    const { peer, writer, ask, serve } = askingWriter(world)
    writer.append(entries(3))
    const small = writer.note(origin, 3)!
    writer.append(entries(2))
    ask(1, 5)
    serve()
    ask(2, 5)
    ask(3, 3, small)
    expect(peer.of('cosigned').map(({ status, at }) => [status, at])).toEqual([
      [200, 0],
      [200, 0],
      [409, 5],
    ])
  })

  it('is refused for a log that nobody listed, for the own log, and without a signature', () => {
    const world = new RawWorld()
    const { peer, writer, ask } = askingWriter(world)
    writer.append(entries(1))
    world.store.append(entries(1))
    const note = writer.note(origin, 1)!
    ask(1, 1, note.replace(/AAAA|[A-Z]{3}/, 'BBB'))
    ask(2, 1, world.store.note(originOfSite(0), 1)!)
    expect(peer.of('cosigned').map(({ status }) => status)).toEqual([403, 404])
  })

  it('with a forbidden entry gets its index, and so does every later one', () => {
    const world = new RawWorld()
    world.store.evaluate = () => ({ verdict: 'refuse', index: 1, code: 'CONTRACT_DENIED' })
    const { peer, writer, ask, serve } = askingWriter(world)
    writer.append(entries(3))
    ask(1, 3)
    serve()
    writer.append(entries(1))
    ask(2, 4)
    const refused = { kind: 'cosigned', status: 406, at: 1, text: 'CONTRACT_DENIED' }
    expect(peer.of('cosigned')).toEqual([
      { ...refused, req: 1 },
      { ...refused, req: 2 },
    ])
  })

  it('waits for a cited head that is missing, and is answered when it is there', () => {
    const world = new RawWorld()
    let isHere = false
    world.store.evaluate = () => (isHere ? { verdict: 'valid' } : { verdict: 'wait' })
    const { peer, writer, ask, serve } = askingWriter(world)
    writer.append(entries(3))
    ask(1, 3)
    serve()
    world.pass(5000)
    expect(peer.of('cosigned')).toEqual([])
    isHere = true
    world.pass(500)
    expect(peer.of('cosigned').map(({ status }) => status)).toEqual([200])
  })

  it('that waits too long is told so, and so is one of too many', () => {
    const world = new RawWorld()
    const { peer, writer, ask } = askingWriter(world)
    writer.append(entries(3))
    for (let req = 1; req <= MAX_WAITING_COSIGN + 1; req++) ask(req, 3)
    expect(peer.of('cosigned').map(({ req, status }) => [req, status])).toEqual([[MAX_WAITING_COSIGN + 1, 503]])
    world.pass(COSIGN_TIMEOUT_MS + 1000)
    expect(peer.of('cosigned').map(({ status }) => status)).toEqual(Array(MAX_WAITING_COSIGN + 1).fill(503))
  })

  it('of a log that contradicts itself is refused, and the proof goes to the writer too', () => {
    const world = new RawWorld()
    const { peer, writer, ask, serve } = askingWriter(world)
    writer.append(entries(3))
    ask(1, 3)
    serve()
    const other = new RawWorld().stores[1]!
    other.append([utf8('x'), utf8('y'), utf8('z')])
    ask(2, 3, other.note(origin, 3)!)
    expect(peer.of('cosigned').map(({ status }) => status)).toEqual([200, 422])
    world.pass(500)
    expect(peer.of('evidence').length).toBe(1)
    expect(world.store.proofs.has(origin)).toBe(true)
  })

  it('is not answered by a node that does not cosign for its site', () => {
    const world = new RawWorld(3, 1, (i) => (i === 0 ? 'node' : 'mirror'))
    const { peer, writer, ask } = askingWriter(world)
    writer.append(entries(1))
    ask(1, 1)
    expect(peer.of('cosigned').map(({ status }) => status)).toEqual([503])
  })
})

it('a witness cosigns heads, and never asks for an entry or is given one', () => {
  const network = testNetwork(4, 1, { roleOf: (i) => (i === 3 ? 'witness' : 'mirror') })
  const toWitness = new Set<string>()
  network.tamper = (from, to, message) => {
    if (from === 3 || to === 3) toWitness.add(decodeMessage(message).kind)
    return message
  }
  linkAll(network)
  network.kill(2)
  write(network, 0, 300)
  network.run(5000)
  write(network, 0, 300)
  const isFinal = () => [0, 1].every((i) => network.stores[i]!.standing(originOfSite(0))!.final === 600)
  expect(network.runUntil(isFinal, 20_000)).toBe(true)
  expect([...toWitness].filter((kind) => kind === 'want-entries' || kind === 'entries')).toEqual([])
  expect(network.stores[3]!.logs.get(originOfSite(0))!.entries).toEqual([])
})
