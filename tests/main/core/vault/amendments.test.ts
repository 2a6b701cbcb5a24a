import { beforeAll, beforeEach, expect, it } from 'vitest'
import { encodeObservation } from '../../../../src/clinical/observation.ts'
import { encodeRetraction } from '../../../../src/clinical/retraction.ts'
import { encodeAmendedFields } from '../../../../src/ledger/fields.ts'
import { encodeTargetFields } from '../../../../src/ledger/record-fields.ts'
import type { KeyClass } from '../../../../src/main/core/class-keys.ts'
import type { Row } from '../../../../src/main/core/vault-service.ts'
import type { Open } from '../../../../src/main/core/vault/vault-requests.ts'
import type { EntryRef, ManualValue, Reading } from '../../../../src/shared/api/schemas.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { observationInput } from '../../../support/observations.ts'
import {
  codeOf,
  copyOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'
import { insideOf } from '../../../support/inside.ts'

let folder = ''
let staff: Staff
let [patient, other] = ['', '']
let open: OpenVault

beforeAll(async () => {
  await forWholeFile(async () => {
    const first = await startVault(temporaryFolder())
    folder = first.folder
    staff = await furnish(first)
    await first.vault.signIn(staff.nurse, PIN)
    patient = (await first.vault.registerPatient(patientNumber(1))).handle
    other = (await first.vault.registerPatient(patientNumber(2))).handle
    await signManual(first, patient, [weight('71.5'), pressure('120', '80')])
    await signManual(first, other, [weight('99.5')])
    await first.vault.close()
  })
})

beforeEach(async () => {
  open = await startVault(copyOf(folder))
  await open.vault.signIn(staff.nurse, PIN)
})

function pressure(systolic: string, diastolic: string): ManualValue {
  const quantity = (name: string, value: string) => ({ name, value, ucum: 'mm[Hg]', coded: null })
  const quantities = [quantity('systolic', systolic), quantity('diastolic', diastolic)]
  return { kind: 'blood-pressure', quantities, site: null, confirmed: true }
}

const chart = async (handle = patient): Promise<Row<Reading>[]> => (await open.vault.chart(handle, 1)).readings

function verified(row: Row<Reading> | undefined) {
  if (row?.status !== 'verified') throw new Error(row?.step ?? 'no row')
  return row
}

/** The reading of a kind that stands. */
async function standing(kind: Reading['kind'], handle = patient) {
  const rows = await chart(handle)
  return verified(
    rows.find((row) => row.status === 'verified' && row.record.kind === kind && row.record.correction === undefined),
  )
}

const place = ({ position: { origin, index } }: { position: EntryRef }): EntryRef => ({ origin, index })
const amend = (ref: EntryRef, value: ManualValue = weight('72.5'), handle = patient) =>
  open.vault.amendReading({ handle, ref, value, reason: 'typed wrong' })
const retract = (ref: EntryRef, handle = patient) => open.vault.retractReading({ handle, ref, reason: 'wrong patient' })

it('keeps the old value beside the new one, with reason and author', async () => {
  const old = await standing('weight')
  const rows = await amend(place(old))
  const [before, after] = rows.map(verified)
  expect(before?.record).toMatchObject({ quantities: old.record.quantities, measuredAt: old.record.measuredAt })
  expect(before?.record.correction).toMatchObject({ kind: 'amended', reason: 'typed wrong', by: 'Nora Nurse' })
  expect(before?.record.correction?.ref).toEqual(place(after!))
  expect(after?.record).toMatchObject({
    amends: place(old),
    method: 'manual',
    setId: old.record.setId,
    measuredAt: old.record.measuredAt,
    performer: 'Nora Nurse',
  })
  expect(after?.record.quantities[0]?.value).toBe('72.5')
  expect(await chart()).toEqual(expect.arrayContaining(rows))
  const proof = await open.vault.proof(null, after!.position.index)
  expect(proof.type).toBe('reading.amended')
})

it('amends what amended, and withdraws in the end: the whole story stays', async () => {
  const first = await standing('weight')
  await amend(place(first), weight('72.5'))
  const second = await standing('weight')
  await amend(place(second), weight('73.5'))
  const third = await standing('weight')
  expect(third.record.quantities[0]?.value).toBe('73.5')
  await retract(place(third))
  const rows = (await chart()).map(verified).filter(({ record }) => record.kind === 'weight')
  expect(rows.map(({ record }) => [record.quantities[0]?.value, record.correction?.kind])).toEqual([
    ['71.5', 'amended'],
    ['72.5', 'amended'],
    ['73.5', 'entered-in-error'],
  ])
  expect(rows[2]?.record.correction).toMatchObject({ reason: 'wrong patient', by: 'Nora Nurse' })
})

it('corrects a reading once, also when two ask at the same time', async () => {
  const old = await standing('weight')
  const asked = [amend(place(old), weight('72.5')), amend(place(old), weight('75.5')), retract(place(old))]
  const codes = await Promise.all(asked.map((call) => codeOf(() => call)))
  expect(codes.toSorted()).toEqual(['ALREADY_CORRECTED', 'ALREADY_CORRECTED', null])
  expect(await codeOf(() => amend(place(old)))).toBe('ALREADY_CORRECTED')
  expect(await codeOf(() => retract(place(old)))).toBe('ALREADY_CORRECTED')
})

it('corrects readings of this patient only, by the same kind of value, within what can be measured', async () => {
  const ref = place(await standing('weight'))
  const strange = place(await standing('weight', other))
  expect(await codeOf(() => amend(strange))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => retract(strange))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => retract({ origin: 'nowhere', index: 3 }))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => retract({ ...ref, index: 0 }))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => amend(ref, weight('72.5'), '00'.repeat(16)))).toBe('UNKNOWN_PATIENT')
  expect(await codeOf(() => amend(ref, pressure('120', '80')))).toBe('VALUE_REJECTED')
  expect(await codeOf(() => amend(ref, weight('0')))).toBe('VALUE_REJECTED')
  expect(await codeOf(() => amend(ref, weight('400', false)))).toBe('VALUE_NOT_CONFIRMED')
  expect((await amend(ref, weight('400'))).map(verified)[1]?.record.flags).toEqual(['confirmed-unusual'])
})

it('is for nurses and physicians who are there', async () => {
  const ref = place(await standing('weight'))
  await open.vault.signIn(staff.it, PIN)
  expect(await codeOf(() => amend(ref))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => retract(ref))).toBe('NOT_ALLOWED')
  await open.vault.signOut()
  expect(await codeOf(() => amend(ref))).toBe('NOT_SIGNED_IN')
  await open.vault.signIn(staff.physician, PIN)
  expect((await amend(ref)).map(verified)[0]?.record.correction?.by).toBe('Phil Physician')
})

it('replaces what a device measured by what somebody typed, and says so', async () => {
  await signFromDevice(open, patient, 5)
  const old = await standing('spo2')
  expect(old.record.method).toBe('device')
  const value: ManualValue = {
    kind: 'spo2',
    quantities: [{ name: 'spo2', value: '91', ucum: '%', coded: null }],
    site: null,
    confirmed: true,
  }
  const [before, after] = (await amend(place(old), value)).map(verified)
  expect([before?.record.method, after?.record.method]).toEqual(['device', 'manual'])
  expect(after?.record).toMatchObject({ deviceLabel: null, window: null, deviceTime: null })
})

it('counts a correction whose reason is lost: the value does not stand again', async () => {
  const old = await standing('weight')
  await retract(place(old))
  await open.vault.close()
  damage(open.folder, (db) => {
    db.exec(
      "UPDATE payload SET ciphertext = zeroblob(600) WHERE idx IN (SELECT idx FROM subject_entry WHERE type = 'reading.entered-in-error')",
    )
  })
  open = await startVault(open.folder)
  await open.vault.signIn(staff.nurse, PIN)
  const rows = await chart()
  const struck = verified(rows.find((row) => row.status === 'verified' && row.record.kind === 'weight'))
  expect(struck.record.correction).toMatchObject({ kind: 'entered-in-error', reason: '', by: 'Nora Nurse' })
  expect(rows.filter(({ status }) => status === 'rejected')).toMatchObject([{ step: 'ciphertext' }])
})

/** Records a correction that this program would not make. */
async function forge(draft: {
  type: 'reading.amended' | 'reading.entered-in-error'
  target: EntryRef
  about?: EntryRef
  keyClass?: KeyClass
}) {
  const { clinic } = insideOf<Open>(open.vault)
  const viewer = clinic.viewer!
  const { type, target, about = target, keyClass } = draft
  const practitioner = { handle: viewer.handle, name: viewer.name }
  const text =
    type === 'reading.amended'
      ? encodeObservation(observationInput({ subject: patient, practitioner, amendedBecause: 'forged' }))
      : encodeRetraction({ target: about, at: '2026-03-02T08:00:00Z', practitioner, reason: 'forged', test: false })
  const fields =
    type === 'reading.amended'
      ? encodeAmendedFields({ method: 'manual', device: null, target })
      : encodeTargetFields(target)
  const [recorded] = await clinic.writer.record([
    {
      ...{ id: clinic.random(16), type, subject: fromHex(patient), timeMs: clinic.nowMs(), fields },
      ...{ payload: new TextEncoder().encode(text), signers: [viewer.signer] },
      ...(keyClass === undefined ? {} : { keyClass }),
    },
  ])
  return recorded!.index
}

it.each(['reading.amended', 'reading.entered-in-error'] as const)(
  'turns a %s away that is about no earlier reading of the patient',
  async (type) => {
    const ref = place(await standing('weight'))
    const { origin, size } = await open.vault.ledgerSummary()
    const targets = [
      place(await standing('weight', other)),
      { origin, index: size + 100 },
      { origin, index: 0 },
      { ...ref, origin: origin.replace(/\d+$/, '77') },
    ]
    const before = (await chart()).length
    const forged: number[] = []
    for (const target of targets) forged.push(await forge({ type, target }))
    const rows = await chart()
    expect(rows).toHaveLength(before + targets.length)
    for (const index of forged)
      expect(rows.find((row) => row.status === 'rejected' && row.index === index)).toMatchObject({ step: 'content' })
    for (const row of rows.filter(({ status }) => status === 'verified'))
      expect(verified(row).record.correction).toBeUndefined()
  },
)

it('turns a second correction of the same reading away, and one whose words are about another', async () => {
  const [ref, unlike] = [place(await standing('weight')), place(await standing('blood-pressure'))]
  await amend(ref)
  const second = await forge({ type: 'reading.entered-in-error', target: ref })
  const mixed = await forge({ type: 'reading.entered-in-error', target: unlike, about: ref })
  const rows = await chart()
  for (const index of [second, mixed])
    expect(rows.find((row) => row.status === 'rejected' && row.index === index)).toMatchObject({ step: 'content' })
  const struck = verified(rows.find((row) => row.status === 'verified' && row.position.index === ref.index))
  expect(struck.record.correction).toMatchObject({ kind: 'amended', reason: 'typed wrong' })
})

it('counts a withdrawal whose reason is sealed as another kind of data, and does not say the reason', async () => {
  const ref = place(await standing('weight'))
  const index = await forge({ type: 'reading.entered-in-error', target: ref, keyClass: 'vital-signs' })
  const rows = await chart()
  expect(rows.find((row) => row.status === 'rejected' && row.index === index)).toMatchObject({ step: 'content' })
  const struck = verified(rows.find((row) => row.status === 'verified' && row.position.index === ref.index))
  expect(struck.record.correction).toMatchObject({ kind: 'entered-in-error', reason: '' })
})

it('goes with the reading when that is erased', async () => {
  const old = await standing('weight')
  await amend(place(old))
  await retract(place(await standing('weight')))
  await open.vault.signIn(staff.it, PIN)
  const target = { handle: patient, records: [place(old)] }
  expect(await open.vault.previewErasure(target)).toMatchObject({ records: 3, entriesThatStay: 3, keys: 0 })
  const { id } = await open.vault.requestErasure({ ...target, reason: 'error', authority: 'clinic', pin: PIN })
  await open.vault.signIn(staff.physician, PIN)
  expect(await open.vault.approveErasure({ id, pin: PIN })).toMatchObject({ records: 3, isWhole: false })
  const rows = await chart()
  expect(rows.filter((row) => row.status === 'rejected' && row.step === 'erased')).toHaveLength(3)
})
