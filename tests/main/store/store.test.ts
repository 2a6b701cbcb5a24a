import fc from 'fast-check'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runs } from '../../support/budget.ts'
import { openStore } from '../../../src/main/store/open.ts'
import { StoreError } from '../../../src/main/store/errors.ts'
import type { IndexRow, NewEntry, Store } from '../../../src/main/store/store.ts'
import {
  appendNumbers,
  block,
  closing,
  codeOf,
  entry,
  entryBytes,
  id,
  LOG_KEY,
  newStore,
  ORIGIN,
  temporaryFolder,
} from './fixtures.ts'

const OTHER = 'chartseal.test/b/n1/1'

it('knows its logs, and takes the key that it was told last', () => {
  const store = newStore()
  store.addLog(OTHER, new Uint8Array(32).fill(1))
  store.addLog(ORIGIN, LOG_KEY)
  expect(store.logs()).toEqual([
    { origin: ORIGIN, logKey: LOG_KEY },
    { origin: OTHER, logKey: new Uint8Array(32).fill(1) },
  ])
  store.addLog(ORIGIN, new Uint8Array(32))
  expect(store.logs()[0]).toEqual({ origin: ORIGIN, logKey: new Uint8Array(32) })
})

it('answers nothing about what it does not have', () => {
  const store = newStore()
  for (const origin of [ORIGIN, 'unknown']) {
    expect(store.entry(origin, 0)).toBeNull()
    expect(store.entries(origin, 0, 10)).toEqual([])
    expect([...store.allEntries(origin)]).toEqual([])
    expect(store.entryCount(origin)).toBe(0)
    expect(store.tile(origin, 0, 0)).toBeNull()
    expect(store.checkpoint(origin, 0)).toBeNull()
    expect(store.checkpoints(origin, null, 5)).toEqual([])
    expect(store.newestCheckpoint(origin)).toBeNull()
    expect(store.checkpointCoveringIndex(origin, 0)).toBeNull()
    expect(store.payload(origin, 0)).toBeNull()
  }
  expect(store.subjectEntries(id(1))).toEqual([])
  expect(store.subjectsByType('reading')).toEqual([])
  expect(store.indexOfEntryId(id(1))).toBeNull()
  expect(store.epochKeys(id(1))).toEqual([])
})

it('finds checkpoints by block, by age and by the entries they cover', () => {
  const store = newStore()
  appendNumbers(store, 0, 1, 2)
  appendNumbers(store, 3)
  appendNumbers(store, 4, 5)
  expect([0, 1, 2, 3].map((n) => store.checkpoint(ORIGIN, n)?.size)).toEqual([3, 4, 6, undefined])
  expect(store.newestCheckpoint(ORIGIN)).toEqual({ block: 2, size: 6, note: 'note of block 2, size 6\n' })
  expect(store.checkpoints(ORIGIN, null, 2).map((row) => row.block)).toEqual([2, 1])
  expect(store.checkpoints(ORIGIN, 1, 2).map((row) => row.block)).toEqual([0])
  const covering = [0, 2, 3, 4, 5, 6].map((index) => store.checkpointCoveringIndex(ORIGIN, index)?.block)
  expect(covering).toEqual([0, 0, 1, 2, 2, undefined])
})

it('keeps the newest form of a tile, and takes a repaired one', () => {
  const store = newStore()
  appendNumbers(store, 0)
  appendNumbers(store, 1)
  expect(store.tile(ORIGIN, 0, 0)).toEqual(new Uint8Array(64).fill(1))
  store.repairTile(ORIGIN, 0, 0, new Uint8Array(64).fill(7))
  store.repairTile(ORIGIN, 1, 3, new Uint8Array(32).fill(8))
  expect(store.tile(ORIGIN, 0, 0)).toEqual(new Uint8Array(64).fill(7))
  expect(store.tile(ORIGIN, 1, 3)).toEqual(new Uint8Array(32).fill(8))
})

it('reads page by page, so that writing in between is allowed', () => {
  const store = newStore()
  appendNumbers(store, ...Array(600).keys())
  let seen = 0
  for (const { index, bytes } of store.allEntries(ORIGIN, 5)) {
    expect(index).toBe(seen + 5)
    expect(bytes).toEqual(entryBytes(index))
    if (seen === 300) appendNumbers(store, 600)
    seen += 1
  }
  expect(seen).toBe(596)
})

it('hands out plain bytes, of which a slice is a copy', () => {
  const store = newStore()
  appendNumbers(store, 0)
  expect(Object.getPrototypeOf(store.entry(ORIGIN, 0))).toBe(Uint8Array.prototype)
})

it('keeps tray and outbox in order of time', () => {
  const store = newStore()
  const sealed = new Uint8Array([1])
  store.putTray({ id: id(1), receivedAtMs: 20, reason: 'not-enrolled', sealed })
  store.putTray({ id: id(2), receivedAtMs: 10, reason: 'no-patient', sealed })
  store.putOutbox({ id: id(3), queuedAtMs: 9, sealed })
  store.putOutbox({ id: id(4), queuedAtMs: 8, sealed })
  expect(store.tray()).toEqual([
    { id: id(2), receivedAtMs: 10, reason: 'no-patient', sealed },
    { id: id(1), receivedAtMs: 20, reason: 'not-enrolled', sealed },
  ])
  store.putTray({ id: id(2), receivedAtMs: 30, reason: 'discarded', sealed: new Uint8Array([2]) })
  expect(store.tray().map(({ reason }) => reason)).toEqual(['not-enrolled', 'discarded'])
  store.deleteTray([id(2), id(99)])
  store.deleteOutbox([id(4)])
  expect(store.tray().map((row) => row.id)).toEqual([id(1)])
  expect(store.outbox()).toEqual([{ id: id(3), queuedAtMs: 9, sealed }])
})

it('leaves no byte of what was deleted in any file', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const sealed = Buffer.from('0123456789abcdef'.repeat(2000))
  store.putTray({ id: id(1), receivedAtMs: 20, reason: 'not-enrolled', sealed })
  store.deleteTray([id(1)])
  store.close()
  expect(readFileSync(file).includes('0123456789abcdef')).toBe(false)
})

const subjectOf = (n: number) => id(1000 + n)

/** Blocks of entries: each says whether it has a subject, and which of two types it is. */
const Blocks = fc.array(
  fc.array(
    fc.record({ subject: fc.option(fc.integer({ min: 0, max: 2 })), type: fc.constantFrom('reading', 'access') }),
    {
      minLength: 1,
      maxLength: 6,
    },
  ),
  { maxLength: 8 },
)

/** The slow, obvious projection: walks all entries. */
function project(rows: readonly IndexRow[], subject: Uint8Array) {
  return rows
    .filter((row) => row.subject !== null && Buffer.from(row.subject.handle).equals(subject))
    .map((row) => ({ seq: row.subject?.seq, origin: row.origin, index: row.index, type: row.type }))
}

it('answers as a walk over all entries would, also after its index tables were rebuilt', () => {
  fc.assert(
    fc.property(Blocks, (blocks) => {
      const store = openStore(join(temporaryFolder(), 'ledger.db'), { mode: 'create' })
      store.addLog(ORIGIN, LOG_KEY)
      const rows = fill(store, blocks)
      const check = () => {
        for (const n of [0, 1, 2]) expect(store.subjectEntries(subjectOf(n))).toEqual(project(rows, subjectOf(n)))
        const readings = rows.filter((row) => row.type === 'reading' && row.subject !== null)
        expect(store.subjectsByType('reading').map((row) => row.index)).toEqual(readings.map((row) => row.index))
        for (const row of rows) expect(store.indexOfEntryId(row.id)).toEqual({ origin: ORIGIN, index: row.index })
        expect([...store.allEntries(ORIGIN)].length).toBe(rows.length)
      }
      check()
      store.rebuildIndexes([])
      expect(rows.map((row) => store.indexOfEntryId(row.id))).toEqual(rows.map(() => null))
      store.rebuildIndexes(rows)
      check()
      store.close()
    }),
    { numRuns: 30 },
  )
})

function fill(store: Store, blocks: readonly (readonly { subject: number | null; type: string }[])[]): IndexRow[] {
  const rows: IndexRow[] = []
  const length = new Map<number, number>()
  for (const wanted of blocks) {
    const entries = wanted.map(({ subject, type }): NewEntry => {
      const index = rows.length
      const seq = length.get(subject ?? -1) ?? 0
      length.set(subject ?? -1, seq + 1)
      const place = subject === null ? null : { handle: subjectOf(subject), seq }
      rows.push({ origin: ORIGIN, index, id: id(index), type, subject: place })
      return entry(index, { type, subject: place })
    })
    const next = block(store, entries)
    const end = closing(store, next)
    store.append(next, () => end)
  }
  return rows
}

it('keeps the old index tables when a rebuild fails halfway', () => {
  const store = newStore()
  appendNumbers(store, 0, 1)
  const failing = function* (): Generator<IndexRow> {
    yield { origin: ORIGIN, index: 0, id: id(0), type: 'reading', subject: null }
    throw new Error('cannot decode')
  }
  expect(() => {
    store.rebuildIndexes(failing())
  }).toThrow('cannot decode')
  expect(store.indexOfEntryId(id(1))).toEqual({ origin: ORIGIN, index: 1 })
})

it('rebuilds from its own entries while it reads them, and takes the first of two with one id', () => {
  const store = newStore()
  appendNumbers(store, ...Array(300).keys())
  const rows = function* (): Generator<IndexRow> {
    for (const { index } of store.allEntries(ORIGIN))
      yield { origin: ORIGIN, index, id: id(index % 299), type: 'reading', subject: null }
  }
  store.rebuildIndexes(rows())
  expect(store.indexOfEntryId(id(0))).toEqual({ origin: ORIGIN, index: 0 })
})

/** Reads everything there is through every method. */
function readAll(store: Store): void {
  store.integrityCheck()
  for (const { index } of store.allEntries(ORIGIN)) {
    store.entry(ORIGIN, index)
    store.payload(ORIGIN, index)
    store.checkpointCoveringIndex(ORIGIN, index)
  }
  store.checkpoints(ORIGIN, null, 1000)
  store.newestCheckpoint(ORIGIN)
  store.tile(ORIGIN, 0, 0)
  store.subjectEntries(subjectOf(0))
  store.subjectsByType('reading')
  store.indexOfEntryId(id(1))
  store.epochKeys(subjectOf(0))
  store.tray()
  store.outbox()
  store.logs()
}

it('gives values or a coded error, whichever bytes of the file are changed', { timeout: 900_000 }, () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  fill(store, Array<{ subject: number; type: string }[]>(20).fill(Array(3).fill({ subject: 0, type: 'reading' })))
  store.close()
  const good = readFileSync(file)
  const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(changes, (list) => {
      const bad = Buffer.from(good)
      for (const [at, mask] of list) bad[at] = (bad[at] ?? 0) ^ mask
      writeFileSync(file, bad)
      try {
        const opened = openStore(file, { mode: 'existing' })
        try {
          readAll(opened)
        } finally {
          opened.close()
        }
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError)
      }
    }),
    { numRuns: runs(300, 10_000) },
  )
})

it('does not walk in circles through a tree whose keys do not ascend', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, 0, 1, 2, 3, 4, 5)
  store.close()
  const bytes = readFileSync(file)
  // The key of entry 5 of log 1, 1 << 40 | 5, as SQLite writes it: seven bits a byte, the top bit on all but the last.
  const key = Buffer.from([0xa0, 0x80, 0x80, 0x80, 0x80, 5])
  const at = bytes.indexOf(key)
  expect(at).toBeGreaterThan(0)
  bytes[at + 5] = 0
  writeFileSync(file, bytes)
  const again = openStore(file, { mode: 'existing' })
  expect(codeOf(() => [...again.allEntries(ORIGIN)])).toBe('DATABASE_DAMAGED')
  expect(again.entry(ORIGIN, 1)).toEqual(entryBytes(1))
  again.close()
})

it('says what is damaged', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, ...Array(500).keys())
  expect(store.integrityCheck()).toEqual([])
  store.close()
  const bytes = readFileSync(file)
  const at = bytes.indexOf(entryBytes(20))
  writeFileSync(file, bytes.fill(0xff, at - 200, at + 2000))
  const code = codeOf(() => {
    const again = openStore(file, { mode: 'existing' })
    try {
      expect(again.integrityCheck()).not.toEqual([])
    } finally {
      again.close()
    }
  })
  expect(['no error', 'DATABASE_DAMAGED']).toContain(code)
})
