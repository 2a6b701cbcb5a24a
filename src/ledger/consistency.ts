/**
 * Consistency proofs: is the older tree the beginning of the newer one?
 *
 * @remarks
 * RFC 9162 section 2.1.4.2. Proven by `tests/ledger/consistency.test.ts` and
 * `tests/conformance/merkle-probes.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { checkHashes, type Hasher, nodeHash } from './hash.ts'
import { checkSize, half, type TreeHead } from './tree-size.ts'

/**
 * Checks that the first `older.size` leaves of `newer` are the tree `older`. Returns quietly or throws.
 *
 * @param h - SHA-256.
 * @param older - From a verified checkpoint. Of 1 leaf or more: nothing can be said about an empty tree.
 * @param newer - From a verified checkpoint, not smaller.
 * @param proof - Untrusted. Empty exactly when the sizes are equal.
 * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `HASH_SIZE`, `PROOF_SIZE` or `ROOT_MISMATCH`.
 */
export function checkConsistency(h: Hasher, older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): void {
  checkSize(older.size)
  checkSize(newer.size)
  checkHashes(older.root, newer.root, ...proof)
  if (older.size < 1 || older.size > newer.size) {
    throw new LedgerError('SIZE_OUT_OF_RANGE', `from ${older.size} to ${newer.size}`)
  }
  if (older.size === newer.size) checkSame(older, newer, proof)
  else checkGrown(h, older, newer, proof)
}

function checkSame(older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): void {
  if (proof.length > 0) throw new LedgerError('PROOF_SIZE', 'trees of one size need no proof')
  if (!equalBytes(older.root, newer.root)) throw new LedgerError('ROOT_MISMATCH', 'one size, two roots')
}

function checkGrown(h: Hasher, older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): void {
  if (proof.length === 0) throw new LedgerError('PROOF_SIZE', 'trees of two sizes need a proof')
  // A complete older tree is a node of the newer one, so the proof leaves its hash out.
  const [first, ...rest] = isPowerOfTwo(older.size) ? [older.root, ...proof] : proof
  const [olderRoot, newerRoot] = rootsFrom(h, older.size, newer.size, first ?? older.root, rest)
  if (!equalBytes(olderRoot, older.root)) throw new LedgerError('ROOT_MISMATCH', 'not the older tree')
  if (!equalBytes(newerRoot, newer.root)) throw new LedgerError('ROOT_MISMATCH', 'not the newer tree')
}

/** Both roots that a proof implies. */
function rootsFrom(
  h: Hasher,
  olderSize: number,
  newerSize: number,
  first: Uint8Array,
  rest: readonly Uint8Array[],
): [Uint8Array, Uint8Array] {
  let [node, last, olderHash, newerHash] = [olderSize - 1, newerSize - 1, first, first]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  for (const sibling of rest) {
    if (last === 0) throw new LedgerError('PROOF_SIZE', 'too many hashes')
    if (node % 2 === 1 || node === last) {
      olderHash = nodeHash(h, sibling, olderHash)
      newerHash = nodeHash(h, sibling, newerHash)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newerHash = nodeHash(h, newerHash, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new LedgerError('PROOF_SIZE', 'too few hashes')
  return [olderHash, newerHash]
}

function isPowerOfTwo(n: number): boolean {
  let rest = n
  while (rest % 2 === 0 && rest > 0) rest /= 2
  return rest === 1
}
