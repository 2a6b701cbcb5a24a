/**
 * Is anything missing from what a log says about one subject?
 *
 * @remarks
 * Inclusion shows that an entry is there, never that another is not. Every entry about a subject therefore carries
 * its number and the leaf hash of the one before. Proven by `tests/ledger/subject-chain.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
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

/** Placement of the next entry about a subject whose newest entry is `last`; null for a new subject. */
export function nextPlacement(last: ChainLink | null): Placement {
  if (last === null) return { subjectSeq: 0, previousLeaf: null }
  return { subjectSeq: last.placement.subjectSeq + 1, previousLeaf: last.leaf }
}
