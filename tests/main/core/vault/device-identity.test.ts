import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ORDINARY } from '../../../../src/devices/measurement.ts'
import type { EnrolledDevice } from '../../../../src/main/core/vault-service.ts'
import {
  codeOf,
  furnish,
  OXIMETER,
  oximeterDrafts,
  patientNumber,
  PIN,
  signedInTo,
  signFromDevice,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'

async function atWork() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle: patient } = await open.vault.registerPatient(patientNumber(1))
  const [device] = await open.vault.enrolments()
  if (device === undefined) throw new Error('the clinic has an oximeter')
  const secret = join(open.folder, 'clinic', 'keystore', 'secrets', `device-${device.handle}.sealed`)
  return { open, vault: open.vault, staff, patient, device, secret }
}

async function revoked() {
  const made = await atWork()
  const held = await oximeterDrafts(made.open, 5)
  await made.vault.putTray('not-signed', held)
  await made.vault.signIn(made.staff.it, PIN)
  await made.vault.revokeDevice(made.device.handle, 'fell into the sink')
  await made.vault.signIn(made.staff.nurse, PIN)
  return { ...made, held }
}

it('lets IT alone revoke a device, once, and records who, what and why', async () => {
  const { open, vault, staff, device, secret } = await atWork()
  expect(await codeOf(() => vault.revokeDevice(device.handle, 'lost'))).toBe('NOT_ALLOWED')
  expect(existsSync(secret)).toBe(true)
  await vault.signIn(staff.it, PIN)
  await vault.revokeDevice(device.handle, 'fell into the sink')
  expect(open.events.at(-1)).toEqual({ kind: 'enrolments' })
  expect(existsSync(secret)).toBe(false)
  expect(await vault.enrolments()).toEqual([])
  expect(await vault.deviceRegister()).toMatchObject([
    { handle: device.handle, label: 'Ward oximeter', name: 'CMS50E', revoked: { reason: 'fell into the sink' } },
  ])
  const entries = await vault.entries(null, 0, 100)
  expect(entries.filter(({ type }) => type === 'device.revoked')).toMatchObject([{ signedBy: ['practitioner'] }])
  expect(await codeOf(() => vault.revokeDevice(device.handle, 'again'))).toBe('DEVICE_NOT_ENROLLED')
  expect(await codeOf(() => vault.revokeDevice('ab'.repeat(16), 'nobody'))).toBe('DEVICE_NOT_ENROLLED')
  expect(await codeOf(() => vault.setCalibration(device.handle, '2027-01-01'))).toBe('DEVICE_NOT_ENROLLED')
})

it('signs nothing more for a revoked device, also what it sent before and what still believes in it', async () => {
  const { vault, patient, device, held } = await revoked()
  const sign = () =>
    vault.signReadings({ as: signedInTo(vault), handle: patient, drafts: held, manual: [], late: null })
  expect(await codeOf(sign)).toBe('DEVICE_NOT_ENROLLED')
  expect((await vault.chart(patient, 1)).readings).toEqual([])
  const quantities = [{ name: 'spo2', value: '97', ucum: '%', unit: '%', comparator: null, coded: null }]
  const measurement = { ...ORDINARY, kind: 'spo2' as const, quantities, deviceTime: null, flags: [], recordKey: 'x' }
  const [draft] = await vault.draftsOf(OXIMETER, device, [{ ...measurement, raw: Uint8Array.of(1) }], {
    ...{ readAtMs: Date.UTC(2026, 2, 2, 9), deviceNow: null, window: null },
  })
  expect(draft).toMatchObject({ device: null, draft: { method: 'unauthenticated-device' } })
})

it('shows what waits from it as unauthenticated, and still lets it be given to a patient so', async () => {
  const { vault, patient } = await revoked()
  const [item] = await vault.tray()
  expect(item?.draft).toMatchObject({ method: 'unauthenticated-device', deviceLabel: 'Ward oximeter' })
  const drafts = await vault.trayDrafts([item!.id])
  const late = { reason: 'seen at the bedside', trayIds: [item!.id] }
  const rows = await vault.signReadings({ as: signedInTo(vault), handle: patient, drafts, manual: [], late })
  expect(rows.map((row) => (row.status === 'verified' ? row.record.method : row.step))).toEqual([
    'unauthenticated-device',
    'unauthenticated-device',
  ])
  expect(await vault.tray()).toEqual([])
})

it('leaves what it signed before as it was', async () => {
  const { open, vault, staff, patient, device } = await atWork()
  await signFromDevice(open, patient, 5)
  await vault.signIn(staff.it, PIN)
  await vault.revokeDevice(device.handle, 'replaced')
  await vault.signIn(staff.nurse, PIN)
  const { readings } = await vault.chart(patient, 1)
  expect(readings.map((row) => (row.status === 'verified' ? row.record.method : row.step))).toEqual([
    'device',
    'device',
  ])
})

it('gives a device that is enrolled again a new handle and a new key', async () => {
  const { vault, staff, device, secret } = await revoked()
  await vault.signIn(staff.it, PIN)
  const again = await vault.enrolDevice(OXIMETER, 'Ward oximeter')
  expect(again.handle).not.toBe(device.handle)
  expect(existsSync(secret)).toBe(false)
  expect((await vault.enrolments()).map(({ handle }) => handle)).toEqual([again.handle])
  expect((await vault.deviceRegister()).map(({ revoked: end }) => end !== null)).toEqual([true, false])
})

it('stays revoked after a start', async () => {
  const { open, vault, staff } = await revoked()
  await vault.close()
  const again = await startVault(open.folder)
  expect(await again.vault.enrolments()).toEqual([])
  await again.vault.signIn(staff.nurse, PIN)
  expect((await again.vault.tray())[0]?.draft.method).toBe('unauthenticated-device')
})

const due = async (open: { vault: { enrolments(): Promise<EnrolledDevice[]> } }) =>
  (await open.vault.enrolments())[0]?.calibrationDue

it('keeps from which day on a calibration is due, as IT said last', async () => {
  const { open, vault, staff, device } = await atWork()
  expect(await codeOf(() => vault.setCalibration(device.handle, '2026-03-02'))).toBe('NOT_ALLOWED')
  await vault.signIn(staff.it, PIN)
  const cuff = await vault.enrolDevice({ ...OXIMETER, serial: 'SN-2' }, 'Second', '2026-06-30')
  expect(cuff.calibrationDue).toBe('2026-06-30')
  await vault.setCalibration(device.handle, '2026-03-02')
  expect(await due(open)).toBe('2026-03-02')
  await vault.close()
  const again = await startVault(open.folder)
  expect(await due(again)).toBe('2026-03-02')
  await again.vault.signIn(staff.it, PIN)
  expect((await again.vault.deviceRegister()).map(({ calibrationDue }) => calibrationDue)).toEqual([
    '2026-03-02',
    '2026-06-30',
  ])
  await again.vault.setCalibration(device.handle, null)
  expect(await due(again)).toBeUndefined()
})

// The oximeter's drafts are of 2 March 2026.
it.each([
  ['2026-03-01', ['calibration-overdue']],
  ['2026-03-02', ['calibration-overdue']],
  ['2026-03-03', []],
])('flags a reading when calibration was due on %s: %j, and never refuses it', async (day, flags) => {
  const { open, vault, staff, patient, device } = await atWork()
  await vault.signIn(staff.it, PIN)
  await vault.setCalibration(device.handle, day)
  await vault.signIn(staff.nurse, PIN)
  const rows = await signFromDevice(open, patient, 5)
  expect(rows.map((row) => (row.status === 'verified' ? row.record.flags : row.step))).toEqual([flags, flags])
})

it('goes by the time of the measurement, with the device’s clock put right', async () => {
  const { vault, staff, device } = await atWork()
  await vault.signIn(staff.it, PIN)
  await vault.setCalibration(device.handle, '2026-03-02')
  const [known] = await vault.enrolments()
  const quantities = [{ name: 'spo2', value: '97', ucum: '%', unit: '%', comparator: null, coded: null }]
  const flagsOf = async (deviceTime: string, deviceNow: string | null) => {
    const measurement = { ...ORDINARY, kind: 'spo2' as const, quantities, deviceTime, flags: [], recordKey: deviceTime }
    const context = { readAtMs: new Date('2026-03-05T09:00:00').getTime(), deviceNow, window: null }
    const drafts = await vault.draftsOf(OXIMETER, known!, [{ ...measurement, raw: Uint8Array.of(1) }], context)
    return drafts[0]?.draft.flags
  }
  expect(await flagsOf('2026-03-01T12:00:00', '2026-03-05T09:00:00')).toEqual([])
  expect(await flagsOf('2026-03-01T12:00:00', null)).toEqual([])
  expect(await flagsOf('2026-03-03T12:00:00', '2026-03-05T09:00:00')).toEqual(['calibration-overdue'])
  // Its clock was never set: it is years behind.
  expect(await flagsOf('2020-01-03T12:00:00', '2020-01-05T09:00:00')).toEqual(['calibration-overdue'])
})
