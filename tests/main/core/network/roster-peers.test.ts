import { expect, it } from 'vitest'
import { peersIn, wantedOf } from '../../../../src/main/core/network/roster-peers.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { testRoster, testSite, testWitness } from '../../../support/ledger-world.ts'
import { settingsOn } from '../../../support/two-clinics.ts'

const [a, b, watcher] = [testSite('clinic.test/a'), testSite('clinic.test/b'), testWitness('clinic.test/a/watcher')]
const roster = testRoster([{ ...a.site, witnesses: [watcher.listed] }, b.site])
const [keyA, keyB, keyOfWatcher] = [a.transport, b.transport, watcher.transport].map((key) => toHex(key.publicKey))
const peers = peersIn(roster)

it('everybody in the roster may talk, under the key that the roster says', () => {
  expect(peers).toEqual([
    { key: keyA, who: { kind: 'node', site: 'clinic.test/a', log: 'clinic.test/a/n1' } },
    { key: keyB, who: { kind: 'node', site: 'clinic.test/b', log: 'clinic.test/b/n1' } },
    { key: keyOfWatcher, who: { kind: 'witness', site: 'clinic.test/a', log: 'clinic.test/a/watcher' } },
  ])
})

it('what is called is what IT typed, and everybody else may pass it on', () => {
  const typed = [{ log: 'clinic.test/b/n1', addresses: ['hill.example', '192.0.2.7:4200'] }]
  const [toA, toB, toWatcher] = wantedOf(peers, { ...settingsOn(4101), peers: typed })
  expect(toB).toEqual({
    peer: keyB,
    addresses: ['/dns/hill.example/tcp/4101', '/ip4/192.0.2.7/tcp/4200'],
    via: [keyA, keyOfWatcher],
    isOurRelay: false,
  })
  expect([toA?.addresses, toWatcher?.addresses]).toEqual([[], []])
})

it('a node that nobody can dial is reached through those that it dials', () => {
  const peersOf = [{ log: 'clinic.test/b/n1', addresses: ['hill.example'] }]
  const wanted = wantedOf(peers, { ...settingsOn(4101), port: null, peers: peersOf })
  expect(wanted.map(({ isOurRelay }) => isOurRelay)).toEqual([false, true, false])
})

it('an address that is none is named', () => {
  const peersOf = [{ log: 'clinic.test/b/n1', addresses: ['not an address'] }]
  expect(() => wantedOf(peers, { ...settingsOn(4101), peers: peersOf })).toThrow(
    expect.objectContaining({ code: 'BAD_ADDRESS', detail: 'not an address' }),
  )
})
