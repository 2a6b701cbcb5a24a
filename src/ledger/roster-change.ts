/**
 * What changes from one roster to the next: one thing at a time.
 *
 * @remarks
 * One site more or less, one site's own keys and nodes, the policy, or the coordinator. Quorums of two versions then
 * share an honest site, and people can be told in a sentence what they approve. Layout: `docs/protocol.md`, "The next
 * roster". Proven by `tests/ledger/roster-change.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { splitOrigin } from './names.ts'
import { parsePolicy, type Policy } from './policy.ts'
import { isCrashOnly } from './policy-safety.ts'
import { quorumOf } from './quorum.ts'
import type { FrozenLog, Roster, RosterNode, RosterSite, RosterWitness } from './roster.ts'

/** One part of a change to a site's own entry. `log` is the name of the node or witness. */
export type SiteChange =
  | { readonly kind: 'governance-key' }
  | { readonly kind: 'sharing-key' }
  | { readonly kind: 'recovery-key' }
  | { readonly kind: 'mirror-key' }
  | { readonly kind: 'node-added'; readonly log: string }
  | { readonly kind: 'node-removed'; readonly log: string }
  | { readonly kind: 'witness-added'; readonly log: string }
  | { readonly kind: 'witness-removed'; readonly log: string }
  | { readonly kind: 'log-key'; readonly log: string }
  | { readonly kind: 'transport-key'; readonly log: string }

/** The one thing that a roster changes, for the words in which people are asked. */
export type RosterChange =
  | { readonly kind: 'founded'; readonly sites: readonly string[] }
  | { readonly kind: 'site-added'; readonly site: string }
  | { readonly kind: 'site-removed'; readonly site: string; readonly frozen: readonly FrozenLog[] }
  | {
      readonly kind: 'site-changed'
      readonly site: string
      readonly changes: readonly SiteChange[]
      readonly frozen: readonly FrozenLog[]
    }
  | { readonly kind: 'policy-changed'; readonly before: string; readonly after: string }
  | { readonly kind: 'coordinator-changed'; readonly before: string; readonly after: string }

/**
 * The one thing that `next` changes.
 *
 * @param current - In force; null for the first roster.
 * @param next - Decoded. That it follows by version and hash is for `next-roster.ts`.
 * @throws {@link LedgerError} `ROSTER_NOT_NEXT` when it changes nothing, or more than one thing.
 */
export function describeChange(current: Roster | null, next: Roster): RosterChange {
  if (current === null) return foundingOf(next)
  const change = onlyChange(current, next)
  const isMove = current.coordinator !== next.coordinator
  if (isMove && change.kind !== 'coordinator-changed' && !mayMove(current, next)) {
    throw notNext('the coordinator moves beside another change')
  }
  checkFrozen(current, next)
  if (change.kind !== 'policy-changed') checkPolicyFollows(current, next)
  return change
}

function foundingOf(next: Roster): RosterChange {
  if (next.frozen.length > 0 || next.attempt > 0) throw notNext('a first roster has no past')
  return { kind: 'founded', sites: next.sites.map((site) => site.id) }
}

function onlyChange(current: Roster, next: Roster): RosterChange {
  const [added, ...moreAdded] = next.sites.filter((site) => siteOf(current, site.id) === null)
  const [removed, ...moreRemoved] = current.sites.filter((site) => siteOf(next, site.id) === null)
  const changes = current.sites.flatMap((site): RosterChange[] => changesOf(site, current, next))
  if (moreAdded.length + moreRemoved.length > 0) throw notNext('more than one site at once')
  if (added !== undefined) changes.push({ kind: 'site-added', site: added.id })
  if (removed !== undefined)
    changes.push({ kind: 'site-removed', site: removed.id, frozen: newlyFrozen(current, next) })
  const [change, ...more] = changes
  if (more.length > 0) throw notNext('more than one change at once')
  return change ?? changeBesideSites(current, next)
}

function changesOf(site: RosterSite, current: Roster, next: Roster): RosterChange[] {
  const after = siteOf(next, site.id)
  const changes = after === null ? [] : changesOfSite(site, after)
  if (changes.length === 0) return []
  return [{ kind: 'site-changed', site: site.id, changes, frozen: newlyFrozen(current, next) }]
}

function changeBesideSites(current: Roster, next: Roster): RosterChange {
  const isPolicy = current.policy !== next.policy
  const isCoordinator = current.coordinator !== next.coordinator
  if (isPolicy && isCoordinator) throw notNext('policy and coordinator at once')
  if (isPolicy) return { kind: 'policy-changed', before: current.policy, after: next.policy }
  if (!isCoordinator) throw notNext('nothing changes')
  return { kind: 'coordinator-changed', before: current.coordinator, after: next.coordinator }
}

function changesOfSite(before: RosterSite, after: RosterSite): SiteChange[] {
  const changes: SiteChange[] = []
  if (!equalBytes(before.governanceKey, after.governanceKey)) changes.push({ kind: 'governance-key' })
  if (!equalBytes(before.sharingKey, after.sharingKey)) changes.push({ kind: 'sharing-key' })
  if (!equalBytes(before.recoveryKey, after.recoveryKey)) changes.push({ kind: 'recovery-key' })
  if (!equalBytes(before.mirrorKey, after.mirrorKey)) changes.push({ kind: 'mirror-key' })
  for (const node of before.nodes) changes.push(...changesOfNode(node, nodeOf(after, node.log)))
  for (const { log } of after.nodes) if (nodeOf(before, log) === null) changes.push({ kind: 'node-added', log })
  return [...changes, ...changesOfWitnesses(before.witnesses, after.witnesses)]
}

/** A witness comes and goes; its keys stay, because what it remembers belongs to them. */
function changesOfWitnesses(before: readonly RosterWitness[], after: readonly RosterWitness[]): SiteChange[] {
  const removed = before.filter(({ name }) => after.every((other) => other.name !== name))
  const added = after.filter(({ name }) => before.every((other) => other.name !== name))
  for (const was of before) {
    const is = after.find(({ name }) => name === was.name) ?? was
    const isSame = equalBytes(is.witnessKey, was.witnessKey) && equalBytes(is.transportKey, was.transportKey)
    if (!isSame) throw notNext('a witness gets another key')
  }
  return [
    ...removed.map(({ name }): SiteChange => ({ kind: 'witness-removed', log: name })),
    ...added.map(({ name }): SiteChange => ({ kind: 'witness-added', log: name })),
  ]
}

function changesOfNode(before: RosterNode, after: RosterNode | null): SiteChange[] {
  const { log } = before
  if (after === null) return [{ kind: 'node-removed', log }]
  const changes: SiteChange[] = []
  if (!equalBytes(before.logKey, after.logKey)) changes.push({ kind: 'log-key', log })
  if (!equalBytes(before.transportKey, after.transportKey)) changes.push({ kind: 'transport-key', log })
  return changes
}

/** The coordinator may move beside another change when its node left, or in a ceremony: there it may be what is lost. */
function mayMove(current: Roster, next: Roster): boolean {
  return next.attempt > 0 || !logsOf(next).has(current.coordinator)
}

/** Every log that left is frozen, no other is, and what was frozen stays so. */
function checkFrozen(current: Roster, next: Roster): void {
  const before = new Map(current.frozen.map((head) => [head.origin, head]))
  for (const head of next.frozen) {
    const known = before.get(head.origin)
    if (known !== undefined && !sameHead(known, head)) throw notNext('a frozen log has another end')
  }
  const staying = new Set(next.frozen.map((head) => head.origin))
  if (current.frozen.some((head) => !staying.has(head.origin))) throw notNext('a frozen log is no longer frozen')
  const left = [...logsOf(current)].filter((log) => !logsOf(next).has(log)).toSorted()
  const ended = newlyFrozen(current, next).map((head) => splitOrigin(head.origin).log)
  if (left.join('\n') !== ended.toSorted().join('\n')) throw notNext('frozen are exactly the logs that leave')
  const returned = next.sites.flatMap((site) => site.nodes).some(({ log }) => wasFrozen(current, log))
  if (returned) throw notNext('a frozen log is back')
}

function wasFrozen(roster: Roster, log: string): boolean {
  return roster.frozen.some((head) => splitOrigin(head.origin).log === log)
}

function newlyFrozen(current: Roster, next: Roster): FrozenLog[] {
  return next.frozen.filter((head) => current.frozen.every((before) => before.origin !== head.origin))
}

function sameHead(a: FrozenLog, b: FrozenLog): boolean {
  return a.size === b.size && equalBytes(a.root, b.root)
}

/** Beside a change of sites the policy keeps its kind: who decides changes, not how. */
function checkPolicyFollows(current: Roster, next: Roster): void {
  if (current.policy === next.policy) return
  const [before, after] = [parsePolicy(current.policy), parsePolicy(next.policy)]
  if (!mirrorsChange(current, next)) throw notNext('the policy changes beside another change')
  const [kinds, kindsAfter] = [policyKinds(before), policyKinds(after)]
  if (!kinds.some((kind) => kindsAfter.includes(kind))) throw notNext('the policy becomes one of another kind')
}

function mirrorsChange(current: Roster, next: Roster): boolean {
  const mirrors = (roster: Roster): string => roster.sites.map((s) => `${s.id} ${toHex(s.mirrorKey)}`).join('\n')
  return mirrors(current) !== mirrors(next)
}

/** How a policy decides. */
export type PolicyKind = 'quorum' | 'unanimous' | 'crash-only' | 'custom'

/** The kinds that a policy is of: in small networks one policy can be of several. */
export function policyKinds(policy: Policy): readonly PolicyKind[] {
  const n = policy.witnesses.length
  const threshold = flatThreshold(policy)
  if (threshold === null) return ['custom']
  if (isCrashOnly(policy)) return threshold === Math.floor(n / 2) + 1 ? ['crash-only'] : ['custom']
  const kinds: PolicyKind[] = []
  if (threshold === quorumOf(n)) kinds.push('quorum')
  if (threshold === n) kinds.push('unanimous')
  return kinds.length > 0 ? kinds : ['custom']
}

/** `k` of a policy that asks for k of all its sites; null for any other. */
function flatThreshold({ witnesses, groups, quorum }: Policy): number | null {
  if (witnesses.length === 1 && groups.length === 0 && quorum === witnesses[0]?.name) return 1
  const [group, ...more] = groups
  if (group === undefined || more.length > 0 || quorum !== group.name) return null
  return group.members.length === witnesses.length ? group.k : null
}

/** The site with this id, or null. */
export function siteOf(roster: Roster, id: string): RosterSite | null {
  return roster.sites.find((site) => site.id === id) ?? null
}

function nodeOf(site: RosterSite, log: string): RosterNode | null {
  return site.nodes.find((node) => node.log === log) ?? null
}

function logsOf(roster: Roster): ReadonlySet<string> {
  return new Set(roster.sites.flatMap((site) => site.nodes.map((node) => node.log)))
}

function notNext(why: string): LedgerError {
  return new LedgerError('ROSTER_NOT_NEXT', why)
}
