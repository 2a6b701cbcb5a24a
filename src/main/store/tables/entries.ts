import { command, query, type WritableDb } from '../database.ts'
import { StoreError } from '../errors.ts'
import { END_OF_LOG, POSITION_OF } from './entry-position.ts'

/** The bytes of entries. `log` is a number from the log table. */
export class EntryTable {
  readonly #one
  readonly #page
  readonly #last
  readonly #insert
  readonly #put
  readonly #delete

  constructor(db: WritableDb) {
    this.#one = query<[number, number], { bytes: Uint8Array }>(db, `SELECT bytes FROM entry WHERE pos = ${POSITION_OF}`)
    this.#page = query<[number, number, number, number], { index: number; bytes: Uint8Array }>(
      db,
      `SELECT idx AS "index", bytes FROM entry WHERE pos >= ${POSITION_OF} AND pos < ${END_OF_LOG} ORDER BY pos LIMIT ?`,
    )
    this.#last = query<[number, number, number], { index: number }>(
      db,
      `SELECT idx AS "index" FROM entry WHERE pos >= ${POSITION_OF} AND pos < ${END_OF_LOG} ORDER BY pos DESC LIMIT 1`,
    )
    this.#insert = command<[number, number, Uint8Array]>(
      db,
      `INSERT INTO entry (pos, bytes) VALUES (${POSITION_OF}, ?)`,
    )
    this.#put = command<[number, number, Uint8Array]>(
      db,
      `INSERT INTO entry (pos, bytes) VALUES (${POSITION_OF}, ?) ON CONFLICT (pos) DO UPDATE SET bytes = excluded.bytes`,
    )
    this.#delete = command<[number, number]>(db, `DELETE FROM entry WHERE pos = ${POSITION_OF}`)
  }

  get(log: number, index: number): Uint8Array | null {
    return this.#one.get(log, index)?.bytes ?? null
  }

  /** @throws {@link StoreError} `DATABASE_DAMAGED` when the rows do not ascend. */
  page(log: number, from: number, limit: number): { index: number; bytes: Uint8Array }[] {
    const rows = this.#page.all(log, from, log, limit)
    let next = from
    for (const { index } of rows) {
      // The keys of a damaged tree need not ascend, and whoever walks the log would walk in circles.
      if (index < next) throw new StoreError('DATABASE_DAMAGED', `entry ${index} stands after ${next - 1}`)
      next = index + 1
    }
    return rows
  }

  /** One past the highest index stored. */
  count(log: number): number {
    const last = this.#last.get(log, 0, log)
    return last === undefined ? 0 : last.index + 1
  }

  insert(log: number, index: number, bytes: Uint8Array): void {
    this.#insert(log, index, bytes)
  }

  /** Writes over what stands there. */
  put(log: number, index: number, bytes: Uint8Array): void {
    this.#put(log, index, bytes)
  }

  delete(log: number, index: number): void {
    this.#delete(log, index)
  }
}
