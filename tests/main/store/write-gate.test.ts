import Database from 'better-sqlite3'
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { WritableDb } from '../../../src/main/store/database.ts'
import { openStore } from '../../../src/main/store/open.ts'
import { WriteGate } from '../../../src/main/store/write-gate.ts'
import { appendNumbers, block, closing, codeOf, entry, newStore, ORIGIN, temporaryFolder } from './fixtures.ts'

function gate(): { db: WritableDb; gate: WriteGate; count: () => unknown } {
  const db = new Database(join(temporaryFolder(), 'x.db')) as WritableDb
  onTestFinished(() => void db.close())
  db.pragma('foreign_keys = ON')
  db.exec('CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a INTEGER REFERENCES a(id))')
  return { db, gate: new WriteGate(db), count: () => db.prepare('SELECT count(*) FROM a').pluck().get() }
}

const insert = (db: WritableDb, id: number) => db.exec(`INSERT INTO a VALUES (${id})`)

it('commits what a body wrote and hands its value back', () => {
  const { db, gate: write, count } = gate()
  expect(write.run(() => (insert(db, 1), 'value'))).toBe('value')
  expect(db.inTransaction).toBe(false)
  expect(count()).toBe(1)
})

it('undoes everything when the body throws, and takes the next write', () => {
  const { db, gate: write, count } = gate()
  const failure = new Error('mine')
  expect(() =>
    write.run(() => {
      insert(db, 1)
      throw failure
    }),
  ).toThrow(failure)
  expect(count()).toBe(0)
  write.run(() => insert(db, 2))
  expect(count()).toBe(1)
})

it('calls a failed COMMIT an unknown state, and writes nothing from then on', () => {
  const { db, gate: write, count } = gate()
  const commitThatFails = () => {
    db.pragma('defer_foreign_keys = ON')
    db.exec('INSERT INTO b VALUES (99)')
  }
  expect(
    codeOf(() => {
      write.run(commitThatFails)
    }),
  ).toBe('STATE_UNKNOWN')
  expect(db.inTransaction).toBe(false)
  let ran = false
  expect(
    codeOf(() => {
      write.run(() => {
        ran = true
      })
    }),
  ).toBe('STATE_UNKNOWN')
  expect(ran).toBe(false)
  expect(count()).toBe(0)
})

it('says that another program is writing, and waits for nobody in between', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  expect(
    codeOf(() => {
      appendNumbers(store, 1)
    }),
  ).toBe('DATA_FOLDER_IN_USE')
  other.exec('ROLLBACK')
  other.close()
  appendNumbers(store, 1)
  expect(store.entryCount(ORIGIN)).toBe(1)
})

const APPEND_UNTIL_FAILURE = join(import.meta.dirname, 'append-until-failure.ts')

// A write beyond the limit fails as an I/O error, at COMMIT, where pages are first written.
it.skipIf(process.platform === 'win32')(
  'keeps every acknowledged block when writing fails in the middle of one',
  () => {
    const file = join(temporaryFolder(), 'ledger.db')
    newStore(file).close()
    const script = `trap '' XFSZ; ulimit -f 400; exec "$0" "$1" "$2"`
    const said = execFileSync('sh', ['-c', script, process.execPath, APPEND_UNTIL_FAILURE, file], { encoding: 'utf8' })
    const { acknowledged, code, again } = JSON.parse(said) as { acknowledged: number; code: string; again: string }
    expect([code, again]).toEqual(['STATE_UNKNOWN', 'STATE_UNKNOWN'])
    expect(acknowledged).toBeGreaterThan(0)
    const store = openStore(file, { mode: 'existing' })
    expect(store.entryCount(ORIGIN)).toBeGreaterThanOrEqual(acknowledged)
    expect(store.newestCheckpoint(ORIGIN)?.size).toBe(store.entryCount(ORIGIN))
    expect(store.integrityCheck()).toEqual([])
    store.close()
  },
)

const STRACE = 'strace'
const canTrace = process.platform === 'linux' && spawnSync(STRACE, ['-qq', 'true']).status === 0

// The disk says that it could not keep what it was given, at the first to the sixth sync.
it.skipIf(!canTrace).each([1, 2, 3, 4, 5, 6])('needs strace: stops when sync %i of the database fails', (nth) => {
  const file = join(temporaryFolder(), 'ledger.db')
  newStore(file).close()
  const fault = ['-e', 'trace=fdatasync,fsync', '-e', `inject=fdatasync,fsync:error=EIO:when=${nth}+`]
  const program = [process.execPath, APPEND_UNTIL_FAILURE, file]
  const said = execFileSync(STRACE, ['-f', '-qq', '-o', '/dev/null', ...fault, ...program], { encoding: 'utf8' })
  const { acknowledged, code } = JSON.parse(said) as { acknowledged: number; code: string }
  expect(code).toBe('STATE_UNKNOWN')
  // Each block has a sync of its own, so that no more were acknowledged than syncs had succeeded.
  expect(acknowledged).toBeLessThan(nth)
  const store = openStore(file, { mode: 'existing' })
  expect(store.entryCount(ORIGIN)).toBeGreaterThanOrEqual(acknowledged)
  expect(store.newestCheckpoint(ORIGIN)?.size ?? 0).toBe(store.entryCount(ORIGIN))
  expect(store.integrityCheck()).toEqual([])
  store.close()
})

/** A file system of 1 MiB; null where only an administrator could mount one. */
function smallDisk(): string | null {
  const folder = temporaryFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return null
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
  return folder
}

it('says that a disk is full, keeps every acknowledged block, and goes on when there is room', (context) => {
  const folder = smallDisk()
  if (folder === null) {
    context.skip('needs the right to mount a file system')
    return
  }
  const file = join(folder, 'ledger.db')
  const store = newStore(file)
  let acknowledged = 0
  const appendBig = () => {
    const next = block(store, [entry(acknowledged, { bytes: new Uint8Array(60_000) })])
    const end = closing(store, next)
    store.append(next, () => end)
  }
  const fill = () => {
    for (;;) {
      appendBig()
      acknowledged += 1
    }
  }
  expect(codeOf(fill)).toBe('DISK_FULL')
  expect(acknowledged).toBeGreaterThan(1)
  expect(store.entryCount(ORIGIN)).toBe(acknowledged)
  expect(store.newestCheckpoint(ORIGIN)?.size).toBe(acknowledged)
  execFileSync('mount', ['-o', 'remount,size=8m', folder])
  appendBig()
  store.close()
  const again = openStore(file, { mode: 'existing' })
  expect(again.entryCount(ORIGIN)).toBe(acknowledged + 1)
  expect(again.integrityCheck()).toEqual([])
  again.close()
})
