/**
 * Makes, for the logs of the site's other nodes, what they need to know the people of the site.
 *
 * @remarks
 * Only where the governance key is. What is made repeats what the own log says at this moment, word for word: who is
 * enrolled and in force here is enrolled there, whose key ended here ends there, and nobody else is signed for. Proven by
 * `tests/main/core/network/second-node.test.ts`.
 *
 * @packageDocumentation
 */
import type { KeyBinding } from '../../../ledger/directory.ts'
import { encodeBody, signedMessage } from '../../../ledger/entry.ts'
import { MEDIA_FHIR_R4_JSON, type Body } from '../../../ledger/body.ts'
import { decodePractitionerEnrolled } from '../../../ledger/fields.ts'
import {
  decodePeopleRequest,
  encodePeopleAnswer,
  type HeldFile,
  type MadeEntry,
  MAX_PEOPLE,
  type PeopleAnswer,
} from '../../../sync/site-people.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { defaultClass, EpochClassKeys } from '../class-keys.ts'
import { sealEnvelope } from '../envelope.ts'
import { sealEpochKey } from '../epoch-keys.ts'
import { reliedOnContent } from '../verify-record.ts'
import type { Link } from '../vault/chains.ts'
import { utf8, type Clinic } from '../vault/clinic.ts'
import type { MirroredLog } from '../vault/mirrored-log.ts'
import type { NetworkLogs } from '../vault/network-logs.ts'
import { governanceSignerOf, governs } from '../vault/role-keys.ts'
import { SiteSecretsDesk } from './site-secrets-desk.ts'

/** What was made for a log, and from what. */
interface Prepared {
  readonly stamp: string
  /** Null while it is being made, and after that failed. */
  entries: readonly MadeEntry[] | null
  /** When it is made again, by the clock that only goes forward: it failed before. */
  againAtMs: number
}

/** What failed is not made again at once: the node asks twice a second. */
const REDO_MS = 10_000

/** See the module's comment. */
export class PeopleDesk {
  readonly #clinic: Clinic
  readonly #logs: NetworkLogs
  readonly #fault: (error: unknown) => void
  readonly #secrets: SiteSecretsDesk
  readonly #prepared = new Map<string, Prepared>()

  constructor(clinic: Clinic, logs: NetworkLogs, fault: (error: unknown) => void) {
    this.#clinic = clinic
    this.#logs = logs
    this.#fault = fault
    this.#secrets = new SiteSecretsDesk(clinic, fault)
  }

  /**
   * Answers a node of the own site. What takes time goes on behind it: the node asks again.
   *
   * @param log - Of that node, as the transport proved it.
   * @param body - Untrusted.
   * @returns Null where the governance key is not, or nothing of that log is known yet.
   * @throws SyncError `BAD_MESSAGE`.
   */
  answer(log: string, body: Uint8Array): Uint8Array | null {
    const theirs = this.#newestOf(log)
    if (!governs(this.#clinic) || theirs === null) return null
    const { epoch, files, agreementKey } = decodePeopleRequest(body)
    const links = this.#missing(theirs).slice(0, MAX_PEOPLE)
    // What was made for a sharing key before does not count under the one in force.
    const sharing = toHex(this.#clinic.ring.now.publicKey)
    const stamp = [sharing, epoch, ...links.map((link) => `${link.log.origin}/${link.index}`)].join(' ')
    const entries = this.#preparedFor(log, stamp, links, epoch)
    const secrets = agreementKey === null ? null : this.#secrets.sealedTo(log, agreementKey)
    const isMaking = links.length > 0 || (agreementKey !== null && secrets === null)
    return encodePeopleAnswer({ entries, secrets, ...this.#files(files, isMaking) })
  }

  #preparedFor(log: string, stamp: string, links: readonly Link[], epoch: number): readonly MadeEntry[] {
    const known = this.#prepared.get(log)
    const nowMs = this.#clinic.monotonicMs()
    if (known?.stamp === stamp && nowMs < known.againAtMs) return known.entries ?? []
    const prepared: Prepared = { stamp, entries: null, againAtMs: Infinity }
    this.#prepared.set(log, prepared)
    this.#make(log, links, epoch)
      .then((entries) => (prepared.entries = entries))
      .catch((error: unknown) => {
        prepared.againAtMs = nowMs + REDO_MS
        this.#fault(error)
      })
    return []
  }

  /** Where the own log says what that one does not: ends first, so that whoever was renewed has one key. */
  #missing({ directory }: MirroredLog): Link[] {
    const own = this.#practitioners()
    const theirs = (key: KeyBinding) => directory.bindings.get(toHex(key.publicKey)) ?? null
    const ended = own.filter((key) => key.until !== Infinity && theirs(key)?.until === Infinity)
    const handles = [...new Set(ended.map(({ handle }) => toHex(handle)))]
    const added = own.filter((key) => key.until === Infinity && theirs(key) === null)
    return [...handles.map((handle) => this.#endOf(handle)), ...added.map((key) => this.#enrolmentOf(key))].filter(
      (link) => link !== null,
    )
  }

  #practitioners(): KeyBinding[] {
    return [...this.#clinic.replica.directory.bindings.values()].filter(({ role }) => role === 'practitioner')
  }

  #endOf(handle: string): Link | null {
    const { links } = this.#clinic.replica.chain(handle)
    return links.findLast(({ type }) => type === 'practitioner.revoked') ?? null
  }

  #enrolmentOf({ handle, publicKey }: KeyBinding): Link | null {
    const { links } = this.#clinic.replica.chain(toHex(handle))
    const isOf = (link: Link): boolean => {
      const verified = link.type === 'practitioner.enrolled' ? link.log.verifiedEntry(link.index) : null
      if (verified === null || 'step' in verified) return false
      return equalBytes(decodePractitionerEnrolled(verified.entry.body.fields).publicKey, publicKey)
    }
    return links.findLast(isOf) ?? null
  }

  async #make(log: string, links: readonly Link[], epoch: number): Promise<MadeEntry[]> {
    const made: MadeEntry[] = []
    for (const [i, link] of links.entries()) {
      const entry = await this.#repeat(log, link, epoch + i)
      // What does not verify here is not vouched for there: IT renews that person.
      if (entry !== null) made.push(entry)
    }
    return made
  }

  /** The same entry for another log, sealed under a key of its own. */
  async #repeat(log: string, link: Link, epoch: number): Promise<MadeEntry | null> {
    const { replica, keys, random, identity, ring } = this.#clinic
    const pair = ring.now
    const bytes = link.log.verifiedEntry(link.index)
    const subject = 'step' in bytes ? null : bytes.entry.body.subject
    if (subject === null) return null
    const said = await reliedOnContent(
      { replica, keys },
      { subject: toHex(subject), link, read: (text, { entry }) => ({ text, body: entry.body }) },
    )
    if (said === null) return null
    const id = random(16)
    const key = random(32)
    const sealed = await Promise.all(
      [pair.publicKey, identity.recoveryKey].map((to) => sealEpochKey(key, to, { subject, epoch, sender: pair })),
    )
    const epochKeys = new EpochClassKeys(key)
    const classKey = epochKeys.keyOf(defaultClass(said.body))
    const { envelope, binding } = sealEnvelope(utf8(said.text), classKey, { subject, entryId: id, epoch }, random)
    epochKeys.wipe()
    const payload = { ...binding, epoch, media: MEDIA_FHIR_R4_JSON }
    const { type, network, time, fields } = said.body
    const signed = this.#signed({ type, network, log, id, time, subject, payload, fields })
    const [ownKey = new Uint8Array(), recoveryKey = new Uint8Array()] = sealed
    return { ...signed, ...envelope, ownKey, recoveryKey }
  }

  #signed(body: Body): Pick<MadeEntry, 'body' | 'publicKey' | 'signature'> {
    const governance = governanceSignerOf(this.#clinic)
    const bytes = encodeBody(body)
    const signature = governance.sign(signedMessage('governance', bytes))
    return { body: bytes, publicKey: governance.publicKey, signature }
  }

  /** Key files of people in force that the node has not, or has under another PIN. */
  #files(held: readonly HeldFile[], isMaking: boolean): Pick<PeopleAnswer, 'files' | 'isMore'> {
    const { practitioners } = this.#clinic.keystore
    const versions = new Map(held.map(({ handle, version }) => [toHex(handle), version]))
    const active = this.#practitioners().filter(({ until }) => until === Infinity)
    const mine = practitioners.versions()
    const differing = active.filter(({ handle }) => {
      const [version, theirs] = [mine.get(toHex(handle)), versions.get(toHex(handle))]
      return version !== undefined && (theirs === undefined || !equalBytes(version, theirs))
    })
    const files = practitioners.files()
    return {
      files: differing.slice(0, MAX_PEOPLE).flatMap(({ handle }) => {
        const file = files.get(toHex(handle))
        return file === undefined ? [] : { handle, file }
      }),
      isMore: isMaking || differing.length > 0,
    }
  }

  /** The newest incarnation of a node's log of which something is here. */
  #newestOf(log: string): MirroredLog | null {
    return [...this.#logs.mirrored].filter((one) => one.log === log && !one.isEmpty && one.isPrepared).at(-1) ?? null
  }
}
