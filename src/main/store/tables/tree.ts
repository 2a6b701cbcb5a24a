import { command, query, type WritableDb } from '../database.ts'
import type { CheckpointRow, NewTile } from '../store.ts'

/** Tiles and checkpoints. `log` is a number from the log table. */
export class TreeTables {
  readonly #tile
  readonly #putTile
  readonly #byBlock
  readonly #before
  readonly #newest
  readonly #covering
  readonly #dropLarger
  readonly #dropLater
  readonly #insertCheckpoint
  readonly #deleteTile
  readonly #largest
  readonly #deleteCheckpoint
  readonly #deleteOfSize
  readonly #tiles

  constructor(db: WritableDb) {
    const columns = 'SELECT block, size, note FROM checkpoint'
    this.#tile = query<[number, number, number], { hashes: Uint8Array }>(
      db,
      'SELECT hashes FROM tile WHERE log = ? AND level = ? AND idx = ?',
    )
    this.#putTile = command<[number, number, number, Uint8Array]>(
      db,
      `INSERT INTO tile (log, level, idx, hashes) VALUES (?, ?, ?, ?)
       ON CONFLICT (log, level, idx) DO UPDATE SET hashes = excluded.hashes`,
    )
    this.#byBlock = query<[number, number], CheckpointRow>(db, `${columns} WHERE log = ? AND block = ?`)
    this.#before = query<[number, number, number], CheckpointRow>(
      db,
      `${columns} WHERE log = ? AND block < ? ORDER BY block DESC LIMIT ?`,
    )
    this.#newest = query<[number], CheckpointRow>(db, `${columns} WHERE log = ? ORDER BY size DESC LIMIT 1`)
    this.#covering = query<[number, number], CheckpointRow>(
      db,
      `${columns} WHERE log = ? AND size > ? ORDER BY size LIMIT 1`,
    )
    this.#dropLarger = command<[number, number]>(db, 'DELETE FROM checkpoint WHERE log = ? AND size > ?')
    this.#dropLater = command<[number, number]>(db, 'DELETE FROM checkpoint WHERE log = ? AND block >= ?')
    this.#insertCheckpoint = command<[number, number, number, string]>(
      db,
      'INSERT INTO checkpoint (log, block, size, note) VALUES (?, ?, ?, ?)',
    )
    this.#deleteTile = command<[number, number, number]>(db, 'DELETE FROM tile WHERE log = ? AND level = ? AND idx = ?')
    this.#largest = query<[number, number, number], CheckpointRow>(
      db,
      `${columns} WHERE log = ? AND size > ? ORDER BY size DESC LIMIT ?`,
    )
    this.#deleteCheckpoint = command<[number, number]>(db, 'DELETE FROM checkpoint WHERE log = ? AND block = ?')
    this.#deleteOfSize = command<[number, number]>(db, 'DELETE FROM checkpoint WHERE log = ? AND size = ?')
    this.#tiles = query<[number, number, number, number], { index: number }>(
      db,
      'SELECT idx AS "index" FROM tile WHERE log = ? AND level = ? AND idx >= ? ORDER BY idx LIMIT ?',
    )
  }

  tile(log: number, level: number, index: number): Uint8Array | null {
    return this.#tile.get(log, level, index)?.hashes ?? null
  }

  /** Stores a tile; a partial one is replaced by its wider successor. */
  putTile(log: number, tile: NewTile): void {
    this.#putTile(log, tile.level, tile.index, tile.bytes)
  }

  checkpoint(log: number, block: number): CheckpointRow | null {
    return this.#byBlock.get(log, block) ?? null
  }

  checkpoints(log: number, before: number, limit: number): CheckpointRow[] {
    return this.#before.all(log, before, limit)
  }

  newest(log: number): CheckpointRow | null {
    return this.#newest.get(log) ?? null
  }

  covering(log: number, index: number): CheckpointRow | null {
    return this.#covering.get(log, index) ?? null
  }

  /** Deletes rows that claim a larger tree than `size`, or a block from `block` on. */
  dropCheckpointsBeyond(log: number, size: number, block: number): void {
    this.#dropLarger(log, size)
    this.#dropLater(log, block)
  }

  insertCheckpoint(log: number, row: CheckpointRow): void {
    this.#insertCheckpoint(log, row.block, row.size, row.note)
  }

  /** At most `limit` that claim a larger tree than `size`, largest first. */
  larger(log: number, size: number, limit: number): CheckpointRow[] {
    return this.#largest.all(log, size, limit)
  }

  /** Writes over whatever has the block's number or its size: no two rows share either. */
  putCheckpoint(log: number, row: CheckpointRow): void {
    this.#deleteCheckpoint(log, row.block)
    this.#deleteOfSize(log, row.size)
    this.insertCheckpoint(log, row)
  }

  deleteCheckpoint(log: number, block: number): void {
    this.#deleteCheckpoint(log, block)
  }

  /** Indexes of tiles of one level from `from` on, ascending. */
  tilesFrom(log: number, level: number, from: number, limit: number): number[] {
    return this.#tiles.all(log, level, from, limit).map(({ index }) => index)
  }

  deleteTile(log: number, level: number, index: number): void {
    this.#deleteTile(log, level, index)
  }
}
