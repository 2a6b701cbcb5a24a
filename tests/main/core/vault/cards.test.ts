import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import { cardSigner, patientOfCard } from '../../../../src/main/core/vault/cards.ts'
import { verifier } from '../../../../src/main/keystore/sodium.ts'
import { decodeCardText, encodeCardText } from '../../../../src/shared/card-text.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import type { PatientCard } from '../../../../src/shared/api/schemas.ts'
import type { Row } from '../../../../src/main/core/vault-service.ts'
import {
  codeOf,
  databaseOf,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { insideOf } from '../../../support/inside.ts'

const CARD_PIN = '7391'
const MESSAGE = new TextEncoder().encode('what the patient signs')

async function atWork() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  return { open, vault: open.vault, staff, handle }
}

/** The parts behind the vault's door. */
function clinicOf({ vault }: OpenVault): Clinic {
  return insideOf<{ clinic: Clinic }>(vault).clinic
}

const ofPatient = (handle: string) => ({
  ...{ handle, capacity: 'patient' as const, holder: null },
  ...{ cardPin: CARD_PIN, pin: PIN },
})
const forGuardian = (handle: string) => ({
  ...ofPatient(handle),
  capacity: 'guardian' as const,
  holder: 'Grace Guardian',
})
const recordsOf = (rows: Row<PatientCard>[]) => rows.map((row) => (row.status === 'verified' ? row.record : row.step))

it('signs for the patient with the card and its PIN', async () => {
  const { open, vault, handle } = await atWork()
  const { card, text } = await vault.issueCard(ofPatient(handle))
  expect(card).toMatchObject({ capacity: 'patient', holder: null, issuedBy: 'Nora Nurse', usableHere: true })
  expect(recordsOf(await vault.cards(handle))).toEqual([card])
  const signer = await cardSigner(clinicOf(open), handle, { text, pin: CARD_PIN })
  expect([signer.role, signer.capacity, signer.holder]).toEqual(['patient', 'patient', null])
  expect(verifier.verify(signer.sign(MESSAGE), MESSAGE, signer.publicKey)).toBe(true)
  signer.wipe()
  expect(verifier.verify(signer.sign(MESSAGE), MESSAGE, signer.publicKey)).toBe(false)
  expect(patientOfCard(clinicOf(open), text)).toBe(handle)
})

it('records who looked at the cards of a patient, before they are told', async () => {
  const { open, vault, handle } = await atWork()
  await vault.issueCard(forGuardian(handle))
  const before = clinicOf(open).replica.accesses.length
  expect(recordsOf(await vault.cards(handle))).toMatchObject([{ holder: 'Grace Guardian' }])
  expect(clinicOf(open).replica.accesses.slice(before)).toMatchObject([{ type: 'access', isList: false }])
})

it('names the guardian who holds a card', async () => {
  const { open, vault, handle } = await atWork()
  const { text } = await vault.issueCard(forGuardian(handle))
  const signer = await cardSigner(clinicOf(open), handle, { text, pin: CARD_PIN })
  expect([signer.capacity, signer.holder]).toEqual(['guardian', 'Grace Guardian'])
  expect(await codeOf(() => vault.issueCard({ ...forGuardian(handle), holder: null }))).toBe('INVALID_REQUEST')
  expect(await codeOf(() => vault.issueCard({ ...ofPatient(handle), holder: 'Grace' }))).toBe('INVALID_REQUEST')
})

it('needs the PIN of whoever issues it, a strong PIN for the card, and a patient', async () => {
  const { vault, staff, handle } = await atWork()
  expect(await codeOf(() => vault.issueCard({ ...ofPatient(handle), pin: '9999' }))).toBe('WRONG_PIN')
  expect(await codeOf(() => vault.issueCard({ ...ofPatient(handle), cardPin: '1234' }))).toBe('WEAK_PIN')
  expect(await codeOf(() => vault.issueCard(ofPatient('ab'.repeat(16))))).toBe('UNKNOWN_PATIENT')
  expect(await codeOf(() => vault.cards('ab'.repeat(16)))).toBe('UNKNOWN_PATIENT')
  await vault.signIn(staff.it, PIN)
  const auditor = await vault.enrolPractitioner({ name: 'Aud Itor', role: 'auditor', pin: PIN })
  await vault.signIn(auditor.handle, PIN)
  expect(await codeOf(() => vault.issueCard(ofPatient(handle)))).toBe('NOT_ALLOWED')
  expect(await codeOf(() => vault.cards(handle))).toBe('NOT_ALLOWED')
})

it('opens nothing for another patient, another share, or something that is no card', async () => {
  const { open, vault, handle } = await atWork()
  const { text } = await vault.issueCard(ofPatient(handle))
  const other = await vault.registerPatient(patientNumber(2))
  const clinic = clinicOf(open)
  const signing = (of: string, code: string) => codeOf(() => cardSigner(clinic, of, { text: code, pin: CARD_PIN }))
  expect(await signing(other.handle, text)).toBe('BAD_CARD')
  expect(await signing(handle, '1'.repeat(120))).toBe('BAD_CARD')
  expect(await signing(handle, 'MRN-1001-and-more-of-it')).toBe('BAD_CARD')
  const { cardId } = decodeCardText(text) ?? { cardId: '' }
  expect(await signing(handle, encodeCardText({ cardId, share: new Uint8Array(32) }))).toBe('BAD_CARD')
  expect(patientOfCard(clinic, 'MRN-1001')).toBe(null)
  expect(patientOfCard(clinic, encodeCardText({ cardId: 'ab'.repeat(16), share: new Uint8Array(32) }))).toBe(null)
  expect(await signing(handle, text)).toBe(null)
})

it('locks a card after five wrong PINs, and no sooner for who does not hold it', async () => {
  const { open, vault, handle } = await atWork()
  const { card, text } = await vault.issueCard(ofPatient(handle))
  const clinic = clinicOf(open)
  const guess = (code: string, pin: string) => codeOf(() => cardSigner(clinic, handle, { text: code, pin }))
  const forged = encodeCardText({ cardId: card.cardId, share: new Uint8Array(32) })
  for (let n = 0; n < 10; n++) expect(await guess(forged, '9999')).toBe('BAD_CARD')
  for (let n = 0; n < 5; n++) expect(await guess(text, '9999')).toBe('WRONG_CARD_PIN')
  await expect(cardSigner(clinic, handle, { text, pin: CARD_PIN })).rejects.toMatchObject({
    code: 'CARD_LOCKED',
    retryAfterS: 30,
  })
})

it('ends with its revocation, which says why, and can be followed by another', async () => {
  const { open, vault, handle } = await atWork()
  const { card, text } = await vault.issueCard(forGuardian(handle))
  const revocation = { handle, cardId: card.cardId, reason: 'lost on the bus', pin: PIN }
  expect(await codeOf(() => vault.revokeCard({ ...revocation, pin: '9999' }))).toBe('WRONG_PIN')
  await vault.revokeCard(revocation)
  expect(await codeOf(() => cardSigner(clinicOf(open), handle, { text, pin: CARD_PIN }))).toBe('BAD_CARD')
  expect(patientOfCard(clinicOf(open), text)).toBe(null)
  expect(await codeOf(() => vault.revokeCard(revocation))).toBe('BAD_CARD')
  const next = await vault.issueCard(ofPatient(handle))
  expect(recordsOf(await vault.cards(handle))).toMatchObject([
    { cardId: card.cardId, revoked: { reason: 'lost on the bus' }, usableHere: false, holder: 'Grace Guardian' },
    { cardId: next.card.cardId, revoked: null, usableHere: true },
  ])
})

it('is still there after a restart, and gone from the keystore once it was revoked, whenever a crash came', async () => {
  const { open, vault, staff, handle } = await atWork()
  const { card, text } = await vault.issueCard(ofPatient(handle))
  const lost = await vault.issueCard(ofPatient(handle))
  const file = join(open.folder, 'clinic', 'keystore', 'cards', `${lost.card.cardId}.json`)
  const bytes = readFileSync(file)
  await vault.revokeCard({ handle, cardId: lost.card.cardId, reason: 'lost', pin: PIN })
  await vault.close()
  // As if the process had ended between the entry and the removal.
  writeFileSync(file, bytes)
  const again = await startVault(open.folder)
  await again.vault.signIn(staff.physician, PIN)
  const signer = await cardSigner(clinicOf(again), handle, { text, pin: CARD_PIN })
  expect(verifier.verify(signer.sign(MESSAGE), MESSAGE, signer.publicKey)).toBe(true)
  expect(readdirSync(join(open.folder, 'clinic', 'keystore', 'cards'))).toEqual([`${card.cardId}.json`])
})

it('goes along with a backup', async () => {
  const { open, vault, staff, handle } = await atWork()
  const { text } = await vault.issueCard(ofPatient(handle))
  await vault.signIn(staff.it, PIN)
  const { file } = await vault.backUp(null)
  await vault.close()
  const other = await startVault(temporaryFolder())
  await other.vault.restoreClinic({ file, recoveryKey: staff.recoveryKey, passphrase: null })
  await other.vault.signIn(staff.nurse, PIN)
  const signer = await cardSigner(clinicOf(other), handle, { text, pin: CARD_PIN })
  expect(verifier.verify(signer.sign(MESSAGE), MESSAGE, signer.publicKey)).toBe(true)
  expect(open.folder).not.toBe(other.folder)
})

it('goes along with a copy of the database alone, once that was closed', async () => {
  const { open, vault, staff, handle } = await atWork()
  const { text } = await vault.issueCard(ofPatient(handle))
  await vault.close()
  const other = await startVault(temporaryFolder())
  const request = { file: databaseOf(open.folder), recoveryKey: staff.recoveryKey, passphrase: null }
  await other.vault.restoreClinic(request)
  await other.vault.signIn(staff.nurse, PIN)
  const signer = await cardSigner(clinicOf(other), handle, { text, pin: CARD_PIN })
  expect(verifier.verify(signer.sign(MESSAGE), MESSAGE, signer.publicKey)).toBe(true)
})

it('leaves the share on the card and nowhere else', async () => {
  const { open, vault, handle } = await atWork()
  const { text } = await vault.issueCard(forGuardian(handle))
  await vault.close()
  const { share } = decodeCardText(text) ?? { share: new Uint8Array() }
  const keystore = join(open.folder, 'clinic', 'keystore')
  const files = [
    databaseOf(open.folder),
    ...readdirSync(keystore, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  ]
  for (const file of files) {
    const bytes = readFileSync(file)
    for (const planted of [Buffer.from(share), toHex(share), text, text.slice(20, 60), 'Grace Guardian'])
      expect([file, bytes.includes(planted)]).toEqual([file, false])
  }
})
