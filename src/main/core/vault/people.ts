/**
 * Practitioners of the site: records in the ledger, keys in the keystore.
 *
 * @remarks
 * Who may sign is decided by the ledger alone; a key in the keystore that it does not name opens nothing. Proven by
 * `tests/main/core/vault/people.test.ts`.
 *
 * @packageDocumentation
 */
import { instantText } from '../../../clinical/instant.ts'
import {
  decodePractitioner,
  decodePractitionerEnd,
  encodePractitioner,
  encodePractitionerEnd,
} from '../../../clinical/practitioner.ts'
import { decideDeed } from '../../../ledger/contract.ts'
import type { KeyBinding } from '../../../ledger/directory.ts'
import type { PractitionerRole } from '../../../ledger/entry-types.ts'
import { decodePractitionerEnrolled, encodePractitionerEnrolled } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Practitioner, PractitionerRecord, Role } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, rejected, reliedOnContent, verifyRecord } from '../verify-record.ts'
import type { Asked, Row } from '../vault-service.ts'
import { actorFor, momentOf, offsetMinAt, utf8, viewerFor, viewerOf, type Clinic, type Viewer } from './clinic.ts'
import { governanceSignerOf, governs } from './role-keys.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Link } from './chains.ts'
import { PatientIndex } from './patient-index.ts'
import { presence } from './presence.ts'
import type { Draft } from './writer.ts'

/** Practitioners of the site: records in the ledger, keys in the keystore. */
export class People {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Every practitioner of the ledger, also who was revoked, for those who may see them. */
  async list(): Promise<Row<PractitionerRecord>[]> {
    const { role } = viewerFor(this.#clinic, 'people')
    return this.#rows(role)
  }

  /** Who can sign in here: verified, not revoked, and with a key in this keystore. */
  async signInNames(): Promise<Practitioner[]> {
    const practitioners: Practitioner[] = []
    for (const enrolment of this.#enrolments()) {
      const { subject } = enrolment
      if (!this.#clinic.keystore.practitioners.has(subject) || keyOf(this.#clinic, subject) === null) continue
      const practitioner = await this.#reliedOn(enrolment)
      if (practitioner !== null) practitioners.push(practitioner)
    }
    return practitioners
  }

  /**
   * Loads a practitioner's key.
   *
   * @throws KeystoreError `WRONG_PIN` or `PIN_LOCKED`; ApiFailure `RECORD_NOT_VERIFIED` when the enrolment does not
   * verify or names another key.
   */
  async signIn(handle: string, pin: string): Promise<Practitioner> {
    const clinic = this.#clinic
    if (!clinic.keystore.practitioners.has(handle)) throw new ApiFailure('WRONG_PIN')
    const seed = await clinic.keystore.practitioners.unlock(handle, pin)
    const practitioner = (await this.signInNames()).find((other) => other.handle === handle)
    const key = keyPairFromSeed(seed).publicKey
    const bound = keyOf(clinic, handle)
    if (practitioner === undefined || bound === null || !equalBytes(bound.publicKey, key)) {
      wipe(seed)
      throw new ApiFailure('RECORD_NOT_VERIFIED')
    }
    const signer: EntrySigner = {
      role: 'practitioner',
      publicKey: key,
      sign: (message: Uint8Array) => {
        // Locked while something was being prepared: it is not signed in the name of someone who left.
        if (clinic.viewer?.signer !== signer) throw new ApiFailure('NOT_SIGNED_IN')
        return sign(seed, message)
      },
    }
    // Only now: a wrong PIN of somebody else must not put out who is working.
    this.signOut()
    const { name, role } = practitioner
    const presence = { provenAt: momentOf(clinic) }
    const [index, sisters] = [new PatientIndex(clinic.random), new PatientIndex(clinic.random)]
    clinic.viewer = { handle, name, role, signer, seen: new Set(), presence, index, sisters }
    this.#wipe = () => {
      wipe(seed)
    }
    return practitioner
  }

  #wipe: () => void = () => undefined

  /** Wipes the key. */
  signOut(): void {
    for (const index of [this.#clinic.viewer?.index, this.#clinic.viewer?.sisters]) index?.drop()
    this.#clinic.viewer = null
    this.#wipe()
    this.#wipe = () => undefined
  }

  /**
   * Enrols a practitioner, under the site's governance key.
   *
   * @throws KeystoreError `WEAK_PIN`; ApiFailure `NOT_ALLOWED` for anyone but IT.
   */
  async enrol(request: { name: string; role: Role; pin: string }): Promise<Practitioner> {
    actorFor(this.#clinic, 'administer.people')
    this.#mustGovern()
    return this.enrolAs(request, this.#clinic.nowMs())
  }

  /** The same without asking who asks: for the first administrator and the demonstration clinic. */
  async enrolAs({ name, role, pin }: { name: string; role: Role; pin: string }, timeMs: number): Promise<Practitioner> {
    const { keystore, random, writer } = this.#clinic
    const handle = toHex(random(16))
    const seed = random(32)
    await keystore.practitioners.add(handle, pin, seed)
    const practitioner = { handle, name, role }
    const draft = this.#enrolment(practitioner, keyPairFromSeed(seed).publicKey, timeMs)
    wipe(seed)
    await writer.record([draft])
    return practitioner
  }

  /** Records somebody whose key is in the keystore already: the administrator of a clinic that joined a network. */
  async enrolKnown(practitioner: Practitioner, publicKey: Uint8Array, timeMs: number): Promise<void> {
    await this.#clinic.writer.record([this.#enrolment(practitioner, publicKey, timeMs)])
  }

  /**
   * Ends a practitioner: from now on they sign nothing, and their key is gone.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED` for anyone but IT and for oneself, `LAST_ADMINISTRATOR`,
   * `UNKNOWN_ENTRY` for nobody who works here; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async revoke({ handle, reason, pin }: Asked['people']['revoke']): Promise<void> {
    actorFor(this.#clinic, 'administer.people')
    this.#mustGovern()
    if (keyOf(this.#clinic, handle) === null) throw new ApiFailure('UNKNOWN_ENTRY')
    if (!this.#isAdministered(handle)) throw new ApiFailure('LAST_ADMINISTRATOR')
    const viewer = await this.#somebodyElse(handle, pin)
    await this.#clinic.writer.record([this.#end(viewer, handle, reason)])
    this.#clinic.keystore.practitioners.remove(handle)
    this.#leave(handle)
    await this.#clinic.keepSecrets()
  }

  /**
   * Gives a practitioner a new key under a new PIN, and ends the old one: for somebody who forgot their PIN, who was
   * revoked, or whose enrolment is damaged.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED` for anyone but IT and for oneself, `UNKNOWN_ENTRY` for nobody who
   * was ever enrolled, `RECORD_NOT_VERIFIED` when nobody knows the name any more and none is given; KeystoreError
   * `WRONG_PIN`, `PIN_LOCKED`, and `WEAK_PIN` for the new one.
   */
  async renew({ handle, name, newPin, pin }: Asked['people']['renew']): Promise<Practitioner> {
    actorFor(this.#clinic, 'administer.people')
    this.#mustGovern()
    const last = newestKeyOf(this.#clinic, handle)
    const role = last?.practitionerRole ?? null
    if (last === null || role === null) throw new ApiFailure('UNKNOWN_ENTRY')
    const known = this.#enrolments().find(({ subject }) => subject === handle)
    const recorded = known === undefined ? null : await this.#reliedOn(known)
    const practitioner = { handle, name: recorded?.name ?? name ?? '', role }
    if (practitioner.name === '') throw new ApiFailure('RECORD_NOT_VERIFIED')
    const viewer = await this.#somebodyElse(handle, pin)
    const { keystore, random, writer, nowMs } = this.#clinic
    const seed = random(32)
    const replaceKey = await keystore.practitioners.prepare(handle, newPin, seed)
    const enrolment = this.#enrolment(practitioner, keyPairFromSeed(seed).publicKey, nowMs())
    wipe(seed)
    const isActive = last.until === Infinity
    // A crash between these two leaves a key that nobody has: renewing once more helps.
    await writer.record([...(isActive ? [this.#end(viewer, handle, RENEWED)] : []), enrolment])
    await replaceKey()
    this.#leave(handle)
    await this.#clinic.keepSecrets()
    return practitioner
  }

  /**
   * Changes the PIN of whoever is signed in.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `COORDINATOR_ONLY`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`, `WEAK_PIN`.
   */
  async changePin({ oldPin, newPin }: Asked['session']['changePin']): Promise<void> {
    const { handle } = viewerOf(this.#clinic)
    this.#mustGovern()
    await this.#clinic.keystore.practitioners.changePin(handle, oldPin, newPin)
    await this.#clinic.keepSecrets()
  }

  /** Removes keys of people who were revoked: a crash may have come between the entry and this. */
  settle(): void {
    const { keystore } = this.#clinic
    for (const handle of keystore.practitioners.files().keys()) {
      const isRevoked = newestKeyOf(this.#clinic, handle) !== null && keyOf(this.#clinic, handle) === null
      if (isRevoked) keystore.practitioners.remove(handle)
    }
  }

  /** People came or left by what another node of the site recorded: whoever is signed in may not be any more. */
  follow(): void {
    this.settle()
    const { viewer } = this.#clinic
    if (viewer === null) return
    const key = keyOf(this.#clinic, viewer.handle)
    if (key === null || !equalBytes(key.publicKey, viewer.signer.publicKey)) this.#leave(viewer.handle)
  }

  /** People are enrolled, and PINs kept, where the key of the clinic is: everywhere else they come from there. */
  #mustGovern(): void {
    if (!governs(this.#clinic)) throw new ApiFailure('COORDINATOR_ONLY')
  }

  /** Who asks, proven to be there: nobody ends or renews themselves. */
  async #somebodyElse(handle: string, pin: string): Promise<Viewer> {
    if (viewerOf(this.#clinic).handle === handle) throw new ApiFailure('NOT_ALLOWED')
    return presence(this.#clinic, pin)
  }

  /** Whether somebody is left who may administer people, without `handle`. */
  #isAdministered(handle: string): boolean {
    const { replica, keystore } = this.#clinic
    const contract = replica.contract()?.contract
    return activeKeys(this.#clinic).some((key) => {
      const other = toHex(key.handle)
      const role = key.practitionerRole
      if (other === handle || role === null || contract === undefined) return false
      return keystore.practitioners.has(other) && decideDeed(contract, 'administer.people', role).allowed
    })
  }

  /** Somebody whose key ended may have signed in while it was ended. */
  #leave(handle: string): void {
    if (this.#clinic.viewer?.handle === handle) this.signOut()
    this.#clinic.emit({ kind: 'key-ended', handle })
  }

  #end(viewer: Viewer, handle: string, reason: string): Draft {
    const { random, identity, nowMs } = this.#clinic
    const end = { handle, by: { handle: viewer.handle, name: viewer.name }, reason, test: identity.demo }
    return {
      id: random(16),
      type: 'practitioner.revoked',
      subject: fromHex(handle),
      timeMs: nowMs(),
      payload: utf8(encodePractitionerEnd(end)),
      fields: new Map(),
      signers: [governanceSignerOf(this.#clinic)],
    }
  }

  #enrolment(practitioner: Practitioner, publicKey: Uint8Array, timeMs: number): Draft {
    const { random, identity } = this.#clinic
    return {
      id: random(16),
      type: 'practitioner.enrolled',
      subject: fromHex(practitioner.handle),
      timeMs,
      payload: utf8(encodePractitioner(practitioner, identity.demo)),
      fields: encodePractitionerEnrolled({ publicKey, role: practitioner.role }),
      signers: [governanceSignerOf(this.#clinic)],
    }
  }

  /** The newest enrolment of everybody, in the order in which they came. */
  #enrolments(): Enrolment[] {
    const { replica } = this.#clinic
    return replica.subjectsWith('practitioner.enrolled').flatMap((subject) => {
      const link = replica.chain(subject).links.findLast(({ type }) => type === 'practitioner.enrolled')
      return link === undefined ? [] : [{ subject, link }]
    })
  }

  async #reliedOn({ subject, link }: Enrolment): Promise<Practitioner | null> {
    const { replica, keys } = this.#clinic
    const record = await reliedOnContent({ replica, keys }, { subject, link, read: readPractitioner })
    return record === null ? null : record.practitioner
  }

  async #rows(viewer: PractitionerRole): Promise<Row<PractitionerRecord>[]> {
    const { replica } = this.#clinic
    const rows: Row<PractitionerRecord>[] = []
    for (const { subject, link } of this.#enrolments()) {
      const request = { subject, link, view: 'people' as const, viewer, read: readPractitioner }
      const row = await verifyRecord(this.#clinic, request)
      rows.push(
        row.status === 'rejected'
          ? about(subject, row)
          : { ...row, record: recordOf(row.record, await this.#ended(subject)) },
      )
    }
    for (const { subject, place } of replica.lostSubjectsWith('practitioner.enrolled')) {
      const failed = place.log.damaged.get(place.index) ?? { step: 'present', reason: 'missing' }
      rows.push(about(subject, rejected(replica, { place, seq: 0 }, failed)))
    }
    return rows
  }

  /** When and why a practitioner was revoked; null for who was not. */
  async #ended(subject: string): Promise<PractitionerRecord['revoked']> {
    if (keyOf(this.#clinic, subject) !== null) return null
    const { replica, keys } = this.#clinic
    const link = replica.chain(subject).links.findLast(({ type }) => type === 'practitioner.revoked')
    const end = link === undefined ? null : await reliedOnContent({ replica, keys }, { subject, link, read: readEnd })
    return end ?? { at: instantText(0, 0), reason: '' }
  }
}

/** Says whose a rejected enrolment is: IT can renew it. */
function about(subject: string, row: Row<never>): Row<never> {
  return row.status === 'rejected' ? { ...row, subject } : row
}

function recordOf(
  { practitioner, enrolledAt }: ReturnType<typeof readPractitioner>,
  revoked: PractitionerRecord['revoked'],
): PractitionerRecord {
  return { ...practitioner, enrolledAt, revoked }
}

/** Why the old key of somebody who gets a new one ends. */
const RENEWED = 'renewed'

interface Enrolment {
  readonly subject: string
  readonly link: Link
}

/** Keys that the own log has in force, and that no other node of the site has recorded the end of. */
function activeKeys({ replica, foreign }: Clinic): KeyBinding[] {
  return [...replica.directory.bindings.values()].filter(
    ({ role, until, publicKey }) =>
      role === 'practitioner' && until === Infinity && foreign?.isEnded(publicKey) !== true,
  )
}

/** The key with which a practitioner signs now, or null. */
function keyOf(clinic: Clinic, handle: string): KeyBinding | null {
  return activeKeys(clinic).find((key) => toHex(key.handle) === handle) ?? null
}

/** The newest key that a practitioner ever had, or null. */
function newestKeyOf({ replica }: Clinic, handle: string): KeyBinding | null {
  const keys = [...replica.directory.bindings.values()]
  return keys.findLast((key) => key.role === 'practitioner' && toHex(key.handle) === handle) ?? null
}

function readPractitioner(text: string, { entry }: VerifiedEntry): { practitioner: Practitioner; enrolledAt: string } {
  const { practitioner } = decodePractitioner(text)
  const { subject, fields, time } = entry.body
  if (practitioner.handle !== toHex(subject ?? new Uint8Array()))
    throw new ContentMismatch('the resource is about someone else')
  if (decodePractitionerEnrolled(fields).role !== practitioner.role)
    throw new ContentMismatch('the resource names another role')
  return { practitioner, enrolledAt: instantText(time, offsetMinAt(time)) }
}

function readEnd(text: string, { entry }: VerifiedEntry): NonNullable<PractitionerRecord['revoked']> {
  const { handle, reason } = decodePractitionerEnd(text)
  const { subject, time } = entry.body
  if (handle !== toHex(subject ?? new Uint8Array())) throw new ContentMismatch('the resource is about someone else')
  return { at: instantText(time, offsetMinAt(time)), reason }
}
