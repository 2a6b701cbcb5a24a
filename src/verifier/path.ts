/**
 * Inclusion, the other way: the path is split where it meets the right edge of the tree.
 *
 * @remarks
 * Below that point a bit of the index says on which side the sibling stands; above it every sibling stands left. The
 * length of the path is known beforehand. The ledger walks as RFC 9162 describes; `tests/conformance/` runs the two
 * against each other, exhaustively for small trees.
 *
 * @packageDocumentation
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '../shared/bytes.ts'
import { ProofError } from './proof-error.ts'

/** Hash of an entry in the tree. */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(0), entry))
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(1), left, right))
}

/**
 * The root that a path implies.
 *
 * @param leaf - Leaf hash, 32 bytes.
 * @param index - `0 <= index < size`. Untrusted.
 * @param size - Leaves of the tree, a safe integer. Untrusted.
 * @param path - Untrusted.
 * @throws {@link ProofError} `BAD_PATH`.
 */
export function impliedRoot(leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]): Uint8Array {
  const { inner, border } = splitPath(index, size)
  if (path.length !== inner + border || path.some((hash) => hash.length !== 32)) {
    throw new ProofError('BAD_PATH', `${path.length} hashes, want ${inner + border}`)
  }
  const bits = BigInt(index)
  return path.reduce((hash, sibling, level) => {
    const isRight = level >= inner || ((bits >> BigInt(level)) & 1n) === 1n
    return isRight ? hashPair(sibling, hash) : hashPair(hash, sibling)
  }, leaf)
}

/** How many hashes of a path lie below the meeting with the right edge, and how many above. */
function splitPath(index: number, size: number): { inner: number; border: number } {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    throw new ProofError('BAD_PATH', `no leaf ${index} in a tree of ${size}`)
  }
  const [at, last] = [BigInt(index), BigInt(size - 1)]
  const differing = at ^ last
  const inner = differing === 0n ? 0 : differing.toString(2).length
  const border = [...(at >> BigInt(inner)).toString(2)].filter((bit) => bit === '1').length
  return { inner, border }
}
