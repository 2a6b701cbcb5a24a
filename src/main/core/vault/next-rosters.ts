/**
 * The roster that a site proposes: the one in force with one change.
 *
 * @packageDocumentation
 */
import { siteOfLog, type RosterInForce } from '../../../ledger/directory.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { Approval } from '../../../ledger/governance.ts'
import type { LastApproval, RosterProposal } from '../../../ledger/next-roster.ts'
import { parsePolicy, type PolicySite, quorumPolicy } from '../../../ledger/policy.ts'
import { quorumOf } from '../../../ledger/quorum.ts'
import { crashMajorityPolicy, policyMode, unanimousPolicy } from '../../../ledger/policy-safety.ts'
import {
  type FrozenLog,
  mirrorNameOf,
  type Roster,
  type RosterNode,
  type RosterSite,
  type RosterVote,
  type RosterWitness,
} from '../../../ledger/roster.ts'
import { COSIGNATURE_V1, encodeVkey, type VerifierKey } from '../../../ledger/vkey.ts'
import { equalBytes } from '../../../shared/bytes.ts'

/** The version after the one in force, the same until something is changed. */
export function followingRoster({ roster, hash }: RosterInForce): Roster {
  return { ...roster, version: roster.version + 1, previous: hash, attempt: 0, votes: [] }
}

/** With another key of a node's log. */
export function withLogKey(roster: Roster, log: string, logKey: Uint8Array): Roster {
  const id = siteOfLog(roster, log)?.id
  return withSite(roster, id, (site) => ({
    ...site,
    nodes: site.nodes.map((node) => (node.log === log ? { ...node, logKey } : node)),
  }))
}

/** With another governance key of a site. */
export function withGovernanceKey(roster: Roster, id: string, governanceKey: Uint8Array): Roster {
  return withSite(roster, id, (site) => ({ ...site, governanceKey }))
}

/** With another sharing key of a site: what is sealed to it from then on. */
export function withSharingKey(roster: Roster, id: string, sharingKey: Uint8Array): Roster {
  return withSite(roster, id, (site) => ({ ...site, sharingKey }))
}

/** With another mirror key of a site, in the policy as well. */
export function withMirrorKey(roster: Roster, id: string, mirrorKey: Uint8Array): Roster {
  const before = roster.sites.find((site) => site.id === id)?.mirrorKey
  const vkey = (publicKey: Uint8Array): string =>
    encodeVkey({ name: mirrorNameOf(id), type: COSIGNATURE_V1, publicKey })
  const policy = before === undefined ? roster.policy : roster.policy.replaceAll(vkey(before), vkey(mirrorKey))
  return { ...withSite(roster, id, (site) => ({ ...site, mirrorKey })), policy }
}

/** With one of the policies that need no more than the list of sites. */
export function withPolicy(roster: Roster, kind: 'quorum' | 'unanimous' | 'crash-only'): Roster {
  const sites: readonly PolicySite[] = parsePolicy(roster.policy).witnesses
  const make = { quorum: quorumPolicy, unanimous: unanimousPolicy, 'crash-only': crashMajorityPolicy }[kind]
  return { ...roster, policy: make(sites) }
}

/** What is known of what sites approved for a version. */
export interface KnownVotes {
  /** In force: who joins has no vote. */
  readonly current: Roster
  /** What waits, or was put away, with the approvals it has; null when there is nothing. */
  readonly before: (RosterProposal & { readonly approvals: readonly Approval[] }) | null
  readonly site: string
  /** What that site approved last. */
  readonly last: LastApproval | null
}

/**
 * A change in a ceremony: the next attempt, with what is known that sites approved before.
 *
 * @param next - What is proposed: once more what waits, or something else in its place.
 */
export function inCeremony(next: Roster, { current, before, site, last }: KnownVotes): Roster {
  const votes = new Map<string, RosterVote>(before?.roster.votes.map((vote) => [vote.site, vote]))
  for (const { id, governanceKey } of before === null ? [] : current.sites) {
    const approved = before?.approvals.some(({ publicKey }) => equalBytes(publicKey, governanceKey)) === true
    if (approved) votes.set(id, { site: id, attempt: before.roster.attempt, hash: before.hash })
  }
  if (last?.version === next.version) votes.set(site, { site, attempt: last.attempt, hash: last.hash })
  const attempt = Math.max(before?.roster.attempt ?? 0, ...[...votes.values()].map((vote) => vote.attempt)) + 1
  const listed = [...votes.values()].filter((vote) => next.sites.some(({ id }) => id === vote.site))
  return { ...next, attempt, votes: listed.sort((a, b) => (a.site < b.site ? -1 : 1)) }
}

/** With one more site, under a policy of the same kind. */
export function withNewSite(roster: Roster, site: RosterSite): Roster {
  const sites = [...roster.sites, site].sort((a, b) => (a.id < b.id ? -1 : 1))
  const { witnesses } = parsePolicy(roster.policy)
  const key: VerifierKey = { name: mirrorNameOf(site.id), type: COSIGNATURE_V1, publicKey: site.mirrorKey }
  return { ...roster, sites, policy: policyLike(roster, [...witnesses, { name: freeName(witnesses), key }]) }
}

/**
 * Without a site, under a policy of the same kind. What its logs hold up to `ends` stays.
 *
 * @param ends - Where each of its logs ends: one for each.
 */
export function withoutSite(roster: Roster, id: string, ends: readonly FrozenLog[]): Roster {
  const sites = roster.sites.filter((site) => site.id !== id)
  const left = parsePolicy(roster.policy).witnesses.filter(({ key }) => key.name !== mirrorNameOf(id))
  const frozen = [...roster.frozen, ...ends].sort((a, b) => (a.origin < b.origin ? -1 : 1))
  const isThere = siteOfLog({ sites }, roster.coordinator) !== null
  const coordinator = isThere ? roster.coordinator : (sites[0]?.nodes[0]?.log ?? roster.coordinator)
  return { ...roster, sites, frozen, coordinator, policy: policyLike(roster, left) }
}

/** A policy of the kind that is in force, for other sites. */
function policyLike(roster: Roster, sites: readonly PolicySite[]): string {
  const policy = parsePolicy(roster.policy)
  const mode = policyMode(policy)
  // The quorum of two sites is both of them: nobody has decided yet that every further one is needed as well.
  const { length } = policy.witnesses
  const isChosen = mode === 'unanimous' && quorumOf(length) < length
  const make = isChosen ? unanimousPolicy : mode === 'crash-only' ? crashMajorityPolicy : quorumPolicy
  return make(sites)
}

/** With one more node of a site. Who votes, and how, stays. */
export function withNewNode(roster: Roster, id: string, node: RosterNode): Roster {
  return withSite(roster, id, (site) => ({
    ...site,
    nodes: [...site.nodes, node].sort((a, b) => (a.log < b.log ? -1 : 1)),
  }))
}

/**
 * Without a node or a witness of a site. Who votes, and how, stays.
 *
 * @param name - Log of the node, or name of the witness.
 * @param ends - Where the logs of the site end, if they are to.
 */
export function withoutMachine(roster: Roster, id: string, name: string, ends: readonly FrozenLog[]): Roster {
  const frozen = ends.filter(({ origin }) => splitOrigin(origin).log === name)
  return {
    ...withSite(roster, id, (site) => ({
      ...site,
      nodes: site.nodes.filter(({ log }) => log !== name),
      witnesses: site.witnesses.filter((witness) => witness.name !== name),
    })),
    frozen: [...roster.frozen, ...frozen].sort((a, b) => (a.origin < b.origin ? -1 : 1)),
  }
}

/** With one more witness of a site. */
export function withNewWitness(roster: Roster, id: string, witness: RosterWitness): Roster {
  return withSite(roster, id, (site) => ({
    ...site,
    witnesses: [...site.witnesses, witness].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }))
}

function freeName(taken: readonly { readonly name: string }[]): string {
  let number = taken.length + 1
  while (taken.some(({ name }) => name === `site-${number}`)) number += 1
  return `site-${number}`
}

function withSite(roster: Roster, id: string | undefined, change: (site: RosterSite) => RosterSite): Roster {
  return { ...roster, sites: roster.sites.map((site) => (site.id === id ? change(site) : site)) }
}
