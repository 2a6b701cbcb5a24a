import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { openStore } from '../../../src/main/store/open.ts'
import type { Store } from '../../../src/main/store/store.ts'
import { runs } from '../../support/budget.ts'
import { block, closing, entry, id, newStore, ORIGIN, temporaryFolder } from './fixtures.ts'

const random = (size: number) => new Uint8Array(randomBytes(size))
const payload = (size: number) => ({ ciphertext: random(size), wrappedKey: random(72), salt: random(72) })
type Payload = ReturnType<typeof payload>

/** Appends one block of entries with payloads. */
function append(store: Store, first: number, payloads: readonly Payload[]): void {
  const next = block(
    store,
    payloads.map((each, i) => entry(first + i, { payload: each })),
  )
  const end = closing(store, next)
  store.append(next, () => end)
}

/** Files of the folder that hold any part of a value. */
function holding(file: string, values: readonly Uint8Array[]): string[] {
  const folder = dirname(file)
  return readdirSync(folder).filter((name) => {
    const bytes = readFileSync(join(folder, name))
    return values.some((value) => {
      // Any 20 bytes in a row would be a part of it: rows that are longer than a page are split.
      for (let at = 0; at + 20 <= value.length; at += 20)
        if (bytes.indexOf(value.subarray(at, at + 20)) >= 0) return true
      return false
    })
  })
}

function reopened(file: string): Store {
  const store = openStore(file, { mode: 'existing' })
  onTestFinished(() => {
    store.close()
  })
  return store
}

const valuesOf = (each: Payload) => [each.ciphertext, each.wrappedKey, each.salt]
const records = (...indexes: number[]) => indexes.map((index) => ({ origin: ORIGIN, index }))

it('leaves no byte of what was erased in any file, and every byte of the rest', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const all = Array.from({ length: 12 }, (_, n) => payload(n % 3 === 0 ? 30_000 : 560))
  append(store, 0, all)
  const key = { subject: id(1), epoch: 0, recipient: random(32), log: 'one', sealed: random(80) }
  store.replaceEpochKey(ORIGIN, 'epoch-key', key)
  store.replaceEpochKey(ORIGIN, 'epoch-key', { ...key, epoch: 1, sealed: random(80) })
  store.quarantineRow({
    ...{ origin: ORIGIN, kind: 'payload', level: 0, index: 3, subject: null, reason: 'changed', foundAtMs: 0 },
    bytes: all[3]?.ciphertext ?? null,
  })
  const gone = [...valuesOf(all[3]!), ...valuesOf(all[4]!), key.sealed]
  expect(holding(file, gone)).not.toEqual([])
  const erased = store.eraseRecords({ records: records(3, 4, 77), keys: { subject: id(1), epochs: [0] } })
  expect(erased).toMatchObject({ payloads: 2, keys: 1 })
  expect(erased.marks).toHaveLength(7)
  expect(store.forgetErased(erased.marks)).toBe(true)
  expect(holding(file, gone)).toEqual([])
  expect([store.payload(ORIGIN, 3), store.payload(ORIGIN, 4)]).toEqual([null, null])
  expect(store.epochKeys(id(1)).map(({ epoch }) => epoch)).toEqual([1])
  expect(store.quarantine(10)).toEqual([])
  for (const [index, each] of all.entries())
    if (index !== 3 && index !== 4) expect(store.payload(ORIGIN, index)).toEqual(each)
  expect(store.eraseRecords({ records: records(3, 4), keys: null })).toEqual({ payloads: 0, keys: 0, marks: [] })
})

it('leaves nothing whatever was written, replaced and erased before', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.integer({ min: 500, max: 20_000 }), { minLength: 1, maxLength: 8 }),
    }),
    fc.record({ kind: fc.constant('erase' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('replace' as const), at: fc.nat(), size: fc.integer({ min: 500, max: 20_000 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 25 }), (steps) => {
      const file = join(temporaryFolder(), 'ledger.db')
      const store = newStore(file)
      const held: (Payload | null)[] = []
      const gone: Uint8Array[] = []
      for (const each of steps) {
        if (each.kind === 'append') {
          const added = each.sizes.map(payload)
          append(store, store.entryCount(ORIGIN), added)
          held.push(...added)
          continue
        }
        const index = each.at % Math.max(1, held.length)
        const old = held[index]
        if (old === undefined || old === null) continue
        gone.push(...valuesOf(old))
        held[index] = each.kind === 'replace' ? payload(each.size) : null
        const next = held[index]
        if (next !== null) store.replacePayload(ORIGIN, index, next)
        else store.forgetErased(store.eraseRecords({ records: records(index), keys: null }).marks)
      }
      expect(store.forgetErased([])).toBe(true)
      expect(holding(file, gone)).toEqual([])
      for (const [index, each] of held.entries()) expect(store.payload(ORIGIN, index)).toEqual(each)
    }),
    { numRuns: runs(10, 100) },
  )
})

it('says so while somebody reads, and succeeds afterwards', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const each = payload(600)
  append(store, 0, [each])
  const reader = new Database(file, { readonly: true })
  reader.exec('BEGIN; SELECT count(*) FROM payload')
  reader.prepare('SELECT count(*) FROM payload').get()
  const { marks } = store.eraseRecords({ records: records(0), keys: null })
  expect(store.forgetErased(marks)).toBe(false)
  reader.exec('COMMIT')
  reader.close()
  expect(store.forgetErased(marks)).toBe(true)
  expect(holding(file, valuesOf(each))).toEqual([])
})

it('finds what secure deletion would have left, and rewrites the file', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  const each = payload(600)
  append(store, 0, [each])
  store.close()
  const careless = new Database(file)
  careless.pragma('secure_delete = OFF')
  careless.exec('DELETE FROM payload')
  careless.close()
  expect(holding(file, valuesOf(each))).toEqual(['ledger.db'])
  const again = reopened(file)
  expect(again.forgetErased(valuesOf(each).map((value) => value.slice(0, 24)))).toBe(true)
  expect(holding(file, valuesOf(each))).toEqual([])
  expect(again.entry(ORIGIN, 0)).not.toBeNull()
})
