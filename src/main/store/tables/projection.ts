import { command, query, type WritableDb } from '../database.ts'
import type { ProjectionRow } from '../store.ts'

/** Up to which entry the index tables were compared with the entries, and the digest of their rows. */
export class ProjectionTable {
  readonly #get
  readonly #put

  constructor(db: WritableDb) {
    this.#get = query<[number], ProjectionRow>(db, 'SELECT size, digest FROM projection WHERE log = ?')
    this.#put = command<[number, number, Uint8Array]>(
      db,
      `INSERT INTO projection (log, size, digest) VALUES (?, ?, ?)
       ON CONFLICT (log) DO UPDATE SET size = excluded.size, digest = excluded.digest`,
    )
  }

  get(log: number): ProjectionRow | null {
    return this.#get.get(log) ?? null
  }

  put(log: number, { size, digest }: ProjectionRow): void {
    this.#put(log, size, digest)
  }
}
