import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { encodeRosterFields } from '../../src/ledger/fields.ts'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { checkRosterChain } from '../../src/ledger/next-roster.ts'
import { encodeRoster, networkIdOf, type Roster, rosterHash, type RosterSite } from '../../src/ledger/roster.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { checkRosters } from '../../src/verifier/roster-chain.ts'
import {
  approvalsBy,
  type TestKey,
  testKey,
  testRoster,
  testSite,
  testWitness,
  verifier,
} from '../support/ledger-world.ts'

const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => testSite(`test.local/${name}`)) as [
  Site,
  Site,
  Site,
  Site,
  Site,
]
type Site = ReturnType<typeof testSite>
const governance = (...sites: Site[]) => sites.map((s) => s.governance)
const first = testRoster([a, b, c, d].map((s) => s.site))
const network = networkIdOf(h, encodeRoster(first))
const after = (before: Roster, sites: readonly RosterSite[], over: Partial<Roster> = {}): Roster => ({
  ...testRoster(sites),
  version: before.version + 1,
  previous: rosterHash(h, before),
  frozen: before.frozen,
  ...over,
})
const signed = (roster: Roster, keys: readonly TestKey[]) => {
  const document = encodeRoster(roster)
  return { document, approvals: approvalsBy(keys, rosterMessage(network, document)) }
}
const isAccepted = (run: () => unknown): boolean => {
  try {
    run()
    return true
  } catch {
    return false
  }
}
/** What each of the two says. */
const both = (...chain: ReturnType<typeof signed>[]) => ({
  ledger: isAccepted(() => checkRosterChain(verifier, network, chain)),
  second: isAccepted(() =>
    checkRosters(
      network,
      chain.map((one) => encodeCbor(encodeRosterFields(one))),
    ),
  ),
})
const AGREED = { ledger: true, second: true }
const REFUSED = { ledger: false, second: false }
const start = signed(first, governance(a, b, c, d))
const [s1, s2, s3, s4] = [a, b, c, d].map((s) => s.site) as [RosterSite, RosterSite, RosterSite, RosterSite]
const witness = testWitness('test.local/a/w1').listed

describe('both verifiers', () => {
  it('accept the same chains', () => {
    const joined = after(first, [s1, s2, s3, s4, e.site])
    const end = { origin: 'test.local/b/n1/1', size: 5, root: h.sha256(network) }
    const left = after(joined, [s1, s3, s4, e.site], { frozen: [end] })
    const fresh = testKey('fresh')
    const rotated = after(left, [{ ...s1, governanceKey: fresh.publicKey }, s3, s4, e.site])
    const moved = after(rotated, rotated.sites, { coordinator: 'test.local/c/n1', attempt: 3 })
    const chain = [
      start,
      signed(joined, governance(a, b, c, e)),
      signed(left, governance(a, c, d, e)),
      signed(rotated, [...governance(a, c, d, e), fresh]),
      signed(moved, [...governance(c, d, e), fresh]),
    ]
    for (const count of [1, 2, 3, 4, 5]) expect(both(...chain.slice(0, count))).toEqual(AGREED)
    const read = checkRosters(
      network,
      chain.map((one) => encodeCbor(encodeRosterFields(one))),
    )
    expect(read.map(({ hash }) => hash)).toEqual(
      [first, joined, left, rotated, moved].map((r) => toHex(rosterHash(h, r))),
    )
    expect(both(start, chain[2]!)).toEqual(REFUSED)
    expect(both(...chain.slice(1))).toEqual(REFUSED)
    expect(both()).toEqual({ ledger: true, second: false })
  })

  it('accept a witness that comes and goes, and none that gets another key', () => {
    const seen = after(first, [{ ...s1, witnesses: [witness] }, s2, s3, s4])
    const gone = after(seen, [s1, s2, s3, s4])
    const chain = [start, signed(seen, governance(a, b, c)), signed(gone, governance(a, c, d))]
    for (const count of [2, 3]) expect(both(...chain.slice(0, count))).toEqual(AGREED)
    const other = { ...witness, witnessKey: testKey('other').publicKey }
    const changed = after(seen, [{ ...s1, witnesses: [other] }, s2, s3, s4])
    expect(both(start, chain[1]!, signed(changed, governance(a, b, c)))).toEqual(REFUSED)
  })

  it('refuse the same', () => {
    const joined = after(first, [s1, s2, s3, s4, e.site])
    const end = { origin: 'test.local/d/n1/1', size: 5, root: h.sha256(network) }
    const changed = { ...s1, sharingKey: e.site.sharingKey }
    const cases: [Roster, TestKey[]][] = [
      [joined, governance(a, b, c, d)],
      [joined, governance(a, b, e)],
      [{ ...joined, version: 3 }, governance(a, b, c, e)],
      [{ ...joined, previous: h.sha256(network) }, governance(a, b, c, e)],
      [after(first, [s1, s2, s3]), governance(a, b, c)],
      [after(first, [s1, s2, s3], { frozen: [end, { ...end, origin: 'test.local/x/n1/1' }] }), governance(a, b, c)],
      [after(first, [s1, s2, s3, e.site], { frozen: [end] }), governance(a, b, c, e)],
      [after(first, [changed, s2, s3, s4]), governance(b, c, d)],
      [after(first, [s1, s2, s3], { frozen: [end], attempt: 1 }), governance(a, b, d)],
      [after(first, [s1, s2, s3, s4], { coordinator: 'test.local/b/n1' }), governance(a, b)],
      [after(first, [{ ...s1, witnesses: [witness] }, s2, s3, s4]), governance(b, c, d)],
    ]
    for (const [i, [roster, keys]] of cases.entries()) {
      expect({ i, ...both(start, signed(roster, keys)) }).toEqual({ i, ...REFUSED })
    }
  })

  it('agree on whose approvals are enough, whoever approves', () => {
    const joined = after(first, [s1, s2, s3, s4, e.site])
    const changed = after(first, [{ ...s1, mirrorKey: e.site.mirrorKey }, s2, s3, s4])
    const ceremony = { ...changed, attempt: 1 }
    const keys = [...governance(a, b, c, d, e), a.mirror, e.mirror]
    const rosters = [joined, changed, ceremony, after(first, [s1, s2, s3, s4], { coordinator: 'test.local/b/n1' })]
    fc.assert(
      fc.property(fc.constantFrom(...rosters), fc.subarray(keys, { minLength: 1 }), (roster, by) => {
        const { ledger, second } = both(start, signed(roster, by))
        expect(second).toBe(ledger)
      }),
      { numRuns: 80 },
    )
  })
})
