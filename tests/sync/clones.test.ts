import { expect, it } from 'vitest'
import { RawPeer, RawWorld } from './support/raw-peer.ts'

const OTHER = new Uint8Array(16).fill(9)

it('two installations of one log are both told', () => {
  const world = new RawWorld()
  const [first, copy] = [new RawPeer(world, 1).greet(), new RawPeer(world, 2).greet({ instance: OTHER })]
  const { instance } = world.stores[1]!.identity
  expect(first.of('clone')).toEqual([{ kind: 'clone', instance: OTHER }])
  expect(copy.of('clone')).toEqual([{ kind: 'clone', instance }])
  expect(world.store.clones).toEqual([])
})

it('one installation on two links is no copy', () => {
  const world = new RawWorld()
  const peers = [new RawPeer(world, 1).greet(), new RawPeer(world, 2).greet()]
  expect(peers.flatMap((peer) => peer.of('clone'))).toEqual([])
})

it('a copy of this node that speaks to it is noticed, and so is a report, with its site', () => {
  const world = new RawWorld()
  new RawPeer(world, 1, 0).greet({ instance: OTHER })
  const reporter = new RawPeer(world, 2, 2).greet()
  reporter.say({ kind: 'clone', instance: OTHER })
  expect(world.store.clones).toEqual([null, world.stores[2]!.identity.site])
})
