/**
 * Payloads and keys between nodes: what of a log may be sent to whom, and what is taken from others.
 *
 * @remarks
 * Nodes of the own site get everything; custodian sites that the clinic chose get ciphertext, and keys that only the clinic can open; every other
 * site gets the records, and the keys sealed to it, that consents in force name. Who may is worked out from verified
 * consents and never asked of the database. What comes in is kept only when a proven entry binds it, and never takes the
 * place of something that opens. Proven by `tests/main/core/vault/disclosures.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { sharingKeysOf } from '../../../ledger/directory.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { PayloadRow, SealedKeyRow } from '../../../sync/messages.ts'
import type { PayloadsOut, PeerIdentity } from '../../../sync/ports.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { wipe } from '../../keystore/sodium.ts'
import type { MirroredPayload, NewEpochKey } from '../../store/store.ts'
import { heldClassKeys, openHandedOver } from '../class-keys.ts'
import { checkCiphertext, EnvelopeError } from '../envelope.ts'
import type { Clinic } from './clinic.ts'
import { dayOf } from './consent-standing.ts'
import { readJson, writeJson } from './identity.ts'
import { keyRow } from './key-rows.ts'
import { unlessDamaged } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'
import { openSealedRow } from './sharing-ring.ts'
import { SiteDisclosures } from './site-disclosures.ts'
import type { Sharing } from './subject-keys.ts'

/** Secret of the keystore: sites that hold ciphertext for this one. */
const CUSTODIANS_SECRET = 'custodians'
const Custodians = z.array(z.string().max(200)).max(64)
/** Entries looked at in one turn while looking for payloads that are missing. */
const SCAN = 4096

/** What of a log is known to be missing. */
interface Missing {
  /** Entries below were looked at. */
  scanned: number
  /** Ascending. */
  indexes: number[]
  /** A patient decided something in what was looked at since {@link Disclosures.takeDecided}. */
  isDecided: boolean
  /** Epochs of subjects that entries with a payload name, and the newest such entry: nobody needs other keys. */
  readonly epochs: Map<string, number>
  /** Subjects who decided something, by handle. */
  readonly decided: Set<string>
}

/** See the module's comment. */
export class Disclosures {
  readonly #clinic: Clinic
  readonly #logs: NetworkLogs
  /** With whom each patient's keys are shared, as far as it was worked out. */
  readonly #sharing = new Map<string, Sharing>()
  readonly #missing = new Map<string, Missing>()
  /** Day that sharing was worked out on: consents begin and end. */
  #day = ''
  #custodians: readonly string[]
  #mayFollow = true
  readonly #ofSite: SiteDisclosures

  constructor(clinic: Clinic, logs: NetworkLogs) {
    this.#clinic = clinic
    this.#logs = logs
    this.#ofSite = new SiteDisclosures(clinic)
    this.#custodians = Custodians.parse(readJson(clinic.keystore.secrets, CUSTODIANS_SECRET) ?? [])
  }

  /** Sites that hold ciphertext for this one. */
  get custodians(): readonly string[] {
    return this.#custodians
  }

  async setCustodians(sites: readonly string[]): Promise<void> {
    await writeJson(this.#clinic.keystore.secrets, CUSTODIANS_SECRET, sites)
    this.#custodians = [...sites]
  }

  /** Works out with whom the keys of every patient are shared who ever decided something. */
  async load(): Promise<void> {
    this.#day = dayOf(this.#clinic.gate.dayMs())
    for (const handle of this.#clinic.replica.subjectsWith('consent.granted')) await this.changed(handle)
    // A consent that begins today was no consent when the keys were asked for.
    for (const [origin, { decided }] of this.#missing) this.#askForKeys(origin, decided)
    await this.#ofSite.load()
  }

  /** The own log says something about a patient. */
  recorded(handle: string): void {
    this.#ofSite.recorded(handle)
    this.#mayFollow = true
  }

  /** A log of the own site has grown. */
  heard(): void {
    this.#mayFollow = true
  }

  /** True when {@link follow} may find something. */
  get mayFollow(): boolean {
    return this.#mayFollow
  }

  /** Works out what patients decided since at other workstations of this clinic, or was recorded there about those of this. */
  follow(): Promise<void> {
    this.#mayFollow = false
    return this.#ofSite.follow()
  }

  /** True when what is shared is to be worked out anew. */
  get isOfAnotherDay(): boolean {
    return this.#day !== dayOf(this.#clinic.gate.dayMs())
  }

  /** Works it out again for one patient. True when it may have changed what others get. */
  async changed(handle: string): Promise<boolean> {
    const { gate, replica } = this.#clinic
    if (!replica.chain(handle).links.some(({ type }) => type === 'consent.granted')) return false
    this.#sharing.set(handle, await gate.sharing(handle))
    return true
  }

  /**
   * See `SyncStore.missingPayload`. Only nodes of the site that owns the log may send its payloads, and so only they are
   * asked: from anybody else the right ciphertext could come with a key that does not open it.
   */
  missing(origin: string, from: number, peer: PeerIdentity | null): number | null {
    const log = this.#logs.mirror(origin)
    if (log === null || (peer !== null && !this.#isOwner(peer, origin))) return null
    const size = log.isEmpty ? 0 : log.head.size
    const { indexes, scanned } = this.#scanned(origin, size)
    // What was not looked at may be missing: to ask for a little of it too early does no harm.
    return indexes[lowerBound(indexes, from)] ?? (Math.max(from, scanned) < size ? Math.max(from, scanned) : null)
  }

  /** True once after a patient decided something in another log: what was not sent before may be had now. */
  takeDecided(origin: string): boolean {
    const known = this.#missing.get(origin)
    const isDecided = known?.isDecided === true
    if (known !== undefined) known.isDecided = false
    return isDecided
  }

  #isOwner(peer: PeerIdentity, origin: string): boolean {
    return peer.kind === 'node' && peer.site === this.siteOf(origin)
  }

  /** See `SyncStore.payloadsFor`. */
  for(peer: PeerIdentity, origin: string, from: number, to: number): PayloadsOut | null {
    if (peer.kind !== 'node') return null
    // What was heard since may take something back.
    this.#clinic.foreign?.refresh()
    const owner = this.siteOf(origin)
    const site = this.#logs.roster.sites.find(({ id }) => id === peer.site)
    if (owner === null || site === undefined) return null
    const { identity } = this.#clinic
    const isOwner = owner === identity.site
    // What is held for another site goes back to it, and to nobody else.
    if (!isOwner && peer.site !== owner) return null
    const isWhole = peer.site === owner || this.#custodians.includes(peer.site)
    // Said at once: to look for what they may have in a long log, they would ask range by range.
    const isAny =
      this.#isSharedWith(site.sharingKey) || this.#ofSite.isSharedWith(splitOrigin(origin).log, site.sharingKey)
    if (!isWhole && !isAny) return null
    const ofOwner = this.#logs.roster.sites.find(({ id }) => id === owner)
    const rows: PayloadRow[] = []
    const wanted = new Map<string, { subject: Uint8Array; epoch: number; recipients: Uint8Array[] }>()
    for (const { index, subject, epoch } of this.#payloadsIn(origin, from, to)) {
      const isShared = isOwner && this.#isShared(origin, { subject, epoch }, site.sharingKey)
      if (!isWhole && !isShared) continue
      const stored = unlessDamaged(() => this.#clinic.store.payload(origin, index))
      if (stored === null) continue
      rows.push({ index, ...stored })
      // A custodian keeps for its owner what only that can open, so that there is something to open with what it gives back.
      const back = isWhole && ofOwner !== undefined ? [...this.#keysOf(ofOwner.id), ofOwner.recoveryKey] : []
      const recipients = isShared && peer.site !== owner ? [...this.#keysOf(site.id), ...back] : back
      if (recipients.length > 0) wanted.set(epochName(subject, epoch), { subject, epoch, recipients })
    }
    return { rows, keys: [...wanted.values()].flatMap((key) => this.#keysFor(origin, key)) }
  }

  /** See `SyncStore.storePayloads`. */
  store(origin: string, rows: readonly PayloadRow[], keys: readonly SealedKeyRow[]): boolean {
    const { store } = this.#clinic
    const good = rows.filter((row) => this.#fits(origin, row))
    const fresh = good.filter(({ index }) => unlessDamaged(() => store.payload(origin, index)) === null)
    const wanted = this.#wanted(origin, keys)
    const unknown = wanted.filter((key) => this.#held(key) === undefined)
    const payloads = fresh.map(({ index, ciphertext, wrappedKey, salt }): MirroredPayload => {
      return { index, payload: { ciphertext, wrappedKey, salt } }
    })
    if (payloads.length + unknown.length > 0) store.putMirroredPayloads(origin, payloads, unknown)
    // The key of what another node of the site recorded is what others are given theirs from.
    if (unknown.length > 0) this.#mayFollow = true
    this.#forget(
      origin,
      good.map(({ index }) => index),
    )
    const other = wanted.filter((key) => {
      const row = this.#held(key)
      return row !== undefined && !equalBytes(row, key.sealed)
    })
    if (other.length > 0) this.#replaceOpening(origin, other).catch(() => undefined)
    return good.length === rows.length
  }

  /**
   * Keys that an entry of the log names: for this site, of patients whom it did not register itself; and those for the site
   * whose log it is, which are kept for it and open nothing here.
   */
  #wanted(origin: string, keys: readonly SealedKeyRow[]): NewEpochKey[] {
    const log = this.#logs.mirror(origin)
    const owner = this.#logs.roster.sites.find(({ id }) => id === this.siteOf(origin))
    const kept = owner === undefined ? [] : [...this.#keysOf(owner.id), owner.recoveryKey]
    const isMine = ({ recipient }: SealedKeyRow) => this.#ownKeys().some((key) => equalBytes(key, recipient))
    const isKept = ({ recipient }: SealedKeyRow) => kept.some((key) => equalBytes(key, recipient))
    const ours = keys.filter((key) => isMine(key) || isKept(key))
    if (log === null || log.isEmpty || ours.length === 0) return []
    // The range that was asked for may end behind what was looked at.
    const { epochs } = this.#scanned(origin, log.head.size)
    // A node of the own site records about patients of this log as well.
    const isSister = owner?.id === this.#clinic.identity.site
    const isNew = (key: SealedKeyRow) => isSister || !isMine(key) || !this.#isOwnPatient(key.subject)
    const named = ours.filter((key) => epochs.has(epochName(key.subject, key.epoch)) && isNew(key))
    return named.map((key) => ({ ...key, log: splitOrigin(origin).log }))
  }

  #isOwnPatient(subject: Uint8Array): boolean {
    const { links } = this.#clinic.replica.chain(toHex(subject))
    return links.some(({ type }) => type === 'patient.registered')
  }

  /** What stands in the place of the log that a key is for: what another log says is not looked at. */
  #held({ subject, log, ...key }: Omit<NewEpochKey, 'sealed'>): Uint8Array | undefined {
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    const held = keyRow(rows, { log, ...key })
    return held?.log === log ? held.sealed : undefined
  }

  /** Another key for the same epoch takes the place of the one here only when the site whose log it is sealed it. */
  async #replaceOpening(origin: string, keys: readonly NewEpochKey[]): Promise<void> {
    const owner = this.#logs.roster.sites.find(({ id }) => id === this.siteOf(origin))
    if (owner === undefined) return
    for (const key of keys) {
      if (await this.#opens(key, owner.id)) this.#clinic.store.putMirroredPayloads(origin, [], [key])
    }
  }

  /** True when a key was sealed to this site by a site. */
  async #opens(key: NewEpochKey, sender: string): Promise<boolean> {
    const { ring, identity } = this.#clinic
    const pair = ring.of(key.recipient)
    if (pair === null) return false
    const { subject, epoch } = key
    try {
      if (sender === identity.site) wipe(await openSealedRow({ row: key, pair }, subject))
      else
        heldClassKeys(await openHandedOver(key.sealed, pair, { subject, epoch, senders: this.#keysOf(sender) })).wipe()
      return true
    } catch (error) {
      if (error instanceof EnvelopeError) return false
      throw error
    }
  }

  /** Every sharing key that a site ever had, the newest first: what is sealed to an older one is not sealed again. */
  #keysOf(site: string): Uint8Array[] {
    return sharingKeysOf(this.#clinic.replica.directory, site)
  }

  #ownKeys(): Uint8Array[] {
    return this.#keysOf(this.#clinic.identity.site)
  }

  #fits(origin: string, { index, ciphertext }: PayloadRow): boolean {
    const bytes = this.#logs.mirror(origin)?.entry(index) ?? null
    const binding = bytes === null ? null : (decodeEntry(bytes).body.payload ?? null)
    if (binding === null) return false
    try {
      checkCiphertext(ciphertext, binding)
      return true
    } catch (error) {
      if (error instanceof EnvelopeError) return false
      throw error
    }
  }

  #keysFor(
    origin: string,
    { subject, epoch, recipients }: { subject: Uint8Array; epoch: number; recipients: readonly Uint8Array[] },
  ): SealedKeyRow[] {
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    const { log } = splitOrigin(origin)
    return recipients.flatMap((to) => {
      const row = keyRow(rows, { epoch, recipient: to, log })
      return row === undefined ? [] : [{ subject, epoch, recipient: to, sealed: row.sealed }]
    })
  }

  /** True when some epoch of some patient is shared with a site. */
  #isSharedWith(recipient: Uint8Array): boolean {
    const { replica } = this.#clinic
    for (const [handle, sharing] of this.#sharing)
      for (const epoch of replica.epochStarts(handle).keys())
        if (sharing.of(epoch).some((handover) => equalBytes(handover.recipient, recipient))) return true
    return false
  }

  #isShared(
    origin: string,
    { subject, epoch }: { subject: Uint8Array; epoch: number },
    recipient: Uint8Array,
  ): boolean {
    const handle = toHex(subject)
    const { log } = splitOrigin(origin)
    const sharing = log === this.#clinic.identity.log ? this.#sharing.get(handle) : undefined
    if (sharing !== undefined) return sharing.of(epoch).some((handover) => equalBytes(handover.recipient, recipient))
    // Without its key a record would be taken for what is not shared, and never be asked for again.
    const isThere = () => this.#keysFor(origin, { subject, epoch, recipients: [recipient] }).length > 0
    return this.#ofSite.isShared({ log, handle }, epoch, recipient) && isThere()
  }

  /** Site of a log, by the newest roster that lists it. */
  siteOf(origin: string): string | null {
    return this.#logs.siteOf(splitOrigin(origin).log)?.id ?? null
  }

  /** Entries of a range that have a payload. */
  *#payloadsIn(
    origin: string,
    from: number,
    to: number,
  ): Generator<{ index: number; subject: Uint8Array; epoch: number; type: string }> {
    for (const { index, bytes } of unlessDamaged(() => this.#clinic.store.entries(origin, from, to - from)) ?? []) {
      if (index >= to) return
      const { subject, payload, type } = bodyOf(bytes)
      if (subject !== null && payload !== null) yield { index, subject, epoch: payload.epoch, type }
    }
  }

  /** What is known to be missing of a log of `size`, after looking at some more of it. */
  #scanned(origin: string, size: number): Missing {
    const blank = {
      scanned: 0,
      indexes: [],
      isDecided: false,
      epochs: new Map<string, number>(),
      decided: new Set<string>(),
    }
    const known: Missing = this.#missing.get(origin) ?? blank
    this.#missing.set(origin, known)
    const { store } = this.#clinic
    const end = Math.min(size, known.scanned + SCAN)
    if (end <= known.scanned) return known
    const have = new Set(unlessDamaged(() => store.payloadPlaces(origin, known.scanned, end - known.scanned)) ?? [])
    const decided = new Set<string>()
    for (const { index, subject, epoch, type } of this.#payloadsIn(origin, known.scanned, end)) {
      if (type.startsWith('consent.')) decided.add(toHex(subject))
      known.epochs.set(epochName(subject, epoch), index)
      if (!have.has(index)) known.indexes.push(index)
    }
    known.scanned = end
    known.isDecided ||= decided.size > 0
    for (const handle of decided) known.decided.add(handle)
    for (const other of this.#missing.keys())
      if (this.siteOf(other) === this.siteOf(origin)) this.#askForKeys(other, decided)
    return known
  }

  /**
   * A custodian has the payloads before it has any key: of patients who decided something, one entry of each epoch without
   * a key is asked for once more, and the key comes with it if it may.
   */
  #askForKeys(origin: string, decided: ReadonlySet<string>): void {
    const known = this.#missing.get(origin)
    if (known === undefined || decided.size === 0) return
    const { log } = splitOrigin(origin)
    const lacking = [...known.epochs].flatMap(([name, index]) => {
      const [handle = '', epoch = ''] = name.split('/')
      if (!decided.has(handle)) return []
      const key = { subject: fromHex(handle), epoch: Number(epoch), log }
      return this.#ownKeys().every((recipient) => this.#held({ ...key, recipient }) === undefined) ? [index] : []
    })
    if (lacking.length > 0) known.indexes = [...new Set([...known.indexes, ...lacking])].sort((a, b) => a - b)
  }

  #forget(origin: string, indexes: readonly number[]): void {
    const known = this.#missing.get(origin)
    if (known === undefined || indexes.length === 0) return
    const gone = new Set(indexes)
    known.indexes = known.indexes.filter((index) => !gone.has(index))
  }
}

function epochName(subject: Uint8Array, epoch: number): string {
  return `${toHex(subject)}/${epoch}`
}

function bodyOf(bytes: Uint8Array) {
  try {
    return decodeEntry(bytes).body
  } catch (error) {
    if (error instanceof LedgerError) return { subject: null, payload: null, type: '' }
    throw error
  }
}

/** Where `value` stands in ascending numbers, or would. */
function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1
    else high = middle
  }
  return low
}
