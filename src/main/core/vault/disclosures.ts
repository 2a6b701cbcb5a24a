/**
 * Payloads and keys between nodes: what of a log may be sent to whom, and what is taken from others.
 *
 * @remarks
 * Nodes of the own site get everything; custodian sites that the clinic chose get ciphertext without keys; every other
 * site gets the records, and the keys sealed to it, that consents in force name. Who may is worked out from verified
 * consents and never asked of the database. What comes in is kept only when a proven entry binds it, and never takes the
 * place of something that opens. Proven by `tests/main/core/vault/disclosures.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { PayloadRow, SealedKeyRow } from '../../../sync/messages.ts'
import type { PayloadsOut, PeerIdentity } from '../../../sync/ports.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import type { MirroredPayload, NewEpochKey } from '../../store/store.ts'
import { openClassKeys } from '../class-keys.ts'
import { checkCiphertext, EnvelopeError } from '../envelope.ts'
import { openEpochKey, type SharingKeyPair } from '../epoch-keys.ts'
import type { Clinic } from './clinic.ts'
import { readJson, writeJson } from './identity.ts'
import { unlessDamaged } from './log-replica.ts'
import type { NetworkLogs } from './network-logs.ts'
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
}

/** See the module's comment. */
export class Disclosures {
  readonly #clinic: Clinic
  readonly #logs: NetworkLogs
  readonly #pair: SharingKeyPair
  /** With whom each patient's keys are shared, as far as it was worked out. */
  readonly #sharing = new Map<string, Sharing>()
  readonly #missing = new Map<string, Missing>()
  #custodians: readonly string[]

  /** @param pair - The site's sharing key. */
  constructor(clinic: Clinic, logs: NetworkLogs, pair: SharingKeyPair) {
    this.#clinic = clinic
    this.#logs = logs
    this.#pair = pair
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
    for (const handle of this.#clinic.replica.subjectsWith('consent.granted')) await this.changed(handle)
  }

  /** Works it out again for one patient. True when it may have changed what others get. */
  async changed(handle: string): Promise<boolean> {
    const { gate, replica } = this.#clinic
    if (!replica.chain(handle).links.some(({ type }) => type === 'consent.granted')) return false
    this.#sharing.set(handle, await gate.sharing(handle))
    return true
  }

  /** See `SyncStore.missingPayload`. */
  missing(origin: string, from: number, peer: PeerIdentity | null): number | null {
    const log = this.#logs.mirror(origin)
    if (log === null || (peer !== null && peer.kind !== 'node')) return null
    const known = this.#missing.get(origin) ?? { scanned: 0, indexes: [] }
    this.#missing.set(origin, known)
    this.#scan(origin, known, log.isEmpty ? 0 : log.head.size)
    const at = lowerBound(known.indexes, from)
    return known.indexes[at] ?? null
  }

  /** See `SyncStore.payloadsFor`. */
  for(peer: PeerIdentity, origin: string, from: number, to: number): PayloadsOut | null {
    if (peer.kind !== 'node') return null
    const owner = this.siteOf(origin)
    const site = this.#logs.roster.sites.find(({ id }) => id === peer.site)
    if (owner === null || site === undefined) return null
    const { identity } = this.#clinic
    const isOwner = owner === identity.site
    // What is held for another site goes back to it, and to nobody else.
    if (!isOwner && peer.site !== owner) return null
    const isWhole = peer.site === owner || this.#custodians.includes(peer.site)
    const rows: PayloadRow[] = []
    const wanted = new Map<string, { subject: Uint8Array; epoch: number }>()
    for (const { index, subject, epoch } of this.#payloadsIn(origin, from, to)) {
      const isShared = isOwner && this.#isShared(subject, epoch, site.sharingKey)
      if (!isWhole && !isShared) continue
      const stored = unlessDamaged(() => this.#clinic.store.payload(origin, index))
      if (stored === null) continue
      rows.push({ index, ...stored })
      if (isShared || peer.site === owner) wanted.set(`${toHex(subject)}/${epoch}`, { subject, epoch })
    }
    return {
      rows,
      keys: [...wanted.values()].flatMap((key) => this.#keysFor(key, site.sharingKey, peer.site === owner)),
    }
  }

  /** See `SyncStore.storePayloads`. */
  store(origin: string, rows: readonly PayloadRow[], keys: readonly SealedKeyRow[]): boolean {
    const { store } = this.#clinic
    const good = rows.filter((row) => this.#fits(origin, row))
    const fresh = good.filter(({ index }) => unlessDamaged(() => store.payload(origin, index)) === null)
    const mine = keys.filter(({ recipient }) => equalBytes(recipient, this.#pair.publicKey))
    const held = (key: SealedKeyRow) =>
      (unlessDamaged(() => store.epochKeys(key.subject)) ?? []).find(
        (row) => row.epoch === key.epoch && equalBytes(row.recipient, key.recipient),
      )
    const unknown = mine.filter((key) => held(key) === undefined)
    const payloads = fresh.map(({ index, ciphertext, wrappedKey, salt }): MirroredPayload => {
      return { index, payload: { ciphertext, wrappedKey, salt } }
    })
    if (payloads.length + unknown.length > 0) store.putMirroredPayloads(origin, payloads, unknown)
    this.#forget(
      origin,
      fresh.map(({ index }) => index),
    )
    const other = mine.filter((key) => {
      const row = held(key)
      return row !== undefined && !equalBytes(row.sealed, key.sealed)
    })
    if (other.length > 0) this.#replaceOpening(origin, other).catch(() => undefined)
    return good.length === rows.length
  }

  /** A payload that does not open any more is taken from somebody else. */
  refetch(origin: string, index: number): void {
    const known = this.#missing.get(origin)
    if (known === undefined || index >= known.scanned) return
    const at = lowerBound(known.indexes, index)
    if (known.indexes[at] !== index) known.indexes.splice(at, 0, index)
  }

  /** Another key for the same epoch takes the place of the one here only when it opens. */
  async #replaceOpening(origin: string, keys: readonly SealedKeyRow[]): Promise<void> {
    const owner = this.#logs.roster.sites.find(({ id }) => id === this.siteOf(origin))
    if (owner === undefined) return
    const opening: NewEpochKey[] = []
    for (const key of keys) {
      const context = { subject: key.subject, epoch: key.epoch, sender: owner.sharingKey }
      try {
        if (owner.id === this.#clinic.identity.site) await openEpochKey(key.sealed, this.#pair, context)
        else await openClassKeys(key.sealed, this.#pair, context)
        opening.push(key)
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
      }
    }
    if (opening.length > 0) this.#clinic.store.putMirroredPayloads(origin, [], opening)
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

  #keysFor(key: { subject: Uint8Array; epoch: number }, recipient: Uint8Array, isOwner: boolean): SealedKeyRow[] {
    const { subject, epoch } = key
    const rows = unlessDamaged(() => this.#clinic.store.epochKeys(subject)) ?? []
    const recovery = this.#clinic.identity.recoveryKey
    return rows
      .filter((row) => row.epoch === epoch)
      .filter((row) => equalBytes(row.recipient, recipient) || (isOwner && equalBytes(row.recipient, recovery)))
      .map((row) => ({ subject, ...row }))
  }

  #isShared(subject: Uint8Array, epoch: number, recipient: Uint8Array): boolean {
    const sharing = this.#sharing.get(toHex(subject))
    return sharing?.of(epoch).some((handover) => equalBytes(handover.recipient, recipient)) === true
  }

  /** Site of a log, by the newest roster that lists it. */
  siteOf(origin: string): string | null {
    const { log } = splitOrigin(origin)
    return this.#logs.roster.sites.find(({ nodes }) => nodes.some((node) => node.log === log))?.id ?? null
  }

  /** Entries of a range that have a payload. */
  *#payloadsIn(
    origin: string,
    from: number,
    to: number,
  ): Generator<{ index: number; subject: Uint8Array; epoch: number }> {
    for (const { index, bytes } of unlessDamaged(() => this.#clinic.store.entries(origin, from, to - from)) ?? []) {
      if (index >= to) return
      const { subject, payload } = bodyOf(bytes)
      if (subject !== null && payload !== null) yield { index, subject, epoch: payload.epoch }
    }
  }

  #scan(origin: string, known: Missing, size: number): void {
    const { store } = this.#clinic
    const end = Math.min(size, known.scanned + SCAN)
    if (end <= known.scanned) return
    const have = new Set(unlessDamaged(() => store.payloadPlaces(origin, known.scanned, end - known.scanned)) ?? [])
    for (const { index } of this.#payloadsIn(origin, known.scanned, end))
      if (!have.has(index)) known.indexes.push(index)
    known.scanned = end
  }

  #forget(origin: string, indexes: readonly number[]): void {
    const known = this.#missing.get(origin)
    if (known === undefined || indexes.length === 0) return
    const gone = new Set(indexes)
    known.indexes = known.indexes.filter((index) => !gone.has(index))
  }
}

function bodyOf(bytes: Uint8Array) {
  try {
    return decodeEntry(bytes).body
  } catch (error) {
    if (error instanceof LedgerError) return { subject: null, payload: null }
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
