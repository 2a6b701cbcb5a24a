/**
 * Keeps the people of the site known in the log of a node that holds no governance key.
 *
 * @remarks
 * Asks the node that holds it, records what that made and signed, and keeps the key files that a PIN opens, and the site's
 * secrets when they changed. What comes is
 * recorded only as an entry about a practitioner that every replica would accept. Proven by
 * `tests/main/core/network/second-node.test.ts`.
 *
 * @packageDocumentation
 */
import { checkCiphertext, EnvelopeError } from '../envelope.ts'
import { EpochClassKeys } from '../class-keys.ts'
import { openEpochKey } from '../epoch-keys.ts'
import { ApiFailure } from '../failure.ts'
import { decodeBody, type Body } from '../../../ledger/body.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodePractitionerEnrolled } from '../../../ledger/fields.ts'
import {
  decodePeopleAnswer,
  encodePeopleRequest,
  type MadeEntry,
  MAX_KEY_FILES,
  MAX_PEOPLE_EPOCH,
  type PeopleAnswer,
} from '../../../sync/site-people.ts'
import { SyncError } from '../../../sync/errors.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import type { Clinic } from '../vault/clinic.ts'
import { FOREIGN_FROM, type CurrentEpoch } from '../vault/subject-keys.ts'
import type { Draft } from '../vault/writer.ts'
import { SiteSecretsRequest } from './site-secrets-desk.ts'

/** How often is asked whether anything is new. */
const ROUND_MS = 10_000
/** The same while something is being made. */
const SOON_MS = 500

/** What it works with. */
export interface SitePeopleParts {
  readonly clinic: Clinic
  /** Asks the mirror of the site; false when it is not there. */
  readonly ask: (body: Uint8Array, done: (answer: Uint8Array | null) => void) => boolean
  /** Somebody came, or left. */
  readonly changed: () => void
  readonly fault: (error: unknown) => void
}

/** See the module's comment. */
export class SitePeople {
  readonly #parts: SitePeopleParts
  readonly #secrets: SiteSecretsRequest
  #isAsking = false
  #nextMs = -Infinity

  constructor(parts: SitePeopleParts) {
    this.#parts = parts
    this.#secrets = new SiteSecretsRequest(parts.clinic, parts.fault)
  }

  /** The site's log says something new: not to be waited for. */
  hurry(): void {
    this.#nextMs = -Infinity
  }

  /** Lets time pass. */
  tick(nowMs: number): void {
    if (this.#isAsking || nowMs < this.#nextMs) return
    this.#nextMs = nowMs + ROUND_MS
    try {
      this.#ask(nowMs)
    } catch (error) {
      // What the disk does not give today is asked again: nobody's chart depends on it.
      if (!(error instanceof CodedError)) throw error
      this.#parts.fault(error)
    }
  }

  #ask(nowMs: number): void {
    const epoch = this.#freeEpoch()
    if (epoch > MAX_PEOPLE_EPOCH) return
    const { keystore } = this.#parts.clinic
    const files = [...keystore.practitioners.versions()].slice(0, MAX_KEY_FILES)
    const agreementKey = this.#secrets.key()
    const body = encodePeopleRequest({
      epoch,
      agreementKey,
      files: files.map(([handle, version]) => ({ handle: fromHex(handle), version })),
    })
    this.#isAsking = this.#parts.ask(body, (answer) => {
      this.#take(answer, epoch, nowMs)
        .catch(this.#parts.fault)
        .finally(() => (this.#isAsking = false))
    })
    // Nobody is there to ask: it may be connected any moment.
    if (!this.#isAsking) this.#nextMs = nowMs + SOON_MS
  }

  /** Above every epoch that an entry about people names here. */
  #freeEpoch(): number {
    const { replica } = this.#parts.clinic
    const taken = replica.subjectsWith('practitioner.enrolled').map((handle) => replica.newestEpoch(handle) ?? -1)
    return Math.max(FOREIGN_FROM - 1, ...taken) + 1
  }

  async #take(bytes: Uint8Array | null, epoch: number, nowMs: number): Promise<void> {
    const answer = bytes === null ? null : readAnswer(bytes)
    if (answer === null) return
    // What is made for this log is sealed to the key in force.
    let isNew = answer.secrets !== null && (await this.#secrets.take(answer.secrets))
    for (const entry of answer.entries) isNew = (await this.#record(entry, epoch)) || isNew
    for (const { handle, file } of answer.files) isNew = (await this.#keep(toHex(handle), file)) || isNew
    if (answer.isMore) this.#nextMs = nowMs + SOON_MS
    if (!isNew) return
    this.#parts.changed()
    await this.#parts.clinic.keepSecrets()
  }

  /** Records an entry that the holder of the governance key made. False for one that is not wanted here. */
  async #record(entry: MadeEntry, epoch: number): Promise<boolean> {
    try {
      const draft = await this.#draftOf(entry, epoch)
      if (draft === null) return false
      await this.#parts.clinic.writer.record([draft])
      return true
    } catch (error) {
      // Not what we would record: the rest of the answer is as good as before.
      const isRefused = error instanceof ApiFailure && ['NOT_ALLOWED', 'ALREADY_RECORDED'].includes(error.code)
      if (isRefused || error instanceof LedgerError || error instanceof EnvelopeError) return false
      throw error
    }
  }

  async #draftOf(made: MadeEntry, from: number): Promise<Draft | null> {
    const body = decodeBody(made.body)
    const { id, type, subject, time: timeMs, fields, payload } = body
    if (subject === null || payload === null || payload.epoch < from || !this.#isWanted(body)) return null
    checkCiphertext(made.ciphertext, payload)
    const epoch = await this.#epochOf(made, subject, payload.epoch)
    const { ciphertext, wrappedKey, salt, publicKey, signature, body: bodyBytes } = made
    const signatures = [{ role: 'governance' as const, publicKey, signature }]
    return {
      ...{ id, type, subject, timeMs, fields, payload: made.ciphertext, signers: [] },
      epoch: () => Promise.resolve(epoch),
      made: { bodyBytes, signatures, stored: { ciphertext, wrappedKey, salt } },
    }
  }

  /** An enrolment of a key that is not known yet, or the end of one that is in force; nothing else comes this way. */
  #isWanted({ type, fields, subject, network, log }: Body): boolean {
    const { replica, identity } = this.#parts.clinic
    if (log !== identity.log || !equalBytes(network, identity.network)) return false
    const { bindings } = replica.directory
    if (type === 'practitioner.enrolled') return !bindings.has(toHex(decodePractitionerEnrolled(fields).publicKey))
    if (type !== 'practitioner.revoked' || subject === null) return false
    return this.#isInForce(toHex(subject))
  }

  #isInForce(handle: string): boolean {
    const keys = [...this.#parts.clinic.replica.directory.bindings.values()]
    return keys.some((key) => key.role === 'practitioner' && key.until === Infinity && toHex(key.handle) === handle)
  }

  async #epochOf(made: MadeEntry, subject: Uint8Array, epoch: number): Promise<CurrentEpoch> {
    const { clinic } = this.#parts
    const { log, recoveryKey } = clinic.identity
    const pair = clinic.ring.now
    const key = await openEpochKey(made.ownKey, pair, { subject, epoch, sender: pair.publicKey })
    const toStore = [
      { subject, epoch, log, recipient: pair.publicKey, sealed: made.ownKey },
      { subject, epoch, log, recipient: recoveryKey, sealed: made.recoveryKey },
    ]
    return { epoch, keys: new EpochClassKeys(key), toStore, handedOver: [] }
  }

  /** A key file counts for nothing before the log says whose key it is. */
  async #keep(handle: string, file: Uint8Array): Promise<boolean> {
    if (!this.#isInForce(handle)) return false
    try {
      await this.#parts.clinic.keystore.practitioners.putFile(handle, file)
      return true
    } catch (error) {
      if (error instanceof KeystoreError && error.code === 'KEYSTORE_DAMAGED') return false
      throw error
    }
  }
}

function readAnswer(bytes: Uint8Array): PeopleAnswer | null {
  try {
    return decodePeopleAnswer(bytes)
  } catch (error) {
    if (error instanceof SyncError) return null
    throw error
  }
}
