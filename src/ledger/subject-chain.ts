/**
 * Is anything missing from what a log says about one subject?
 *
 * @remarks
 * Inclusion shows that an entry is there, never that another is not. Every entry about a subject therefore carries
 * its number and the leaf hash of the one before. The chain goes on in the next incarnation of the log; what was lost
 * on the way, and declared so, may come back without breaking it. Layout: `docs/protocol.md`, "Incarnations". Proven by
 * `tests/ledger/subject-chain.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, toHex } from '../shared/bytes.ts'
import type { Placement } from './entry.ts'
import { LedgerError } from './errors.ts'

/** An entry of a chain: its placement, and the leaf hash it has in the verified tree. */
export interface ChainLink {
  readonly placement: Placement
  /** 32 bytes. */
  readonly leaf: Uint8Array
}

/**
 * Checks that `links` are the whole beginning of a chain. Returns quietly or throws.
 *
 * @param links - In the order of the log, from the first. Untrusted but for the leaf hashes.
 * @throws {@link LedgerError} `CHAIN_BROKEN`, with the number of the first link that does not fit.
 */
export function checkSubjectChain(links: readonly ChainLink[]): void {
  for (const [i, { placement }] of links.entries()) {
    const before = links[i - 1]?.leaf ?? null
    const { subjectSeq, previousLeaf } = placement
    const linked = before === null || previousLeaf === null ? before === previousLeaf : equalBytes(before, previousLeaf)
    if (subjectSeq !== i || !linked) throw new LedgerError('CHAIN_BROKEN', `link ${i}`)
  }
}

/** An entry of a chain, and where it stands. */
export interface PlacedLink extends ChainLink {
  /** Which incarnation of the log, 1 or more. */
  readonly incarnation: number
  readonly index: number
}

/** Entries that a later incarnation declared lost. */
export interface DeclaredLoss {
  /** Of the incarnation that held them. */
  readonly incarnation: number
  /** Index ranges `[from, to)`. */
  readonly ranges: readonly (readonly [number, number])[]
  /** Where the declaration stands. Always in a later incarnation. */
  readonly declared: { readonly incarnation: number; readonly index: number }
}

/**
 * Checks a chain through all incarnations of a log, and gives the entries that it goes through: those that nobody
 * declared lost. Entries that were declared lost and came back hang from the place where they stood.
 *
 * @param links - All entries about the subject, in the order of incarnation and index. Untrusted but for place and leaf.
 * @param losses - Every declaration in any incarnation of the log.
 * @returns The main line. The last of it is what the next entry follows, and what it says is what holds.
 * @throws {@link LedgerError} `CHAIN_BROKEN`, with the place of the first link that does not fit: a number is missing, a
 *   link leads nowhere, or two entries claim a place and neither was declared lost before the other was written.
 */
export function checkChainAcross(links: readonly PlacedLink[], losses: readonly DeclaredLoss[]): readonly PlacedLink[] {
  const line: PlacedLink[] = []
  const known = new Map<string, number>()
  for (const link of links) {
    const { subjectSeq, previousLeaf } = link.placement
    const at = `link ${subjectSeq} at ${link.incarnation}/${link.index}`
    const after = previousLeaf === null ? -1 : (known.get(toHex(previousLeaf)) ?? NaN)
    if (subjectSeq !== after + 1) throw new LedgerError('CHAIN_BROKEN', `${at} follows nothing that is here`)
    known.set(toHex(link.leaf), subjectSeq)
    const loss = losses.find((one) => isLost(link, one)) ?? null
    if (loss === null) follow(line, link, at)
  }
  checkClaims(links, losses)
  return line
}

function follow(line: PlacedLink[], link: PlacedLink, at: string): void {
  const { subjectSeq, previousLeaf } = link.placement
  const before = line.at(-1)?.leaf ?? null
  const isLinked = before === null || previousLeaf === null ? before === previousLeaf : equalBytes(before, previousLeaf)
  if (subjectSeq !== line.length || !isLinked) throw new LedgerError('CHAIN_BROKEN', `${at} does not go on`)
  line.push(link)
}

/** Whoever claims a place again must have said first that the earlier entry is lost. */
function checkClaims(links: readonly PlacedLink[], losses: readonly DeclaredLoss[]): void {
  const claims = new Map<number, PlacedLink>()
  for (const link of links) {
    const { subjectSeq } = link.placement
    const earlier = claims.get(subjectSeq)
    claims.set(subjectSeq, link)
    if (earlier === undefined) continue
    const isAllowed = losses.some((loss) => isLost(earlier, loss) && isBefore(loss.declared, link))
    if (!isAllowed) throw new LedgerError('CHAIN_BROKEN', `place ${subjectSeq} is claimed twice`)
  }
}

function isLost({ incarnation, index }: PlacedLink, loss: DeclaredLoss): boolean {
  return loss.incarnation === incarnation && loss.ranges.some(([from, to]) => index >= from && index < to)
}

function isBefore(a: Omit<PlacedLink, keyof ChainLink>, b: Omit<PlacedLink, keyof ChainLink>): boolean {
  return a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.index < b.index)
}

/** Placement of the next entry about a subject whose newest entry is `last`; null for a new subject. */
export function nextPlacement(last: ChainLink | null): Placement {
  if (last === null) return { subjectSeq: 0, previousLeaf: null }
  return { subjectSeq: last.placement.subjectSeq + 1, previousLeaf: last.leaf }
}
