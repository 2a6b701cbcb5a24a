/**
 * Opens a replica's database for those who only look: auditors, exports. Nothing is ever written to it.
 *
 * @remarks
 * SQLite would leave files beside a database that is at rest, and cannot read one on read-only media, so such a file is
 * copied and the copy is read. A database with a write-ahead log is in use, or was when its process ended: it is read in
 * place, in one transaction, so that a running Chartseal is neither seen half way nor held up.
 *
 * @packageDocumentation
 */
import Database from 'better-sqlite3'
import { accessSync, constants, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { guarded, query, type Query, type WritableDb } from './database.ts'
import { StoreError } from './errors.ts'
import { MIGRATIONS } from './migrations/migrate.ts'
import { requireOurs, requireSchema } from './open.ts'
import { writeSnapshot } from './snapshot.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { CosignatureRow, StoreReader, SubjectEntry } from './store.ts'

/** Tables whose rows an auditor counts. */
export type CountedTable = 'entry' | 'payload' | 'tile' | 'checkpoint' | 'entry_id' | 'subject_entry'

/** A replica that can only be read. */
export interface ReplicaFile {
  /** What is wrong with the schema; then {@link ReplicaFile.reader} cannot be had, because a view may lie. */
  readonly schemaProblem: string | null
  readonly reader: StoreReader
  /** Findings of SQLite's full check, and rows that refer to none; at most 100 each. */
  integrity(): string[]
  count(table: CountedTable): number
  /** Whether the index of subjects has exactly this row. */
  hasSubjectEntry(subject: Uint8Array, row: SubjectEntry): boolean
  /** Whether any row of an index leads to the log: to a log that is written here. */
  hasIndex(origin: string): boolean
  /** In order of size. */
  cosignatures(origin: string): CosignatureRow[]
  /** See {@link Store.snapshot}. */
  snapshot(file: string): void
  close(): void
}

/**
 * Opens a replica for reading.
 *
 * @param file - Path of the database.
 * @throws {@link StoreError} `DATABASE_DAMAGED` when it is missing, not ours, or of an older version; `DATABASE_NEWER`;
 * `DATA_FOLDER_READ_ONLY` when it may not be read.
 */
export function openReadOnly(file: string): ReplicaFile {
  return guarded('opening the database to read it', () => {
    if (!existsSync(file) || !statSync(file).isFile()) {
      throw new StoreError('DATABASE_DAMAGED', 'there is no such database file')
    }
    const { path, discard } = readablePath(file)
    try {
      return new OpenReplica(connect(path), discard)
    } catch (error) {
      discard()
      throw error
    }
  })
}

/** Where the database can be read without a trace. */
function readablePath(file: string): { path: string; discard: () => void } {
  if (existsSync(`${file}-wal`) && mayWrite(dirname(file))) return { path: file, discard: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-read-'))
  const path = join(folder, basename(file))
  const discard = () => {
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const suffix of ['', '-wal']) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, path + suffix, constants.COPYFILE_FICLONE)
    }
    return { path, discard }
  } catch (error) {
    discard()
    throw error
  }
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function connect(path: string): WritableDb {
  const db = new Database(path, { readonly: true, fileMustExist: true }) as WritableDb
  try {
    requireOurs(db)
    const version = Number(db.pragma('user_version', { simple: true }))
    if (version > MIGRATIONS.length) throw new StoreError('DATABASE_NEWER', `schema version ${version}`)
    if (version < MIGRATIONS.length) {
      throw new StoreError(
        'DATABASE_DAMAGED',
        `schema version ${version} of an older Chartseal: open it once with this one`,
      )
    }
    db.pragma('trusted_schema = OFF')
    db.pragma('cell_size_check = ON')
    db.exec('BEGIN')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

class OpenReplica implements ReplicaFile {
  readonly schemaProblem: string | null
  readonly #db: WritableDb
  readonly #discard: () => void
  #reader: StoreReader | null = null
  #subjectEntry: Query<[Uint8Array, number, string, number, string], { found: number }> | null = null

  constructor(db: WritableDb, discard: () => void) {
    this.#db = db
    this.#discard = discard
    this.schemaProblem = schemaProblem(db)
  }

  get reader(): StoreReader {
    this.#reader ??= new SqliteStore(this.#db)
    return this.#reader
  }

  integrity(): string[] {
    return guarded('checking the file', () => {
      const pages = this.#db.pragma('integrity_check(100)') as { integrity_check: string }[]
      const lost = this.#db.pragma('foreign_key_check') as { table: string; rowid: number | null }[]
      return [
        ...pages.map((row) => row.integrity_check).filter((finding) => finding !== 'ok'),
        ...lost
          .slice(0, 100)
          .map(({ table, rowid }) => `row ${rowid ?? '?'} of ${table} refers to a log that is not here`),
      ]
    })
  }

  count(table: CountedTable): number {
    return query<[], { n: number }>(this.#db, `SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0
  }

  hasSubjectEntry(subject: Uint8Array, { seq, origin, index, type }: SubjectEntry): boolean {
    this.#subjectEntry ??= query(
      this.#db,
      `SELECT 1 AS found FROM subject_entry s JOIN log l ON l.id = s.log
       WHERE s.subject = ? AND s.seq = ? AND l.origin = ? AND s.idx = ? AND s.type = ?`,
    )
    return this.#subjectEntry.get(subject, seq, origin, index, type) !== undefined
  }

  hasIndex(origin: string): boolean {
    const rows = (table: string) => `EXISTS (SELECT 1 FROM ${table} i JOIN log l ON l.id = i.log WHERE l.origin = ?)`
    const either = `SELECT ${rows('entry_id')} OR ${rows('subject_entry')} AS found`
    return query<[string, string], { found: number }>(this.#db, either).get(origin, origin)?.found === 1
  }

  cosignatures(origin: string): CosignatureRow[] {
    return query<[string], CosignatureRow>(
      this.#db,
      `SELECT c.size, c.name, c.line FROM cosignature c JOIN log l ON l.id = c.log WHERE l.origin = ? ORDER BY c.size, c.name`,
    ).all(origin)
  }

  snapshot(file: string): void {
    // A snapshot is a transaction of its own.
    this.#db.exec('COMMIT')
    writeSnapshot(this.#db, file)
    this.#db.exec('BEGIN')
  }

  close(): void {
    this.#db.close()
    this.#discard()
  }
}

function schemaProblem(db: WritableDb): string | null {
  try {
    requireSchema(db)
    return null
  } catch (error) {
    if (error instanceof StoreError) return error.message
    throw error
  }
}
