import Database from 'better-sqlite3'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { ReadableDb } from '../../../src/main/store/database.ts'
import { openStore } from '../../../src/main/store/open.ts'
import { SqliteStore } from '../../../src/main/store/sqlite-store.ts'
import { appendNumbers, codeOf, newStore, ORIGIN, temporaryFolder } from './fixtures.ts'

/** A closed database with one block. */
function closedDatabase(): string {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, 1, 2)
  store.close()
  return file
}

/** Runs SQL on a closed database, as somebody with a copy of sqlite3 could. */
function tamper(file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

const open = (file: string) => () => openStore(file, { mode: 'existing' }).close()

/** The connection of the store that `body` opens, seen through the one constructor it passes through. */
function connectionOf(body: () => SqliteStore): ReadableDb {
  const seen: ReadableDb[] = []
  const pragma = Database.prototype.pragma
  Database.prototype.pragma = function (this: ReadableDb, ...args: Parameters<typeof pragma>) {
    seen.push(this)
    return pragma.apply(this, args)
  }
  try {
    body()
  } finally {
    Database.prototype.pragma = pragma
  }
  const db = seen.find((candidate) => candidate.name.endsWith('ledger.db'))
  if (db === undefined) throw new Error('no connection was opened')
  return db
}

it('syncs every commit, also after a write and in a connection opened again', () => {
  const file = closedDatabase()
  for (let round = 0; round < 2; round++) {
    let store: SqliteStore | undefined
    const db = connectionOf(() => (store = openStore(file, { mode: 'existing' }) as SqliteStore))
    const settings = () =>
      ['journal_mode', 'synchronous', 'foreign_keys', 'secure_delete', 'trusted_schema', 'cell_size_check'].map(
        (name) => db.pragma(name, { simple: true }),
      )
    expect(settings()).toEqual(['wal', 2, 1, 1, 0, 1])
    if (store !== undefined) appendNumbers(store, 10 + round)
    expect(settings()).toEqual(['wal', 2, 1, 1, 0, 1])
    store?.close()
  }
})

it('shows why: without an explicit setting the same library stops syncing commits after the first write', () => {
  const file = closedDatabase()
  const db = new Database(file)
  db.exec("INSERT INTO tray VALUES (x'00', 0, 'x', x'00')")
  expect(db.pragma('synchronous', { simple: true })).toBe(1)
  db.close()
})

it('never makes a database that is missing', () => {
  const folder = temporaryFolder()
  expect(codeOf(open(join(folder, 'ledger.db')))).toBe('DATABASE_DAMAGED')
  expect(readdirSync(folder)).toEqual([])
})

it('never replaces a database, or the journal of one', () => {
  const file = closedDatabase()
  const before = readFileSync(file)
  const create = () => openStore(file, { mode: 'create' })
  expect(codeOf(create)).toBe('DATABASE_EXISTS')
  expect(readFileSync(file).equals(before)).toBe(true)
  const other = join(temporaryFolder(), 'ledger.db')
  writeFileSync(`${other}-wal`, 'left over')
  expect(codeOf(() => openStore(other, { mode: 'create' }))).toBe('DATABASE_EXISTS')
})

it('makes a database in spite of what a crash left of an earlier attempt', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  for (const suffix of ['', '-wal', '-shm']) writeFileSync(`${file}.new${suffix}`, 'half')
  newStore(file)
  expect(existsSync(`${file}.new`)).toBe(false)
})

it.each([
  ['empty', new Uint8Array(0)],
  ['a text', new TextEncoder().encode('not a database'.repeat(1000))],
  ['zeros', new Uint8Array(16384)],
])('refuses a file that is %s', (_title, content) => {
  const file = join(temporaryFolder(), 'ledger.db')
  writeFileSync(file, content)
  expect(codeOf(open(file))).toBe('DATABASE_DAMAGED')
})

it.each([
  ['of another program', 'PRAGMA application_id = 1', 'DATABASE_DAMAGED'],
  ['of a newer Chartseal', 'PRAGMA user_version = 1000', 'DATABASE_NEWER'],
  ['with a trigger', 'CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END', 'DATABASE_DAMAGED'],
  ['with a view in place of a table', 'DROP TABLE tray; CREATE VIEW tray AS SELECT 1', 'DATABASE_DAMAGED'],
  ['without an index', 'DROP INDEX subject_entry_by_type', 'DATABASE_DAMAGED'],
])('refuses a database %s', (_title, sql, code) => {
  const file = closedDatabase()
  tamper(file, sql)
  expect(codeOf(open(file))).toBe(code)
})

it('leaves one file when closed, which no other account may read', () => {
  const file = closedDatabase()
  expect(readdirSync(join(file, '..'))).toEqual(['ledger.db'])
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o077).toBe(0)
})

it('gives its own account alone the write-ahead log too', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  newStore(file)
  if (process.platform !== 'win32') expect(statSync(`${file}-wal`).mode & 0o077).toBe(0)
  expect(existsSync(`${file}-wal`)).toBe(true)
})

it('recovers a database that was copied while it was open', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, 1, 2)
  const copy = join(temporaryFolder(), 'ledger.db')
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix)
  const again = openStore(copy, { mode: 'existing' })
  expect(again.entryCount(ORIGIN)).toBe(2)
  expect(again.integrityCheck()).toEqual([])
  again.close()
})

// An administrator may write anywhere, so the attempt is made as an account that may not.
it.skipIf(process.platform === 'win32')('says that a folder is read-only', () => {
  const file = closedDatabase()
  const folder = join(file, '..')
  execFileSync('chmod', ['444', file])
  execFileSync('chmod', ['555', folder])
  try {
    const program = join(import.meta.dirname, 'open-without-rights.ts')
    const said = execFileSync(process.execPath, [program, temporaryFolder(), file, join(folder, 'new.db')], {
      encoding: 'utf8',
    })
    expect(JSON.parse(said)).toEqual(['DATA_FOLDER_READ_ONLY', 'DATA_FOLDER_READ_ONLY', 'DATA_FOLDER_READ_ONLY'])
  } finally {
    execFileSync('chmod', ['755', folder])
  }
})
