import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import {
  type CheckedRoster,
  checkNextRoster,
  checkProposal,
  type LastApproval,
  mayApprove,
  neededApprovals,
  type RosterProposal,
} from '../../src/ledger/next-roster.ts'
import { crashMajorityPolicy, unanimousPolicy } from '../../src/ledger/policy-safety.ts'
import { MAX_SITES, quorumOf, toleratedFaults } from '../../src/ledger/quorum.ts'
import {
  encodeRoster,
  mirrorNameOf,
  networkIdOf,
  type Roster,
  rosterHash,
  type RosterSite,
} from '../../src/ledger/roster.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf } from '../support/expect-code.ts'
import { approvalsBy, type TestKey, testKey, testRoster, testSite, verifier } from '../support/ledger-world.ts'

const world = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => testSite(`test.local/${name}`))
const [a, b, c, d, e] = world as [Site, Site, Site, Site, Site, Site]
type Site = ReturnType<typeof testSite>
const four = [a, b, c, d]
const governance = (sites: readonly Site[]) => sites.map((s) => s.governance)
const sitesOf = (sites: readonly Site[]) => sites.map((s) => s.site)

const first = testRoster(sitesOf(four))
const document = encodeRoster(first)
const network = networkIdOf(h, document)
const current: CheckedRoster = { roster: first, hash: rosterHash(h, first) }
const next = (sites: readonly RosterSite[], over: Partial<Roster> = {}): Roster => ({
  ...testRoster(sites),
  version: 2,
  previous: current.hash,
  ...over,
})
const frozen = (...sites: readonly Site[]) =>
  sites.map((s) => ({ origin: `${s.site.id}/n1/1`, size: 9, root: h.sha256(document) }))
const check = (roster: Roster, keys: readonly TestKey[], before: CheckedRoster | null = current) => {
  const bytes = encodeRoster(roster)
  const approvals = approvalsBy(keys, rosterMessage(network, bytes))
  return codeOf(() => checkNextRoster(verifier, network, before, { document: bytes, approvals }))
}
const propose = (roster: Roster) => checkProposal(network, current, encodeRoster(roster))

describe('the first roster', () => {
  it('is approved by all of its sites, and is that of the network', () => {
    expect(check(first, governance(four), null)).toBeNull()
    expect(check(first, governance([a, b, c]), null)).toBe('SIGNATURE_MISSING')
    expect(check(first, [...governance(four), testKey('x')], null)).toBe('UNKNOWN_SIGNER')
    expect(check(testRoster(sitesOf([a, b, c])), governance([a, b, c]), null)).toBe('WRONG_NETWORK')
  })
})

describe('a roster that follows', () => {
  it('has the next version, after the roster in force', () => {
    const more = sitesOf([...four, e])
    const by = governance([...four, e])
    expect(check(next(more), by)).toBeNull()
    expect(check(next(more, { version: 3 }), by)).toBe('ROSTER_NOT_NEXT')
    expect(check(next(more, { previous: h.sha256(network) }), by)).toBe('ROSTER_NOT_NEXT')
    expect(check(first, governance(four))).toBe('ROSTER_NOT_NEXT')
    expect(check(next(sitesOf(four)), governance(four))).toBe('ROSTER_NOT_NEXT')
  })

  it('is approved by a quorum before and by who joins', () => {
    const more = next(sitesOf([...four, e]))
    expect(check(more, governance([b, c, d, e]))).toBeNull()
    expect(check(more, governance([c, d, e]))).toBe('QUORUM_MISSING')
    expect(check(more, governance(four))).toBe('SIGNATURE_MISSING')
    expect(check(more, [...governance([b, c, d, e]), e.mirror])).toBe('UNKNOWN_SIGNER')
  })

  it('lets a quorum remove a site, whose logs end', () => {
    const fewer = next(sitesOf([a, b, c]), { frozen: frozen(d) })
    expect(check(fewer, governance([a, b, c]))).toBeNull()
    expect(check(fewer, governance([b, c, d]))).toBeNull()
    expect(check(fewer, governance([a, b]))).toBe('QUORUM_MISSING')
    expect(check(next(sitesOf([a, b, c])), governance(four))).toBe('ROSTER_NOT_NEXT')
    expect(check(next(sitesOf([a, b, c]), { frozen: frozen(d, e) }), governance(four))).toBe('ROSTER_NOT_NEXT')
    expect(
      check(next(sitesOf([b, c, d]), { frozen: frozen(a), coordinator: 'test.local/b/n1' }), governance(four)),
    ).toBeNull()
    const elsewhere = { frozen: frozen(d), coordinator: 'test.local/b/n1' }
    expect(check(next(sitesOf([a, b, c]), elsewhere), governance(four))).toBe('ROSTER_NOT_NEXT')
  })

  it('changes one thing', () => {
    const by = governance(world)
    const renamed = { ...a.site, sharingKey: testSite('test.local/x').site.sharingKey }
    for (const roster of [
      next(sitesOf([...four, e, world[5]!])),
      next(sitesOf([a, b]), { frozen: frozen(c, d) }),
      next(sitesOf([a, b, c, e]), { frozen: frozen(d) }),
      next([renamed, ...sitesOf([b, c, d, e])]),
      next([renamed, { ...b.site, sharingKey: world[5]!.site.sharingKey }, ...sitesOf([c, d])]),
      next(sitesOf(four), { policy: unanimousPolicy(policySites(four)), coordinator: 'test.local/b/n1' }),
      next([renamed, ...sitesOf([b, c, d])], { policy: unanimousPolicy(policySites(four)) }),
      next(sitesOf([...four, e]), { policy: unanimousPolicy(policySites([...four, e])) }),
      next(sitesOf([...four, e]), { coordinator: 'test.local/e/n1' }),
    ]) {
      expect(check(roster, by)).toBe('ROSTER_NOT_NEXT')
    }
    expect(check(next(sitesOf(four), { policy: unanimousPolicy(policySites(four)) }), governance([a, b, c]))).toBeNull()
    expect(check(next(sitesOf(four), { coordinator: 'test.local/b/n1' }), governance([a, b, c]))).toBeNull()
  })

  it('keeps the kind of its policy when a site joins or leaves', () => {
    const base = next(sitesOf(four), { policy: crashMajorityPolicy(policySites(four)) })
    const before = { roster: base, hash: rosterHash(h, base) }
    const after = (policy: string) => ({
      ...next(sitesOf([...four, e]), { policy }),
      version: 3,
      previous: before.hash,
    })
    const by = governance([...four, e])
    expect(check(after(crashMajorityPolicy(policySites([...four, e]))), by, before)).toBeNull()
    expect(check(after(testRoster(sitesOf([...four, e])).policy), by, before)).toBe('ROSTER_NOT_NEXT')
  })

  it('changes a site with its own approval, and a key with that of old and new', () => {
    const fresh = { governance: testKey('new g'), mirror: testKey('new m'), log: testKey('new l') }
    const changed = (over: Partial<RosterSite>) => next([{ ...a.site, ...over }, ...sitesOf([b, c, d])])
    const others = governance([b, c, d])
    const sharing = changed({ sharingKey: e.site.sharingKey })
    expect(check(sharing, governance(four))).toBeNull()
    expect(check(sharing, others)).toBe('SIGNATURE_MISSING')
    const rotations: [Roster, TestKey, TestKey][] = [
      [changed({ governanceKey: fresh.governance.publicKey }), a.governance, fresh.governance],
      [changed({ mirrorKey: fresh.mirror.publicKey }), a.mirror, fresh.mirror],
      [changed({ nodes: a.site.nodes.map((n) => ({ ...n, logKey: fresh.log.publicKey })) }), a.log, fresh.log],
    ]
    for (const [roster, old, now] of rotations) {
      const own = old === a.governance ? [] : [a.governance]
      expect(check(roster, [...others, ...own, old, now])).toBeNull()
      expect(check(roster, [...others, ...own, old])).toBe('SIGNATURE_MISSING')
      expect(check(roster, [...others, ...own, now])).toBe('SIGNATURE_MISSING')
      expect(check(roster, [old, now, ...own, b.governance])).toBe('QUORUM_MISSING')
      // In a ceremony the old key may be lost.
      const ceremony = { ...roster, attempt: 1 }
      expect(check(ceremony, [...others, ...own, now])).toBeNull()
      expect(check(ceremony, [...others, ...own, old, now])).toBeNull()
      expect(check(ceremony, [...others, ...own, old])).toBe('SIGNATURE_MISSING')
      expect(check(ceremony, [...others.slice(1), ...own, now])).toBe('SIGNATURE_MISSING')
    }
  })

  it('cannot give sites keys that they did not choose', () => {
    const stolen = four.map((s, i) => ({ ...s.site, governanceKey: testKey(`stolen ${i}`).publicKey }))
    const thief = four.map((_, i) => testKey(`stolen ${i}`))
    expect(check(next(stolen), thief)).toBe('ROSTER_NOT_NEXT')
    expect(check(next([stolen[0]!, ...sitesOf([b, c, d])]), [thief[0]!, ...governance([b, c, d])])).toBe(
      'SIGNATURE_MISSING',
    )
  })

  it('ends the log of a node that leaves, once and for all', () => {
    const extra = testSite('test.local/a2')
    const nodes = [...a.site.nodes, { ...extra.site.nodes[0]!, log: 'test.local/a/n2' }]
    const two = next([{ ...a.site, nodes }, ...sitesOf([b, c, d])])
    expect(check(two, governance(four))).toBeNull()
    const before = { roster: two, hash: rosterHash(h, two) }
    const end = { origin: 'test.local/a/n2/3', size: 4, root: h.sha256(document) }
    const one = { ...next(sitesOf(four), { frozen: [end] }), version: 3, previous: before.hash }
    expect(check(one, governance(four), before)).toBeNull()
    const ended = { roster: one, hash: rosterHash(h, one) }
    const after = (over: Partial<Roster>) => ({
      ...next(sitesOf([...four, e])),
      version: 4,
      previous: ended.hash,
      ...over,
    })
    const by = governance([...four, e])
    expect(check(after({ frozen: [end] }), by, ended)).toBeNull()
    expect(check(after({}), by, ended)).toBe('ROSTER_NOT_NEXT')
    expect(check(after({ frozen: [{ ...end, size: 5 }] }), by, ended)).toBe('ROSTER_NOT_NEXT')
    const back = { ...two, version: 4, previous: ended.hash }
    expect(check(back, governance(four), ended)).toBe('ROSTER_NOT_NEXT')
  })
})

describe('a recovery ceremony', () => {
  const without = (site: Site, over: Partial<Roster> = {}) =>
    next(sitesOf(four.filter((s) => s !== site)), {
      frozen: frozen(site),
      attempt: 1,
      coordinator: site === a ? 'test.local/b/n1' : 'test.local/a/n1',
      ...over,
    })

  it('is approved by every site that stays', () => {
    expect(check(without(a), governance([b, c, d]))).toBeNull()
    expect(check(without(a), governance([b, c]))).toBe('SIGNATURE_MISSING')
    expect(check(without(a), governance([a, b, c]))).toBe('SIGNATURE_MISSING')
    expect(check(without(d, { coordinator: 'test.local/b/n1' }), governance([a, b, c]))).toBeNull()
  })

  it('repeats what may have been accepted, and is free of what cannot', () => {
    const earlier = propose(next(sitesOf([...four, e])))
    const other = propose(next(sitesOf(four), { coordinator: 'test.local/b/n1' }))
    const vote = (site: Site, { hash }: RosterProposal, attempt = 0) => ({ site: site.site.id, attempt, hash })
    // Three approve a roster; of the two that are seen and the one that is not, three may be.
    expect(check(without(d, { votes: [vote(a, earlier), vote(b, earlier)] }), governance([a, b, c]))).toBe(
      'ROSTER_NOT_NEXT',
    )
    expect(check(without(d, { votes: [vote(a, earlier), vote(b, other)] }), governance([a, b, c]))).toBeNull()
    const all = [vote(a, earlier), vote(b, earlier), vote(c, earlier), vote(d, other)]
    const repeated = next(sitesOf([...four, e]), { attempt: 1, votes: all })
    expect(check(repeated, governance([...four, e]))).toBeNull()
    expect(rosterHash(h, repeated)).toEqual(earlier.hash)
    const against = next(sitesOf(four), { coordinator: 'test.local/b/n1', attempt: 1, votes: all })
    expect(check(against, governance(four))).toBe('ROSTER_NOT_NEXT')
    const split = [vote(a, earlier), vote(b, earlier), vote(c, other), vote(d, other)]
    expect(check({ ...against, votes: split }, governance(four))).toBeNull()
  })

  it('asks sites to keep to what they approved', () => {
    const proposal = propose(next(sitesOf([...four, e])))
    const id = a.site.id
    const last = (over: Partial<LastApproval> = {}): LastApproval => ({
      version: 2,
      attempt: 0,
      hash: proposal.hash,
      ...over,
    })
    const other = h.sha256(network)
    expect(mayApprove(id, null, proposal)).toBe(true)
    expect(mayApprove(id, last(), proposal)).toBe(true)
    expect(mayApprove(id, last({ version: 1 }), proposal)).toBe(true)
    expect(mayApprove(id, last({ version: 3 }), proposal)).toBe(false)
    expect(mayApprove(id, last({ hash: other }), proposal)).toBe(false)
    expect(mayApprove(id, last({ attempt: 1 }), proposal)).toBe(false)
    expect(mayApprove(e.site.id, last({ hash: other }), proposal)).toBe(true)
    const votes = [{ site: id, attempt: 1, hash: other }]
    const ceremony = propose(
      without(d, { attempt: 2, votes: [...votes, { site: b.site.id, attempt: 1, hash: network }] }),
    )
    expect(mayApprove(id, last({ attempt: 1, hash: other }), ceremony)).toBe(true)
    expect(mayApprove(id, last({ attempt: 0, hash: other }), ceremony)).toBe(false)
    expect(mayApprove(id, last({ attempt: 1 }), ceremony)).toBe(false)
    expect(mayApprove(id, null, ceremony)).toBe(false)
    expect(mayApprove(id, last({ version: 1 }), ceremony)).toBe(false)
    expect(mayApprove(c.site.id, null, ceremony)).toBe(true)
    expect(mayApprove(c.site.id, last({ attempt: 1 }), ceremony)).toBe(false)
  })
})

describe('two rosters never follow one', () => {
  type Memory = Map<string, LastApproval>
  const yes = { verify: () => true }

  /** What can be proposed to the network of `sites`. */
  const proposals = (sites: readonly Site[]): ((attempt: number, votes: Roster['votes']) => Roster)[] => {
    const all = sitesOf(sites)
    const base = testRoster(all)
    const previous = rosterHash(h, base)
    const made = (over: Partial<Roster>) => (attempt: number, votes: Roster['votes']) => {
      const roster = { ...base, ...over, version: 2, previous, attempt }
      const staying = votes.filter((v) => roster.sites.some((s) => s.id === v.site) && v.attempt < attempt)
      return { ...roster, votes: attempt === 0 ? [] : staying }
    }
    const others = sites.slice(1).map((s) => made({ coordinator: s.site.nodes[0]!.log }))
    const fewer = sites.map((gone) => {
      const rest = sites.filter((s) => s !== gone)
      const coordinator = rest[0]!.site.nodes[0]!.log
      return made({ ...testRoster(sitesOf(rest)), version: 2, previous, coordinator, frozen: frozen(gone) })
    })
    return [...others, ...fewer]
  }

  /** Runs a schedule of proposals and approvals; gives the rosters that ended with everything they need. */
  function accepted(
    n: number,
    schedule: readonly (readonly [number, number, number])[],
    may: typeof mayApprove,
  ): number {
    const sites = world.slice(0, n)
    const base = testRoster(sitesOf(sites))
    const bytes = encodeRoster(base)
    const [id, before] = [networkIdOf(h, bytes), { roster: base, hash: rosterHash(h, base) }]
    const makers = proposals(sites)
    const memory: Memory = new Map()
    const open: { proposal: RosterProposal; document: Uint8Array; by: Set<Site> }[] = []
    for (const [what, x, y] of schedule) {
      if (what === 0 || open.length === 0) {
        const votes = [...memory].map(([site, { attempt, hash }]) => ({ site, attempt, hash }))
        const roster = makers[x % makers.length]!(
          y % 4,
          votes.toSorted((v, w) => (v.site < w.site ? -1 : 1)),
        )
        const document = bytesOf(roster)
        try {
          open.push({ proposal: checkProposal(id, before, document), document, by: new Set() })
        } catch {
          // Not a proposal that an honest site would look at.
        }
        continue
      }
      const { proposal, by } = open[x % open.length]!
      const site = sites[y % n]!
      if (!may(site.site.id, memory.get(site.site.id) ?? null, proposal)) continue
      by.add(site)
      memory.set(site.site.id, { version: 2, attempt: proposal.roster.attempt, hash: proposal.hash })
    }
    const done = open.filter(({ document, by }) => {
      if (by.size < n - 1) return false
      const approvals = [...by].map((s) => ({ publicKey: s.governance.publicKey, signature: new Uint8Array(64) }))
      return codeOf(() => checkNextRoster(yes, id, before, { document, approvals })) === null
    })
    return new Set(done.map(({ proposal }) => toHex(proposal.hash))).size
  }

  const cache = new Map<string, Uint8Array>()
  const bytesOf = (roster: Roster): Uint8Array => {
    const key = JSON.stringify([
      roster.sites.length,
      roster.attempt,
      roster.coordinator,
      roster.frozen.map((f) => f.origin),
      roster.votes.map((v) => [v.site, v.attempt, toHex(v.hash)]),
    ])
    const known = cache.get(key) ?? encodeRoster(roster)
    cache.set(key, known)
    return known
  }
  const step = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.nat({ max: 40 }), fc.nat({ max: 40 }))
  const schedules = fc.array(step, { minLength: 5, maxLength: 60 })

  it('whatever honest sites are asked to approve, in whatever order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 5 }), schedules, (n, schedule) => {
        expect(accepted(n, schedule, mayApprove)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  it('but would, if sites forgot what they approved', () => {
    const found = fc.sample(schedules, { numRuns: 60, seed: 7 }).some((s) => accepted(3, s, () => true) > 1)
    expect(found).toBe(true)
  }, 120_000)
})

it.each(Array.from({ length: MAX_SITES - 1 }, (_, i) => i + 1))(
  'quorums of %i sites and of one more share more sites than may be faulty',
  (n) => {
    const shared = quorumOf(n) + quorumOf(n + 1) - (n + 1)
    expect(shared).toBeGreaterThan(toleratedFaults(n))
  },
)

it('says whose approval is needed', () => {
  const removed = next(sitesOf([a, b, c]), { frozen: frozen(d), attempt: 1 })
  const { change } = propose(removed)
  const needed = neededApprovals(first, removed, change)
  expect(needed.required).toEqual(new Set(governance([a, b, c]).map((key) => toHex(key.publicKey))))
})

function policySites(sites: readonly Site[]) {
  return sites.map(({ site }) => ({
    name: site.id.replaceAll('/', '_'),
    key: { name: mirrorNameOf(site.id), type: 4 as const, publicKey: site.mirrorKey },
  }))
}
