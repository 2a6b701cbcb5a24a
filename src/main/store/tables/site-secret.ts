import { command, query, type WritableDb } from '../database.ts'

/** The site's secrets, sealed to its recovery key: one row. */
export class SiteSecretTable {
  readonly #get
  readonly #put

  constructor(db: WritableDb) {
    this.#get = query<[], { sealed: Uint8Array }>(db, 'SELECT sealed FROM site_secret WHERE id = 1')
    this.#put = command<[Uint8Array]>(db, 'INSERT OR REPLACE INTO site_secret (id, sealed) VALUES (1, ?)')
  }

  get(): Uint8Array | null {
    return this.#get.get()?.sealed ?? null
  }

  put(sealed: Uint8Array): void {
    this.#put(sealed)
  }
}
