/**
 * Blocks: consecutive entries closed by a seal, chained by the hash of their checkpoint.
 *
 * @remarks
 * The chain is derived from the tree and convinces nobody by itself: a block is accepted through a consistency
 * proof and its entries. Proven by `tests/ledger/block.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import type { Seal } from './fields.ts'
import { type Hasher, utf8 } from './hash.ts'

/** Hash of a block: SHA-256 of the text of its checkpoint. */
export function blockHash(h: Hasher, checkpointText: string): Uint8Array {
  return h.sha256(utf8(checkpointText))
}

/**
 * Checks that a seal says what the tree, the chain and the entries before it say.
 *
 * @param seal - From a decoded entry.
 * @param expected - What the reader worked out.
 * @throws {@link LedgerError} `SEAL_MISMATCH`, with the name of the first field that differs.
 */
export function checkSeal(seal: Seal, expected: Seal): void {
  for (const field of Object.keys(expected) as (keyof Seal)[]) {
    if (!same(seal[field], expected[field])) throw new LedgerError('SEAL_MISMATCH', `seal: ${field}`)
  }
}

/** Size of the tree that a seal closes: its own index, plus itself. */
export function sizeAfter(seal: Seal): number {
  return seal.firstIndex + seal.count + 1
}

function same(a: number | Uint8Array | null, b: number | Uint8Array | null): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalBytes(a, b)
  return a === b
}
