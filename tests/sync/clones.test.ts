import { expect, it } from 'vitest'
import { RawPeer, RawWorld } from './support/raw-peer.ts'

const OTHER = new Uint8Array(16).fill(9)

/** The node of site 1 greets, as one run of it or another. */
function world() {
  const raw = new RawWorld()
  const { instance, log } = raw.stores[1]!.identity
  let link = 0
  const greet = (run: Uint8Array) => new RawPeer(raw, ++link).greet({ instance: run })
  return { raw, instance, log, greet, twice: raw.store.twice }
}

it('two runs that take each other’s place are both told, and so are people here', () => {
  const { greet, instance, log, twice } = world()
  const calm = [greet(instance), greet(OTHER)]
  expect([calm.flatMap((peer) => peer.of('clone')), twice]).toEqual([[], []])
  expect([greet(instance).of('clone'), twice]).toEqual([[{ kind: 'clone', instance: OTHER }], [log]])
  expect([greet(OTHER).of('clone'), twice]).toEqual([[{ kind: 'clone', instance }], [log, log]])
})

it('a node that starts again and again is no copy', () => {
  const { greet, twice } = world()
  const runs = Array.from({ length: 40 }, (_, n) => new Uint8Array(16).fill(n + 1))
  expect(runs.flatMap((run) => greet(run).of('clone'))).toEqual([])
  expect(twice).toEqual([])
})

it('one run that connects anew is no copy, not even after another one had come and gone', () => {
  const { greet, instance, twice } = world()
  for (const run of [instance, instance, OTHER, instance]) greet(run)
  expect(greet(instance).of('clone')).toEqual([])
  expect(twice).toHaveLength(1)
})

it('what was under way when another run took the place proves nothing', () => {
  const { raw, greet, instance, twice } = world()
  greet(OTHER)
  const old = new RawPeer(raw, 90)
  greet(instance)
  old.say(old.hello({ instance: OTHER }))
  old.say({ kind: 'have', logs: [] })
  expect([old.of('clone'), twice]).toEqual([[], []])
})

it('one that came back and does not answer proves nothing', () => {
  const { raw, greet, instance, twice } = world()
  greet(instance)
  greet(OTHER)
  const silent = new RawPeer(raw, 90)
  silent.say(silent.hello({ instance }))
  expect([silent.of('clone'), twice]).toEqual([[], []])
})

it('one run on two links is no copy', () => {
  const { greet, instance } = world()
  const peers = [greet(instance), greet(instance)]
  expect(peers.flatMap((peer) => peer.of('clone'))).toEqual([])
  expect(peers.map(({ isCut }) => isCut)).toEqual([false, false])
})

it('a copy of this node that speaks to it is noticed, and so is a report, with its site', () => {
  const { raw } = world()
  new RawPeer(raw, 1, 0).greet({ instance: OTHER })
  const reporter = new RawPeer(raw, 2, 2).greet()
  reporter.say({ kind: 'clone', instance: OTHER })
  expect(raw.store.clones).toEqual([null, raw.stores[2]!.identity.site])
})
