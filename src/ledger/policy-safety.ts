/**
 * Is a policy safe: can two checkpoints that contradict each other both become final?
 *
 * @remarks
 * Not while any two sets of sites that satisfy the policy share more sites than may be faulty. For thresholds over
 * disjoint groups the smallest overlap follows from the groups alone. A policy that survives crashes but no lies must
 * say so: its quorum is a group called `crash-only`. Proven by `tests/ledger/policy-safety.test.ts` against all pairs
 * of sets.
 *
 * @packageDocumentation
 */
import { LedgerError } from './errors.ts'
import type { Policy, PolicySite } from './policy.ts'
import { toleratedFaults } from './quorum.ts'
import { encodeVkey } from './vkey.ts'

/** Name of the quorum group of a policy that tolerates sites that stop, and none that lies. */
export const CRASH_ONLY = 'crash-only'

/** The policy that asks for every site. */
export function unanimousPolicy(sites: readonly PolicySite[]): string {
  return groupPolicy('unanimous', 'all', sites)
}

/** The policy that asks for more than half of the sites: no site may lie. */
export function crashMajorityPolicy(sites: readonly PolicySite[]): string {
  return groupPolicy(CRASH_ONLY, String(Math.floor(sites.length / 2) + 1), sites)
}

function groupPolicy(name: string, threshold: string, sites: readonly PolicySite[]): string {
  const witnesses = sites.map((site) => `witness ${site.name} ${encodeVkey(site.key)}\n`).join('')
  return `${witnesses}group ${name} ${threshold} ${sites.map((site) => site.name).join(' ')}\nquorum ${name}\n`
}

/**
 * Fewest sites that two satisfying sets share.
 *
 * @param policy - Read by `parsePolicy`, so that every witness counts in one place.
 */
export function leastOverlap(policy: Policy): number {
  const least = new Map(policy.witnesses.map((witness) => [witness.name, 1]))
  for (const { name, k, members } of policy.groups) {
    // Two choices of k members share at least 2k - n of them, in the worst case those that share the fewest sites.
    const shared = Math.max(0, 2 * k - members.length)
    const overlaps = members.map((member) => least.get(member) ?? 0).toSorted((a, b) => a - b)
    least.set(
      name,
      overlaps.slice(0, shared).reduce((sum, overlap) => sum + overlap, 0),
    )
  }
  return policy.quorum === null ? 0 : (least.get(policy.quorum) ?? 0)
}

/** What kind of policy it is, for people. */
export type PolicyMode =
  | 'solo' // the one site there is
  | 'quorum' // some number of the sites
  | 'unanimous' // every site
  | 'crash-only' // some number of the sites, none of which may lie
  | 'groups' // groups of sites, as a network that weighs them or keeps to regions has

/** The mode of a policy. Its witnesses are the sites of a roster. */
export function policyMode(policy: Policy): PolicyMode {
  if (isCrashOnly(policy)) return 'crash-only'
  const sites = new Set(policy.witnesses.map(({ name }) => name))
  const quorum = policy.groups.find(({ name }) => name === policy.quorum)
  if (quorum === undefined) return sites.size === 1 ? 'solo' : 'groups'
  const isFlat = quorum.members.length === sites.size && quorum.members.every((name) => sites.has(name))
  if (!isFlat) return 'groups'
  if (sites.size === 1) return 'solo'
  return quorum.k === sites.size ? 'unanimous' : 'quorum'
}

/** True for a policy that says of itself that no site may lie. */
export function isCrashOnly(policy: Policy): boolean {
  return policy.quorum === CRASH_ONLY
}

/**
 * Refuses a policy under which contradicting checkpoints could become final.
 *
 * @param policy - Its witnesses are the sites of a roster.
 * @throws {@link LedgerError} `BAD_POLICY`.
 */
export function checkSafe(policy: Policy): void {
  const faulty = isCrashOnly(policy) ? 0 : toleratedFaults(Math.max(1, policy.witnesses.length))
  if (leastOverlap(policy) <= faulty) {
    throw new LedgerError('BAD_POLICY', `two quorums may share no more than the ${faulty} sites that may be faulty`)
  }
}
