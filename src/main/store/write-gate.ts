/**
 * The only way into a write transaction, and the one place that decides what a failed one means.
 *
 * @remarks
 * A crash before COMMIT returned leaves the old state or the new one, never a mix: WAL with `synchronous=FULL`
 * syncs the commit frame before COMMIT returns, and recovery drops frames after the last valid commit frame. What
 * the caller was not told to be committed it must look up again after the restart.
 *
 * @packageDocumentation
 */
import type { Database } from 'better-sqlite3'
import { StoreError, storeErrorOf } from './errors.ts'
import type { WritableDb } from './database.ts'

/** Serialises writes on one connection and remembers when its state is no longer known. */
export class WriteGate {
  readonly #db: Database
  readonly #begin
  readonly #commit
  #stateKnown = true

  constructor(db: WritableDb) {
    this.#db = db
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
  }

  /**
   * Runs `body` in one IMMEDIATE transaction and commits it. When it throws, everything is rolled back and its
   * error passes on.
   *
   * @throws {@link StoreError} `STATE_UNKNOWN` from the first failed commit on: nothing more is written through
   * this connection. `DISK_FULL`, `DATA_FOLDER_READ_ONLY`, `DATA_FOLDER_IN_USE`: nothing was written.
   */
  run<Value>(body: () => Value): Value {
    if (!this.#stateKnown) throw new StoreError('STATE_UNKNOWN', 'an earlier write left the state unknown')
    this.#step('beginning a transaction', () => this.#begin.run())
    const value = this.#step('writing', body)
    this.#commitOrFail()
    return value
  }

  #step<Value>(doing: string, body: () => Value): Value {
    try {
      return body()
    } catch (error) {
      this.#rollback()
      const failure = storeErrorOf(error, doing)
      if (failure instanceof StoreError && failure.code === 'STATE_UNKNOWN') this.#stateKnown = false
      throw failure
    }
  }

  #commitOrFail(): void {
    try {
      this.#commit.run()
    } catch (error) {
      this.#rollback()
      const failure = storeErrorOf(error, 'committing')
      // Out of space is the one failed commit whose outcome is known: pages are first written here, the commit frame
      // last, and it was not written whole, so that neither this process nor recovery after a crash can see it.
      // Every other failure may have come after it.
      if (failure instanceof StoreError && failure.code === 'DISK_FULL') throw failure
      this.#stateKnown = false
      throw new StoreError('STATE_UNKNOWN', 'COMMIT failed', { cause: error })
    }
  }

  /** SQLite rolls back by itself after some errors; a second ROLLBACK would hide the first error. */
  #rollback(): void {
    if (!this.#db.inTransaction) return
    try {
      this.#db.exec('ROLLBACK')
    } catch (cause) {
      this.#stateKnown = false
      throw new StoreError('STATE_UNKNOWN', 'ROLLBACK failed', { cause })
    }
  }
}
