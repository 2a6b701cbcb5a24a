/**
 * May this roster follow the one in force, and did everybody approve who must?
 *
 * @remarks
 * A quorum of the sites before, whoever joins, whose entry changes, and both keys of a rotation. When a quorum cannot
 * be had (a dead coordinator, a split vote) a recovery ceremony decides: an attempt with a number, approved by every
 * site that stays, which says what each of them approved before, so that it cannot contradict a roster that was
 * accepted already. Used by the log, by receipts and by files carried by hand. Layout: `docs/protocol.md`, "The next
 * roster". Proven by `tests/ledger/next-roster.test.ts`, the ceremony with random schedules.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { approvingKeys, checkKnown, checkQuorum, rosterMessage, type SignedRoster } from './governance.ts'
import { type Hasher, nobleHasher } from './hash.ts'
import { quorumOf } from './quorum.ts'
import { decodeRoster, type Roster, rosterHash, type RosterSite, type RosterVote } from './roster.ts'
import { describeChange, type RosterChange, siteOf } from './roster-change.ts'
import type { SignatureVerifier } from './signatures.ts'

/** A roster that was checked. */
export interface CheckedRoster {
  readonly roster: Roster
  /** {@link rosterHash}, 32 bytes. */
  readonly hash: Uint8Array
}

/** A roster that may follow, once enough keys approve it. */
export interface RosterProposal extends CheckedRoster {
  readonly change: RosterChange
}

/**
 * Checks a roster and its approvals.
 *
 * @param v - The one verifier.
 * @param network - Network id, 32 bytes, trusted.
 * @param current - In force, checked before; null for the first.
 * @param signed - Untrusted.
 * @throws {@link LedgerError} of step `decode`, `BAD_POLICY`, `WRONG_NETWORK`, `ROSTER_NOT_NEXT`, `SIGNATURE_INVALID`,
 *   `UNKNOWN_SIGNER`, `SIGNATURE_MISSING` or `QUORUM_MISSING`.
 */
export function checkNextRoster(
  v: SignatureVerifier,
  network: Uint8Array,
  current: CheckedRoster | null,
  signed: SignedRoster,
): CheckedRoster {
  const { roster, hash, change } = checkProposal(network, current, signed.document)
  const keys = approvingKeys(v, rosterMessage(network, signed.document), signed.approvals)
  checkApprovals(current?.roster ?? null, roster, change, keys)
  return { roster, hash }
}

/**
 * Checks rosters from the first on, each against the one before.
 *
 * @param signed - Versions 1, 2 and so on. Untrusted.
 * @returns The same, checked: as many as were given.
 * @throws {@link LedgerError} as {@link checkNextRoster}.
 */
export function checkRosterChain(
  v: SignatureVerifier,
  network: Uint8Array,
  signed: readonly SignedRoster[],
): CheckedRoster[] {
  const checked: CheckedRoster[] = []
  for (const one of signed) checked.push(checkNextRoster(v, network, checked.at(-1) ?? null, one))
  return checked
}

/**
 * Checks everything about a proposed roster but its approvals, and says what it changes.
 *
 * @param network - Network id, 32 bytes, trusted.
 * @param current - In force; null for the first.
 * @param document - Untrusted.
 * @throws {@link LedgerError} as {@link checkNextRoster}, without what is about approvals.
 */
export function checkProposal(
  network: Uint8Array,
  current: CheckedRoster | null,
  document: Uint8Array,
  h: Hasher = nobleHasher,
): RosterProposal {
  const roster = decodeRoster(document)
  const hash = rosterHash(h, roster)
  if (current === null) {
    if (!equalBytes(h.sha256(document), network))
      throw new LedgerError('WRONG_NETWORK', 'the roster of another network')
  } else {
    checkFollows(current, roster)
    checkVotes(current.roster, roster, hash)
  }
  return { roster, hash, change: describeChange(current?.roster ?? null, roster) }
}

/** What a key has to do with a proposal: see {@link neededApprovals}. */
export interface NeededApprovals {
  /** Each of these, lower-case hex. */
  readonly required: ReadonlySet<string>
  /** And a quorum of these, when the proposal is no ceremony: governance keys of the sites before. */
  readonly voters: ReadonlySet<string>
  /** Lost keys that a ceremony does without, and that may approve all the same. */
  readonly waived: ReadonlySet<string>
}

/** Whose approval a checked proposal needs, for a list of who is still missing. */
export function neededApprovals(current: Roster | null, next: Roster, change: RosterChange): NeededApprovals {
  const governance = (site: RosterSite): string => toHex(site.governanceKey)
  if (current === null) return { required: new Set(next.sites.map(governance)), voters: new Set(), waived: new Set() }
  const required = new Set<string>()
  const waived = new Set<string>()
  const isCeremony = next.attempt > 0
  if (change.kind === 'site-added')
    for (const site of next.sites) if (site.id === change.site) required.add(governance(site))
  if (change.kind === 'site-changed') {
    const { before, after } = keysOfChange(current, next, change.site)
    for (const key of after) required.add(key)
    for (const key of before) (isCeremony ? waived : required).add(key)
  }
  if (isCeremony) {
    for (const site of next.sites) if (siteOf(current, site.id) !== null) required.add(governance(site))
  }
  return { required, voters: new Set(current.sites.map(governance)), waived }
}

/**
 * May a site approve a proposal, after what it approved before? Every site must keep to it: that no two rosters can
 * follow one rests on it.
 *
 * @param site - Id of the site that is asked.
 * @param last - What it approved last, from its own memory; null for nothing.
 * @param proposal - Checked by {@link checkProposal}.
 */
export function mayApprove(site: string, last: LastApproval | null, { roster, hash, change }: RosterProposal): boolean {
  // Who joins has no vote yet: its approval is consent.
  if (change.kind === 'site-added' && change.site === site) return true
  const vote = roster.votes.find((v) => v.site === site) ?? null
  if (last === null || last.version < roster.version) return vote === null
  if (last.version > roster.version) return false
  if (last.attempt === roster.attempt) return equalBytes(last.hash, hash)
  if (last.attempt > roster.attempt || vote === null) return false
  return vote.attempt === last.attempt && equalBytes(vote.hash, last.hash)
}

/** What a site remembers of the roster it approved last. Durable before the approval leaves it. */
export interface LastApproval {
  readonly version: number
  readonly attempt: number
  /** {@link rosterHash}, 32 bytes. */
  readonly hash: Uint8Array
}

function checkFollows(current: CheckedRoster, next: Roster): void {
  const { version } = current.roster
  const follows = next.version === version + 1 && next.previous !== null && equalBytes(next.previous, current.hash)
  if (!follows) throw new LedgerError('ROSTER_NOT_NEXT', `version ${next.version} after ${version}`)
}

/**
 * A ceremony must not contradict a proposal that may have been accepted: it can only repeat that. The vote of a site
 * that is being removed is not known, so it is counted for every proposal.
 */
function checkVotes(current: Roster, next: Roster, hash: Uint8Array): void {
  if (next.votes.length === 0) return
  if (next.votes.some((vote) => siteOf(current, vote.site) === null)) throw notNext('a vote of a site that joins')
  const newest = Math.max(...next.votes.map((vote) => vote.attempt))
  const unknown = current.sites.filter((site) => siteOf(next, site.id) === null).length
  const counts = countVotes(next.votes.filter((vote) => vote.attempt === newest))
  const needed = newest === 0 ? quorumOf(current.sites.length) : current.sites.length - 1
  const open = [...counts].filter(([, count]) => count + unknown >= needed).map(([key]) => key)
  // What a ceremony proposes was free of contradiction when it was approved: alone, it stands for all before it.
  const [only, ...others] = counts.keys()
  const binding = newest > 0 && only !== undefined && others.length === 0 ? [only] : open
  if (binding.some((key) => key !== toHex(hash))) throw notNext('an earlier proposal may have been accepted')
}

function countVotes(votes: readonly RosterVote[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const vote of votes) counts.set(toHex(vote.hash), (counts.get(toHex(vote.hash)) ?? 0) + 1)
  return counts
}

function checkApprovals(current: Roster | null, next: Roster, change: RosterChange, keys: ReadonlySet<string>): void {
  const { required, voters, waived } = neededApprovals(current, next, change)
  checkKnown(keys, new Set([...required, ...voters, ...waived]))
  for (const key of required) if (!keys.has(key)) throw new LedgerError('SIGNATURE_MISSING', 'a key that must approve')
  if (current !== null && next.attempt === 0) checkQuorum(current, keys)
}

/** Keys that sign for the change of a site: its governance key, and those of mirror and logs that are replaced. */
function keysOfChange(current: Roster, next: Roster, id: string): { before: Set<string>; after: Set<string> } {
  const [old, fresh] = [siteOf(current, id), siteOf(next, id)]
  const [before, after] = [new Set<string>(), new Set<string>()]
  if (old === null || fresh === null) return { before, after }
  const replace = (was: Uint8Array, is: Uint8Array): void => {
    if (equalBytes(was, is)) return
    before.add(toHex(was))
    after.add(toHex(is))
  }
  after.add(toHex(fresh.governanceKey))
  replace(old.governanceKey, fresh.governanceKey)
  replace(old.mirrorKey, fresh.mirrorKey)
  for (const node of old.nodes) {
    const now = fresh.nodes.find(({ log }) => log === node.log)
    if (now !== undefined) replace(node.logKey, now.logKey)
  }
  return { before, after }
}

function notNext(why: string): LedgerError {
  return new LedgerError('ROSTER_NOT_NEXT', why)
}
