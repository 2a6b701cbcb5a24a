import { command, query, type WritableDb } from '../database.ts'
import type { NewEpochKey, StoredPayload } from '../store.ts'
import { POSITION_OF } from './entry-position.ts'

/** What lies beside the log: sealed resources and sealed epoch keys. */
export class PayloadTables {
  readonly #payload
  readonly #insertPayload
  readonly #epochKeys
  readonly #insertEpochKey

  constructor(db: WritableDb) {
    this.#payload = query<[number, number], StoredPayload>(
      db,
      `SELECT ciphertext, wrapped_key AS wrappedKey, salt FROM payload WHERE pos = ${POSITION_OF}`,
    )
    this.#insertPayload = command<[number, number, Uint8Array, Uint8Array, Uint8Array]>(
      db,
      `INSERT INTO payload (pos, ciphertext, wrapped_key, salt) VALUES (${POSITION_OF}, ?, ?, ?)`,
    )
    this.#epochKeys = query<[Uint8Array], { epoch: number; recipient: Uint8Array; sealed: Uint8Array }>(
      db,
      'SELECT epoch, recipient, sealed FROM epoch_key WHERE subject = ? ORDER BY epoch, recipient',
    )
    this.#insertEpochKey = command<[Uint8Array, number, Uint8Array, Uint8Array]>(
      db,
      'INSERT INTO epoch_key (subject, epoch, recipient, sealed) VALUES (?, ?, ?, ?)',
    )
  }

  payload(log: number, index: number): StoredPayload | null {
    return this.#payload.get(log, index) ?? null
  }

  insertPayload(log: number, index: number, payload: StoredPayload): void {
    this.#insertPayload(log, index, payload.ciphertext, payload.wrappedKey, payload.salt)
  }

  epochKeys(subject: Uint8Array): { epoch: number; recipient: Uint8Array; sealed: Uint8Array }[] {
    return this.#epochKeys.all(subject)
  }

  insertEpochKey(key: NewEpochKey): void {
    this.#insertEpochKey(key.subject, key.epoch, key.recipient, key.sealed)
  }
}
