/**
 * People, patients' cards and notes of a vault in memory. See `fake-vault.ts`.
 */
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { Asked, Row } from '../../src/main/core/vault-service.ts'
import type { ApiCode } from '../../src/shared/api/codes.ts'
import type {
  OutboxNote,
  Patient,
  PatientCard,
  Practitioner,
  PractitionerRecord,
  PrintedCard,
  SettledNote,
} from '../../src/shared/api/schemas.ts'
import { handleOf, PATIENTS, PRACTITIONERS } from './fake-data.ts'

/** The time of everything here. */
export const NOW = '2026-05-06T09:00:00+02:00'
export const GRADE = { name: 'sealed' as const, k: 0, q: 1 }
/** The PIN of everybody here, and of every card. */
export const PIN = '4711'
/** What is printed on every card. */
export const CARD_TEXT = '1'.repeat(120)

export abstract class FakePeople {
  signedIn: Practitioner | null = null
  /** Names of the calls made, in order. */
  readonly calls: string[] = []
  /** The next call of that name fails so. */
  readonly failures = new Map<string, ApiCode | Error>()
  /** Calls of that name wait for this. */
  readonly gates = new Map<string, Promise<unknown>>()
  readonly notes: OutboxNote[] = []
  readonly settledNotesHere: SettledNote[] = []
  readonly cardsHere: { handle: string; card: PatientCard }[] = []
  readonly #revoked = new Map<string, { at: string; reason: string }>()
  #counter = 0

  async practitioners() {
    await this.enter('practitioners')
    return PRACTITIONERS.filter(({ handle }) => !this.#revoked.has(handle))
  }
  async signIn(handle: string, pin: string) {
    await this.enter('signIn')
    const person = PRACTITIONERS.find((one) => one.handle === handle)
    if (person === undefined || pin !== PIN) throw new ApiFailure('WRONG_PIN')
    this.signedIn = person
    return person
  }
  async signOut() {
    await this.enter('signOut')
    this.signedIn = null
  }
  async reauthenticate(pin: string) {
    await this.enter('reauthenticate')
    this.prove(pin)
  }
  async changePin({ oldPin, newPin }: Asked['session']['changePin']) {
    await this.enter('changePin')
    this.prove(oldPin)
    if (newPin === '1111') throw new ApiFailure('WEAK_PIN')
  }
  async people(): Promise<Row<PractitionerRecord>[]> {
    await this.enter('people')
    return PRACTITIONERS.map((person) =>
      this.row({ ...person, enrolledAt: NOW, revoked: this.#revoked.get(person.handle) ?? null }),
    )
  }
  async enrolPractitioner({ name, role }: { name: string; role: Practitioner['role'] }) {
    await this.enter('enrolPractitioner')
    return { handle: this.fresh(), name, role }
  }
  async revokePractitioner({ handle, reason, pin }: Asked['people']['revoke']) {
    await this.enter('revokePractitioner')
    this.prove(pin)
    this.#revoked.set(handle, { at: NOW, reason })
  }
  async renewPractitioner({ handle, name, pin }: Asked['people']['renew']) {
    await this.enter('renewPractitioner')
    this.prove(pin)
    this.#revoked.delete(handle)
    const person = PRACTITIONERS.find((one) => one.handle === handle)
    if (person === undefined) throw new ApiFailure('UNKNOWN_ENTRY')
    return { ...person, name: name ?? person.name }
  }

  async similarPatients({ familyName }: Asked['patients']['similar']) {
    await this.enter('similarPatients')
    return PATIENTS.filter((patient) => patient.familyName === familyName).map((patient) => this.row(patient))
  }
  async registerPatient(patient: Omit<Patient, 'handle'>, distinct = false) {
    await this.enter('registerPatient')
    const isSimilar = PATIENTS.some(({ familyName }) => familyName === patient.familyName)
    if (isSimilar && !distinct) throw new ApiFailure('SIMILAR_PATIENT')
    return { handle: this.fresh(), ...patient }
  }
  async scanCode(code: string): Promise<Row<Patient> | null> {
    await this.enter('scanCode')
    const patient = PATIENTS.find(({ identifier }) => identifier === code)
    return patient === undefined ? null : this.row(patient)
  }

  async cards(handle: string): Promise<Row<PatientCard>[]> {
    await this.enter('cards')
    return this.cardsHere.filter((each) => each.handle === handle).map(({ card }) => this.row(card))
  }
  async issueCard({ handle, capacity, holder, pin }: Asked['cards']['issue']): Promise<PrintedCard> {
    await this.enter('issueCard')
    this.prove(pin)
    const issuedBy = this.signedIn?.name ?? ''
    const made = { cardId: this.fresh(), capacity, holder, issuedAt: NOW, issuedBy }
    const card = { ...made, revoked: null, usableHere: true }
    this.cardsHere.push({ handle, card })
    return { card, text: CARD_TEXT }
  }
  async revokeCard({ handle, cardId, reason, pin }: Asked['cards']['revoke']) {
    await this.enter('revokeCard')
    this.prove(pin)
    const held = this.cardsHere.find(({ card }) => card.cardId === cardId)
    if (held?.handle !== handle) throw new ApiFailure('BAD_CARD')
    held.card = { ...held.card, revoked: { at: NOW, reason }, usableHere: false }
  }

  async writeOutbox(note: Asked['outbox']['write']) {
    await this.enter('writeOutbox')
    const id = this.fresh()
    this.notes.push({ id, writtenAt: NOW, ...note })
    return { id }
  }
  async outbox() {
    await this.enter('outbox')
    return [...this.notes]
  }
  async settledNotes() {
    await this.enter('settledNotes')
    return [...this.settledNotesHere]
  }
  async settleOutbox({ id, reason }: Asked['outbox']['settle']) {
    await this.enter('settleOutbox')
    const at = this.notes.findIndex((note) => note.id === id)
    const [note] = at === -1 ? [] : this.notes.splice(at, 1)
    if (note === undefined) throw new ApiFailure('UNKNOWN_ENTRY')
    this.settledNotesHere.push({ ...note, settled: { at: NOW, by: this.signedIn?.name ?? '', reason } })
  }

  /** Begins a call: it is noted, waits for its gate, and fails when it is to. */
  protected async enter(name: string): Promise<void> {
    this.calls.push(name)
    await this.gates.get(name)
    const failure = this.failures.get(name)
    this.failures.delete(name)
    if (failure !== undefined) throw failure instanceof Error ? failure : new ApiFailure(failure)
  }

  protected prove(pin: string): void {
    if (pin !== PIN) throw new ApiFailure('WRONG_PIN')
  }

  /** A handle that nothing else has. */
  protected fresh(): string {
    return handleOf(0xf000 + this.#counter++)
  }

  protected row<Content>(record: Content): Row<Content> {
    const place = { origin: 'site/1', index: 1, entryId: handleOf(1), subject: handleOf(2), seq: 0, block: 0 }
    return { status: 'verified', position: { ...place, grade: GRADE }, record }
  }
}
