import { command, query, type WritableDb } from '../database.ts'
import type { CosignatureRow } from '../store.ts'

/** Cosignatures under checkpoints: one line of a cosigner for each size. `log` is a number from the log table. */
export class CosignatureTable {
  readonly #newest
  readonly #at
  readonly #by
  readonly #put
  readonly #after
  readonly #delete

  constructor(db: WritableDb) {
    const columns = 'SELECT size, name, line FROM cosignature'
    this.#newest = query<[number, number, number], CosignatureRow>(
      db,
      `${columns} WHERE log = ? AND size > ? ORDER BY size DESC, name DESC LIMIT ?`,
    )
    this.#at = query<[number, number], CosignatureRow>(db, `${columns} WHERE log = ? AND size = ? ORDER BY name`)
    this.#by = query<[number, string, number, number], CosignatureRow>(
      db,
      `${columns} WHERE log = ? AND name = ? AND size < ? ORDER BY size DESC LIMIT ?`,
    )
    this.#put = command<[number, number, string, string]>(
      db,
      `INSERT INTO cosignature (log, size, name, line) VALUES (?, ?, ?, ?)
       ON CONFLICT (log, size, name) DO UPDATE SET line = excluded.line`,
    )
    this.#after = query<[number, number, string, number], CosignatureRow>(
      db,
      `${columns} WHERE log = ? AND (size, name) > (?, ?) ORDER BY size, name LIMIT ?`,
    )
    this.#delete = command<[number, number, string]>(
      db,
      'DELETE FROM cosignature WHERE log = ? AND size = ? AND name = ?',
    )
  }

  /** Largest size first, above `above`. */
  newest(log: number, above: number, limit: number): CosignatureRow[] {
    return this.#newest.all(log, above, limit)
  }

  at(log: number, size: number): CosignatureRow[] {
    return this.#at.all(log, size)
  }

  /** Of one cosigner, largest size first, below `below`. */
  by(log: number, name: string, below: number, limit: number): CosignatureRow[] {
    return this.#by.all(log, name, below, limit)
  }

  put(log: number, row: CosignatureRow): void {
    this.#put(log, row.size, row.name, row.line)
  }

  /** Smallest size first, then by name, after a place or from the first. */
  after(log: number, place: Pick<CosignatureRow, 'size' | 'name'> | null, limit: number): CosignatureRow[] {
    return this.#after.all(log, place?.size ?? Number.MIN_SAFE_INTEGER, place?.name ?? '', limit)
  }

  delete(log: number, { size, name }: CosignatureRow): void {
    this.#delete(log, size, name)
  }
}
