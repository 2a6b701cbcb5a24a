import { beforeAll, beforeEach, expect, it } from 'vitest'
import { encodeAssessment } from '../../../../src/clinical/assessment.ts'
import { encodeAssessmentFields } from '../../../../src/ledger/record-fields.ts'
import type { Open } from '../../../../src/main/core/vault/vault-requests.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import type { AssessmentDraft } from '../../../../src/shared/api/schemas.ts'
import {
  codeOf,
  copyOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'
import { insideOf } from '../../../support/inside.ts'
import { one, SIXTEEN } from '../../../support/news2-set.ts'

let folder = ''
let staff: Staff
let [patient, child] = ['', '']
let open: OpenVault

beforeAll(async () => {
  await forWholeFile(async () => {
    const first = await startVault(temporaryFolder())
    folder = first.folder
    staff = await furnish(first)
    await first.vault.signIn(staff.nurse, PIN)
    patient = (await first.vault.registerPatient(patientNumber(1))).handle
    const born = new Date(Date.now() - 10 * 365.25 * 86_400_000).toISOString().slice(0, 10)
    child = (await first.vault.registerPatient({ ...patientNumber(2), birthDate: born })).handle
    await signManual(first, patient, SIXTEEN)
    await signManual(first, child, SIXTEEN)
    await first.vault.close()
  })
})

beforeEach(async () => {
  open = await startVault(copyOf(folder))
  await open.vault.signIn(staff.physician, PIN)
})

const switchOn = (news2 = true) => open.vault.configureSupport({ news2, pin: PIN })

async function complete(handle = patient): Promise<Extract<AssessmentDraft, { state: 'complete' }>['assessment']> {
  const draft = await open.vault.assessmentDraft(handle)
  if (draft.state !== 'complete') throw new Error(JSON.stringify(draft))
  return draft.assessment
}

const shown = ({ total, inputs }: Awaited<ReturnType<typeof complete>>, handle = patient) => ({
  ...{ handle, total },
  inputs: inputs.map(({ ref }) => ref),
})

it('is off until a physician answers for it, and off again when one says so', async () => {
  expect(await open.vault.decisionSupport()).toEqual({
    news2: { enabled: false, isUnsure: false, by: null, at: null },
  })
  expect(await open.vault.assessmentDraft(patient)).toEqual({ state: 'not-applicable', why: 'off' })
  expect(await switchOn()).toMatchObject({ news2: { enabled: true, by: 'Phil Physician' } })
  expect((await complete()).total).toBe(16)
  await open.vault.close()
  open = await startVault(open.folder)
  await open.vault.signIn(staff.it, PIN)
  expect(await open.vault.decisionSupport()).toMatchObject({ news2: { enabled: true, by: 'Phil Physician' } })
  await open.vault.signIn(staff.physician, PIN)
  expect(await switchOn(false)).toMatchObject({ news2: { enabled: false, by: 'Phil Physician' } })
  expect(await open.vault.assessmentDraft(patient)).toEqual({ state: 'not-applicable', why: 'off' })
})

it('is off when the entry that switched it off is lost, until a physician answers for it anew', async () => {
  await switchOn()
  await switchOn(false)
  await withoutNewest('endorsement')
  // Who had switched it on, and when, is what the page says beside the reason.
  expect(await open.vault.decisionSupport()).toMatchObject({
    news2: { enabled: false, isUnsure: true, by: 'Phil Physician' },
  })
  expect(await open.vault.assessmentDraft(patient)).toEqual({ state: 'not-applicable', why: 'off-unsure' })
  expect(await switchOn()).toMatchObject({ news2: { enabled: true, isUnsure: false, by: 'Phil Physician' } })
  expect((await complete()).total).toBe(16)
})

it('is switched by physicians with their PIN', async () => {
  expect(await codeOf(() => open.vault.configureSupport({ news2: true, pin: '9999' }))).toBe('WRONG_PIN')
  for (const who of [staff.nurse, staff.it]) {
    await open.vault.signIn(who, PIN)
    expect(await codeOf(() => switchOn())).toBe('NOT_ALLOWED')
  }
  expect((await open.vault.decisionSupport()).news2.enabled).toBe(false)
})

it('records the score with its inputs, rule and author, and shows it in the chart', async () => {
  await switchOn()
  await open.vault.signIn(staff.nurse, PIN)
  const draft = await complete()
  expect(draft).toMatchObject({ rule: 'news2', ruleVersion: 'RCP 2017', scale: 1, total: 16, band: 'high' })
  const row = await open.vault.recordAssessment(shown(draft))
  if (row.status === 'rejected') throw new Error(row.step)
  expect(row.record).toMatchObject({ total: 16, band: 'high', by: 'Nora Nurse', inputs: draft.inputs })
  const { assessments, readings } = await open.vault.chart(patient, 1)
  expect(assessments).toEqual([row])
  expect(readings.every(({ status }) => status === 'verified')).toBe(true)
  expect((await open.vault.proof(null, row.position.index)).type).toBe('assessment')
  expect(await codeOf(() => open.vault.recordAssessment(shown(draft)))).toBe('ALREADY_RECORDED')
})

it('is not recorded when the values are no longer those that were shown', async () => {
  await switchOn()
  const draft = await complete()
  expect(await codeOf(() => open.vault.recordAssessment({ ...shown(draft), total: 3 }))).toBe('ASSESSMENT_CHANGED')
  await signManual(open, patient, [one('temperature', 'temperature', '37.0', 'Cel')])
  expect(await codeOf(() => open.vault.recordAssessment(shown(draft)))).toBe('ASSESSMENT_CHANGED')
  expect((await complete()).total).toBe(14)
})

it('leaves out what was corrected, and then names what is missing', async () => {
  await switchOn()
  const { inputs } = await complete()
  const { ref } = inputs.find(({ name }) => name === 'temperature')!
  await open.vault.amendReading({ handle: patient, ref, value: SIXTEEN[6]!, reason: 'same again' })
  const again = await complete()
  expect(again.total).toBe(16)
  expect(again.inputs.find(({ name }) => name === 'temperature')?.ref).not.toEqual(ref)
  await open.vault.retractReading({ handle: patient, ref: again.inputs[1]!.ref, reason: 'wrong patient' })
  expect(await open.vault.assessmentDraft(patient)).toMatchObject({ state: 'incomplete', missing: ['spo2'] })
})

it('is not for children, and never computed from a record that does not verify', async () => {
  await switchOn()
  expect(await open.vault.assessmentDraft(child)).toEqual({ state: 'not-applicable', why: 'under-16' })
  await open.vault.close()
  damage(open.folder, (db) => {
    db.exec(
      "UPDATE payload SET ciphertext = zeroblob(600) WHERE idx IN (SELECT idx FROM subject_entry WHERE type = 'patient.registered')",
    )
  })
  open = await startVault(open.folder)
  await open.vault.signIn(staff.physician, PIN)
  expect(await open.vault.assessmentDraft(patient)).toEqual({ state: 'not-applicable', why: 'age-unknown' })
})

it('rests on no value that was withdrawn, also when the word that it is wrong is damaged meanwhile', async () => {
  await switchOn()
  const ref = (await complete()).inputs[0]?.ref
  if (ref === undefined) throw new Error('scored')
  await open.vault.retractReading({ handle: patient, ref, reason: 'of somebody else' })
  const isWithdrawn = async () => {
    const { readings } = await open.vault.chart(patient, 1)
    return readings.some((row) => row.status === 'verified' && row.record.correction?.kind === 'entered-in-error')
  }
  expect(await isWithdrawn()).toBe(true)
  const damageWord = () => {
    damage(open.folder, (db) => {
      const which = "SELECT idx FROM subject_entry WHERE type = 'reading.entered-in-error'"
      db.exec(`UPDATE entry SET bytes = zeroblob(100) WHERE idx IN (${which})`)
    })
  }
  const before = copyOf(open.folder)
  damageWord()
  expect(await isWithdrawn()).toBe(true)
  expect(await open.vault.assessmentDraft(patient)).toMatchObject({ state: 'incomplete' })
  await open.vault.close()
  // Damaged after the start, before anybody looked: of which value it is, nobody knows.
  open = await startVault(before)
  await open.vault.signIn(staff.physician, PIN)
  damageWord()
  expect(await codeOf(() => open.vault.assessmentDraft(patient))).toBe('RECORD_NOT_VERIFIED')
})

it('scores by the scale that a physician chose for the patient', async () => {
  await switchOn()
  const { oxygenScale } = await open.vault.chart(patient, 1)
  expect(oxygenScale).toEqual({ scale: 1, by: null, at: null, reason: null })
  const choose = (scale: 1 | 2, pin = PIN) =>
    open.vault.setOxygenScale({ handle: patient, scale, reason: 'hypercapnia, 88 to 92', pin })
  expect(await codeOf(() => choose(2, '9999'))).toBe('WRONG_PIN')
  const chosen = await choose(2)
  expect(chosen).toMatchObject({ scale: 2, by: 'Phil Physician', reason: 'hypercapnia, 88 to 92' })
  expect((await open.vault.chart(patient, 2)).oxygenScale).toEqual(chosen)
  // 93 on oxygen: 2 points on scale 1, 1 point on scale 2.
  expect(await complete()).toMatchObject({ scale: 2, total: 15 })
  await choose(1)
  expect(await complete()).toMatchObject({ scale: 1, total: 16 })
  for (const who of [staff.nurse, staff.it]) {
    await open.vault.signIn(who, PIN)
    expect(await codeOf(() => choose(2))).toBe('NOT_ALLOWED')
  }
})

it('keeps the scale when its words are damaged', async () => {
  await switchOn()
  await open.vault.setOxygenScale({ handle: patient, scale: 2, reason: 'hypercapnia', pin: PIN })
  await open.vault.close()
  damage(open.folder, (db) => {
    db.exec(
      "UPDATE payload SET ciphertext = zeroblob(600) WHERE idx IN (SELECT idx FROM subject_entry WHERE type = 'endorsement')",
    )
  })
  open = await startVault(open.folder)
  await open.vault.signIn(staff.physician, PIN)
  expect((await open.vault.chart(patient, 1)).oxygenScale).toMatchObject({ scale: 2, reason: null })
  expect(await complete()).toMatchObject({ scale: 2, total: 15 })
})

/** Damages the newest entry of a type, and opens the clinic again. */
async function withoutNewest(type: string): Promise<void> {
  await open.vault.close()
  damage(open.folder, (db) => {
    db.exec(
      `UPDATE entry SET bytes = zeroblob(100) WHERE idx = (SELECT max(idx) FROM subject_entry WHERE type = '${type}')`,
    )
  })
  open = await startVault(open.folder)
  await open.vault.signIn(staff.physician, PIN)
}

it('computes nothing when the scale that was chosen last is lost, until one is chosen anew', async () => {
  await switchOn()
  const choose = (scale: 1 | 2) =>
    open.vault.setOxygenScale({ handle: patient, scale, reason: 'hypercapnia, 88 to 92', pin: PIN })
  await choose(2)
  await withoutNewest('endorsement')
  expect(await codeOf(() => open.vault.assessmentDraft(patient))).toBe('RECORD_NOT_VERIFIED')
  await choose(2)
  await signManual(open, patient, SIXTEEN)
  expect(await complete()).toMatchObject({ scale: 2, total: 15 })
})

it('computes nothing from values that a lost entry may have withdrawn', async () => {
  await switchOn()
  await open.vault.setOxygenScale({ handle: patient, scale: 1, reason: 'no hypercapnia', pin: PIN })
  const { inputs } = await complete()
  await open.vault.retractReading({ handle: patient, ref: inputs[1]!.ref, reason: 'wrong patient' })
  await open.vault.setOxygenScale({ handle: patient, scale: 1, reason: 'no hypercapnia', pin: PIN })
  await withoutNewest('reading.entered-in-error')
  expect(await codeOf(() => open.vault.assessmentDraft(patient))).toBe('RECORD_NOT_VERIFIED')
  await signManual(open, patient, SIXTEEN)
  expect((await complete()).total).toBe(16)
})

/** Changes the database, and opens the clinic again. */
async function changed(sql: string): Promise<void> {
  await open.vault.close()
  damage(open.folder, (db) => {
    db.exec(sql)
  })
  open = await startVault(open.folder)
  await open.vault.signIn(staff.physician, PIN)
}

it('computes nothing while a value that is newer cannot be shown, and again from newer ones', async () => {
  await switchOn()
  await signManual(open, patient, SIXTEEN)
  const newest = "SELECT max(idx) FROM subject_entry WHERE type = 'reading'"
  await changed(`UPDATE payload SET ciphertext = zeroblob(600) WHERE idx = (${newest})`)
  const { readings } = await open.vault.chart(patient, 1)
  expect(readings.filter(({ status }) => status === 'rejected')).toHaveLength(1)
  expect(await codeOf(() => open.vault.assessmentDraft(patient))).toBe('RECORD_NOT_VERIFIED')
  await signManual(open, patient, SIXTEEN)
  expect((await complete()).total).toBe(16)
})

it('shows no score that is sealed as another kind of data', async () => {
  await switchOn()
  const assessment = await complete()
  const { clinic } = insideOf<Open>(open.vault)
  const { signer, handle } = clinic.viewer!
  const { rule, inputs } = assessment
  await clinic.writer.record([
    {
      ...{ id: clinic.random(16), type: 'assessment', subject: fromHex(patient), timeMs: clinic.nowMs() },
      payload: new TextEncoder().encode(encodeAssessment({ assessment, patient, practitioner: handle, test: false })),
      fields: encodeAssessmentFields({ rule, inputs: inputs.map(({ ref }) => ref) }),
      ...{ signers: [signer], keyClass: 'vital-signs' },
    },
  ])
  expect((await open.vault.chart(patient, 1)).assessments).toMatchObject([
    { status: 'rejected', step: 'content', reason: 'sealed as another kind of data' },
  ])
})

it('goes with a reading that it rests on when that is erased', async () => {
  await switchOn()
  const draft = await complete()
  await open.vault.recordAssessment(shown(draft))
  const target = { handle: patient, records: [draft.inputs[0]!.ref] }
  expect(await open.vault.previewErasure(target)).toMatchObject({ records: 2 })
  const { id } = await open.vault.requestErasure({ ...target, reason: 'error', authority: 'clinic', pin: PIN })
  await open.vault.signIn(staff.it, PIN)
  expect(await open.vault.approveErasure({ id, pin: PIN })).toMatchObject({ records: 2 })
  await open.vault.signIn(staff.physician, PIN)
  expect((await open.vault.chart(patient, 1)).assessments).toMatchObject([{ status: 'rejected', step: 'erased' }])
})

it('is for people who may see the values', async () => {
  await switchOn()
  const draft = await complete()
  await open.vault.signIn(staff.it, PIN)
  expect(await codeOf(() => open.vault.assessmentDraft(patient))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => open.vault.recordAssessment(shown(draft)))).toBe('NOT_ALLOWED')
  await open.vault.signOut()
  expect(await codeOf(() => open.vault.decisionSupport())).toBe('NOT_SIGNED_IN')
  await open.vault.signIn(staff.nurse, PIN)
  await signManual(open, patient, [weight('70.1')])
  expect((await complete()).by).toBe('Nora Nurse')
})
