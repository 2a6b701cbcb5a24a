import { beforeAll, beforeEach, expect, it } from 'vitest'
import type { PatientReport, Reading } from '../../../../src/shared/api/schemas.ts'
import type { Row } from '../../../../src/main/core/vault-service.ts'
import {
  codeOf,
  copyOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  type Staff,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { bundleOf, DIARY, PRESSURE } from '../../../support/patient-files.ts'

/** What the patient's own system calls the pressure, and another value of it. */
const NEWER = { ...PRESSURE, status: 'amended' as const, component: PRESSURE.component.map(ten) }
const NAMELESS = { ...PRESSURE, identifier: undefined }
const CARD_PIN = '4862'

let folder = ''
let staff: Staff
let [patient, other, card] = ['', '', '']
let open: OpenVault

function ten<Component extends { valueQuantity: { value: number } }>(component: Component): Component {
  return { ...component, valueQuantity: { ...component.valueQuantity, value: component.valueQuantity.value + 10 } }
}

beforeAll(async () => {
  await forWholeFile(async () => {
    const first = await startVault(temporaryFolder())
    folder = first.folder
    staff = await furnish(first)
    await first.vault.signIn(staff.nurse, PIN)
    patient = (await first.vault.registerPatient(patientNumber(1))).handle
    other = (await first.vault.registerPatient(patientNumber(2))).handle
    const issue = { handle: patient, capacity: 'patient' as const, holder: null, cardPin: CARD_PIN, pin: PIN }
    card = (await first.vault.issueCard(issue)).text
    await first.vault.close()
  })
})

beforeEach(async () => {
  open = await startVault(copyOf(folder))
  await open.vault.signIn(staff.nurse, PIN)
})

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const preview = (value: unknown, handle = patient) => open.vault.previewImport({ handle, text: textOf(value) })
const accept = (value: unknown, withCard = false) =>
  open.vault.acceptImport({
    handle: patient,
    text: textOf(value),
    card: withCard ? { text: card, pin: CARD_PIN } : null,
  })
const verdicts = async (value: unknown) => (await preview(value)).items.map(({ verdict }) => verdict)

function shown<Content>(rows: readonly Row<Content>[]): Content[] {
  return rows.map((row) => {
    if (row.status === 'rejected') throw new Error(row.step)
    return row.record
  })
}

async function chart(): Promise<{ readings: Reading[]; reports: PatientReport[] }> {
  const { readings, reports } = await open.vault.chart(patient, 1)
  return { readings: shown(readings), reports: shown(reports) }
}

it('shows what is in a file and records nothing before somebody accepts it', async () => {
  const file = bundleOf([DIARY, PRESSURE, { resourceType: 'Device' }], 'collection')
  const { items, acceptable } = await preview(file)
  expect(items.map(({ verdict, dataClass, problem }) => [verdict, dataClass, problem])).toEqual([
    ['new', 'patient-reported', null],
    ['new', 'patient-reported', null],
    ['refused', null, 'WRONG_TYPE'],
  ])
  expect(acceptable).toBe(2)
  expect(await chart()).toEqual({ readings: [], reports: [] })
  expect(await accept(file)).toEqual({ recorded: 2 })
  const { readings, reports } = await chart()
  expect(readings).toMatchObject([
    { kind: 'blood-pressure', method: 'patient-reported', performer: 'Nora Nurse', deviceLabel: null },
  ])
  expect(reports).toMatchObject([{ importedBy: 'Nora Nurse', signedByPatient: false }])
  expect(reports[0]?.answers.length).toBeGreaterThan(0)
})

it('records the same once, however often it is brought, and within one file too', async () => {
  const file = bundleOf([DIARY, NAMELESS, DIARY, NAMELESS, PRESSURE], 'collection')
  expect(await verdicts(file)).toEqual(['new', 'new', 'known', 'known', 'new'])
  expect(await accept(file)).toEqual({ recorded: 3 })
  expect(await verdicts(file)).toEqual(['known', 'known', 'known', 'known', 'known'])
  expect(await codeOf(() => accept(file))).toBe('NOTHING_TO_IMPORT')
  await open.vault.close()
  open = await startVault(open.folder)
  await open.vault.signIn(staff.nurse, PIN)
  expect(await codeOf(() => accept(file))).toBe('NOTHING_TO_IMPORT')
  expect((await chart()).readings).toHaveLength(2)
})

it('puts a newer version of a value in the place of the older one, which stays', async () => {
  await accept(PRESSURE)
  expect(await verdicts(NEWER)).toEqual(['update'])
  expect(await accept(NEWER)).toEqual({ recorded: 1 })
  const { readings } = await chart()
  expect(readings.map(({ quantities, correction }) => [quantities[0]?.value, correction?.kind])).toEqual([
    ['128', 'amended'],
    ['138', undefined],
  ])
  expect(readings[1]?.method).toBe('patient-reported')
  expect(await verdicts(PRESSURE)).toEqual(['known'])
  expect(await verdicts(NEWER)).toEqual(['known'])
  const third = { ...NEWER, component: NEWER.component.map(ten) }
  expect(await accept(third)).toEqual({ recorded: 1 })
  expect((await chart()).readings.map(({ correction }) => correction?.kind)).toEqual(['amended', 'amended', undefined])
})

it('stands a newer answered form beside the older one', async () => {
  await accept(DIARY)
  const newer = { ...DIARY, authored: '2026-03-01T09:00:00Z' }
  const isNamed = (await chart()).reports[0]?.identifier !== null
  expect(await verdicts(newer)).toEqual([isNamed ? 'update' : 'new'])
  expect(await accept(newer)).toEqual({ recorded: 1 })
  expect((await chart()).reports).toHaveLength(2)
})

it('does not bring back what was withdrawn', async () => {
  await accept(bundleOf([PRESSURE, DIARY], 'collection'))
  const { readings, reports } = await open.vault.chart(patient, 1)
  for (const row of [...readings, ...reports]) {
    if (row.status === 'rejected') throw new Error(row.step)
    const { origin, index } = row.position
    await open.vault.retractReading({ handle: patient, ref: { origin, index }, reason: 'of her sister' })
  }
  const after = await chart()
  expect([...after.readings, ...after.reports].map(({ correction }) => correction?.kind)).toEqual([
    'entered-in-error',
    'entered-in-error',
  ])
  expect(await verdicts(bundleOf([PRESSURE, DIARY], 'collection'))).toEqual(['known', 'known'])
  expect((await preview(NEWER)).items).toMatchObject([{ verdict: 'refused', problem: 'withdrawn' }])
})

it('says who signed: whoever took it in, and the patient where the card was there', async () => {
  expect(await accept(DIARY, true)).toEqual({ recorded: 1 })
  expect(await accept(PRESSURE, true)).toEqual({ recorded: 1 })
  const { readings, reports } = await chart()
  expect(reports).toMatchObject([{ signedByPatient: true }])
  expect(readings).toMatchObject([{ authorised: 'patient' }])
  const wrong = { handle: patient, text: textOf(NAMELESS), card: { text: card, pin: '0000' } }
  expect(await codeOf(() => open.vault.acceptImport(wrong))).toBe('WRONG_CARD_PIN')
  const row = (await open.vault.chart(patient, 1)).readings[0]
  if (row?.status !== 'verified') throw new Error('no row')
  const { signatures } = await open.vault.proof(null, row.position.index)
  expect(signatures.map(({ role }) => role).toSorted()).toEqual(['patient', 'practitioner'])
})

it('is never scored, and refuses what claims to be of the future', async () => {
  const future = { ...NAMELESS, effectiveDateTime: new Date(Date.now() + 3_600_000).toISOString() }
  expect((await preview(future)).items).toMatchObject([{ verdict: 'refused', problem: 'WRONG_TIME' }])
  await accept(NAMELESS)
  await open.vault.signIn(staff.physician, PIN)
  await open.vault.configureSupport({ news2: true, pin: PIN })
  const draft = await open.vault.assessmentDraft(patient)
  expect(draft).toMatchObject({ state: 'incomplete', inputs: [] })
})

it.each([
  ['nothing', '{}'],
  ['no JSON', 'hello'],
  ['another resource', JSON.stringify({ resourceType: 'Bundle', type: 'history', entry: [] })],
])('refuses %s with a place', async (_, text) => {
  expect(await codeOf(() => preview(text))).toBe('BAD_IMPORT')
  expect(await codeOf(() => accept(text))).toBe('BAD_IMPORT')
})

it('takes nothing that names another patient, and nothing for nobody', async () => {
  const person = { resourceType: 'Patient', name: [{ family: 'Else', given: ['Somebody'] }], birthDate: '2001-01-01' }
  const file = bundleOf([person, PRESSURE], 'collection')
  expect((await preview(file)).items.map(({ problem }) => problem)).toEqual(['other-patient', 'other-patient'])
  expect(await codeOf(() => accept(file))).toBe('NOTHING_TO_IMPORT')
  expect(await codeOf(() => preview(PRESSURE, '00'.repeat(16)))).toBe('UNKNOWN_PATIENT')
  await accept(PRESSURE)
  expect((await preview(PRESSURE, other)).acceptable).toBe(1)
})

it('is for nurses and physicians', async () => {
  await open.vault.signIn(staff.it, PIN)
  expect(await codeOf(() => preview(DIARY))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => accept(DIARY))).toBe('NOT_ALLOWED')
  await open.vault.signOut()
  expect(await codeOf(() => accept(DIARY))).toBe('NOT_SIGNED_IN')
})
