import { command, query, type WritableDb } from '../database.ts'
import type { OutboxRow, TrayRow } from '../store.ts'

/** What waits outside the log: the unassigned tray and the outbox. */
export class QueueTables {
  readonly #tray
  readonly #insertTray
  readonly #deleteTray
  readonly #outbox
  readonly #insertOutbox
  readonly #deleteOutbox

  constructor(db: WritableDb) {
    this.#tray = query<[], TrayRow>(
      db,
      'SELECT id, received_at AS receivedAtMs, reason, sealed FROM tray ORDER BY received_at, id',
    )
    this.#insertTray = command<[Uint8Array, number, string, Uint8Array]>(
      db,
      `INSERT INTO tray (id, received_at, reason, sealed) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET received_at = excluded.received_at, reason = excluded.reason, sealed = excluded.sealed`,
    )
    this.#deleteTray = command<[Uint8Array]>(db, 'DELETE FROM tray WHERE id = ?')
    this.#outbox = query<[], OutboxRow>(
      db,
      'SELECT id, queued_at AS queuedAtMs, sealed FROM outbox ORDER BY queued_at, id',
    )
    this.#insertOutbox = command<[Uint8Array, number, Uint8Array]>(
      db,
      'INSERT INTO outbox (id, queued_at, sealed) VALUES (?, ?, ?)',
    )
    this.#deleteOutbox = command<[Uint8Array]>(db, 'DELETE FROM outbox WHERE id = ?')
  }

  tray(): TrayRow[] {
    return this.#tray.all()
  }

  insertTray(row: TrayRow): void {
    this.#insertTray(row.id, row.receivedAtMs, row.reason, row.sealed)
  }

  deleteTray(ids: readonly Uint8Array[]): void {
    for (const id of ids) this.#deleteTray(id)
  }

  outbox(): OutboxRow[] {
    return this.#outbox.all()
  }

  insertOutbox(row: OutboxRow): void {
    this.#insertOutbox(row.id, row.queuedAtMs, row.sealed)
  }

  deleteOutbox(ids: readonly Uint8Array[]): void {
    for (const id of ids) this.#deleteOutbox(id)
  }
}
