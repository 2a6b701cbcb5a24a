import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { StoreError } from '../../../../src/main/store/errors.ts'
import { SqliteStore } from '../../../../src/main/store/sqlite-store.ts'
import {
  codeOf,
  databaseOf,
  furnish,
  oximeterDrafts,
  patientNumber,
  PIN,
  startVault,
  temporaryFolder,
  tickingClock,
  signedInTo,
} from '../../../faults/support/clinic.ts'

async function atWork() {
  const open = await startVault(temporaryFolder(), { nowMs: tickingClock() })
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  return { open, vault: open.vault, staff, handle }
}

it('keeps what arrives without a patient, once, also over a restart', async () => {
  const { open, vault, staff } = await atWork()
  const drafts = await oximeterDrafts(open, 1)
  await vault.putTray('no-patient', drafts)
  await vault.putTray('not-enrolled', await oximeterDrafts(open, 1))
  const items = await vault.tray()
  expect(items.map(({ reason, draft }) => [reason, draft.quantities[0]?.value])).toEqual([['no-patient', '97']])
  await vault.close()
  const again = await startVault(open.folder)
  await again.vault.signIn(staff.nurse, PIN)
  expect(await again.vault.tray()).toEqual(items)
  expect(open.events.filter(({ kind }) => kind === 'tray').at(-1)).toEqual({ kind: 'tray', count: 1 })
})

it('keeps what was discarded out of sight, and adds nothing when the device is read again', async () => {
  const { open, vault } = await atWork()
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  const [item] = await vault.tray()
  await vault.discardTray([item?.id ?? ''], 'finger of a visitor')
  expect(await vault.trayCount()).toBe(0)
  expect(await codeOf(() => vault.trayDrafts([item?.id ?? '']))).toBe('UNKNOWN_TRAY_ITEM')
  expect(await codeOf(() => vault.discardTray([item?.id ?? ''], 'again'))).toBe('UNKNOWN_TRAY_ITEM')
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  expect(await vault.tray()).toEqual([])
  const db = new Database(databaseOf(open.folder), { readonly: true })
  expect(db.prepare('SELECT reason FROM tray').all()).toEqual([{ reason: 'discarded' }])
  db.close()
})

it('loses nothing when discarding fails half way', async () => {
  const { open, vault } = await atWork()
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  const items = await vault.tray()
  const putTray = SqliteStore.prototype.putTray
  SqliteStore.prototype.putTray = () => {
    throw new StoreError('DISK_FULL', 'as if')
  }
  try {
    expect(await codeOf(() => vault.discardTray([items[0]?.id ?? ''], 'visitor'))).toBe('DISK_FULL')
  } finally {
    SqliteStore.prototype.putTray = putTray
  }
  expect(await vault.tray()).toEqual(items)
})

it('settles an item in the block that records it', async () => {
  const { open, vault, handle } = await atWork()
  await vault.putTray('no-patient', [...(await oximeterDrafts(open, 1)), ...(await oximeterDrafts(open, 2))])
  const [item, other] = await vault.tray()
  const trayIds = [item?.id ?? '']
  const blocksBefore = (await vault.ledgerSummary()).blocks
  const drafts = await vault.trayDrafts(trayIds)
  const rows = await vault.signReadings({
    as: signedInTo(vault),
    handle,
    drafts,
    manual: [],
    late: { reason: 'found', trayIds },
  })
  expect(rows.map((row) => (row.status === 'verified' ? row.record.flags : row.step))).toEqual([
    ['assigned-later'],
    ['assigned-later'],
  ])
  expect(rows.map((row) => (row.status === 'verified' ? row.record.assignedBecause : row.step))).toEqual([
    'found',
    'found',
  ])
  expect((await vault.ledgerSummary()).blocks).toBe(blocksBefore + 1)
  expect((await vault.tray()).map(({ id }) => id)).toEqual([other?.id])
  // Reading the device again finds it in the ledger.
  const [again] = await oximeterDrafts(open, 1)
  expect(again?.draft.alreadyRecorded).toBe(true)
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  expect((await vault.tray()).length).toBe(1)
})

it('shows values to those alone who may see them', async () => {
  const { open, vault, staff } = await atWork()
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => vault.tray())).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.trayDrafts([]))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.discardTray([], ''))).toBe('NOT_ALLOWED')
  await vault.signOut()
  expect(await codeOf(() => vault.tray())).toBe('NOT_SIGNED_IN')
})

it('leaves out an item that was changed in the database, and still counts it', async () => {
  const { open, vault } = await atWork()
  await vault.putTray('no-patient', await oximeterDrafts(open, 1))
  await vault.putTray('no-patient', await oximeterDrafts(open, 2))
  const items = await vault.tray()
  const db = new Database(databaseOf(open.folder))
  const [first] = items
  db.exec(`UPDATE tray SET sealed = CAST(x'00' || substr(sealed, 2) AS BLOB) WHERE id = x'${first?.id}'`)
  db.close()
  expect(await vault.tray()).toEqual(items.slice(1))
  expect(await vault.trayCount()).toBe(2)
  expect(await codeOf(() => vault.trayDrafts([first?.id ?? '']))).toBe('RECORD_NOT_VERIFIED')
})
