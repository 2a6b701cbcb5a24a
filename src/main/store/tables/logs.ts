import { command, query, type WritableDb } from '../database.ts'
import type { LogRow } from '../store.ts'

/** Far more logs than a site has, and room for more. */
const MAX_ID = 1_000_000

/** The logs of this replica. They are few and never deleted, so their numbers are kept in memory. */
export class LogTable {
  readonly #all
  readonly #insert
  readonly #idOf = new Map<string, number>()
  readonly #originOf = new Map<number, string>()

  constructor(db: WritableDb) {
    this.#all = query<[], LogRow & { id: number }>(db, 'SELECT id, origin, log_key AS logKey FROM log ORDER BY id')
    this.#insert = command<[number, string, Uint8Array]>(
      db,
      `INSERT INTO log (id, origin, log_key) VALUES (?, ?, ?)
       ON CONFLICT (origin) DO UPDATE SET log_key = excluded.log_key`,
    )
    this.reload()
  }

  all(): LogRow[] {
    return this.#all.all().map(({ origin, logKey }) => ({ origin, logKey }))
  }

  /** Inserts a log, or sets its key: what stood there came from the file. Must run inside a transaction, and {@link reload} after it. */
  insert(origin: string, logKey: Uint8Array): void {
    this.#insert(this.#nextId(), origin, logKey)
  }

  /** A made-up row must not use up the numbers: a position in the tables has room for 23 bits of them. */
  #nextId(): number {
    return 1 + Math.max(0, ...[...this.#originOf.keys()].filter((id) => id > 0 && id <= MAX_ID))
  }

  /** Reads the numbers of all logs again. */
  reload(): void {
    for (const { id, origin } of this.#all.all()) {
      this.#idOf.set(origin, id)
      this.#originOf.set(id, origin)
    }
  }

  /** Numbers of all logs. */
  ids(): number[] {
    return [...this.#originOf.keys()]
  }

  /** The log's number, undefined for a log that is not here. */
  idOf(origin: string): number | undefined {
    return this.#idOf.get(origin)
  }

  /** The origin of a log number found in an index table; undefined when the row points nowhere. */
  originOf(id: number): string | undefined {
    return this.#originOf.get(id)
  }
}
