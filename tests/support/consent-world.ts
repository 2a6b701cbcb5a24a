/** A clinic whose patients have cards and decide: what tests of consent, emergencies and accountability start from. */
import { consentWords } from '../../src/clinical/consent-words.ts'
import type { Asked, Row } from '../../src/main/core/vault-service.ts'
import type { Clinic } from '../../src/main/core/vault/clinic.ts'
import type { Chart, ConsentRecord, ConsentTerms, DataClass, Patient } from '../../src/shared/api/schemas.ts'
import {
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  signedInTo,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../faults/support/clinic.ts'
import { insideOf } from './inside.ts'

export const CARD_PIN = '7391'

/** Who works in the clinic, by handle. */
export interface Team extends Staff {
  readonly other: string
  readonly auditor: string
}

/** A patient with a card. */
export interface Holder extends Patient {
  readonly card: { readonly text: string; readonly pin: string }
}

export interface World extends OpenVault {
  readonly team: Team
  readonly clinic: () => Clinic
  readonly clock: { nowMs: number }
}

export const TODAY = Date.UTC(2026, 2, 2, 8)
export const DAY_MS = 86_400_000

/** A clinic with two physicians, a nurse, IT and an auditor, on a clock that the test moves. Nobody is signed in. */
export async function consentWorld(folder = temporaryFolder()): Promise<World> {
  const clock = { nowMs: TODAY }
  const open = await startVault(folder, { nowMs: () => (clock.nowMs += 1000) })
  const staff = await furnish(open)
  await open.vault.signIn(staff.it, PIN)
  const other = await open.vault.enrolPractitioner({ name: 'Olga Other', role: 'physician', pin: PIN })
  const auditor = await open.vault.enrolPractitioner({ name: 'Otto Auditor', role: 'auditor', pin: PIN })
  await open.vault.signOut()
  const team = { ...staff, other: other.handle, auditor: auditor.handle }
  return { ...open, team, clock, clinic: () => clinicOf(open) }
}

/** Days later, whoever is signed in says with the PIN that they are there. */
export async function daysLater({ vault, clock }: World, days: number): Promise<void> {
  clock.nowMs += days * DAY_MS
  await vault.signIn(signedInTo(vault), PIN)
}

/** The parts behind the vault's door. */
export function clinicOf({ vault }: Pick<OpenVault, 'vault'>): Clinic {
  return insideOf<{ clinic: Clinic }>(vault).clinic
}

/** Registers patient `n` and prints their card. Leaves the nurse signed in. */
export async function holder({ vault, team }: Pick<World, 'vault' | 'team'>, n: number): Promise<Holder> {
  await vault.signIn(team.nurse, PIN)
  const patient = await vault.registerPatient(patientNumber(n))
  const { text } = await vault.issueCard({
    ...{ handle: patient.handle, capacity: 'patient', holder: null, cardPin: CARD_PIN, pin: PIN },
  })
  return { ...patient, card: { text, pin: CARD_PIN } }
}

/** Terms that let the own site see everything for a year, from today on. */
export function termsOf(world: World, change: Partial<ConsentTerms> = {}): ConsentTerms {
  return {
    sites: [world.clinic().identity.site],
    purposes: ['care'],
    classes: [
      ...(['demographics', 'vital-signs', 'body-measures', 'laboratory', 'assessments'] satisfies DataClass[]),
      'patient-reported',
    ],
    from: '2026-03-02',
    until: '2027-03-02',
    history: true,
    asksSignature: false,
    freshness: { onlineMin: 15, offlineMin: 4320 },
    ...change,
  }
}

/** The words of terms, as the window would show them. */
export function wordsOf(
  world: World,
  patient: Pick<Patient, 'givenName' | 'familyName'>,
  terms: ConsentTerms,
): string[] {
  return consentWords(terms, {
    patient: `${patient.givenName} ${patient.familyName}`,
    ownSite: world.clinic().identity.site,
  })
}

/** What is asked to grant a consent with the patient's card. */
export function grantOf(world: World, patient: Holder, change: Partial<ConsentTerms> = {}): Asked['consents']['grant'] {
  const terms = termsOf(world, change)
  return {
    ...{ handle: patient.handle, terms, words: wordsOf(world, patient, terms), second: null, pin: PIN },
    authorisation: { how: 'card', card: patient.card },
  }
}

/** The record of a row that must be verified. */
export function verified<Content>(row: Row<Content>): Content {
  if (row.status !== 'verified') throw new Error(`rejected: ${row.step}: ${row.reason}`)
  return row.record
}

/** Grants, as whoever is signed in, and gives the record. */
export async function granted(
  world: World,
  patient: Holder,
  change: Partial<ConsentTerms> = {},
): Promise<ConsentRecord> {
  return verified(await world.vault.grantConsent(grantOf(world, patient, change)))
}

/** Takes a consent back by word of mouth, as whoever is signed in. */
export async function takenBack(world: World, { handle }: Holder, consentId: string): Promise<ConsentRecord> {
  const request = { handle, consentId, reason: 'changed their mind', card: null, pin: PIN }
  return verified(await world.vault.revokeConsent(request))
}

/** What a chart shows of weights, and the step that hides each. */
export function weightsIn({ readings }: Chart): (string | null)[] {
  return readings.map((row) => (row.status === 'verified' ? (row.record.quantities[0]?.value ?? null) : row.step))
}

/** Records a weight, as whoever is signed in. */
export function weigh(world: Parameters<typeof signManual>[0], { handle }: Pick<Patient, 'handle'>, kg: string) {
  return signManual(world, handle, [weight(kg)])
}

export { PIN }
