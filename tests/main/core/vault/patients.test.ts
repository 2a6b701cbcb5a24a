import { expect, it } from 'vitest'
import { encodePatient } from '../../../../src/clinical/patient.ts'
import type { Open } from '../../../../src/main/core/vault/vault-requests.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
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
import { insideOf } from '../../../support/inside.ts'

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

it('registers somebody once, also when it is asked twice at the same time', async () => {
  const { vault } = await atWork()
  const asked = [1, 2, 3].map(() => codeOf(() => vault.registerPatient(patientNumber(1), true)))
  expect(await Promise.all(asked)).toEqual([null, 'DUPLICATE_PATIENT', 'DUPLICATE_PATIENT'])
  expect(names(await vault.searchPatients(''))).toEqual(['Family1'])
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

const ANNA = {
  familyName: 'Müller-Schmidt',
  givenName: 'Anna',
  birthDate: '1971-03-12',
  gender: 'female' as const,
  identifier: '00420417',
}

it('finds names without diacritics, and as they are written', async () => {
  const { vault } = await atWork()
  await vault.registerPatient(ANNA)
  for (const text of ['muller', 'MÜLLER-SCHMIDT', 'schmidt anna', '1971-03'])
    expect([text, names(await vault.searchPatients(text))]).toEqual([text, [ANNA.familyName]])
  expect(names(await vault.searchPatients('mueller'))).toEqual([])
})

it('asks before it registers somebody who might be there already, and shows who', async () => {
  const { open, vault, staff } = await atWork()
  const { handle } = await vault.registerPatient(ANNA)
  const slip = { ...ANNA, familyName: 'Muller Schmit', birthDate: '1971-12-03', identifier: '7' }
  expect(await codeOf(() => vault.registerPatient(slip))).toBe('SIMILAR_PATIENT')
  await vault.signIn(staff.physician, PIN)
  const before = await accesses(open)
  expect(await vault.similarPatients(slip)).toMatchObject([{ status: 'verified', record: { handle } }])
  expect(await accesses(open)).toBe(before + 1)
  expect(await vault.similarPatients(patientNumber(5))).toEqual([])
  await vault.registerPatient(slip, true)
  // The same identifier stays refused, whatever somebody says.
  expect(await codeOf(() => vault.registerPatient({ ...slip, identifier: ANNA.identifier }, true))).toBe(
    'DUPLICATE_PATIENT',
  )
})

it('knows whose wristband or card was scanned, and guesses nothing', async () => {
  const { vault } = await atWork()
  const anna = await vault.registerPatient(ANNA)
  const gsrn = '061414112345678902'
  const other = await vault.registerPatient({ ...patientNumber(9), identifier: gsrn })
  const { text } = await vault.issueCard({
    ...{ handle: anna.handle, capacity: 'patient', holder: null },
    ...{ cardPin: '7391', pin: PIN },
  })
  const whose = async (code: string) => {
    const row = await vault.scanCode(code)
    return row === null ? null : row.status === 'verified' ? row.record.handle : row.step
  }
  expect(await whose('00420417')).toBe(anna.handle)
  expect(await whose('420417')).toBe(null)
  expect(await whose('0042041')).toBe(null)
  expect(await whose(`]C18018${gsrn}`)).toBe(other.handle)
  expect(await whose(`]d28018${gsrn.slice(0, -1)}3`)).toBe(null)
  expect(await whose(text)).toBe(anna.handle)
  expect(await whose(`${text.slice(0, -1)}${(Number(text.at(-1)) + 1) % 10}`)).toBe(null)
})

it('lets nobody scan who may not see names', async () => {
  const { vault, staff } = await atWork()
  await vault.registerPatient(ANNA)
  await vault.signIn(staff.it, PIN)
  const auditor = await vault.enrolPractitioner({ name: 'Aud Itor', role: 'auditor', pin: PIN })
  await vault.signIn(auditor.handle, PIN)
  expect(await codeOf(() => vault.scanCode('00420417'))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.similarPatients(ANNA))).toBe('NOT_ALLOWED')
})

it('sees at once what changed about somebody, and verifies nobody twice', async () => {
  const { open, vault } = await atWork()
  const anna = await vault.registerPatient(ANNA)
  await vault.searchPatients('')
  const others = [...Array(5).keys()].map((n) => patientNumber(n))
  for (const other of others) await vault.registerPatient(other)
  expect(names(await vault.searchPatients('')).length).toBe(6)
  await signManual(open, anna.handle, [weight('71')])
  const rows = await Promise.all([
    vault.searchPatients('anna'),
    vault.searchPatients(''),
    vault.searchPatients('family4'),
  ])
  expect(rows.map((found) => found.length)).toEqual([1, 6, 1])
})

it('names nobody whose registration is sealed as another kind of data', async () => {
  const { vault } = await atWork()
  const { clinic } = insideOf<Open>(vault)
  const handle = 'ab'.repeat(16)
  await clinic.writer.record([
    {
      ...{ id: clinic.random(16), type: 'patient.registered', subject: fromHex(handle), timeMs: clinic.nowMs() },
      payload: new TextEncoder().encode(encodePatient({ handle, ...patientNumber(9) }, false)),
      ...{ fields: new Map(), signers: [clinic.viewer!.signer], keyClass: 'vital-signs' },
    },
  ])
  expect(names(await vault.searchPatients('family9'))).toEqual(['content'])
  expect(await vault.scanCode(patientNumber(9).identifier)).toBeNull()
  expect((await vault.chart(handle, 1)).patient).toMatchObject({ status: 'rejected', step: 'content' })
})
