import Database from 'better-sqlite3'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { WritableDb } from '../../../src/main/store/database.ts'
import { SqliteStore } from '../../../src/main/store/sqlite-store.ts'
import { openStore } from '../../../src/main/store/open.ts'
import type { DamagedRow, Store } from '../../../src/main/store/store.ts'
import {
  appendNumbers,
  block,
  closing,
  codeOf,
  entry,
  entryBytes,
  id,
  newStore,
  ORIGIN,
  temporaryFolder,
} from './fixtures.ts'

const payload = (n: number) => ({
  ciphertext: new Uint8Array(40).fill(n),
  wrappedKey: new Uint8Array(72).fill(n + 1),
  salt: new Uint8Array(72).fill(n + 2),
})

const damaged = (index: number, extra: Partial<DamagedRow> = {}): DamagedRow => ({
  origin: ORIGIN,
  kind: 'entry',
  level: 0,
  index,
  subject: null,
  bytes: new Uint8Array([1, 2]),
  reason: 'changed',
  foundAtMs: 7,
  ...extra,
})

/** A store whose schema nobody looked at. */
function unchecked(file: string): Store {
  const store = new SqliteStore(new Database(file) as WritableDb)
  onTestFinished(() => {
    store.close()
  })
  return store
}

const outcomes = (store: Store) =>
  store.quarantine(100).map(({ kind, index, outcome }) => `${kind} ${index} ${outcome}`)

it('keeps the same bytes of the same place once, and other bytes beside them', () => {
  const store = newStore()
  store.quarantineRow(damaged(3))
  store.quarantineRow(damaged(3))
  store.quarantineRow(damaged(3, { bytes: null }))
  store.quarantineRow(damaged(3, { bytes: null }))
  store.quarantineRow(damaged(3, { kind: 'payload' }))
  expect(outcomes(store)).toEqual(['payload 3 open', 'entry 3 open', 'entry 3 open'])
  expect(store.quarantine(1)[0]).toEqual({
    ...damaged(3, { kind: 'payload' }),
    id: 3,
    outcome: 'open',
    incident: null,
  })
})

it('settles what is in quarantine for a place in the transaction that repairs it, and wants that reported', () => {
  const store = newStore()
  appendNumbers(store, 0, 1, 2, 3)
  store.quarantineRow(damaged(1))
  store.quarantineRow(damaged(2))
  const ids = store.unreportedDamage(10).map((row) => row.id)
  store.reportDamage(ids, id(9))
  expect(store.unreportedDamage(10)).toEqual([])
  store.replaceEntry(ORIGIN, 1, entryBytes(50))
  expect(store.entry(ORIGIN, 1)).toEqual(entryBytes(50))
  expect(outcomes(store)).toEqual(['entry 2 open', 'entry 1 repaired'])
  expect(store.unreportedDamage(10).map(({ index, outcome }) => ({ index, outcome }))).toEqual([
    { index: 1, outcome: 'repaired' },
  ])
  expect(store.quarantine(1)[0]?.incident).toEqual(id(9))
})

it('replaces payloads, checkpoints, tiles and epoch keys whether they are there or not', () => {
  const store = newStore()
  appendNumbers(store, 0, 1)
  appendNumbers(store, 2, 3)
  store.replacePayload(ORIGIN, 1, payload(4))
  store.replacePayload(ORIGIN, 1, payload(5))
  expect(store.payload(ORIGIN, 1)).toEqual(payload(5))
  store.repairTile(ORIGIN, 0, 0, new Uint8Array(64).fill(3))
  expect(store.tile(ORIGIN, 0, 0)).toEqual(new Uint8Array(64).fill(3))
  const key = {
    subject: id(1),
    epoch: 2,
    recipient: new Uint8Array(32).fill(1),
    log: 'one',
    sealed: new Uint8Array(80).fill(2),
  }
  store.quarantineRow(damaged(2, { kind: 'epoch-key', subject: id(1) }))
  store.replaceEpochKey(ORIGIN, 'epoch-key', key)
  store.replaceEpochKey(ORIGIN, 'epoch-key', { ...key, sealed: new Uint8Array(80).fill(9) })
  store.replaceEpochKey(ORIGIN, 'epoch-key', { ...key, log: 'other', sealed: new Uint8Array(80).fill(3) })
  expect(store.epochKeys(id(1)).map(({ sealed }) => sealed[0])).toEqual([9, 3])
  expect(outcomes(store)).toEqual(['epoch-key 2 repaired'])
})

it('writes a checkpoint over whatever has its block or its size', () => {
  const store = newStore()
  appendNumbers(store, 0, 1)
  appendNumbers(store, 2, 3)
  store.replaceCheckpoint(ORIGIN, { block: 0, size: 4, note: 'stolen size' })
  expect(store.checkpoints(ORIGIN, null, 10)).toEqual([{ block: 0, size: 4, note: 'stolen size' }])
  store.replaceCheckpoint(ORIGIN, { block: 1, size: 4, note: 'right' })
  store.replaceCheckpoint(ORIGIN, { block: 0, size: 2, note: 'right' })
  expect(store.checkpoints(ORIGIN, null, 10).map(({ size }) => size)).toEqual([4, 2])
})

it('moves what stands beyond a head into quarantine, page by page, and nothing below it', () => {
  const store = newStore()
  const next = block(store, [entry(0), entry(1, { payload: payload(1) }), entry(2, { payload: payload(2) }), entry(3)])
  const end = closing(store, next)
  store.append(next, () => end)
  store.repairTile(ORIGIN, 0, 3, new Uint8Array(32))
  store.repairTile(ORIGIN, 2, 0, new Uint8Array(32))
  store.putCosignatures(ORIGIN, [
    { size: 2, name: 'a', line: 'x' },
    { size: 9, name: 'a', line: 'y' },
  ])
  let rounds = 0
  while (store.removeBeyond(ORIGIN, 2, 5, 1) > 0) rounds += 1
  expect(rounds).toBeGreaterThan(1)
  expect(store.entryCount(ORIGIN)).toBe(2)
  expect(store.payload(ORIGIN, 1)).not.toBeNull()
  expect(store.payload(ORIGIN, 2)).toBeNull()
  expect(store.newestCheckpoint(ORIGIN)).toBeNull()
  expect(
    [store.tile(ORIGIN, 0, 0), store.tile(ORIGIN, 0, 3), store.tile(ORIGIN, 2, 0)].map((tile) => tile === null),
  ).toEqual([false, true, true])
  expect(store.cosignatures(ORIGIN, 0, 10).map(({ size }) => size)).toEqual([2])
  expect(outcomes(store).toSorted()).toEqual([
    'checkpoint 0 removed',
    'cosignature 9 removed',
    'entry 2 removed',
    'entry 3 removed',
    'payload 2 removed',
    'tile 0 removed',
    'tile 3 removed',
  ])
})

it('moves lines and proofs into quarantine as they stood, and reads lines in order', () => {
  const store = newStore()
  appendNumbers(store, 0, 1)
  const lines = [1, 2].flatMap((size) => ['a', 'b'].map((name) => ({ size, name, line: `${name}${size}` })))
  store.putCosignatures(ORIGIN, lines.toReversed())
  expect(store.cosignaturesAfter(ORIGIN, null, 3)).toEqual(lines.slice(0, 3))
  expect(store.cosignaturesAfter(ORIGIN, { size: 1, name: 'b' }, 3)).toEqual(lines.slice(2))
  store.removeCosignature(ORIGIN, { size: 1, name: 'b', line: 'b1' }, { reason: 'none', foundAtMs: 4 })
  expect(store.cosignatures(ORIGIN, 0, 10)).toHaveLength(3)
  const proof = { id: id(3), origin: 'elsewhere', text: 'x', receivedAtMs: 1 }
  store.putEvidence(proof)
  store.removeEvidence(ORIGIN, proof, { reason: 'none', foundAtMs: 4 })
  expect(store.evidence()).toEqual([])
  expect(outcomes(store)).toEqual(['evidence 0 removed', 'cosignature 1 removed'])
  expect(new TextDecoder().decode(store.quarantine(10)[1]?.bytes ?? undefined)).toBe('1 b\nb1')
})

it('puts the memory of the mirror right only when it is still as it was seen', () => {
  const store = newStore()
  const row = { pending: 'p', stored: 1, mirrored: null, refused: null }
  store.quarantineRow(damaged(0, { kind: 'mirror' }))
  expect(store.repairMirror(ORIGIN, row, { ...row, stored: 2 })).toBe(false)
  expect(outcomes(store)).toEqual(['mirror 0 open'])
  expect(store.repairMirror(ORIGIN, null, row)).toBe(true)
  expect(store.mirror(ORIGIN)).toEqual(row)
  expect(outcomes(store)).toEqual(['mirror 0 repaired'])
})

it('changes nothing when what it writes does not read back', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, 0, 1)
  store.quarantineRow(damaged(1))
  store.close()
  // A trigger stands in for a disk that does not keep what is written; only an opened store would refuse it.
  const db = new Database(file)
  db.exec("CREATE TRIGGER bad AFTER UPDATE ON entry BEGIN UPDATE entry SET bytes = x'00' WHERE pos = new.pos; END")
  db.close()
  const again = unchecked(file)
  expect(
    codeOf(() => {
      again.replaceEntry(ORIGIN, 1, entryBytes(7))
    }),
  ).toBe('DATABASE_DAMAGED')
  expect(again.entry(ORIGIN, 1)).toEqual(entryBytes(1))
  expect(outcomes(again)).toEqual(['entry 1 open'])
})

it('keeps quarantine, reports and projections over a restart', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  store.quarantineRow(damaged(1))
  store.reportDamage([1], id(3))
  store.removeRow(damaged(5, { kind: 'payload' }))
  store.putProjection(ORIGIN, { size: 3, digest: new Uint8Array(32).fill(1) })
  store.putProjection(ORIGIN, { size: 4, digest: new Uint8Array(32).fill(2) })
  store.close()
  const again = openStore(file, { mode: 'existing' })
  expect(outcomes(again)).toEqual(['payload 5 removed', 'entry 1 open'])
  expect(again.openDamage(0, 10).map(({ index }) => index)).toEqual([1])
  expect(again.openDamage(1, 10)).toEqual([])
  expect(again.unreportedDamage(10).map(({ index }) => index)).toEqual([5])
  expect(again.projection(ORIGIN)).toEqual({ size: 4, digest: new Uint8Array(32).fill(2) })
  expect(again.projection('unknown')).toBeNull()
  again.close()
})
