import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { measured, ORDINARY, type Measurement } from '../../../../src/devices/measurement.ts'
import {
  codeOf,
  databaseOf,
  furnish,
  OXIMETER,
  patientNumber,
  PIN,
  signedInTo,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'

const READ_AT = new Date('2026-03-02T09:00:00').getTime()

async function atWork() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const [device] = await open.vault.enrolments()
  if (device === undefined) throw new Error('the clinic has a device')
  const controls = async (over: Partial<Measurement> = {}, enrolled: typeof device | null = device) => {
    const measurement: Measurement = {
      ...ORDINARY,
      kind: 'glucose',
      quantities: [measured('glucose', '112', 'mg/dL')],
      deviceTime: '2026-03-02T08:30:00',
      flags: [],
      recordKey: 'control 1',
      raw: Uint8Array.of(1),
      ...over,
    }
    const context = { readAtMs: READ_AT, deviceNow: null, window: null }
    const drafts = await open.vault.draftsOf(OXIMETER, enrolled, [measurement], context)
    await open.vault.putChecks('control', drafts)
    return drafts[0]!.draft.draftId
  }
  const history = async () =>
    (await open.vault.deviceHistory(device.handle)).map((row) => (row.status === 'verified' ? row.record : row.step))
  return { open, vault: open.vault, staff, device, controls, history }
}

it('records control solution about the device, signed by device and practitioner, once', async () => {
  const { vault, device, controls, history } = await atWork()
  const id = await controls()
  expect(await vault.checks()).toMatchObject([{ id, device: device.handle, recorded: false }])
  await vault.confirmCheck({ id, result: 'passed', note: 'Lot 4471' })
  expect(await vault.checks()).toMatchObject([{ id, device: device.handle, recorded: true }])
  expect(await history()).toMatchObject([
    {
      kind: 'control',
      at: expect.stringMatching(/^2026-03-02T08:30:00/) as unknown,
      by: 'Nora Nurse',
      result: 'passed',
      quantities: [{ name: 'glucose', value: '112', unit: 'mg/dL' }],
      note: 'Lot 4471',
    },
  ])
  const [entry] = (await vault.entries(null, 0, 100)).filter(({ type }) => type === 'device.checked')
  expect(entry?.signedBy.toSorted()).toEqual(['device', 'practitioner'])
  expect(entry?.subject).toBe(device.handle)
  expect(await codeOf(() => vault.confirmCheck({ id, result: 'failed', note: null }))).toBe('ALREADY_RECORDED')
  // Read from the meter once more, it is the same check.
  await controls()
  expect(await vault.checks()).toHaveLength(1)
})

it('is about no patient, and no patient’s reading becomes a check', async () => {
  const { vault, staff, controls } = await atWork()
  const { handle } = await vault.registerPatient(patientNumber(1))
  await vault.confirmCheck({ id: await controls(), result: 'failed', note: null })
  expect((await vault.chart(handle, 1)).readings).toEqual([])
  expect(await codeOf(() => vault.deviceHistory(handle))).toBe('DEVICE_NOT_ENROLLED')
  expect(await codeOf(() => vault.confirmCheck({ id: 'ab'.repeat(16), result: 'passed', note: null }))).toBe(
    'UNKNOWN_TRAY_ITEM',
  )
  expect(await codeOf(() => vault.stateCheck({ handle, kind: 'clock', result: 'passed', note: null }))).toBe(
    'DEVICE_NOT_ENROLLED',
  )
  expect(signedInTo(vault)).toBe(staff.nurse)
})

it('records nothing of a device that is not enrolled, or not any more', async () => {
  const { vault, staff, device, controls, history } = await atWork()
  const stranger = await controls({ recordKey: 'of a stranger' }, null)
  const ours = await controls()
  expect(await codeOf(() => vault.confirmCheck({ id: stranger, result: 'passed', note: null }))).toBe(
    'DEVICE_NOT_ENROLLED',
  )
  await vault.signIn(staff.it, PIN)
  await vault.revokeDevice(device.handle, 'lost')
  expect(await codeOf(() => vault.confirmCheck({ id: ours, result: 'passed', note: null }))).toBe('DEVICE_NOT_ENROLLED')
  expect((await vault.checks()).map((check) => check.device)).toEqual([null, null])
  expect(await history()).toMatchObject([{ kind: 'revoked', note: 'lost', by: 'Ada Admin', result: null }])
})

it.each([['nurse'], ['physician'], ['it']] as const)('lets a %s state clock and battery', async (role) => {
  const { vault, staff, device, history } = await atWork()
  await vault.signIn(staff[role], PIN)
  await vault.stateCheck({ handle: device.handle, kind: 'clock', result: 'failed', note: '4 minutes behind' })
  await vault.stateCheck({ handle: device.handle, kind: 'battery', result: 'passed', note: null })
  expect(await history()).toMatchObject([
    { kind: 'battery', result: 'passed', note: null },
    { kind: 'clock', result: 'failed', note: '4 minutes behind' },
  ])
})

it('lets an auditor look, and record nothing', async () => {
  const { vault, staff, device, controls } = await atWork()
  const id = await controls()
  await vault.signIn(staff.it, PIN)
  const auditor = await vault.enrolPractitioner({ name: 'Aud Itor', role: 'auditor', pin: PIN })
  await vault.signIn(auditor.handle, PIN)
  expect(await codeOf(() => vault.confirmCheck({ id, result: 'passed', note: null }))).toBe('NOT_ALLOWED')
  const state = () => vault.stateCheck({ handle: device.handle, kind: 'clock', result: 'passed', note: null })
  expect(await codeOf(state)).toBe('NOT_ALLOWED')
  expect(await vault.deviceHistory(device.handle)).toEqual([])
})

it('dates a check whose time is in doubt by when it was read', async () => {
  const { vault, controls, history } = await atWork()
  const id = await controls({ flags: ['clock-discontinuous'], deviceTime: '2020-01-01T00:00:00' })
  await vault.confirmCheck({ id, result: 'passed', note: null })
  const [record] = await history()
  expect(typeof record === 'object' && record.at.startsWith('2020')).toBe(false)
})

it('names a check whose record was damaged, and never shows its content', async () => {
  const { open, vault, staff, device } = await atWork()
  await vault.stateCheck({ handle: device.handle, kind: 'clock', result: 'passed', note: 'as the wall clock' })
  const [row] = await vault.deviceHistory(device.handle)
  const index = row?.status === 'verified' ? row.position.index : -1
  await vault.close()
  const db = new Database(databaseOf(open.folder))
  db.prepare('UPDATE payload SET ciphertext = zeroblob(length(ciphertext)) WHERE idx = ?').run(index)
  db.close()
  const again = await startVault(open.folder)
  await again.vault.signIn(staff.nurse, PIN)
  const rows = await again.vault.deviceHistory(device.handle)
  expect(rows).toMatchObject([{ status: 'rejected', step: 'ciphertext' }])
  expect(JSON.stringify(rows)).not.toContain('wall clock')
})
