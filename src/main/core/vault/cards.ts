/**
 * Patients' cards: the key with which a patient, or who signs for the patient, signs.
 *
 * @remarks
 * The key's seed is sealed under the card's PIN, the keystore's pepper and a share that is printed on the card and kept
 * nowhere: the card alone, this workstation alone and the PIN alone open nothing. Whose card it is, and since when, the
 * ledger says. Proven by `tests/main/core/vault/cards.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeCardStatement, encodeCardStatement, type CardStatement } from '../../../clinical/related-person.ts'
import { instantText } from '../../../clinical/instant.ts'
import { decodePatientLinked, encodePatientLinked, type PatientLinked } from '../../../ledger/people-fields.ts'
import type { CborMap } from '../../../ledger/cbor.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { CardProof, PatientCard, PrintedCard } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { decodeCardText, encodeCardText } from '../../../shared/card-text.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch, rejected, verifyRecord } from '../verify-record.ts'
import type { Asked, Row } from '../vault-service.ts'
import type { Link } from './chains.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Failed } from './log-replica.ts'
import { presence } from './presence.ts'
import { requireRegisteredHere } from './patient-logs.ts'
import type { Draft } from './writer.ts'

/** When a new card goes into the copy of the site's secrets, in ms. */
const KEEP_AFTER_MS = 60_000

/** Signs for a patient, once: wipe it when the entry is made. */
export interface CardSigner extends EntrySigner {
  readonly role: 'patient'
  /** Whose card it is. */
  readonly capacity: 'patient' | 'guardian'
  /** Name of a guardian, when its record verifies; null on the patient's own card. */
  readonly holder: string | null
  wipe(): void
}

/** What is to be said about a card. */
interface ToRecord {
  readonly handle: string
  readonly fields: CborMap
  readonly statement: Pick<CardStatement, 'cardId' | 'capacity' | 'holder' | 'revokedBecause'>
  readonly timeMs: number
}

/** A card that stands: issued, not revoked. */
interface Standing {
  readonly link: Link
  readonly issued: Extract<PatientLinked, { kind: 'card-issued' }>
}

/**
 * The key of a patient's card.
 *
 * @param handle - Of the patient whose card it must be.
 * @param proof - As scanned and typed. Untrusted.
 * @throws ApiFailure `BAD_CARD`, `WRONG_CARD_PIN`, `CARD_LOCKED`; KeystoreError `DATA_FOLDER_READ_ONLY` or `DISK_FULL`
 * when the attempt cannot be written down.
 */
export async function cardSigner(clinic: Clinic, handle: string, { text, pin }: CardProof): Promise<CardSigner> {
  const content = decodeCardText(text)
  const standing = content === null ? null : standingCard(clinic, handle, content.cardId)
  if (content === null || standing === null || !clinic.keystore.cards.has(content.cardId))
    throw new ApiFailure('BAD_CARD')
  const seed = await clinic.keystore.cards.unlock(content.cardId, pin, content.share).catch(cardFailure)
  const { publicKey } = keyPairFromSeed(seed)
  if (!equalBytes(publicKey, standing.issued.publicKey)) {
    wipe(seed)
    throw new ApiFailure('BAD_CARD')
  }
  const row = await new Cards(clinic).row(handle, standing.link)
  return {
    role: 'patient',
    publicKey,
    capacity: standing.issued.capacity,
    holder: row.status === 'verified' ? row.record.holder : null,
    sign: (message) => sign(seed, message),
    wipe: () => {
      wipe(seed)
    },
  }
}

/**
 * Whose card a scanned text is: the patient's handle, or null for a card that nobody has here any more.
 *
 * @param text - Untrusted.
 */
export function patientOfCard({ replica }: Clinic, text: string): string | null {
  const content = decodeCardText(text)
  if (content === null) return null
  const cards = [...replica.directory.patients.cards.entries()].map(([, card]) => card)
  const card = cards.find(({ cardId, until }) => until === Infinity && toHex(cardId) === content.cardId)
  return card === undefined ? null : toHex(card.patient)
}

/** Cards of an open clinic. */
export class Cards {
  readonly #clinic: Clinic
  #waiting: NodeJS.Timeout | null = null

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Every card of a patient, oldest first, each verified or named with its failed step.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`.
   */
  async list(handle: string): Promise<Row<PatientCard>[]> {
    const viewer = viewerFor(this.#clinic, 'demographics')
    requireRegisteredHere(this.#clinic, handle)
    const rows: Row<PatientCard>[] = []
    for (const link of cardLinks(this.#clinic, handle)) {
      const linked = linkedIn(link)
      if (linked === null) rows.push(rejected(this.#clinic.replica, { place: link, seq: link.seq }, DAMAGED))
      else if (linked.kind === 'card-issued') rows.push(await this.row(handle, link))
    }
    // Who signs for a patient is told here: that is a look at the patient like any other.
    await this.#clinic.writer.record([accessDraft(this.#clinic, viewer, { subject: handle })])
    return rows
  }

  /**
   * One card as it was issued, with what became of it. No consent is asked: who took all of them back still needs a card
   * to give another.
   */
  async row(handle: string, link: Link): Promise<Row<PatientCard>> {
    const issued = await verifyRecord(this.#clinic, {
      ...{ subject: handle, link, view: 'demographics' as const, viewer: null },
      read: readTimed,
    })
    if (issued.status === 'rejected') return issued
    const { statement, timeMs } = issued.record
    const { cardId, capacity, holder, practitioner } = statement
    const record: PatientCard = {
      ...{ cardId, capacity, holder, issuedBy: practitioner.name },
      issuedAt: instantText(timeMs, offsetMinAt(timeMs)),
      revoked: await this.#revocation(handle, cardId),
      usableHere: this.#clinic.keystore.cards.has(cardId),
    }
    return { ...issued, record }
  }

  /**
   * Makes a card. Its text is told once, and kept nowhere.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `INVALID_REQUEST` with `holder` for a guardian
   * without a name; KeystoreError `WRONG_PIN`, `PIN_LOCKED`, and `WEAK_PIN` for the card's.
   */
  async issue({ handle, capacity, holder, cardPin, pin }: Asked['cards']['issue']): Promise<PrintedCard> {
    authorFor(this.#clinic, 'patient.linked')
    requireRegisteredHere(this.#clinic, handle)
    if ((capacity === 'guardian') !== (holder !== null)) throw new ApiFailure('INVALID_REQUEST', { detail: 'holder' })
    const viewer = await presence(this.#clinic, pin)
    const { random, keystore, nowMs } = this.#clinic
    const timeMs = nowMs()
    const [id, share, seed] = [random(16), random(32), random(32)]
    const cardId = toHex(id)
    const { publicKey } = keyPairFromSeed(seed)
    const text = encodeCardText({ cardId, share })
    try {
      // The half that stays comes first: a card on record whose key is nowhere would be no card.
      await keystore.cards.add(cardId, cardPin, share, seed)
      const fields = encodePatientLinked({ kind: 'card-issued', cardId: id, publicKey, capacity })
      const statement = { cardId, capacity, holder, revokedBecause: null }
      await this.#record(viewer, { handle, fields, statement, timeMs }).catch((error: unknown) => {
        keystore.cards.remove(cardId)
        throw error
      })
    } finally {
      wipe(share, seed)
    }
    this.#keepSoon()
    const issuedAt = instantText(timeMs, offsetMinAt(timeMs))
    const card = { cardId, capacity, holder, issuedAt, issuedBy: viewer.name, revoked: null, usableHere: true }
    return { card, text }
  }

  /**
   * Ends a card: from now on it signs nothing, and its key is removed from this workstation.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `BAD_CARD` when the patient has no such card; KeystoreError
   * `WRONG_PIN`, `PIN_LOCKED`.
   */
  async revoke({ handle, cardId, reason, pin }: Asked['cards']['revoke']): Promise<void> {
    authorFor(this.#clinic, 'patient.linked')
    const standing = standingCard(this.#clinic, handle, cardId)
    if (standing === null) throw new ApiFailure('BAD_CARD')
    const viewer = await presence(this.#clinic, pin)
    const row = await this.row(handle, standing.link)
    const holder = row.status === 'verified' ? row.record.holder : null
    const fields = encodePatientLinked({ kind: 'card-revoked', cardId: fromHex(cardId) })
    const { capacity } = standing.issued
    const statement = { cardId, capacity, holder, revokedBecause: reason }
    await this.#record(viewer, { handle, fields, statement, timeMs: this.#clinic.nowMs() })
    this.#clinic.keystore.cards.remove(cardId)
    await this.#clinic.keepSecrets()
  }

  /**
   * Removes the keys of every card of a patient, for an erasure: what the cards signed goes on verifying.
   *
   * @returns How many there were.
   */
  forget(handle: string): number {
    const { cards } = this.#clinic.keystore
    const mine = this.held(handle)
    for (const cardId of mine) cards.remove(cardId)
    return mine.length
  }

  /** Cards of a patient whose keys are here. */
  held(handle: string): string[] {
    const { keystore, replica } = this.#clinic
    const patient = fromHex(handle)
    const bound = [...replica.directory.patients.cards.entries()].map(([, card]) => card)
    return bound
      .filter((card) => equalBytes(card.patient, patient))
      .map(({ cardId }) => toHex(cardId))
      .filter((cardId) => keystore.cards.has(cardId))
  }

  /** Seals new cards into the database before it closes. */
  async close(): Promise<void> {
    if (this.#waiting === null) return
    clearTimeout(this.#waiting)
    await this.#keep()
  }

  /** Many cards in a row are sealed into the database once: each time takes longer, the more there are. */
  #keepSoon(): void {
    this.#waiting ??= setTimeout(() => void this.#keep(), KEEP_AFTER_MS).unref()
  }

  /** What cannot be written now goes along with the next backup, or the next key that changes. */
  async #keep(): Promise<void> {
    this.#waiting = null
    await this.#clinic.keepSecrets().catch(() => undefined)
  }

  /** Removes keys of cards that were revoked: a crash may have come between the entry and this. */
  settle(): void {
    const { keystore, replica } = this.#clinic
    for (const [, { cardId, until }] of replica.directory.patients.cards.entries())
      if (until !== Infinity) keystore.cards.remove(toHex(cardId))
  }

  async #record(viewer: Viewer, { handle, fields, statement, timeMs }: ToRecord): Promise<void> {
    const { random, writer, identity } = this.#clinic
    const practitioner = { handle: viewer.handle, name: viewer.name }
    const whole = { ...statement, patient: handle, practitioner, test: identity.demo }
    const draft: Draft = {
      ...{ id: random(16), type: 'patient.linked', subject: fromHex(handle), timeMs },
      ...{ payload: utf8(encodeCardStatement(whole)), fields, signers: [viewer.signer] },
    }
    await writer.record([draft])
  }

  async #revocation(handle: string, cardId: string): Promise<PatientCard['revoked']> {
    const end = linksOf(this.#clinic, handle).find(
      ({ linked }) => linked.kind === 'card-revoked' && toHex(linked.cardId) === cardId,
    )
    if (end === undefined) return this.#endWithoutRecord(handle, cardId)
    const row = await verifyRecord(this.#clinic, {
      ...{ subject: handle, link: end.link, view: 'demographics' as const, viewer: null },
      read: readTimed,
    })
    if (row.status === 'rejected') return this.#endWithoutRecord(handle, cardId)
    const { statement, timeMs } = row.record
    return { at: instantText(timeMs, offsetMinAt(timeMs)), reason: statement.revokedBecause ?? '' }
  }

  /** The directory decides, so a revocation whose row was damaged counts as well. */
  #endWithoutRecord(handle: string, cardId: string): PatientCard['revoked'] {
    const isStanding = standingCard(this.#clinic, handle, cardId) !== null
    return isStanding ? null : { at: instantText(0, 0), reason: '' }
  }
}

const DAMAGED: Failed = { step: 'decode', reason: 'the entry about a card cannot be read' }

function cardLinks({ replica }: Clinic, handle: string): Link[] {
  return replica.chain(handle).links.filter(({ type }) => type === 'patient.linked')
}

/** What an entry says about a card in the clear; null when it does not verify. */
function linkedIn(link: Link): PatientLinked | null {
  const verified = link.log.verifiedEntry(link.index)
  return 'step' in verified ? null : decodePatientLinked(verified.entry.body.fields)
}

/** What links say about a patient's cards, in order. */
function linksOf(clinic: Clinic, handle: string): { link: Link; linked: PatientLinked }[] {
  return cardLinks(clinic, handle).flatMap((link) => {
    const linked = linkedIn(link)
    return linked === null ? [] : [{ link, linked }]
  })
}

/** A card of the patient that was not revoked; null otherwise. */
function standingCard(clinic: Clinic, handle: string, cardId: string): Standing | null {
  for (const { link, linked } of linksOf(clinic, handle)) {
    if (linked.kind !== 'card-issued' || toHex(linked.cardId) !== cardId) continue
    const bound = clinic.replica.directory.patients.cards.get(toHex(linked.publicKey))
    return bound?.until === Infinity && toHex(bound.patient) === handle ? { link, issued: linked } : null
  }
  return null
}

function readTimed(
  text: string,
  entry: VerifiedEntry,
  keyClass: KeyClass,
): { statement: CardStatement; timeMs: number } {
  return { statement: readStatement(text, entry, keyClass), timeMs: entry.entry.body.time }
}

function readStatement(text: string, { entry, signers }: VerifiedEntry, keyClass: KeyClass): CardStatement {
  const statement = decodeCardStatement(text)
  const linked = decodePatientLinked(entry.body.fields)
  const author = signers.find(({ role }) => role === 'practitioner')?.handle ?? null
  if (statement.patient !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('about another patient')
  if (linked.kind === 'elsewhere' || statement.cardId !== toHex(linked.cardId))
    throw new ContentMismatch('about another card')
  if (linked.kind === 'card-issued' && linked.capacity !== statement.capacity)
    throw new ContentMismatch('a card in another capacity')
  if ((linked.kind === 'card-revoked') !== (statement.revokedBecause !== null))
    throw new ContentMismatch('another kind of statement')
  if (author === null || statement.practitioner.handle !== toHex(author))
    throw new ContentMismatch('recorded by another practitioner')
  checkKeyClass(keyClass, 'demographics')
  return statement
}

/** The same codes as a practitioner's PIN has would be taken for that. */
function cardFailure(error: unknown): never {
  if (!(error instanceof KeystoreError)) throw error
  const { code, retryAfterS } = error
  if (code === 'WRONG_PIN') throw new ApiFailure('WRONG_CARD_PIN', { cause: error })
  if (code === 'PIN_LOCKED')
    throw new ApiFailure('CARD_LOCKED', { cause: error, ...(retryAfterS === undefined ? {} : { retryAfterS }) })
  if (code === 'WRONG_SHARE' || code === 'KEYSTORE_DAMAGED') throw new ApiFailure('BAD_CARD', { cause: error })
  throw error
}
