import Database from 'better-sqlite3'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { WritableDb } from '../../../src/main/store/database.ts'
import { migrate, MIGRATIONS } from '../../../src/main/store/migrations/migrate.ts'
import { SqliteStore } from '../../../src/main/store/sqlite-store.ts'
import { codeOf, temporaryFolder } from './fixtures.ts'

/** Statements that read a whole table on purpose: tables of a few rows, and the rebuilding of projections. */
const WHOLE_TABLE = [
  /FROM log ORDER BY id$/,
  /FROM tray ORDER BY/,
  /FROM outbox ORDER BY/,
  /FROM evidence ORDER BY/,
  /FROM erasure_proposal ORDER BY/,
  /FROM (entry_id|subject_entry) ORDER BY log, idx/,
  /^DELETE FROM (entry_id|subject_entry)$/,
  // Of every patient, once after a restore.
  /^SELECT DISTINCT subject FROM epoch_key ORDER BY subject$/,
]

function emptyDatabase(): WritableDb {
  const db = new Database(join(temporaryFolder(), 'ledger.db')) as WritableDb
  onTestFinished(() => void db.close())
  return db
}

/** Every statement that a store prepares. */
function statements(db: WritableDb): string[] {
  const seen: string[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = (sql: string) => (seen.push(sql), prepare(sql))
  new SqliteStore(db)
  db.prepare = prepare
  return seen
}

function planOf(db: WritableDb, sql: string): string[] {
  const parameters = Array<null>(sql.split('?').length - 1).fill(null)
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[]
  return rows.map((row) => row.detail)
}

it('finds every row through a key or an index, and sorts nothing', () => {
  const db = emptyDatabase()
  migrate(db)
  const all = statements(db).filter((sql) => /^(SELECT|INSERT|DELETE|UPDATE)/.test(sql))
  expect(all.length).toBeGreaterThan(20)
  for (const sql of all) {
    if (WHOLE_TABLE.some((pattern) => pattern.test(sql))) continue
    for (const step of planOf(db, sql)) expect(step, sql).toMatch(/^SEARCH /)
  }
})

it('lists the tray and the outbox in the order of an index', () => {
  const db = emptyDatabase()
  migrate(db)
  for (const [table, column] of [
    ['tray', 'received_at'],
    ['outbox', 'queued_at'],
  ] as const) {
    const plan = planOf(db, `SELECT id FROM ${table} ORDER BY ${column}, id`)
    expect(plan).toEqual([`SCAN ${table} USING COVERING INDEX ${table}_by_time`])
  }
})

it('migrates an empty database step by step to the schema of a new one', () => {
  const db = emptyDatabase()
  for (let version = 0; version <= MIGRATIONS.length; version++) {
    migrate(db, version)
    expect(db.pragma('user_version', { simple: true })).toBe(version)
  }
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all()
  expect(tables).toEqual([
    ...[
      'checkpoint',
      'cosignature',
      'entry',
      'entry_id',
      'epoch_key',
      'erasure_proposal',
      'erasure_site',
      'evidence',
      'log',
      'mirror',
      'outbox',
      'payload',
      'projection',
      'quarantine',
      'site_secret',
      'subject_entry',
      'tile',
      'tray',
    ],
  ])
  migrate(db)
  expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length)
})

it('keeps the epoch keys of older versions, as of no log that is known', () => {
  const db = emptyDatabase()
  migrate(db, 3)
  const row = [Buffer.alloc(16, 1), 4, Buffer.alloc(32, 2), Buffer.alloc(80, 3)]
  db.prepare('INSERT INTO epoch_key (subject, epoch, recipient, sealed) VALUES (?, ?, ?, ?)').run(row)
  migrate(db)
  const [subject, epoch, recipient, sealed] = row
  expect(db.prepare('SELECT * FROM epoch_key').all()).toEqual([{ subject, epoch, recipient, log: '', sealed }])
})

it('leaves a whole version when a step fails', () => {
  const db = emptyDatabase()
  db.exec('CREATE TABLE tray (x)')
  expect(() => {
    migrate(db)
  }).toThrow('tray')
  expect(db.pragma('user_version', { simple: true })).toBe(0)
  expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['tray'])
})

it('refuses a database from the future', () => {
  const db = emptyDatabase()
  db.pragma(`user_version = ${MIGRATIONS.length + 1}`)
  expect(
    codeOf(() => {
      migrate(db)
    }),
  ).toBe('DATABASE_NEWER')
})

it('has strict columns, so that nothing is stored as another type than it is read', () => {
  const db = emptyDatabase()
  migrate(db)
  expect(
    db
      .prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND strict = 0",
      )
      .all(),
  ).toEqual([])
  expect(codeOf(() => db.exec("INSERT INTO tray VALUES ('text', 0, 'x', x'00')"))).toBe('SQLITE_CONSTRAINT_DATATYPE')
})

it('refuses rows of a log that is not there', () => {
  const db = emptyDatabase()
  db.pragma('foreign_keys = ON')
  migrate(db)
  expect(codeOf(() => db.exec("INSERT INTO entry (pos, bytes) VALUES (5 << 40, x'00')"))).toBe(
    'SQLITE_CONSTRAINT_FOREIGNKEY',
  )
})
