import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import {
  codeOf,
  databaseOf,
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

const names = (people: { name: string }[]) => people.map(({ name }) => name)

it('ends a practitioner: no sign-in, no signature, and a record that says why', async () => {
  const { open, vault, staff } = await atWork()
  const revocation = { handle: staff.nurse, reason: 'moved to another clinic', pin: PIN }
  expect(await codeOf(() => vault.revokePractitioner(revocation))).toBe('NOT_ALLOWED')
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => vault.revokePractitioner({ ...revocation, pin: '9999' }))).toBe('WRONG_PIN')
  expect(await codeOf(() => vault.revokePractitioner({ ...revocation, handle: 'ab'.repeat(16) }))).toBe('UNKNOWN_ENTRY')
  await vault.revokePractitioner(revocation)
  expect(names(await vault.practitioners())).toEqual(['Ada Admin', 'Phil Physician'])
  expect(await codeOf(() => vault.signIn(staff.nurse, PIN))).toBe('WRONG_PIN')
  expect(await vault.people()).toMatchObject([
    { record: { name: 'Ada Admin', revoked: null } },
    { record: { name: 'Nora Nurse', revoked: { reason: 'moved to another clinic' } } },
    { record: { name: 'Phil Physician', revoked: null } },
  ])
  expect(await codeOf(() => vault.revokePractitioner(revocation))).toBe('UNKNOWN_ENTRY')
  expect(open.events).toContainEqual({ kind: 'key-ended', handle: staff.nurse })
  // What they signed goes on standing.
  await vault.signIn(staff.physician, PIN)
  const [patient] = await vault.searchPatients('')
  expect(patient?.status).toBe('verified')
})

it('keeps somebody who can administer, and lets nobody end themselves', async () => {
  const { vault, staff } = await atWork()
  await vault.signIn(staff.it, PIN)
  const revocation = { handle: staff.it, reason: 'leaving', pin: PIN }
  expect(await codeOf(() => vault.revokePractitioner(revocation))).toBe('LAST_ADMINISTRATOR')
  const second = await vault.enrolPractitioner({ name: 'Ina Second', role: 'it', pin: PIN })
  expect(await codeOf(() => vault.revokePractitioner(revocation))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.renewPractitioner({ handle: staff.it, name: null, newPin: '7391', pin: PIN }))).toBe(
    'NOT_ALLOWED',
  )
  await vault.signIn(second.handle, PIN)
  await vault.revokePractitioner(revocation)
  expect(await codeOf(() => vault.revokePractitioner({ ...revocation, handle: second.handle }))).toBe(
    'LAST_ADMINISTRATOR',
  )
})

it('gives a new key under a new PIN to somebody who forgot theirs, or who comes back', async () => {
  const { open, vault, staff, handle } = await atWork()
  const renewal = { handle: staff.nurse, name: null, newPin: '7391', pin: PIN }
  expect(await codeOf(() => vault.renewPractitioner(renewal))).toBe('NOT_ALLOWED')
  await vault.signIn(staff.it, PIN)
  expect(await codeOf(() => vault.renewPractitioner({ ...renewal, newPin: '1234' }))).toBe('WEAK_PIN')
  expect(await codeOf(() => vault.renewPractitioner({ ...renewal, handle }))).toBe('UNKNOWN_ENTRY')
  expect(await vault.renewPractitioner(renewal)).toMatchObject({
    handle: staff.nurse,
    name: 'Nora Nurse',
    role: 'nurse',
  })
  expect(await codeOf(() => vault.signIn(staff.nurse, PIN))).toBe('WRONG_PIN')
  await vault.signIn(staff.nurse, '7391')
  await signManual(open, handle, [weight('72')])
  await vault.signIn(staff.it, PIN)
  await vault.revokePractitioner({ handle: staff.nurse, reason: 'gone', pin: PIN })
  await vault.renewPractitioner({ ...renewal, newPin: '8642' })
  await vault.signIn(staff.nurse, '8642')
  expect((await vault.chart(handle, 1)).readings.map(({ status }) => status)).toEqual(['verified', 'verified'])
  expect((await vault.people()).length).toBe(3)
})

it('lets somebody with a damaged enrolment sign in again after IT renewed it', async () => {
  const { open, vault, staff } = await atWork()
  const { size } = await vault.ledgerSummary()
  const enrolment = (await vault.entries(null, 0, size)).find(({ subject }) => subject === staff.nurse)
  await vault.close()
  const db = new Database(databaseOf(open.folder))
  // Positions of the first log are its indexes, above its number.
  const { pos } = db
    .prepare('SELECT max(pos) AS pos FROM payload WHERE (pos & ?) = ?')
    .get(2 ** 40 - 1, enrolment?.index) as { pos: number }
  db.prepare('DELETE FROM payload WHERE pos = ?').run(pos)
  db.close()
  const again = await startVault(open.folder)
  expect(names(await again.vault.practitioners())).toEqual(['Ada Admin', 'Phil Physician'])
  expect(await codeOf(() => again.vault.signIn(staff.nurse, PIN))).toBe('RECORD_NOT_VERIFIED')
  await again.vault.signIn(staff.it, PIN)
  const damaged = (await again.vault.people()).filter(({ status }) => status === 'rejected')
  expect(damaged).toMatchObject([{ step: 'ciphertext', subject: staff.nurse }])
  const renewal = { handle: staff.nurse, newPin: '7391', pin: PIN }
  expect(await codeOf(() => again.vault.renewPractitioner({ ...renewal, name: null }))).toBe('RECORD_NOT_VERIFIED')
  await again.vault.renewPractitioner({ ...renewal, name: 'Nora Nurse' })
  await again.vault.signIn(staff.nurse, '7391')
  expect(names(await again.vault.practitioners())).toContain('Nora Nurse')
})

it('changes the PIN of who is signed in, and of nobody else', async () => {
  const { vault, staff } = await atWork()
  expect(await codeOf(() => vault.changePin({ oldPin: '9999', newPin: '7391' }))).toBe('WRONG_PIN')
  expect(await codeOf(() => vault.changePin({ oldPin: PIN, newPin: '1111' }))).toBe('WEAK_PIN')
  await vault.changePin({ oldPin: PIN, newPin: '7391' })
  expect(await codeOf(() => vault.signIn(staff.nurse, PIN))).toBe('WRONG_PIN')
  await vault.signIn(staff.nurse, '7391')
  await vault.signOut()
  expect(await codeOf(() => vault.changePin({ oldPin: '7391', newPin: PIN }))).toBe('NOT_SIGNED_IN')
})

it('carries PINs as they are now into a backup, and no key of who was revoked', async () => {
  const { vault, staff } = await atWork()
  await vault.changePin({ oldPin: PIN, newPin: '7391' })
  await vault.signIn(staff.it, PIN)
  await vault.revokePractitioner({ handle: staff.physician, reason: 'gone', pin: PIN })
  const { file } = await vault.backUp(null)
  const other = await startVault(temporaryFolder())
  await other.vault.restoreClinic({ file, recoveryKey: staff.recoveryKey, passphrase: null })
  expect(names(await other.vault.practitioners())).toEqual(['Ada Admin', 'Nora Nurse'])
  await other.vault.signIn(staff.nurse, '7391')
  expect(await codeOf(() => other.vault.signIn(staff.physician, PIN))).toBe('WRONG_PIN')
})
