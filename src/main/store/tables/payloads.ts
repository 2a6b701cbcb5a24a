import { command, query, type WritableDb } from '../database.ts'
import type { NewEpochKey, StoredEpochKey, StoredPayload } from '../store.ts'
import { END_OF_LOG, POSITION_OF } from './entry-position.ts'

/** What lies beside the log: sealed resources and sealed epoch keys. */
export class PayloadTables {
  readonly #payload
  readonly #insertPayload
  readonly #epochKeys
  readonly #keySubjects
  readonly #insertEpochKey
  readonly #places
  readonly #putPayload
  readonly #deletePayload
  readonly #putEpochKey
  readonly #deleteEpochKey

  constructor(db: WritableDb) {
    this.#payload = query<[number, number], StoredPayload>(
      db,
      `SELECT ciphertext, wrapped_key AS wrappedKey, salt FROM payload WHERE pos = ${POSITION_OF}`,
    )
    this.#insertPayload = command<[number, number, Uint8Array, Uint8Array, Uint8Array]>(
      db,
      `INSERT INTO payload (pos, ciphertext, wrapped_key, salt) VALUES (${POSITION_OF}, ?, ?, ?)`,
    )
    this.#epochKeys = query<[Uint8Array], StoredEpochKey>(
      db,
      'SELECT epoch, recipient, log, sealed FROM epoch_key WHERE subject = ? ORDER BY epoch, recipient, log',
    )
    this.#keySubjects = query<[], { subject: Uint8Array }>(
      db,
      'SELECT DISTINCT subject FROM epoch_key ORDER BY subject',
    )
    this.#insertEpochKey = command<[Uint8Array, number, Uint8Array, string, Uint8Array]>(
      db,
      'INSERT INTO epoch_key (subject, epoch, recipient, log, sealed) VALUES (?, ?, ?, ?, ?)',
    )
    this.#places = query<[number, number, number, number], { index: number }>(
      db,
      `SELECT idx AS "index" FROM payload WHERE pos >= ${POSITION_OF} AND pos < ${END_OF_LOG} ORDER BY pos LIMIT ?`,
    )
    this.#putPayload = command<[number, number, Uint8Array, Uint8Array, Uint8Array]>(
      db,
      `INSERT OR REPLACE INTO payload (pos, ciphertext, wrapped_key, salt) VALUES (${POSITION_OF}, ?, ?, ?)`,
    )
    this.#deletePayload = command<[number, number]>(db, `DELETE FROM payload WHERE pos = ${POSITION_OF}`)
    this.#putEpochKey = command<[Uint8Array, number, Uint8Array, string, Uint8Array]>(
      db,
      'INSERT OR REPLACE INTO epoch_key (subject, epoch, recipient, log, sealed) VALUES (?, ?, ?, ?, ?)',
    )
    this.#deleteEpochKey = command<[Uint8Array, number, Uint8Array, string]>(
      db,
      'DELETE FROM epoch_key WHERE subject = ? AND epoch = ? AND recipient = ? AND log = ?',
    )
  }

  payload(log: number, index: number): StoredPayload | null {
    return this.#payload.get(log, index) ?? null
  }

  insertPayload(log: number, index: number, payload: StoredPayload): void {
    this.#insertPayload(log, index, payload.ciphertext, payload.wrappedKey, payload.salt)
  }

  epochKeys(subject: Uint8Array): StoredEpochKey[] {
    return this.#epochKeys.all(subject)
  }

  keySubjects(): Uint8Array[] {
    return this.#keySubjects.all().map(({ subject }) => subject)
  }

  insertEpochKey(key: NewEpochKey): void {
    this.#insertEpochKey(key.subject, key.epoch, key.recipient, key.log, key.sealed)
  }

  /** Indexes of entries from `from` on that have a row, ascending. */
  places(log: number, from: number, limit: number): number[] {
    return this.#places.all(log, from, log, limit).map(({ index }) => index)
  }

  /** Writes over what stands there. */
  putPayload(log: number, index: number, payload: StoredPayload): void {
    this.#putPayload(log, index, payload.ciphertext, payload.wrappedKey, payload.salt)
  }

  deletePayload(log: number, index: number): void {
    this.#deletePayload(log, index)
  }

  putEpochKey(key: NewEpochKey): void {
    this.#putEpochKey(key.subject, key.epoch, key.recipient, key.log, key.sealed)
  }

  deleteEpochKey({ subject, epoch, recipient, log }: Omit<NewEpochKey, 'sealed'>): void {
    this.#deleteEpochKey(subject, epoch, recipient, log)
  }
}
