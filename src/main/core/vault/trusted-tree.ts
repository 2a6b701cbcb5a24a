/**
 * The tree behind a trusted head, from a database that need not be trusted: which leaves are certain, and which
 * stored rows are not what they should be.
 *
 * @remarks
 * When every stored tile hashes into the head, they are used as they are. Otherwise the leaves are found again from
 * tiles and entries together: wherever the two differ, the choice that hashes into the signed head is the truth.
 * Nothing is written here. Proven by `tests/main/core/vault/trusted-tree.test.ts`.
 *
 * @packageDocumentation
 */
import { leafHash, type Hasher } from '../../../ledger/hash.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { allTiles, leavesPerHash, TILE_WIDTH, TileTree, type TileReader } from '../../../ledger/tiles.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import { equalBytes } from '../../../shared/bytes.ts'

const HASH_SIZE = 32
/** Differing slots that are tried in every combination: 2^12 roots of one tile at most. */
const MAX_DIFFERENCES = 12

/** Stored rows, each read on its own: null when missing or unreadable. */
export interface RowReader extends TileReader {
  entry(index: number): Uint8Array | null
}

/** A tree whose every leaf hashes into the head. */
export interface TrustedTree {
  readonly tree: TileTree
  readonly reader: TileReader
  /** Tiles that were found again, by `level/index`; null when the stored ones are sound. */
  readonly found: ReadonlyMap<string, Uint8Array> | null
  /** Leaves whose stored tree rows differ from the truth. */
  readonly damagedLeaves: ReadonlySet<number>
  /** Stored tiles that are missing or differ, for the report. */
  readonly damagedTiles: readonly string[]
}

/**
 * Authenticates the stored tree against `head`.
 *
 * @param head - From a checkpoint whose signature was verified.
 * @throws LedgerError `TILE_DAMAGED` when tiles and entries together do not make the head's tree.
 */
export function trustedTree(h: Hasher, head: { size: number; root: Uint8Array }, rows: RowReader): TrustedTree {
  try {
    const tree = new TileTree(h, head, rows)
    for (let first = 0; first < head.size; first += TILE_WIDTH) tree.leafAt(first)
    return { tree, reader: rows, found: null, damagedLeaves: new Set(), damagedTiles: [] }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return rebuild(h, head, rows)
  }
}

/**
 * The tree after a block of our own was committed: only its right edge is new.
 *
 * @param head - Of the new checkpoint.
 * @param rows - The database, to which the block's tiles were written.
 */
export function followHead(
  h: Hasher,
  before: TrustedTree,
  head: { size: number; root: Uint8Array },
  rows: RowReader,
): TrustedTree {
  const { found } = before
  if (found === null) return { ...before, reader: rows, tree: new TileTree(h, head, rows) }
  // A tile that was found again stands in for its row until the writer has written a wider one over it.
  const reader: TileReader = {
    tile: (level, index) => {
      const stored = rows.tile(level, index)
      const again = found.get(`${level}/${index}`)
      return again === undefined || (stored !== null && stored.length > again.length) ? stored : again
    },
  }
  return { ...before, reader, tree: new TileTree(h, head, reader) }
}

function rebuild(h: Hasher, head: { size: number; root: Uint8Array }, rows: RowReader): TrustedTree {
  const { leaves, differing } = candidates(h, head.size, rows)
  const tiles = solve(h, head, leaves, differing)
  const reader: TileReader = { tile: (level, index) => tiles.get(`${level}/${index}`) ?? null }
  return { tree: new TileTree(h, head, reader), reader, found: tiles, ...damageOf(head.size, rows, tiles) }
}

/** For each leaf what the entry says and, where the tile says something else, both. */
function candidates(h: Hasher, size: number, rows: RowReader) {
  const leaves: Uint8Array[] = []
  const differing: { index: number; other: Uint8Array }[] = []
  for (let index = 0; index < size; index++) {
    const at = (index % TILE_WIDTH) * HASH_SIZE
    const tile = rows.tile(0, Math.floor(index / TILE_WIDTH))
    const stored = tile !== null && tile.length >= at + HASH_SIZE ? tile.slice(at, at + HASH_SIZE) : null
    const bytes = rows.entry(index)
    const derived = bytes === null ? null : leafHash(h, bytes)
    const leaf = stored ?? derived
    if (leaf === null) throw new LedgerError('TILE_DAMAGED', `leaf ${index}: neither a tree row nor an entry`)
    leaves.push(leaf)
    if (stored !== null && derived !== null && !equalBytes(stored, derived)) differing.push({ index, other: derived })
  }
  return { leaves, differing }
}

/** The choice among differing leaves that hashes into the head, as tiles. */
function solve(
  h: Hasher,
  head: { size: number; root: Uint8Array },
  leaves: Uint8Array[],
  differing: readonly { index: number; other: Uint8Array }[],
): Map<string, Uint8Array> {
  const combinations = 2 ** Math.min(differing.length, MAX_DIFFERENCES)
  for (let choice = 0; choice < combinations; choice++) {
    const chosen = [...leaves]
    // Bit k of the choice takes the entry's word for the k-th difference instead of the tree's.
    for (const [k, { index, other }] of differing.entries())
      if (Math.floor(choice / 2 ** k) % 2 === 1) chosen[index] = other
    const writer = new TreeWriter(h, 0, [])
    const appended = writer.append(chosen)
    if (equalBytes(appended.root, head.root)) {
      return new Map(appended.tiles.map(({ level, index, bytes }) => [`${level}/${index}`, bytes]))
    }
  }
  throw new LedgerError('TILE_DAMAGED', 'no combination of tree rows and entries hashes into the signed root')
}

/** What in the stored tiles differs from `tiles`. A tile that is gone damages no value: its leaves are proven anew. */
function damageOf(size: number, rows: RowReader, tiles: ReadonlyMap<string, Uint8Array>) {
  const damagedLeaves = new Set<number>()
  const damagedTiles: string[] = []
  for (const { level, index, width } of allTiles(size)) {
    const stored = rows.tile(level, index)
    const truth = tiles.get(`${level}/${index}`)
    if (truth === undefined) continue
    let differs = stored === null || stored.length < width * HASH_SIZE
    for (let slot = 0; slot < width; slot++) {
      const range = [slot * HASH_SIZE, (slot + 1) * HASH_SIZE] as const
      if (stored === null || equalBytes(stored.subarray(...range), truth.subarray(...range))) continue
      differs = true
      const first = (index * TILE_WIDTH + slot) * leavesPerHash(level)
      for (let leaf = first; leaf < Math.min(size, first + leavesPerHash(level)); leaf++) damagedLeaves.add(leaf)
    }
    if (differs) damagedTiles.push(`${level}/${index}`)
  }
  return { damagedLeaves, damagedTiles }
}
