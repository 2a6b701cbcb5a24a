/**
 * Why the store cannot do what it was asked, and how SQLite's and the file system's answers map to that.
 *
 * @packageDocumentation
 */
import { SqliteError } from 'better-sqlite3'
import { CodedError } from '../../shared/errors.ts'

/** Expected failures of the store. Each needs a different screen. */
export type StoreErrorCode =
  | 'DATABASE_DAMAGED' // missing, not an SQLite database of ours, a page cannot be read, or rows contradict each other
  | 'DATABASE_EXISTS' // asked to create one where one, or the journal of one, already is
  | 'DATABASE_NEWER' // written by a newer Chartseal
  | 'DATA_FOLDER_READ_ONLY'
  | 'DATA_FOLDER_IN_USE' // another program holds the folder or the database
  | 'DISK_FULL' // nothing was written
  | 'STATE_UNKNOWN' // a commit may or may not have happened, or the database is not what the caller last saw: stop and reload
  | 'DUPLICATE_ENTRY' // an entry with this id is already stored; nothing was written

/** A failure of the store. The message holds no data, only what was attempted and SQLite's code. */
export class StoreError extends CodedError<StoreErrorCode> {}

/** First match wins: extended codes stand before their families. */
const CODE_OF_SQLITE: readonly (readonly [prefix: string, code: StoreErrorCode])[] = [
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_READONLY_DBMOVED', 'STATE_UNKNOWN'],
  ['SQLITE_READONLY', 'DATA_FOLDER_READ_ONLY'],
  ['SQLITE_CANTOPEN', 'DATA_FOLDER_READ_ONLY'],
  ['SQLITE_PERM', 'DATA_FOLDER_READ_ONLY'],
  ['SQLITE_BUSY', 'DATA_FOLDER_IN_USE'],
  ['SQLITE_LOCKED', 'DATA_FOLDER_IN_USE'],
  ['SQLITE_PROTOCOL', 'DATA_FOLDER_IN_USE'],
  ['SQLITE_CORRUPT', 'DATABASE_DAMAGED'],
  ['SQLITE_NOTADB', 'DATABASE_DAMAGED'],
  ['SQLITE_TOOBIG', 'DATABASE_DAMAGED'],
  // Our statements break no constraint over rows that we wrote.
  ['SQLITE_CONSTRAINT', 'DATABASE_DAMAGED'],
  ['SQLITE_IOERR_READ', 'DATABASE_DAMAGED'],
  ['SQLITE_IOERR_SHORT_READ', 'DATABASE_DAMAGED'],
  ['SQLITE_IOERR_CORRUPTFS', 'DATABASE_DAMAGED'],
  ['SQLITE_IOERR', 'STATE_UNKNOWN'],
]

const CODE_OF_ERRNO: Readonly<Record<string, StoreErrorCode>> = {
  EACCES: 'DATA_FOLDER_READ_ONLY',
  EPERM: 'DATA_FOLDER_READ_ONLY',
  EROFS: 'DATA_FOLDER_READ_ONLY',
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
}

/**
 * The failure that `error` stands for; anything that is not one (our own bug, an error of a callback) unchanged.
 *
 * @param error - Whatever was thrown.
 * @param doing - What was attempted, for the log.
 */
export function storeErrorOf(error: unknown, doing: string): unknown {
  const code = error instanceof SqliteError ? sqliteCode(error.code) : CODE_OF_ERRNO[errnoOf(error)]
  if (code === undefined) return error
  const named = (error as { code: string }).code
  return new StoreError(code, `${named} while ${doing}`, { cause: error })
}

function sqliteCode(code: string): StoreErrorCode | undefined {
  return CODE_OF_SQLITE.find(([prefix]) => code.startsWith(prefix))?.[1]
}

function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}
