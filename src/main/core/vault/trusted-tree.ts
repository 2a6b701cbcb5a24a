/**
 * The tree behind a trusted head, from a database that need not be trusted: which leaves are certain, and which
 * stored rows are not what they should be.
 *
 * @remarks
 * When every stored tile hashes into the head, they are used as they are. Otherwise the leaves are found again from
 * tiles and entries together: wherever the two differ, the choice that hashes into the signed head is the truth. Full
 * tiles are settled one by one against the tile above them, so that damage in many places does not multiply.
 * Nothing is written here. Proven by `tests/main/core/vault/trusted-tree.test.ts`.
 *
 * @packageDocumentation
 */
import { leafHash, type Hasher } from '../../../ledger/hash.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { fullTileHash, rootOfEdge } from '../../../ledger/tile-hashes.ts'
import { allTiles, edgeTiles, leavesPerHash, TILE_WIDTH, TileTree, type TileReader } from '../../../ledger/tiles.ts'
import { concatBytes, equalBytes } from '../../../shared/bytes.ts'

const HASH_SIZE = 32
/** Differing slots of a tile, or of all partial tiles, that are tried in every combination: 2^12 at most. */
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
  before: TrustedTree,
  head: { size: number; root: Uint8Array },
  rows: RowReader,
): TrustedTree {
  const { found } = before
  if (found === null) return { ...before, reader: rows, tree: before.tree.grownTo(head, rows) }
  // A tile that was found again stands in for its row until the writer has written a wider one over it.
  const reader: TileReader = {
    tile: (level, index) => {
      const stored = rows.tile(level, index)
      const again = found.get(`${level}/${index}`)
      return again === undefined || (stored !== null && stored.length > again.length) ? stored : again
    },
  }
  return { ...before, reader, tree: before.tree.grownTo(head, reader) }
}

function rebuild(h: Hasher, head: { size: number; root: Uint8Array }, rows: RowReader): TrustedTree {
  const build = treeBuilder(h, head)
  const { leaves, differing } = candidates(h, head.size, rows)
  const unsettled = settleFullTiles(h, rows, leaves, differing)
  const tiles = build(leaves) ?? choose(build, leaves, unsettled)
  const reader: TileReader = { tile: (level, index) => tiles.get(`${level}/${index}`) ?? null }
  return { tree: new TileTree(h, head, reader), reader, found: tiles, ...damageOf(head.size, rows, tiles) }
}

/** Leaf hashes in tiles of 256; the last may be shorter. */
type Leaves = Uint8Array[][]

/** A leaf for which the stored tile and the stored entry say different things. The tile's word is in the leaves. */
interface Difference {
  readonly index: number
  /** The entry's word. */
  readonly other: Uint8Array
}

/** For each leaf what the tile says or, where there is none, the entry; and where the two differ. */
function candidates(h: Hasher, size: number, rows: RowReader): { leaves: Leaves; differing: Difference[] } {
  const leaves: Leaves = []
  const differing: Difference[] = []
  for (let index = 0; index < size; index++) {
    const [tileIndex, slot] = placeOf(index)
    const tile = rows.tile(0, tileIndex)
    const at = slot * HASH_SIZE
    const stored = tile !== null && tile.length >= at + HASH_SIZE ? tile.slice(at, at + HASH_SIZE) : null
    const bytes = rows.entry(index)
    const derived = bytes === null ? null : leafHash(h, bytes)
    const leaf = stored ?? derived
    if (leaf === null) throw new LedgerError('TILE_DAMAGED', `leaf ${index}: neither a tree row nor an entry`)
    if (slot === 0) leaves.push([])
    leaves.at(-1)?.push(leaf)
    if (stored !== null && derived !== null && !equalBytes(stored, derived)) differing.push({ index, other: derived })
  }
  return { leaves, differing }
}

/**
 * Settles the differences of full tiles, each on its own, where the stored tile above has a hash that one of the
 * choices leads to: no two choices lead to the same one. Whether that hash is right, the root will say.
 *
 * @param leaves - Changed in place.
 * @returns The differences that are left.
 */
function settleFullTiles(h: Hasher, rows: RowReader, leaves: Leaves, differing: readonly Difference[]): Difference[] {
  return [...Map.groupBy(differing, ({ index }) => Math.floor(index / TILE_WIDTH))].flatMap(([tile, differences]) => {
    const at = (tile % TILE_WIDTH) * HASH_SIZE
    const above = rows.tile(1, Math.floor(tile / TILE_WIDTH))?.slice(at, at + HASH_SIZE)
    if (leaves[tile]?.length !== TILE_WIDTH || above?.length !== HASH_SIZE) return differences
    for (const choice of choices(leaves, differences)) {
      const chosen = choice[tile] ?? []
      if (!equalBytes(fullTileHash(h, concatBytes(...chosen)), above)) continue
      leaves[tile] = chosen
      return []
    }
    return differences
  })
}

/** The choice that hashes into the head, as tiles. */
function choose(build: ReturnType<typeof treeBuilder>, leaves: Leaves, unsettled: readonly Difference[]) {
  for (const choice of choices(leaves, unsettled)) {
    const tiles = build(choice)
    if (tiles !== null) return tiles
  }
  throw new LedgerError('TILE_DAMAGED', 'no combination of tree rows and entries hashes into the signed root')
}

/** The tiles' word everywhere, the entries' word everywhere, and every mixture when the differences are few. */
function* choices(leaves: Leaves, differences: readonly Difference[]): Generator<Leaves> {
  yield leaves
  yield taking(leaves, differences)
  if (differences.length > MAX_DIFFERENCES) return
  // Bit k of the choice takes the entry's word for the k-th difference instead of the tile's.
  for (let choice = 1; choice < 2 ** differences.length - 1; choice++)
    yield taking(
      leaves,
      differences.filter((_, k) => Math.floor(choice / 2 ** k) % 2 === 1),
    )
}

/** The leaves with the entries' word for `differences`. Tiles without any stay the same objects. */
function taking(leaves: Leaves, differences: readonly Difference[]): Leaves {
  const taken = [...leaves]
  for (const { index, other } of differences) {
    const [tile, slot] = placeOf(index)
    const before = taken[tile] ?? []
    taken[tile] = before.with(slot, other)
  }
  return taken
}

function placeOf(index: number): [tile: number, slot: number] {
  return [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH]
}

/** Builds all tiles over leaves, null when they do not hash into the head. A tile seen before is not hashed again. */
function treeBuilder(h: Hasher, head: { size: number; root: Uint8Array }) {
  const hashes = new WeakMap<Uint8Array[], Uint8Array>()
  const hashOf = (tile: Uint8Array[]): Uint8Array => {
    const hash = hashes.get(tile) ?? fullTileHash(h, concatBytes(...tile))
    hashes.set(tile, hash)
    return hash
  }
  return (leaves: Leaves): Map<string, Uint8Array> | null => {
    const levels = [leaves]
    for (let level = leaves; level.some(({ length }) => length === TILE_WIDTH); levels.push(level))
      level = inTiles(level.filter(({ length }) => length === TILE_WIDTH).map(hashOf))
    const tile = (level: number, index: number) => concatBytes(...(levels[level]?.[index] ?? []))
    const edge = edgeTiles(head.size).map(({ level, index }) => ({ level, index, bytes: tile(level, index) }))
    if (!equalBytes(rootOfEdge(h, edge), head.root)) return null
    return new Map([...allTiles(head.size)].map(({ level, index }) => [`${level}/${index}`, tile(level, index)]))
  }
}

function inTiles(hashes: readonly Uint8Array[]): Leaves {
  const count = Math.ceil(hashes.length / TILE_WIDTH)
  return Array.from({ length: count }, (_, i) => hashes.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH))
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
