import { describe, expect, it } from 'vitest'
import { leastCosignatures, parsePolicy, soloPolicy } from '../../../../src/ledger/policy.ts'
import { policyMode } from '../../../../src/ledger/policy-safety.ts'
import { quorumOf } from '../../../../src/ledger/quorum.ts'
import { describeChange } from '../../../../src/ledger/roster-change.ts'
import { mirrorNameOf, type Roster, type RosterSite } from '../../../../src/ledger/roster.ts'
import { COSIGNATURE_V1 } from '../../../../src/ledger/vkey.ts'
import {
  inCeremony,
  withNewNode,
  withNewSite,
  withNewWitness,
  withoutMachine,
  withoutSite,
  withPolicy,
} from '../../../../src/main/core/vault/next-rosters.ts'

const key = (n: number) => new Uint8Array(32).fill(n)

function site(n: number): RosterSite {
  const id = `chartseal.test/site-${n}`
  const keys = { governanceKey: key(n), sharingKey: key(n), recoveryKey: key(n), mirrorKey: key(n) }
  return { id, ...keys, nodes: [{ log: `${id}/node`, logKey: key(n), transportKey: key(n) }], witnesses: [] }
}

function alone(): Roster {
  const first = site(1)
  const mirror = { name: mirrorNameOf(first.id), type: COSIGNATURE_V1, publicKey: first.mirrorKey } as const
  const policy = soloPolicy({ name: 'site-1', key: mirror })
  return {
    ...{ version: 1, sites: [first], policy, previous: null, coordinator: `${first.id}/node` },
    ...{ frozen: [], attempt: 0, votes: [] },
  }
}

/** The first site, and others that joined one after the other. */
function grown(roster: Roster, to: number): Roster {
  let next = roster
  for (let n = roster.sites.length + 1; n <= to; n++) next = withNewSite(next, site(n))
  return next
}

const needed = ({ policy }: Roster) => leastCosignatures(parsePolicy(policy))

describe('a network that grows by invitations', () => {
  it('needs the quorum of its sites, although two sites must agree', () => {
    for (const count of [1, 2, 3, 4, 5, 7, 10, 22]) expect(needed(grown(alone(), count))).toBe(quorumOf(count))
    expect(needed(grown(alone(), 4))).toBe(3)
  })

  it('keeps to every site once that was chosen, and to crashes only', () => {
    const unanimous = withPolicy(grown(alone(), 3), 'unanimous')
    expect(needed(grown(unanimous, 5))).toBe(5)
    const crashOnly = withPolicy(grown(alone(), 4), 'crash-only')
    expect(policyMode(parsePolicy(grown(crashOnly, 5).policy))).toBe('crash-only')
  })
})

describe('a ceremony', () => {
  const current = grown(alone(), 4)
  const hash = key(9)
  const approvals = [1, 3, 5].map((n) => ({ publicKey: key(n), signature: key(n) }))
  const own = { site: site(2).id, last: { version: 2, attempt: 0, hash: key(8) } }
  const waiting = { ...withNewSite(current, site(5)), version: 2 }
  const change = { kind: 'site-added', site: site(5).id } as const
  const before = { roster: waiting, hash, change, approvals }
  const vote = (n: number, of: Uint8Array, attempt = 0) => ({ site: site(n).id, attempt, hash: of })

  it('says what each site of now is known to have approved, and nothing of who joins', () => {
    const next = inCeremony(waiting, { current, before, ...own })
    expect(next).toEqual({ ...waiting, attempt: 1, votes: [vote(1, hash), vote(2, key(8)), vote(3, hash)] })
  })

  it('says so as well about something else, without those whom that leaves out', () => {
    const other = { ...withoutSite(current, site(3).id, []), version: 2 }
    expect(inCeremony(other, { current, before, ...own }).votes).toEqual([vote(1, hash), vote(2, key(8))])
  })

  it('comes after all that is known, also where only the own approval is', () => {
    const last = { version: 2, attempt: 3, hash: key(8) }
    const next = inCeremony(waiting, { current, before: null, ...own, last })
    expect([next.attempt, next.votes]).toEqual([4, [vote(2, key(8), 3)]])
    const again = inCeremony(next, { current, before: { ...before, roster: next }, site: site(2).id, last: null })
    expect([again.attempt, again.votes.map(({ attempt }) => attempt)]).toEqual([5, [4, 3, 4]])
  })
})

describe('a network that goes on without a site', () => {
  const end = (n: number) => ({ origin: `chartseal.test/site-${n}/node/1`, size: n, root: key(n) })

  it('needs the quorum of those that stay, under the kind of policy that was chosen', () => {
    for (const count of [2, 3, 4, 5, 8]) {
      const left = withoutSite(grown(alone(), count), site(2).id, [end(2)])
      expect([left.sites.length, needed(left)]).toEqual([count - 1, quorumOf(count - 1)])
    }
    const unanimous = withPolicy(grown(alone(), 5), 'unanimous')
    expect(needed(withoutSite(unanimous, site(2).id, [end(2)]))).toBe(4)
  })

  it('is coordinated by a node that is there, and keeps where every log ended', () => {
    const once = withoutSite(grown(alone(), 4), site(3).id, [end(3)])
    const twice = withoutSite(once, site(1).id, [end(1)])
    expect([once.coordinator, twice.coordinator]).toEqual([`${site(1).id}/node`, `${site(2).id}/node`])
    expect(twice.frozen).toEqual([end(1), end(3)])
  })
})

describe('a clinic that goes on without a machine', () => {
  const id = site(1).id
  const end = { origin: `${id}/second/1`, size: 7, root: key(7) }
  const others = { origin: `${id}/node/1`, size: 9, root: key(9) }
  const second = { log: `${id}/second`, logKey: key(50), transportKey: key(51) }
  const witness = { name: `${id}/witness`, witnessKey: key(52), transportKey: key(53) }
  const before = withNewWitness(withNewNode(grown(alone(), 2), id, second), id, witness)

  it('freezes the log of a workstation, and no other', () => {
    const next = withoutMachine(before, id, second.log, [others, end])
    expect([next.frozen, next.policy, next.coordinator]).toEqual([[end], before.policy, before.coordinator])
    expect(describeChange(before, { ...next, version: 2 })).toEqual({
      ...{ kind: 'site-changed', site: id, frozen: [end] },
      changes: [{ kind: 'node-removed', log: second.log }],
    })
  })

  it('ends no log with a witness', () => {
    const next = withoutMachine(before, id, witness.name, [others, end])
    expect(next.frozen).toEqual([])
    expect(describeChange(before, { ...next, version: 2 })).toMatchObject({
      changes: [{ kind: 'witness-removed', log: witness.name }],
    })
  })
})
