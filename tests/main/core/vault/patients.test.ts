import { expect, it } from 'vitest'
import {
  codeOf,
  furnish,
  type OpenVault,
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
  return { open, vault: open.vault, staff }
}

/** How many accesses the ledger holds. */
async function accesses({ vault }: OpenVault): Promise<number> {
  const { size } = await vault.ledgerSummary()
  return (await vault.entries(null, 0, size)).filter(({ type }) => type === 'access').length
}

const names = (rows: Awaited<ReturnType<OpenVault['vault']['searchPatients']>>) =>
  rows.map((row) => (row.status === 'verified' ? row.record.familyName : row.step))

it('finds patients by every word of name, birth date or identifier, in any case', async () => {
  const { vault } = await atWork()
  for (let n = 1; n <= 3; n++) await vault.registerPatient(patientNumber(n))
  expect(names(await vault.searchPatients(''))).toEqual(['Family1', 'Family2', 'Family3'])
  expect(names(await vault.searchPatients('  fAMILY2 given2 '))).toEqual(['Family2'])
  expect(names(await vault.searchPatients('family2 given3'))).toEqual([])
  expect(names(await vault.searchPatients('mrn-1003'))).toEqual(['Family3'])
  expect(names(await vault.searchPatients('1911-05'))).toEqual(['Family1'])
})

it('refuses a patient who is there already, and says why', async () => {
  const { vault } = await atWork()
  await vault.registerPatient(patientNumber(1))
  const other = patientNumber(2)
  await expect(vault.registerPatient({ ...other, identifier: ' mrn-1001 ' })).rejects.toMatchObject({
    code: 'DUPLICATE_PATIENT',
    detail: 'identifier',
  })
  await expect(vault.registerPatient({ ...patientNumber(1), identifier: 'X' })).rejects.toMatchObject({
    code: 'DUPLICATE_PATIENT',
    detail: 'name',
  })
  await vault.registerPatient({ ...patientNumber(1), identifier: 'X', birthDate: '2001-01-01' })
})

it('records once per sign-in who saw which names, and every look at a chart', async () => {
  const { open, vault, staff } = await atWork()
  const one = await vault.registerPatient(patientNumber(1))
  await vault.registerPatient(patientNumber(2))
  const before = await accesses(open)
  await vault.searchPatients('')
  expect(await accesses(open)).toBe(before)
  await vault.signIn(staff.physician, PIN)
  await vault.searchPatients('family1')
  expect(await accesses(open)).toBe(before + 1)
  await vault.searchPatients('')
  expect(await accesses(open)).toBe(before + 2)
  await vault.searchPatients('')
  await vault.patient(one.handle)
  expect(await accesses(open)).toBe(before + 2)
  await vault.chart(one.handle, 1)
  await vault.chart(one.handle, 2)
  expect(await accesses(open)).toBe(before + 4)
  await vault.signIn(staff.physician, PIN)
  await vault.patient(one.handle)
  expect(await accesses(open)).toBe(before + 5)
})

it('has recorded the access when a chart is answered, with the head that it relied on', async () => {
  const { open, vault } = await atWork()
  const { handle } = await vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  const before = await vault.ledgerSummary()
  const chart = await vault.chart(handle, 42)
  expect(chart).toMatchObject({ handle, generation: 42, unattributedDamage: 0, head: { size: before.size } })
  const after = await vault.ledgerSummary()
  const added = await vault.entries(null, before.size, after.size - before.size)
  expect(added.map(({ type, subject }) => [type, subject])).toEqual([
    ['access', handle],
    ['seal', null],
  ])
})

it('names a patient whom nobody registered', async () => {
  const { vault } = await atWork()
  expect(await codeOf(() => vault.chart('ab'.repeat(16), 1))).toBe('UNKNOWN_PATIENT')
  expect(await codeOf(() => vault.patient('ab'.repeat(16)))).toBe('UNKNOWN_PATIENT')
})
