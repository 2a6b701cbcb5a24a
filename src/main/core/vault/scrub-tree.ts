/**
 * The stored tiles of one log against its signed head.
 *
 * @remarks
 * Tiles can be made again from entries, so most damage here needs nobody else. Proven by
 * `tests/main/core/vault/scrub.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from '../../../ledger/errors.ts'
import { tileWidth } from '../../../ledger/tile-layout.ts'
import { allTiles, TILE_WIDTH, TileTree } from '../../../ledger/tiles.ts'
import type { Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { unlessDamaged, type LogReplica } from './log-replica.ts'
import type { RepairSource } from './repair.ts'
import type { Budget } from './scrub-budget.ts'
import type { Damage } from './scrub-damage.ts'
import { trustedTree, type RowReader, type TrustedTree } from './trusted-tree.ts'

/** What a scrub of tiles works with. */
export interface TreeScrubParts {
  readonly store: Store
  readonly sources: readonly RepairSource[]
  readonly damage: Damage
  readonly budget: Budget
}

/** Bytes of a full tile. */
const TILE_BYTES = TILE_WIDTH * 32

/**
 * Checks and repairs every stored tile.
 *
 * @returns The tree of the log's head, as certain as it can be had.
 */
export async function scrubTiles(parts: TreeScrubParts, log: LogReplica): Promise<TileTree> {
  const tree = await scrubHashes(parts, log)
  await cutTiles(parts, log)
  return tree
}

async function scrubHashes(parts: TreeScrubParts, log: LogReplica): Promise<TileTree> {
  const sound = await soundTree(parts, log)
  if (sound !== null) return sound
  const isEnough = rebuilt(log, rowsOf(parts.store, log)) !== null
  const fetched = await tilesOf(isEnough ? [] : parts.sources, log)
  // From here on nothing waits: the writer would widen tiles that are about to be written.
  const truth = rebuilt(log, rowsOf(parts.store, log), fetched.tiles)
  if (truth === null) {
    await parts.damage.found(
      { kind: 'tile', origin: log.origin, index: 0, bytes: null, reason: 'the tree cannot be made again' },
      [],
    )
    return log.trusted.tree
  }
  for (const source of fetched.used) parts.damage.supplied(source)
  for (const name of truth.damagedTiles) repairTile(parts, log, truth, name)
  return truth.tree
}

/** Hashes that no tree has: whoever reads the whole tile would take them for leaves. */
async function cutTiles({ store, damage, budget }: TreeScrubParts, log: LogReplica): Promise<void> {
  const { origin } = log
  for (const { level, index } of allTiles(log.head.size)) {
    // The writer may have widened it since: what counts is the tree as it is now.
    const length = tileWidth(log.head.size, level, index) * 32
    const stored = unlessDamaged(() => store.tile(origin, level, index))
    if (stored !== null && stored.length > length) {
      const reason = 'it has more hashes than its tree'
      damage.foundNow({ kind: 'tile', origin, level, index, bytes: stored, reason }, () => {
        store.repairTile(origin, level, index, stored.slice(0, length))
        return true
      })
    }
    const rest = budget.used(stored?.length ?? 0)
    if (rest !== null) await rest
  }
}

/** The tree when every stored tile is sound, read in slices; else null. */
async function soundTree({ store, budget }: TreeScrubParts, log: LogReplica): Promise<TileTree | null> {
  try {
    const tree = new TileTree(h, log.head, rowsOf(store, log))
    for (let first = 0; first < tree.head.size; first += TILE_WIDTH) {
      tree.leafAt(first)
      const rest = budget.used(TILE_BYTES)
      if (rest !== null) await rest
    }
    return tree
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function rowsOf(store: Store, log: LogReplica): RowReader {
  return {
    tile: (level, index) => unlessDamaged(() => store.tile(log.origin, level, index)),
    entry: (index) => unlessDamaged(() => store.entry(log.origin, index)) ?? log.directoryEntries.get(index) ?? null,
  }
}

/** The tree of the head from what is stored, or with tiles that were fetched in the place of stored ones. */
function rebuilt(log: LogReplica, rows: RowReader, fetched: ReadonlyMap<string, Uint8Array> = new Map()) {
  const mixed: RowReader = {
    ...rows,
    tile: (level, index) => fetched.get(`${level}/${index}`) ?? rows.tile(level, index),
  }
  for (const reader of fetched.size === 0 ? [rows] : [rows, mixed]) {
    try {
      const truth = trustedTree(h, log.head, reader)
      if (reader === rows) return truth
      return { ...truth, damagedTiles: differing(log.head.size, rows, truth) }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }
  return null
}

/** Stored tiles that differ from the truth, which was found with fetched ones. */
function differing(size: number, rows: RowReader, { reader }: TrustedTree): string[] {
  return [...allTiles(size)].flatMap(({ level, index, width }) => {
    const [stored, truth] = [rows.tile(level, index), reader.tile(level, index)]
    const isSame = stored !== null && truth !== null && startsSame(stored, truth, width * 32)
    return isSame ? [] : [`${level}/${index}`]
  })
}

function startsSame(a: Uint8Array, b: Uint8Array, length: number): boolean {
  return a.length >= length && b.length >= length && a.subarray(0, length).every((byte, i) => byte === b[i])
}

function repairTile({ store, damage }: TreeScrubParts, log: LogReplica, truth: TrustedTree, name: string): void {
  const [level = 0, index = 0] = name.split('/').map(Number)
  const bytes = truth.reader.tile(level, index)
  const stored = unlessDamaged(() => store.tile(log.origin, level, index))
  damage.foundNow(
    { kind: 'tile', origin: log.origin, level, index, bytes: stored, reason: 'it does not hash into the signed tree' },
    () => {
      if (bytes === null) return false
      store.repairTile(log.origin, level, index, Uint8Array.from(bytes))
      return true
    },
  )
}

/** Every tile that some source has, and whose they are. */
async function tilesOf(sources: readonly RepairSource[], log: LogReplica) {
  const tiles = new Map<string, Uint8Array>()
  const used = new Set<RepairSource>()
  if (sources.length === 0) return { tiles, used }
  for (const { level, index, width } of allTiles(log.head.size)) {
    for (const source of sources) {
      const bytes = await source.tile(log.origin, level, index)
      if (!(bytes instanceof Uint8Array) || bytes.length < width * 32) continue
      tiles.set(`${level}/${index}`, bytes)
      used.add(source)
      break
    }
  }
  return { tiles, used }
}
