/**
 * How far the entries of a log have come, from the cosignatures that arrived.
 *
 * @remarks
 * Votes are of sites, one each, under the roster version that the block names. Two forms: the portable one asks for
 * a quorum under one checkpoint, so that it can be shown to a stranger; the watermark also counts a site that
 * cosigned a later head, because that head holds everything before. Proven by `tests/ledger/finality.test.ts` and, with
 * sites that lie, by `tests/ledger/quorum-simulation.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { type CosignerKey, openCosignatures } from './cosignature.ts'
import { LedgerError } from './errors.ts'
import { formatNote, type NoteSignature, parseNote } from './note.ts'
import { isSatisfied, leastCosignatures, parsePolicy, type Policy } from './policy.ts'
import { mirrorNameOf, type Roster } from './roster.ts'
import type { SignatureVerifier } from './signatures.ts'
import type { TreeHead } from './tree-size.ts'

/** Seconds that a cosigner's clock may be ahead of ours. C2SP tlog-cosignature leaves the limit to the reader. */
export const MAX_CLOCK_AHEAD_S = 300

/** A site that votes, under one roster version. */
export interface Voter {
  readonly site: string
  /** Its name inside the policy. */
  readonly witness: string
  readonly key: CosignerKey
}

/** Who decides about finality under one roster version. */
export interface Electorate {
  readonly policy: Policy
  /** One for each site. */
  readonly voters: readonly Voter[]
}

/** A verified cosignature of a site under one checkpoint. */
export interface Vote {
  readonly voter: Voter
  /** When the site says it signed, seconds since 1970. */
  readonly timeS: number
  readonly line: NoteSignature
}

/** A head that a site is known to have cosigned. */
export interface CosignedHead extends TreeHead {
  readonly voter: Voter
}

/** A sealed checkpoint and who cosigned it. */
export interface Cosigned {
  readonly size: number
  readonly voters: readonly Voter[]
}

/** How far an entry has come, with the sites counted. */
export interface EntryGrade {
  readonly name: 'sealed' | 'cosigned' | 'final' | 'contested'
  /** Sites that cosigned a head covering the entry. */
  readonly k: number
  /** Fewest sites that can make it final. */
  readonly q: number
}

/** Who decides under `roster`. */
export function electorateOf(roster: Roster): Electorate {
  const policy = parsePolicy(roster.policy)
  const voters = roster.sites.map(({ id, mirrorKey }): Voter => {
    const witness = policy.witnesses.find(({ key }) => equalBytes(key.publicKey, mirrorKey))
    assert(witness !== undefined, 'a decoded roster has a witness for each site')
    return { site: id, witness: witness.name, key: { name: mirrorNameOf(id), publicKey: mirrorKey } }
  })
  return { policy, voters }
}

/**
 * The votes under a checkpoint: one for each site, the first of its lines that verifies. Lines of strangers, lines
 * that do not verify and lines from the future are no votes and spoil nothing.
 *
 * @param note - The checkpoint with whatever lines it came with. Untrusted.
 * @param electorate - Of the roster version that the block names.
 * @param v - The one verifier.
 * @param nowS - The reader's clock, seconds since 1970; `Infinity` where the reader has no clock to trust.
 * @throws {@link LedgerError} `BAD_NOTE`.
 */
export function votesOn(note: string, electorate: Electorate, v: SignatureVerifier, nowS: number): Vote[] {
  const { text, signatures } = parseNote(note)
  return electorate.voters.flatMap((voter) => {
    for (const line of signatures) {
      const timeS = timeOfVote(formatNote(text, [line]), voter.key, v)
      if (timeS !== null && timeS <= nowS + MAX_CLOCK_AHEAD_S) return [{ voter, timeS, line }]
    }
    return []
  })
}

/** Seconds of the one line of `note`, or null when it is no cosignature of `key`. */
function timeOfVote(note: string, key: CosignerKey, v: SignatureVerifier): number | null {
  try {
    return openCosignatures(note, [key], v).cosignatures[0]?.timeS ?? null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** True when these sites are enough. */
export function isFinal({ policy }: Electorate, voters: Iterable<Voter>): boolean {
  return isSatisfied(policy, new Set([...voters].map((voter) => voter.witness)))
}

/**
 * Size up to which a log is final: the largest that enough sites cosigned, or cosigned something beyond. For k of n
 * sites it is the k-th largest cosigned size.
 *
 * @param electorate - Of one roster version.
 * @param heads - Verified, several for one site at will.
 * @param isOurs - True when a head is a beginning of the reader's own tree. Heads of another branch, and those the
 *   reader cannot check yet, must be false: they are no votes for this tree.
 */
export function watermark(
  electorate: Electorate,
  heads: readonly CosignedHead[],
  isOurs: (head: TreeHead) => boolean,
): number {
  const counted = heads.filter(isOurs)
  const sizes = counted.map((head) => head.size).toSorted((a, b) => b - a)
  return sizes.find((size) => isFinal(electorate, votersFrom(counted, size))) ?? 0
}

/**
 * Grade of a sealed entry.
 *
 * @param index - Of the entry.
 * @param electorate - Of the roster version that its block names.
 * @param heads - As for {@link watermark}, already reduced to the reader's own tree.
 * @param isForked - True when a fork proof about the log is known: what was final stays final, the rest is contested.
 */
export function gradeOfEntry(
  index: number,
  electorate: Electorate,
  heads: readonly CosignedHead[],
  isForked: boolean,
): EntryGrade {
  const voters = votersFrom(heads, index + 1)
  const [k, q] = [voters.size, leastCosignatures(electorate.policy)]
  if (isFinal(electorate, voters)) return { name: 'final', k, q }
  return { name: isForked ? 'contested' : k > 0 ? 'cosigned' : 'sealed', k, q }
}

/**
 * What to ask of a site that was away: at most two sizes, in the order to ask.
 *
 * Sites that are never on at the same time would each cosign another newest head, and none would get its quorum. So
 * the newest head that this site alone still lacks comes first, and then the newest of all. Each is the largest that
 * the site has seen when it is asked.
 *
 * @param electorate - Of the roster version that the newest block names.
 * @param sealed - Sealed checkpoints from the last final one on, in ascending order of size.
 * @param site - The site that is back.
 */
export function catchUp(electorate: Electorate, sealed: readonly Cosigned[], site: Voter): number[] {
  const cosigned = sealed.findLast(({ voters }) => has(voters, site))?.size ?? 0
  const final = sealed.findLast(({ voters }) => isFinal(electorate, voters))?.size ?? 0
  const open = sealed.filter(({ size }) => size > cosigned)
  const short = open.findLast(({ size, voters }) => size > final && isFinal(electorate, [...voters, site]))
  const newest = open.at(-1)
  return [...new Set([short, newest].flatMap((head) => (head === undefined ? [] : [head.size])))]
}

function has(voters: readonly Voter[], site: Voter): boolean {
  return voters.some((voter) => voter.site === site.site)
}

/** Sites that cosigned `size` leaves or more, each once. */
function votersFrom(heads: readonly CosignedHead[], size: number): Set<Voter> {
  const bySite = new Map(heads.filter((head) => head.size >= size).map(({ voter }) => [voter.site, voter]))
  return new Set(bySite.values())
}
