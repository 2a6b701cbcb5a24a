import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { measured, ORDINARY, type Measurement } from '../../../../src/devices/measurement.ts'
import {
  codeOf,
  databaseOf,
  furnish,
  oximeterDrafts,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  temporaryFolder,
  weight,
  signedInTo,
} from '../../../faults/support/clinic.ts'

async function atWork() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  return { open, vault: open.vault, staff, handle }
}

it('splits what a device sent into one reading per kind, signed by device and practitioner', async () => {
  const { open, vault, handle } = await atWork()
  const rows = await signFromDevice(open, handle, 5)
  const shown = rows.map((row) =>
    row.status === 'verified' ? [row.record.kind, row.record.quantities[0]?.value] : row,
  )
  expect(shown).toEqual([
    ['heart-rate', '65'],
    ['spo2', '97'],
  ])
  for (const row of rows) {
    if (row.status === 'rejected') throw new Error(row.step)
    expect(row.record).toMatchObject({ method: 'device', deviceLabel: 'Ward oximeter', performer: 'Nora Nurse' })
    const proof = await vault.proof(null, row.position.index)
    expect(proof.signatures.map(({ role }) => role).toSorted()).toEqual(['device', 'practitioner'])
    expect(row.position.block).toBe(proof.block?.block)
  }
})

it('gives a record of a device’s memory the same id whenever it is read', async () => {
  const { open, handle } = await atWork()
  const [one] = await oximeterDrafts(open, 5)
  const [again] = await oximeterDrafts(open, 5)
  const [other] = await oximeterDrafts(open, 6)
  expect(one?.draft.draftId).toBe(again?.draft.draftId)
  expect(one?.draft.draftId).not.toBe(other?.draft.draftId)
  expect(one?.draft.alreadyRecorded).toBe(false)
  await signFromDevice(open, handle, 5)
  expect((await oximeterDrafts(open, 5))[0]?.draft.alreadyRecorded).toBe(true)
  expect(await codeOf(() => signFromDevice(open, handle, 5))).toBe('ALREADY_RECORDED')
})

it('gives every live take an id of its own, however alike the numbers', async () => {
  const { open } = await atWork()
  const [one] = await oximeterDrafts(open, 5, '97', { seconds: 5, min: '97', max: '97' })
  const [again] = await oximeterDrafts(open, 5, '97', { seconds: 5, min: '97', max: '97' })
  expect(one?.draft.draftId).not.toBe(again?.draft.draftId)
})

it('knows a record again whose entry was damaged, and goes on working', async () => {
  const { open, staff, handle } = await atWork()
  const [row] = await signFromDevice(open, handle, 5)
  const index = row?.status === 'verified' ? row.position.index : -1
  await open.vault.close()
  const db = new Database(databaseOf(open.folder))
  db.exec(`DELETE FROM entry WHERE idx = ${index}`)
  db.close()
  const again = await startVault(open.folder)
  await again.vault.signIn(staff.nurse, PIN)
  expect((await oximeterDrafts(again, 5))[0]?.draft.alreadyRecorded).toBe(true)
  expect(await codeOf(() => signFromDevice(again, handle, 5))).toBe('ALREADY_RECORDED')
  expect((await signManual(again, handle, [weight('70.2')])).map(({ status }) => status)).toEqual(['verified'])
})

it('refuses what cannot be a measurement, and asks about what is unusual', async () => {
  const { open, vault, handle } = await atWork()
  await expect(signManual(open, handle, [weight('9000')])).rejects.toMatchObject({
    code: 'VALUE_REJECTED',
    detail: 'weight',
  })
  expect(await codeOf(() => signManual(open, handle, [weight('399', false)]))).toBe('VALUE_NOT_CONFIRMED')
  const [row] = await signManual(open, handle, [weight('399', true)])
  expect(row).toMatchObject({ status: 'verified', record: { flags: ['confirmed-unusual'] } })
  expect(await codeOf(() => signManual(open, handle, []))).toBe('NOTHING_TO_SIGN')
  expect(await codeOf(() => signManual(open, 'ab'.repeat(16), [weight('70')]))).toBe('UNKNOWN_PATIENT')
  const { readings } = await vault.chart(handle, 1)
  expect(readings.length).toBe(1)
})

it('records all of a set or nothing of it', async () => {
  const { open, vault, handle } = await atWork()
  const { size } = await vault.ledgerSummary()
  expect(await codeOf(() => signManual(open, handle, [weight('70'), weight('9000')]))).toBe('VALUE_REJECTED')
  expect((await vault.ledgerSummary()).size).toBe(size)
})

it('keeps the digits as they were typed', async () => {
  const { open, handle } = await atWork()
  const rows = await signManual(open, handle, [weight('70'), weight('70.0'), weight('70.00')])
  expect(rows.map((row) => (row.status === 'verified' ? row.record.quantities[0]?.value : row.step))).toEqual([
    '70',
    '70.0',
    '70.00',
  ])
})

it('marks what an unenrolled device sent, and no device signs it', async () => {
  const { vault, handle } = await atWork()
  const origin = {
    family: 'contec-28e9-028a',
    name: 'Unknown',
    serial: 'X',
    port: '9',
    vendorId: 1,
    productId: 2,
    manufacturer: null,
    kinds: ['spo2' as const],
    virtual: false,
  }
  const quantity = { name: 'spo2', value: '96', ucum: '%', unit: '%', comparator: null, coded: null }
  const measurement = {
    kind: 'spo2' as const,
    quantities: [quantity],
    deviceTime: null,
    flags: [],
    ...ORDINARY,
    recordKey: '1',
    raw: new Uint8Array([1]),
  }
  const context = { readAtMs: Date.UTC(2026, 1, 1), deviceNow: null, window: null }
  const drafts = await vault.draftsOf(origin, null, [measurement], context)
  const [row] = await vault.signReadings({ as: signedInTo(vault), handle, drafts, manual: [], late: null })
  expect(row).toMatchObject({ status: 'verified', record: { method: 'unauthenticated-device' } })
  const proof = await vault.proof(null, row?.status === 'verified' ? row.position.index : -1)
  expect(proof.signatures.map(({ role }) => role)).toEqual(['practitioner'])
})

const ORIGIN = {
  family: 'omron-0590-0028',
  name: 'A cuff',
  serial: 'C-1',
  port: '3',
  vendorId: 1,
  productId: 2,
  manufacturer: null,
  kinds: ['blood-pressure' as const],
  virtual: false,
}
const MEMORY = { readAtMs: Date.UTC(2026, 1, 1), deviceNow: null, window: null }

const cuffRecord = (over: Partial<Measurement>): Measurement => ({
  ...ORDINARY,
  kind: 'blood-pressure',
  quantities: [measured('systolic', '120'), measured('diastolic', '80')],
  deviceTime: null,
  flags: [],
  recordKey: '1',
  raw: Uint8Array.of(1),
  ...over,
})

it.each([
  ['whose clock was set since', { flags: ['clock-discontinuous'] }],
  ['without a valid time', { flags: ['device-time-invalid'] }],
  ['of a room', { kind: 'environment' as const, quantities: [measured('room-temperature', '4.3')], flags: [] }],
])('refuses to sign a record %s', async (_, over) => {
  const { vault, handle } = await atWork()
  const [held] = await vault.draftsOf(ORIGIN, null, [cuffRecord(over)], MEMORY)
  const sign = () => vault.signReadings({ as: signedInTo(vault), handle, drafts: [held!], manual: [], late: null })
  expect(await codeOf(sign)).toBe('VALUE_REJECTED')
  expect((await vault.chart(handle, 1)).readings).toEqual([])
})

it('keeps checks of devices apart from what waits for a patient, and each once', async () => {
  const { vault } = await atWork()
  const drafts = await vault.draftsOf(ORIGIN, null, [cuffRecord({}), cuffRecord({ recordKey: '2' })], MEMORY)
  const again = await vault.draftsOf(ORIGIN, null, [cuffRecord({})], MEMORY)
  await vault.putChecks('control', drafts)
  await vault.putChecks('control', again)
  expect((await vault.checks()).map(({ reason, id }) => [reason, id]).toSorted()).toEqual(
    drafts.map(({ draft }) => ['control', draft.draftId]).toSorted(),
  )
  expect([await vault.tray(), await vault.trayCount()]).toEqual([[], 0])
  expect(await codeOf(() => vault.trayDrafts([drafts[0]!.draft.draftId]))).toBe('UNKNOWN_TRAY_ITEM')
})

it('lets those alone sign whom the contract lets', async () => {
  const { open, vault, staff, handle } = await atWork()
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => signManual(open, handle, [weight('70')]))).toBe('NOT_ALLOWED')
  await vault.signOut()
  expect(await codeOf(() => signManual(open, handle, [weight('70')]))).toBe('NOT_SIGNED_IN')
})
