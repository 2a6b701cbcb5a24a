/**
 * What the rest of the store may do with a connection: statements that are prepared once, reads kept apart from
 * writes by type, and every failure of SQLite turned into a {@link StoreError}.
 *
 * @packageDocumentation
 */
import type Database from 'better-sqlite3'
import { storeErrorOf } from './errors.ts'

declare const readable: unique symbol
declare const writable: unique symbol

/** A connection that may be read. */
export type ReadableDb = Database.Database & { readonly [readable]: true }
/** A connection that may also be written. Only a {@link WriteGate} body should use one. */
export type WritableDb = ReadableDb & { readonly [writable]: true }

/** What can be bound to a parameter. */
type SqlValue = number | string | Uint8Array | null

/** A statement that reads. */
export interface Query<Params extends SqlValue[], Row> {
  get(...params: Params): Row | undefined
  all(...params: Params): Row[]
}

/** A statement that writes. Replies with the number of rows it changed. */
export type Command<Params extends SqlValue[]> = (...params: Params) => number

/**
 * Prepares a statement that reads. Blobs come back as plain `Uint8Array`, because `Buffer` compares and slices
 * differently.
 */
export function query<Params extends SqlValue[], Row extends object>(db: ReadableDb, sql: string): Query<Params, Row> {
  const statement = db.prepare<SqlValue[], Row>(sql)
  const doing = `running ${sql}`
  return {
    get: (...params) => {
      const row = guarded(doing, () => statement.get(...params))
      return row === undefined ? undefined : withPlainBytes(row)
    },
    all: (...params) => guarded(doing, () => statement.all(...params)).map(withPlainBytes),
  }
}

/** Prepares a statement that reads many rows one by one. Nothing may be written until the last was taken. */
export function scan<Row extends object>(db: ReadableDb, sql: string): () => Generator<Row> {
  const statement = db.prepare<SqlValue[], Row>(sql)
  return function* () {
    try {
      for (const row of statement.iterate()) yield withPlainBytes(row)
    } catch (error) {
      throw storeErrorOf(error, `running ${sql}`)
    }
  }
}

/** Prepares a statement that writes. */
export function command<Params extends SqlValue[]>(db: WritableDb, sql: string): Command<Params> {
  const statement = db.prepare<SqlValue[]>(sql)
  return (...params) => guarded(`running ${sql}`, () => statement.run(...params).changes)
}

/** Runs `body`; failures of SQLite and of the file system leave it as a `StoreError`. */
export function guarded<Value>(doing: string, body: () => Value): Value {
  try {
    return body()
  } catch (error) {
    throw storeErrorOf(error, doing)
  }
}

function withPlainBytes<Row extends object>(row: Row): Row {
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) {
      Object.assign(row, { [column]: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) })
    }
  }
  return row
}
