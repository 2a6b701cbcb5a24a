import { command, query, type WritableDb } from '../database.ts'
import type { EvidenceRow } from '../store.ts'

/** Fork proofs. Few, and never deleted: only what proves nothing is moved to quarantine. */
export class EvidenceTable {
  readonly #all
  readonly #of
  readonly #insert
  readonly #delete

  constructor(db: WritableDb) {
    const columns = 'SELECT id, origin, text, received_at AS receivedAtMs FROM evidence'
    this.#all = query<[], EvidenceRow>(db, `${columns} ORDER BY origin, received_at`)
    this.#of = query<[string], EvidenceRow>(db, `${columns} WHERE origin = ? ORDER BY received_at`)
    this.#insert = command<[Uint8Array, string, string, number]>(
      db,
      'INSERT INTO evidence (id, origin, text, received_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    )
    this.#delete = command<[Uint8Array]>(db, 'DELETE FROM evidence WHERE id = ?')
  }

  all(): EvidenceRow[] {
    return this.#all.all()
  }

  of(origin: string): EvidenceRow[] {
    return this.#of.all(origin)
  }

  insert(row: EvidenceRow): void {
    this.#insert(row.id, row.origin, row.text, row.receivedAtMs)
  }

  delete(id: Uint8Array): void {
    this.#delete(id)
  }
}
