import { beforeEach, expect, it } from 'vitest'
import type { Authorisation, Reading } from '../../../../src/shared/api/schemas.ts'
import { codeOf, oximeterDrafts, PIN, signedInTo, weight } from '../../../faults/support/clinic.ts'
import { CARD_PIN, consentWorld, granted, holder, type Holder, type World } from '../../../support/consent-world.ts'
import { DIARY } from '../../../support/patient-files.ts'

const INCAPABLE: Authorisation = { how: 'incapable', reason: 'under anaesthesia' }

let world: World
let patient: Holder
let other: Holder
let byCard: Authorisation

beforeEach(async () => {
  world = await consentWorld()
  other = await holder(world, 2)
  patient = await holder(world, 1)
  byCard = { how: 'card', card: patient.card }
})

const sign = (authorisation: Authorisation | null, handle = patient.handle) =>
  world.vault.signReadings({
    ...{ as: signedInTo(world.vault), handle, drafts: [], manual: [weight('71.5')], late: null },
    authorisation,
  })
const only = async (rows: ReturnType<typeof sign>): Promise<{ record: Reading; index: number; origin: string }> => {
  const [row] = await rows
  if (row?.status !== 'verified') throw new Error(row?.step ?? 'no row')
  return { record: row.record, index: row.position.index, origin: row.position.origin }
}
const rolesAt = async (index: number) =>
  (await world.vault.proof(null, index)).signatures.map(({ role }) => role).toSorted()

it('is not asked for before a consent asks, and a card that is there signs all the same', async () => {
  expect(await world.vault.asksSignature(patient.handle)).toBe(false)
  const plain = await only(sign(null))
  expect(plain.record).not.toHaveProperty('authorised')
  expect(await rolesAt(plain.index)).toEqual(['practitioner'])
  const unasked = await only(sign(INCAPABLE))
  expect(unasked.record).not.toHaveProperty('authorised')
  expect(unasked.record).not.toHaveProperty('unsignedBecause')
  const signed = await only(sign(byCard))
  expect(signed.record.authorised).toBe('patient')
  expect(await rolesAt(signed.index)).toEqual(['patient', 'practitioner'])
})

it('is asked for from then on: card, or why the patient cannot sign, and nothing else', async () => {
  await granted(world, patient, { asksSignature: true })
  expect(await world.vault.asksSignature(patient.handle)).toBe(true)
  expect(await codeOf(() => sign(null))).toBe('PATIENT_SIGNATURE_NEEDED')
  expect((await only(sign(byCard))).record).toMatchObject({ authorised: 'patient' })
  const marked = await only(sign(INCAPABLE))
  expect(marked.record).toMatchObject({ authorised: 'incapable', unsignedBecause: 'under anaesthesia' })
  expect(await rolesAt(marked.index)).toEqual(['practitioner'])
  expect(await world.vault.asksSignature(other.handle)).toBe(false)
  expect((await only(sign(null, other.handle))).record).not.toHaveProperty('authorised')
})

it('takes the patient’s own card with its PIN', async () => {
  await granted(world, patient, { asksSignature: true })
  const card = (text: string, pin: string): Authorisation => ({ how: 'card', card: { text, pin } })
  expect(await codeOf(() => sign(card(other.card.text, CARD_PIN)))).toBe('BAD_CARD')
  expect(await codeOf(() => sign(card(patient.card.text, '0000')))).toBe('WRONG_CARD_PIN')
  expect(await codeOf(() => sign(card('1'.repeat(40), CARD_PIN)))).toBe('BAD_CARD')
})

it('is asked for a correction, an import and a reading from the tray as well', async () => {
  const { origin, index } = await only(sign(null))
  await granted(world, patient, { asksSignature: true })
  const amend = (authorisation: Authorisation | null) =>
    world.vault.amendReading({
      ...{ handle: patient.handle, ref: { origin, index }, value: weight('72.5'), reason: 'typed wrong' },
      authorisation,
    })
  expect(await codeOf(() => amend(null))).toBe('PATIENT_SIGNATURE_NEEDED')
  const [, amended] = await amend(byCard)
  expect(amended).toMatchObject({ status: 'verified', record: { authorised: 'patient' } })
  const text = JSON.stringify(DIARY).replaceAll('2026-11', '2026-02')
  const bring = (card: { text: string; pin: string } | null) =>
    world.vault.acceptImport({ handle: patient.handle, text, card })
  expect(await codeOf(() => bring(null))).toBe('PATIENT_SIGNATURE_NEEDED')
  expect(await bring(patient.card)).toEqual({ recorded: 1 })
  const drafts = await oximeterDrafts(world, 5)
  await world.vault.putTray('no-patient', drafts)
  const ids = drafts.map(({ draft }) => draft.draftId)
  const assign = (authorisation: Authorisation | null) =>
    world.vault.signReadings({
      ...{ as: signedInTo(world.vault), handle: patient.handle, drafts, manual: [], authorisation },
      late: { reason: 'found later', trayIds: ids },
    })
  expect(await codeOf(() => assign(null))).toBe('PATIENT_SIGNATURE_NEEDED')
  expect(await world.vault.tray()).toHaveLength(1)
  expect(await assign(INCAPABLE)).toHaveLength(2)
  expect(await world.vault.tray()).toEqual([])
})

it('needs whoever is signed in to be there', async () => {
  await world.vault.signOut()
  expect(await codeOf(() => sign(byCard))).toBe('NOT_SIGNED_IN')
  await world.vault.signIn(world.team.it, PIN)
  expect(await codeOf(() => sign(byCard))).toBe('NOT_ALLOWED')
})
