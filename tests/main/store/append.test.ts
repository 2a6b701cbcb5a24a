import Database from 'better-sqlite3'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openStore } from '../../../src/main/store/open.ts'
import type { Store } from '../../../src/main/store/store.ts'
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

/** Everything that can be read, for "nothing changed". */
function everything(store: Store): unknown {
  return {
    entries: [...store.allEntries(ORIGIN)],
    checkpoints: store.checkpoints(ORIGIN, null, 1000),
    tile: store.tile(ORIGIN, 0, 0),
    tray: store.tray(),
    subject: store.subjectEntries(id(900)),
    keys: store.epochKeys(id(900)),
    payload: store.payload(ORIGIN, 1),
    place: store.indexOfEntryId(id(1)),
  }
}

const payload = { ciphertext: new Uint8Array([1, 2]), wrappedKey: new Uint8Array([3]), salt: new Uint8Array([4]) }
const epochKey = { subject: id(900), epoch: 0, recipient: new Uint8Array(32), log: 'one', sealed: new Uint8Array([5]) }

it('stores a whole block, and has it after a restart', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  store.putTray({ id: id(77), receivedAtMs: 5, reason: 'no-patient', sealed: new Uint8Array([6]) })
  const next = block(store, [entry(1), entry(2, { subject: { handle: id(900), seq: 0 }, payload })], {
    epochKeys: [epochKey],
    trayDone: [id(77)],
  })
  store.append(next, () => closing(store, next))
  const before = everything(store)
  expect(before).toMatchObject({
    entries: [
      { index: 0, bytes: entryBytes(1) },
      { index: 1, bytes: entryBytes(2) },
    ],
    tray: [],
    subject: [{ seq: 0, origin: ORIGIN, index: 1, type: 'reading' }],
    keys: [{ epoch: 0, recipient: epochKey.recipient, log: 'one', sealed: epochKey.sealed }],
    payload,
    place: { origin: ORIGIN, index: 0 },
  })
  store.close()
  const again = openStore(file, { mode: 'existing' })
  expect(everything(again)).toEqual(before)
  again.close()
})

it('hands the bytes in the database to whoever signs, in order', () => {
  const store = newStore()
  appendNumbers(store, 1)
  const next = block(store, [entry(2), entry(3)])
  let seen: Uint8Array[] = []
  store.append(next, (readBack) => {
    seen = readBack
    return closing(store, next)
  })
  expect(seen).toEqual([entryBytes(2), entryBytes(3)])
  expect(seen[0]).not.toBe(next.entries[0]?.bytes)
})

it('refuses to sign beside a checkpoint it does not know, and writes no more until it is opened again', () => {
  const store = newStore()
  appendNumbers(store, 1)
  const before = everything(store)
  const stale = block(store, [entry(2)], { previousNote: 'another note\n' })
  let signed = 0
  const count = () => ((signed += 1), closing(store, stale))
  expect(
    codeOf(() => {
      store.append(stale, count)
    }),
  ).toBe('STATE_UNKNOWN')
  expect(signed).toBe(0)
  expect(everything(store)).toEqual(before)
  expect(
    codeOf(() => {
      appendNumbers(store, 3)
    }),
  ).toBe('STATE_UNKNOWN')
})

it.each([
  ['a gap', { firstIndex: 2 }],
  ['an overlap', { firstIndex: 0 }],
  ['no previous note in a log that has one', { previousNote: null }],
])('refuses %s', (_title, wrong) => {
  const store = newStore()
  appendNumbers(store, 1)
  const next = block(store, [entry(2)], wrong)
  expect(
    codeOf(() => {
      store.append(next, () => closing(store, next))
    }),
  ).toBe('STATE_UNKNOWN')
})

it('leaves nothing behind when the signer fails', () => {
  const store = newStore()
  appendNumbers(store, 7)
  store.putTray({ id: id(77), receivedAtMs: 5, reason: 'no-patient', sealed: new Uint8Array([6]) })
  const before = everything(store)
  const next = block(store, [entry(1, { subject: { handle: id(900), seq: 0 }, payload })], {
    epochKeys: [epochKey],
    trayDone: [id(77)],
  })
  const failure = new Error('no key')
  expect(() => {
    store.append(next, () => {
      throw failure
    })
  }).toThrow(failure)
  expect(everything(store)).toEqual(before)
  store.append(next, () => closing(store, next))
  expect(store.entryCount(ORIGIN)).toBe(2)
})

it('says that the database is damaged when a row is in the way that no block has written', () => {
  const file = join(temporaryFolder(), 'ledger.db')
  const store = newStore(file)
  appendNumbers(store, 1)
  const other = new Database(file)
  other.exec(`INSERT INTO payload (pos, ciphertext, wrapped_key, salt) VALUES ((1 << 40) + 1, x'00', x'00', x'00')`)
  other.close()
  const before = everything(store)
  const payload = { ciphertext: new Uint8Array(1), wrappedKey: new Uint8Array(1), salt: new Uint8Array(1) }
  const next = block(store, [entry(2, { payload })])
  const end = closing(store, next)
  expect(codeOf(() => store.append(next, () => end))).toBe('DATABASE_DAMAGED')
  expect(everything(store)).toEqual(before)
})

it('stores an entry id once', () => {
  const store = newStore()
  appendNumbers(store, 1)
  const before = everything(store)
  expect(
    codeOf(() => {
      appendNumbers(store, 2, 1)
    }),
  ).toBe('DUPLICATE_ENTRY')
  expect(everything(store)).toEqual(before)
  appendNumbers(store, 2, 3)
  expect(store.entryCount(ORIGIN)).toBe(3)
})

it('says that the disk is full, keeps what it had, and goes on when there is room', () => {
  const store = newStore(undefined, { maxPages: 60 })
  appendNumbers(store, 1)
  const before = everything(store)
  const big = block(store, [entry(2, { bytes: new Uint8Array(60 * 8192) })])
  expect(
    codeOf(() => {
      store.append(big, () => closing(store, big))
    }),
  ).toBe('DISK_FULL')
  expect(everything(store)).toEqual(before)
  appendNumbers(store, 2)
  expect(store.entryCount(ORIGIN)).toBe(2)
})
