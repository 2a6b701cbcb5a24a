import { expect, it } from 'vitest'
import {
  codeOf,
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'

async function atWork() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71.37')])
  return { open, vault: open.vault, staff, handle }
}

it('names everybody who can sign in, to anybody', async () => {
  const { vault } = await atWork()
  await vault.signOut()
  expect((await vault.practitioners()).map(({ name, role }) => [name, role])).toEqual([
    ['Ada Admin', 'it'],
    ['Nora Nurse', 'nurse'],
    ['Phil Physician', 'physician'],
  ])
  expect(await codeOf(() => vault.people())).toBe('NOT_SIGNED_IN')
})

it('shows clinical values to nurses and physicians alone', async () => {
  const { vault, staff, handle } = await atWork()
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => vault.chart(handle, 1))).toBe('NOT_ALLOWED')
  const list = await vault.searchPatients('')
  expect(list.length).toBe(1)
  expect(JSON.stringify(list)).not.toContain('71.37')
  await vault.signIn(staff.physician, PIN)
  expect((await vault.chart(handle, 1)).readings.length).toBe(1)
})

it('shows an auditor the ledger and nobody’s data', async () => {
  const { vault, staff, handle } = await atWork()
  await vault.signIn(staff.it, PIN)
  const auditor = await vault.enrolPractitioner({ name: 'Aud Itor', role: 'auditor', pin: PIN })
  await vault.signIn(auditor.handle, PIN)
  expect((await vault.entries(null, 0, 5)).length).toBe(5)
  expect((await vault.people()).length).toBe(4)
  expect(await codeOf(() => vault.searchPatients(''))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.chart(handle, 1))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.patient(handle))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.registerPatient(patientNumber(2)))).toBe('NOT_ALLOWED')
})

it('lets IT alone enrol people and devices', async () => {
  const { open, vault, staff } = await atWork()
  const request = { name: 'New One', role: 'nurse' as const, pin: PIN }
  expect(await codeOf(() => vault.enrolPractitioner(request))).toBe('NOT_ALLOWED')
  const [device] = await vault.enrolments()
  const origin = { family: 'f', name: 'n', serial: 's', port: 'p', vendorId: 1, productId: 2, manufacturer: null }
  const other = { ...origin, kinds: ['spo2' as const], virtual: false }
  expect(await codeOf(() => vault.enrolDevice(other, 'Other'))).toBe('NOT_ALLOWED')
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => vault.enrolPractitioner({ ...request, pin: '1111' }))).toBe('WEAK_PIN')
  const enrolled = await vault.enrolDevice(other, 'Other')
  expect(await codeOf(() => vault.enrolDevice(other, 'Twice'))).toBe('DEVICE_ALREADY_ENROLLED')
  expect((await vault.enrolments()).map(({ handle }) => handle)).toEqual([device?.handle, enrolled.handle])
  expect(open.events.at(-1)).toEqual({ kind: 'enrolments' })
})

it('does not take a device without a serial number for another one on the same port', async () => {
  const { vault, staff } = await atWork()
  await vault.signIn(staff.it, PIN)
  const origin = { family: 'f', name: 'n', serial: null, port: '1-1', vendorId: 1, productId: 2, manufacturer: null }
  const device = { ...origin, kinds: ['spo2' as const], virtual: false }
  await vault.enrolDevice(device, 'One')
  expect(await codeOf(() => vault.enrolDevice(device, 'Again'))).toBe('DEVICE_ALREADY_ENROLLED')
  await vault.enrolDevice({ ...device, port: '1-2' }, 'Two')
  expect((await vault.enrolments()).map(({ label, port }) => [label, port])).toContainEqual(['Two', '1-2'])
})

it('does not know somebody who is not there', async () => {
  const { vault } = await atWork()
  expect(await codeOf(() => vault.signIn('ab'.repeat(16), PIN))).toBe('WRONG_PIN')
})

it('says which rule of the contract refuses, and in its words', async () => {
  const { vault, staff, handle } = await atWork()
  const request = { name: 'New One', role: 'nurse' as const, pin: PIN }
  await expect(vault.enrolPractitioner(request)).rejects.toMatchObject({
    code: 'NOT_ALLOWED',
    detail: 'administer',
    advice: 'This is for IT.',
  })
  await vault.signIn(staff.it, PIN)
  const clinical = {
    code: 'NOT_ALLOWED',
    detail: 'see-clinical',
    advice: 'Clinical data is for physicians and nurses.',
  }
  await expect(vault.chart(handle, 1)).rejects.toMatchObject(clinical)
})
