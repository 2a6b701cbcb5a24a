/**
 * Opens or creates the replica's database, and refuses one that could lose what it was told to keep.
 *
 * @packageDocumentation
 */
import Database from 'better-sqlite3'
import { accessSync, closeSync, constants, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { assert } from '../../shared/errors.ts'
import { guarded, type WritableDb } from './database.ts'
import { StoreError } from './errors.ts'
import { migrate } from './migrations/migrate.ts'
import { syncPath } from './sync-path.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { Store } from './store.ts'

/** A kind of database: what marks its file, for `file(1)` and for us, and what makes its tables. */
export interface DatabaseKind {
  readonly applicationId: number
  /** Brings the tables to the newest version. */
  readonly migrate: (db: WritableDb) => void
}

/** "Chsl": the replica. */
const LEDGER: DatabaseKind = { applicationId: 0x4368736c, migrate: (db) => migrate(db) }
/** A full tile of 256 hashes is 8192 bytes: measured as the best size for tiles, and better for entries than 4096. */
const PAGE_SIZE = 8192
/** Only this process writes; a short wait covers a reader that is checkpointing. */
const BUSY_TIMEOUT_MS = 500

/**
 * Settings of every connection, with the value each must read back as. better-sqlite3 is compiled so that WAL
 * silently means `synchronous=NORMAL`, which does not sync commits: hence set, and read back, on every open.
 */
const SETTINGS: readonly (readonly [name: string, value: string, readBack: string | number])[] = [
  ['journal_mode', 'WAL', 'wal'],
  ['synchronous', 'FULL', 2],
  ['fullfsync', 'ON', 1],
  ['checkpoint_fullfsync', 'ON', 1],
  ['foreign_keys', 'ON', 1],
  ['secure_delete', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['cell_size_check', 'ON', 1],
  ['temp_store', 'MEMORY', 2],
]

/** How to open the database. */
export interface OpenOptions {
  /** `create` makes a new one and refuses to touch an old one; `existing` never makes one. */
  readonly mode: 'create' | 'existing'
  /** Size limit in pages of 8 KiB, beyond which writing fails with `DISK_FULL`. Unlimited when left out. */
  readonly maxPages?: number
}

/**
 * Opens the store.
 *
 * @param file - Path of the database; its folder exists.
 * @throws {@link StoreError} `DATABASE_DAMAGED` when it is missing or not ours, `DATABASE_NEWER`, `DATABASE_EXISTS`,
 * `DATA_FOLDER_READ_ONLY`, `DATA_FOLDER_IN_USE`, `DISK_FULL`.
 */
export function openStore(file: string, options: OpenOptions): Store {
  return openDatabase(file, options, LEDGER, (db) => new SqliteStore(db))
}

/**
 * Opens or creates a database of ours, whatever its tables are.
 *
 * @param use - Takes the connection over; when it throws, the connection is closed.
 * @throws {@link StoreError} as {@link openStore}.
 */
export function openDatabase<Opened>(
  file: string,
  options: OpenOptions,
  kind: DatabaseKind,
  use: (db: WritableDb) => Opened,
): Opened {
  return guarded('opening the database', () => {
    if (options.mode === 'create') createDatabase(file, kind)
    requireWritable(file)
    const db = new Database(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS }) as WritableDb
    try {
      requireOurs(db, kind)
      configure(db)
      kind.migrate(db)
      requireSchema(db, kind)
      requireDurable(db)
      if (options.maxPages !== undefined) db.pragma(`max_page_count = ${options.maxPages}`)
      return use(db)
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/**
 * Builds the database under another name and renames it: under its own name it is whole from the first moment, so
 * that an empty file there is damage and never "a new one".
 */
function createDatabase(file: string, { applicationId, migrate: makeTables }: DatabaseKind): void {
  const names = [file, `${file}-wal`, `${file}-journal`]
  if (names.some((name) => existsSync(name))) throw new StoreError('DATABASE_EXISTS', 'refusing to replace a database')
  const draft = `${file}.new`
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(draft + suffix, { force: true })
  closeSync(openSync(draft, 'wx', 0o600)) // the write-ahead log inherits the mode
  const db = new Database(draft) as WritableDb
  try {
    db.pragma(`page_size = ${PAGE_SIZE}`)
    db.pragma(`application_id = ${applicationId}`)
    configure(db)
    makeTables(db)
  } finally {
    db.close()
  }
  syncPath(draft)
  renameSync(draft, file)
  if (process.platform !== 'win32') syncPath(dirname(file))
}

/** SQLite would open a file it may not write read-only, and fail at the first append instead of now. */
function requireWritable(file: string): void {
  accessSync(dirname(file), constants.R_OK | constants.W_OK)
  if (!existsSync(file)) throw new StoreError('DATABASE_DAMAGED', 'the database file is missing')
  accessSync(file, constants.R_OK | constants.W_OK)
}

/**
 * Refuses a file of another program.
 *
 * @throws {@link StoreError} `DATABASE_DAMAGED`.
 */
export function requireOurs(db: WritableDb, { applicationId } = LEDGER): void {
  const id = db.pragma('application_id', { simple: true })
  if (id !== applicationId) throw new StoreError('DATABASE_DAMAGED', 'the file is not a Chartseal database')
}

function configure(db: WritableDb): void {
  for (const [name, value] of SETTINGS) db.pragma(`${name} = ${value}`)
}

/**
 * Nothing may hide in the schema: no trigger that edits on insert, no view in place of a table.
 *
 * @throws {@link StoreError} `DATABASE_DAMAGED`.
 */
export function requireSchema(db: WritableDb, kind = LEDGER): void {
  const model = new Database(':memory:') as WritableDb
  try {
    kind.migrate(model)
    if (schemaOf(db) !== schemaOf(model)) throw new StoreError('DATABASE_DAMAGED', 'the schema is not the one we made')
  } finally {
    model.close()
  }
}

function schemaOf(db: WritableDb): string {
  return JSON.stringify(db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all())
}

/** Some settings fail without an error, on a file system without shared memory for example. */
function requireDurable(db: WritableDb): void {
  for (const [name, , expected] of SETTINGS) {
    assert(db.pragma(name, { simple: true }) === expected, `SQLite keeps ${name}`)
  }
}
