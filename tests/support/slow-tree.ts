import { type Hasher, emptyRoot, leafHash, nodeHash } from '../../src/ledger/hash.ts'

/** RFC 6962 section 2.1, written as it is defined and without any speed: what the fast code is checked against. */

const split = (n: number): number => {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/** MTH over leaf hashes. */
export function slowRoot(h: Hasher, leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (only === undefined) return emptyRoot(h)
  if (leaves.length === 1) return only
  const k = split(leaves.length)
  return nodeHash(h, slowRoot(h, leaves.slice(0, k)), slowRoot(h, leaves.slice(k)))
}

/** PATH(m, D[n]). */
export function slowPath(h: Hasher, m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...slowPath(h, m, leaves.slice(0, k)), slowRoot(h, leaves.slice(k))]
    : [...slowPath(h, m - k, leaves.slice(k)), slowRoot(h, leaves.slice(0, k))]
}

/** PROOF(m, D[n]). */
export function slowConsistency(h: Hasher, m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  return subproof(h, m, leaves, true)
}

function subproof(h: Hasher, m: number, leaves: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  const n = leaves.length
  if (m === n) return whole ? [] : [slowRoot(h, leaves)]
  const k = split(n)
  return m <= k
    ? [...subproof(h, m, leaves.slice(0, k), whole), slowRoot(h, leaves.slice(k))]
    : [...subproof(h, m - k, leaves.slice(k), false), slowRoot(h, leaves.slice(0, k))]
}

/** Leaf hashes of `n` small entries, all different. */
export function someLeaves(h: Hasher, n: number): Uint8Array[] {
  return Array.from({ length: n }, (_, i) => leafHash(h, new TextEncoder().encode(`leaf ${i}`)))
}
