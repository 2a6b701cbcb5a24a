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
}
