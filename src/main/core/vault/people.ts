import { instantText } from '../../../clinical/instant.ts'
import { decodePractitioner, encodePractitioner } from '../../../clinical/practitioner.ts'
import { encodePractitionerEnrolled } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Practitioner, PractitionerRecord, Role } from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { keyPairFromSeed, sign, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, rejected, reliedOnContent, verifyRecord } from '../verify-record.ts'
import type { Row } from '../vault-service.ts'
import { actorFor, offsetMinAt, utf8, viewerFor, type Clinic } from './clinic.ts'
import { governanceSignerOf } from './role-keys.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Link } from './chains.ts'
import type { PractitionerRole } from '../../../ledger/entry-types.ts'

/** Practitioners of the site: records in the ledger, keys in the keystore. */
export class People {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Every practitioner of the ledger, for those who may see them. */
  async list(): Promise<Row<PractitionerRecord>[]> {
    const { role } = viewerFor(this.#clinic, 'people')
    return this.#rows(role)
  }

  /** Who can sign in here: verified, and with a key in this keystore. */
  async signInNames(): Promise<Practitioner[]> {
    const { replica, keys, keystore } = this.#clinic
    const practitioners: Practitioner[] = []
    for (const { subject, link } of this.#enrolments()) {
      if (!keystore.practitioners.has(subject)) continue
      const practitioner = await reliedOnContent({ replica, keys }, { subject, link, read: this.#read })
      if (practitioner === null) continue
      const { handle, name, role } = practitioner
      practitioners.push({ handle, name, role })
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
    const binding = clinic.replica.directory.bindings.get(toHex(key))
    if (practitioner === undefined || binding === undefined || toHex(binding.handle) !== handle) {
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
    const presence = { provenAtMs: clinic.monotonicMs() }
    clinic.viewer = { handle, name, role, signer, seen: new Set(), presence }
    this.#wipe = () => {
      wipe(seed)
    }
    return practitioner
  }

  #wipe: () => void = () => undefined

  /** Wipes the key. */
  signOut(): void {
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
    return this.enrolAs(request, this.#clinic.nowMs())
  }

  /** The same without asking who asks: for the first administrator and the demonstration clinic. */
  async enrolAs({ name, role, pin }: { name: string; role: Role; pin: string }, timeMs: number): Promise<Practitioner> {
    const { keystore, random, writer, identity } = this.#clinic
    const handle = toHex(random(16))
    const seed = random(32)
    await keystore.practitioners.add(handle, pin, seed)
    const { publicKey } = keyPairFromSeed(seed)
    wipe(seed)
    const governance = governanceSignerOf(this.#clinic)
    const practitioner = { handle, name, role }
    await writer.record([
      {
        id: random(16),
        type: 'practitioner.enrolled',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(encodePractitioner(practitioner, identity.demo)),
        fields: encodePractitionerEnrolled({ publicKey, role }),
        signers: [governance],
      },
    ])
    return practitioner
  }

  #enrolments(): { subject: string; link: Link }[] {
    const { replica } = this.#clinic
    return replica.subjectsWith('practitioner.enrolled').flatMap((subject) => {
      const link = replica.chain(subject).links.find(({ type }) => type === 'practitioner.enrolled')
      return link === undefined ? [] : [{ subject, link }]
    })
  }

  readonly #read = (text: string, entry: VerifiedEntry) => readPractitioner(this.#clinic, text, entry)

  async #rows(viewer: PractitionerRole): Promise<Row<PractitionerRecord>[]> {
    const { replica } = this.#clinic
    const rows: Row<PractitionerRecord>[] = []
    for (const { subject, link } of this.#enrolments())
      rows.push(await verifyRecord(this.#clinic, { subject, link, view: 'people', viewer, read: this.#read }))
    for (const { place } of replica.lostSubjectsWith('practitioner.enrolled')) {
      const failed = place.log.damaged.get(place.index) ?? { step: 'present', reason: 'missing' }
      rows.push(rejected(replica, { place, seq: 0 }, failed))
    }
    return rows
  }
}

function readPractitioner({ replica }: Clinic, text: string, { entry }: VerifiedEntry): PractitionerRecord {
  const { practitioner } = decodePractitioner(text)
  const subject = entry.body.subject ?? new Uint8Array()
  if (practitioner.handle !== toHex(subject)) throw new ContentMismatch('the resource is about someone else')
  const binding = [...replica.directory.bindings.values()].find(
    (b) => b.role === 'practitioner' && equalBytes(b.handle, subject),
  )
  if (binding?.practitionerRole !== practitioner.role) throw new ContentMismatch('the resource names another role')
  const { time } = entry.body
  return { ...practitioner, enrolledAt: instantText(time, offsetMinAt(time)), revoked: null }
}
