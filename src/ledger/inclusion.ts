/**
 * Inclusion proofs: is this entry in the tree that was signed?
 *
 * @remarks
 * RFC 9162 section 2.1.3.2, walking from the leaf to the root. The second verifier in `src/verifier` does the same
 * another way, and the two are run against each other. Proven by `tests/ledger/inclusion.test.ts` and
 * `tests/conformance/merkle-probes.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { checkHashes, type Hasher, nodeHash } from './hash.ts'
import { checkIndex, half, type TreeHead } from './tree-size.ts'

/**
 * Checks that the tree contains `leaf` at `index`. Returns quietly or throws: there is no `false` to overlook.
 *
 * @param h - SHA-256.
 * @param head - From a checkpoint whose signature was verified.
 * @param index - Position of the leaf, `0 <= index < head.size`.
 * @param leaf - Leaf hash, 32 bytes.
 * @param proof - Sibling hashes from the leaf upward. Untrusted.
 * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `INDEX_OUT_OF_TREE`, `HASH_SIZE`, `PROOF_SIZE` or `ROOT_MISMATCH`.
 */
export function checkInclusion(
  h: Hasher,
  head: TreeHead,
  index: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  checkIndex(index, head.size)
  checkHashes(head.root, leaf, ...proof)
  if (!equalBytes(rootFromLeaf(h, head.size, index, leaf, proof), head.root)) {
    throw new LedgerError('ROOT_MISMATCH', `leaf ${index} is not in this tree of ${head.size}`)
  }
}

/** The root that `proof` implies. */
function rootFromLeaf(
  h: Hasher,
  size: number,
  index: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array {
  let [node, last, hash] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) throw new LedgerError('PROOF_SIZE', `${proof.length} hashes are too many`)
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(h, sibling, hash)
      // The right edge has no siblings on the levels where its node is a left child: skip them.
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      hash = nodeHash(h, hash, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new LedgerError('PROOF_SIZE', `${proof.length} hashes are too few`)
  return hash
}
