/**
 * The small tree inside one tile, and the root over the tiles at the right edge.
 *
 * @remarks
 * Proven by `tests/ledger/tiles.test.ts` and `tests/ledger/tree-writer.test.ts`.
 *
 * @packageDocumentation
 */
import { emptyRoot, HASH_SIZE, type Hasher, nodeHash } from './hash.ts'
import type { Tile } from './tile-layout.ts'

/** Hash number `i` of a tile's bytes. */
export function hashAt(bytes: Uint8Array, i: number): Uint8Array {
  return bytes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)
}

/**
 * All hashes of the complete subtrees inside a tile, `rows[k][i]` over hashes `[i * 2^k, (i + 1) * 2^k)`.
 * A full tile has nine rows, and its own hash is alone in the last.
 */
export function innerRows(h: Hasher, bytes: Uint8Array): Uint8Array[][] {
  let row = Array.from({ length: bytes.length / HASH_SIZE }, (_, i) => hashAt(bytes, i))
  const rows = [row]
  while (row.length > 1) {
    row = parentsOf(h, row)
    rows.push(row)
  }
  return rows
}

function parentsOf(h: Hasher, row: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = []
  for (let i = 0; i + 1 < row.length; i += 2) {
    const [left, right] = [row[i], row[i + 1]]
    if (left !== undefined && right !== undefined) parents.push(nodeHash(h, left, right))
  }
  return parents
}

/** Hash of a full tile: what it contributes to the level above. */
export function fullTileHash(h: Hasher, bytes: Uint8Array): Uint8Array {
  return innerRows(h, bytes)[8]?.[0] ?? emptyRoot(h)
}

/**
 * Root of the tree whose partial tiles are `edge`.
 *
 * @param edge - All of them, from the lowest level up (`edgeTiles`), with exactly their bytes.
 */
export function rootOfEdge(h: Hasher, edge: readonly Tile[]): Uint8Array {
  let root: Uint8Array | null = null
  for (const tile of edge) {
    for (const peak of peaksOf(h, tile.bytes)) root = root === null ? peak : nodeHash(h, peak, root)
  }
  return root ?? emptyRoot(h)
}

/** The complete subtrees that make up a partial tile, smallest (rightmost) first. */
function peaksOf(h: Hasher, bytes: Uint8Array): Uint8Array[] {
  const peaks: Uint8Array[] = []
  for (const row of innerRows(h, bytes)) {
    const last = row.at(-1)
    if (row.length % 2 === 1 && last !== undefined) peaks.push(last)
  }
  return peaks
}
