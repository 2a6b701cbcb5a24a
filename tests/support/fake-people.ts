/**
 * People, patients' cards, consents and emergency notes of the fake API: state, and answers. Keeps what a window asks it
 * to keep; seals and verifies nothing.
 */
import type { ApiCode } from '../../src/shared/api/codes.ts'
import type { z } from 'zod'
import type { Position as PositionSchema } from '../../src/shared/api/primitives.ts'
import { encodeCardText } from '../../src/shared/card-text.ts'
import { DATA_CLASSES } from '../../src/shared/api/consent-schemas.ts'
import type {
  Authorisation,
  CardProof,
  ConsentRecord,
  ConsentStanding,
  ConsentTerms,
  OutboxNote,
  Patient,
  PatientCard,
  Practitioner,
  PractitionerRecord,
  RejectedRow,
  Session,
  SettledNote,
  SystemEvent,
} from '../../src/shared/api/schemas.ts'
import { handleOf } from './fake-data.ts'
import { fail, ok, type Guard, type Os } from './fake-reply.ts'

/** PIN of every fake card that nobody chose one for. */
export const CARD_PIN = '4711'
export const OWN_SITE = 'harbour-street.example'
export const OTHER_SITE = 'north-quay.example'

/** What is printed on card `n`. */
export function cardText(n: number): string {
  return encodeCardText({ cardId: handleOf(0xcad0 + n - 1), share: new Uint8Array(32).fill(n) })
}

type Position = z.infer<typeof PositionSchema>
/** A patient as a list shows them. */
type Shown = RejectedRow | { readonly status: 'verified'; readonly position: Position; readonly record: Patient }

/** What it needs of the fake core. */
interface PeopleHost {
  readonly now: number
  readonly session: Session | null
  readonly practitioners: Practitioner[]
  readonly patients: Patient[]
  readonly pins: Map<string, string>
  readonly known: FakePeople
  isPresent: boolean
  emit(event: SystemEvent): void
  fresh(): string
  position(subject: string, index: number): Position
  patientRow(patient: Patient): Shown
}

interface HeldCard {
  readonly patient: string
  readonly pin: string
  readonly text: string
  card: PatientCard
}

/** What the fake core knows about people and their decisions. */
export class FakePeople {
  /** Revoked practitioners by handle. */
  readonly revoked = new Map<string, { at: string; reason: string }>()
  cards: HeldCard[] = []
  consents: { patient: string; record: ConsentRecord }[] = []
  notes: OutboxNote[] = []
  readonly settled: SettledNote[] = []
  wrongCardPins = 0
  /** Overrides what consents give, by patient. */
  readonly standings = new Map<string, Partial<ConsentStanding>>()
  readonly core: PeopleHost

  constructor(core: PeopleHost) {
    this.core = core
  }

  get #at(): string {
    return new Date(this.core.now).toISOString()
  }

  get #me(): string {
    return this.core.session?.practitioner.name ?? ''
  }

  practitionerRows() {
    return this.core.practitioners.map((person, n) => ({
      status: 'verified' as const,
      position: this.core.position(person.handle, n + 2),
      record: {
        ...person,
        enrolledAt: new Date(this.core.now - 86_400_000 * 40).toISOString(),
        revoked: this.revoked.get(person.handle) ?? null,
      } satisfies PractitionerRecord,
    }))
  }

  /** The practitioner's PIN, for requests that bring their own. */
  pinProblem(pin: string): ApiCode | null {
    const handle = this.core.session?.practitioner.handle ?? ''
    return this.core.pins.get(handle) === pin ? null : 'WRONG_PIN'
  }

  cardProblem(patient: string, proof: CardProof): ApiCode | null {
    const held = this.cards.find((one) => one.text === proof.text && one.patient === patient)
    if (held?.card.revoked !== null) return 'BAD_CARD'
    if (this.wrongCardPins >= 3) return 'CARD_LOCKED'
    if (held.pin === proof.pin) return null
    this.wrongCardPins += 1
    return 'WRONG_CARD_PIN'
  }

  authorisationProblem(patient: string, authorisation: Authorisation): ApiCode | null {
    return authorisation.how === 'card' ? this.cardProblem(patient, authorisation.card) : null
  }

  /** Gives a patient a card. */
  issue(patient: string, capacity: PatientCard['capacity'], holder: string | null, pin = CARD_PIN) {
    const text = cardText(this.cards.length + 1)
    const card: PatientCard = {
      cardId: handleOf(0xcad0 + this.cards.length),
      capacity,
      holder,
      issuedAt: this.#at,
      issuedBy: this.#me,
      revoked: null,
      usableHere: true,
    }
    this.cards.push({ patient, pin, text, card })
    return { card, text }
  }

  standing(patient: string): ConsentStanding {
    const newest = new Map(
      this.consents.filter((one) => one.patient === patient).map(({ record }) => [record.consentId, record]),
    )
    const decided = [...newest.values()]
    const today = this.#at.slice(0, 10)
    const held = decided.filter(
      ({ kind, terms }) =>
        kind !== 'revoked' && terms.from <= today && today < terms.until && terms.sites.includes(OWN_SITE),
    )
    const classes = DATA_CLASSES.filter((one) => held.some(({ terms }) => terms.classes.includes(one)))
    const none = decided.length === 0
    return {
      state: none
        ? 'none'
        : classes.length === 0
          ? 'refused'
          : classes.length < DATA_CLASSES.length
            ? 'partly'
            : 'covers',
      classes: none ? [...DATA_CLASSES] : classes,
      until:
        held
          .map(({ terms }) => terms.until)
          .toSorted()
          .at(-1) ?? null,
      asksSignature: held.some(({ terms }) => terms.asksSignature),
      emergencyUntil: null,
      ...this.standings.get(patient),
    }
  }

  /** A consent of a patient, as it would be after everybody signed. */
  agree(patient: string, more: Partial<ConsentTerms> = {}) {
    const terms: ConsentTerms = {
      sites: [OWN_SITE],
      purposes: ['care'],
      classes: [...DATA_CLASSES],
      from: '2020-01-01',
      until: '2099-01-01',
      history: true,
      asksSignature: false,
      freshness: { onlineMin: 15, offlineMin: 4320 },
      ...more,
    }
    const who = { capacity: 'patient', proxy: null, revocation: null } as const
    return this.decide(patient, {
      consentId: this.core.fresh(),
      version: 1,
      kind: 'granted',
      terms,
      words: ['Words.'],
      ...who,
    })
  }

  consentRow(patient: string, record: ConsentRecord) {
    const at = this.consents.findIndex((one) => one.record === record)
    return { status: 'verified' as const, position: this.core.position(patient, 20 + at), record }
  }

  /** Records a version of a consent. */
  decide(patient: string, record: Omit<ConsentRecord, 'at' | 'recordedBy'>) {
    const whole: ConsentRecord = { ...record, at: this.#at, recordedBy: [this.#me] }
    this.consents.push({ patient, record: whole })
    this.core.emit({ kind: 'chart-changed', handle: patient })
    return this.consentRow(patient, whole)
  }

  newest(patient: string, consentId: string): ConsentRecord | null {
    return (
      this.consents.findLast((one) => one.patient === patient && one.record.consentId === consentId)?.record ?? null
    )
  }

  similar(wanted: Omit<Patient, 'handle'>): Patient[] {
    const plain = (text: string) =>
      text
        .normalize('NFD')
        .replace(/[^a-z]/gi, '')
        .toLowerCase()
    const same = (a: string, b: string) => plain(a).slice(0, 4) === plain(b).slice(0, 4)
    return this.core.patients.filter(
      (one) => same(one.familyName, wanted.familyName) && one.birthDate.slice(0, 4) === wanted.birthDate.slice(0, 4),
    )
  }

  scan(code: string): Patient | null {
    const held = this.cards.find((one) => one.text === code)
    const wanted = held?.patient ?? this.core.patients.find((one) => one.identifier === code)?.handle
    return this.core.patients.find((one) => one.handle === wanted) ?? null
  }
}

/** Answers of `session` and `people` that came with revocation. */
export function personAnswers(os: Os, core: PeopleHost, guard: Guard) {
  const { known } = core
  return {
    session: {
      reauthenticate: os.session.reauthenticate.handler(
        guard('session.reauthenticate', ({ pin }) => {
          const code = known.pinProblem(pin)
          if (code !== null) return fail(code)
          core.isPresent = true
          return ok({})
        }),
      ),
      changePin: os.session.changePin.handler(
        guard('session.changePin', ({ oldPin, newPin }) => {
          const code = known.pinProblem(oldPin)
          if (code !== null) return fail(code)
          if (new Set(newPin).size === 1) return fail('WEAK_PIN')
          core.pins.set(core.session?.practitioner.handle ?? '', newPin)
          return ok({})
        }),
      ),
    },
    people: {
      revoke: os.people.revoke.handler(
        guard('people.revoke', ({ handle, reason, pin }) => {
          const code = known.pinProblem(pin)
          if (code !== null) return fail(code)
          const isIt = (one: string) => core.practitioners.find((person) => person.handle === one)?.role === 'it'
          const left = core.practitioners.filter((one) => isIt(one.handle) && !known.revoked.has(one.handle))
          if (isIt(handle) && left.length === 1) return fail('LAST_ADMINISTRATOR')
          known.revoked.set(handle, { at: new Date(core.now).toISOString(), reason })
          return ok({})
        }),
      ),
      renew: os.people.renew.handler(
        guard('people.renew', ({ handle, newPin, pin }) => {
          const code = known.pinProblem(pin)
          if (code !== null) return fail(code)
          if (new Set(newPin).size === 1) return fail('WEAK_PIN')
          const person = core.practitioners.find((one) => one.handle === handle)
          if (person === undefined) return fail('INVALID_REQUEST')
          known.revoked.delete(handle)
          core.pins.set(handle, newPin)
          return ok(person)
        }),
      ),
    },
    patients: {
      similar: os.patients.similar.handler(
        guard('patients.similar', (wanted) => ok(known.similar(wanted).map((one) => core.patientRow(one)))),
      ),
      scan: os.patients.scan.handler(
        guard('patients.scan', ({ code }) => {
          const patient = known.scan(code)
          return ok(patient === null ? null : core.patientRow(patient))
        }),
      ),
    },
  }
}

/** Answers of `cards`, `consents` and `outbox`. */
export function decisionAnswers(os: Os, core: PeopleHost, guard: Guard) {
  const { known } = core
  return {
    cards: {
      list: os.cards.list.handler(
        guard('cards.list', ({ handle }) =>
          ok(
            known.cards
              .filter((one) => one.patient === handle)
              .map(({ card }, n) => ({
                status: 'verified' as const,
                position: core.position(handle, 30 + n),
                record: card,
              })),
          ),
        ),
      ),
      issue: os.cards.issue.handler(
        guard('cards.issue', ({ handle, capacity, holder, cardPin, pin }) => {
          const code = known.pinProblem(pin)
          if (code !== null) return fail(code)
          return new Set(cardPin).size === 1 ? fail('WEAK_PIN') : ok(known.issue(handle, capacity, holder, cardPin))
        }),
      ),
      revoke: os.cards.revoke.handler(
        guard('cards.revoke', ({ cardId, reason, pin }) => {
          const code = known.pinProblem(pin)
          if (code !== null) return fail(code)
          const held = known.cards.find(({ card }) => card.cardId === cardId)
          if (held === undefined) return fail('BAD_CARD')
          held.card = { ...held.card, revoked: { at: new Date(core.now).toISOString(), reason } }
          return ok({})
        }),
      ),
    },
    consents: {
      sites: os.consents.sites.handler(
        guard('consents.sites', () =>
          ok([
            { id: OWN_SITE, isOwn: true },
            { id: OTHER_SITE, isOwn: false },
          ]),
        ),
      ),
      list: os.consents.list.handler(
        guard('consents.list', ({ handle }) =>
          ok(
            known.consents
              .filter((one) => one.patient === handle)
              .map(({ record }) => known.consentRow(handle, record)),
          ),
        ),
      ),
      grant: os.consents.grant.handler(
        guard('consents.grant', ({ handle, terms, words, authorisation, pin }) => {
          const code = known.pinProblem(pin) ?? known.authorisationProblem(handle, authorisation)
          if (code !== null) return fail(code)
          const capacity = authorisation.how === 'incapable' ? 'incapable' : 'patient'
          const consentId = core.fresh()
          return ok(
            known.decide(handle, {
              consentId,
              version: 1,
              kind: 'granted',
              terms,
              words,
              capacity,
              proxy: null,
              revocation: null,
            }),
          )
        }),
      ),
      amend: os.consents.amend.handler(
        guard('consents.amend', ({ handle, consentId, terms, words, authorisation, pin }) => {
          const code = known.pinProblem(pin) ?? known.authorisationProblem(handle, authorisation)
          if (code !== null) return fail(code)
          const newest = known.newest(handle, consentId)
          if (newest === null) return fail('UNKNOWN_CONSENT')
          const version = newest.version + 1
          return ok(known.decide(handle, { ...newest, version, kind: 'amended', terms, words }))
        }),
      ),
      revoke: os.consents.revoke.handler(
        guard('consents.revoke', ({ handle, consentId, reason, card, pin }) => {
          const code = known.pinProblem(pin) ?? (card === null ? null : known.cardProblem(handle, card))
          if (code !== null) return fail(code)
          const newest = known.newest(handle, consentId)
          if (newest === null) return fail('UNKNOWN_CONSENT')
          if (newest.kind === 'revoked') return fail('CONSENT_CLOSED')
          const revocation = { how: card === null ? ('spoken' as const) : ('card' as const), reason }
          return ok(known.decide(handle, { ...newest, version: newest.version + 1, kind: 'revoked', revocation }))
        }),
      ),
    },
    outbox: {
      write: os.outbox.write.handler(
        guard('outbox.write', (note) => {
          const id = core.fresh()
          known.notes.push({ id, writtenAt: new Date(core.now).toISOString(), ...note })
          return ok({ id })
        }),
      ),
      list: os.outbox.list.handler(guard('outbox.list', () => ok(known.notes))),
      settled: os.outbox.settled.handler(guard('outbox.settled', () => ok(known.settled))),
      settle: os.outbox.settle.handler(
        guard('outbox.settle', ({ id, reason }) => {
          const note = known.notes.find((one) => one.id === id)
          known.notes = known.notes.filter((one) => one.id !== id)
          const at = new Date(core.now).toISOString()
          if (note !== undefined) known.settled.push({ ...note, settled: { at, by: 'Nora Nurse', reason } })
          return ok({})
        }),
      ),
    },
  }
}
