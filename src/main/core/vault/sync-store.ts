/**
 * The ledger of an open clinic, as sessions with other nodes see it.
 *
 * @remarks
 * Whatever a peer gives is checked here before anything changes: heads against the roster and the head before, entries
 * against the head, payloads against the entries, keys by opening them. Proven by
 * `tests/main/core/vault/sync-store.test.ts`.
 *
 * @packageDocumentation
 */
import { openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { contractAt } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { catchUp, type Cosigned, type Voter } from '../../../ledger/finality.ts'
import type { SignedRoster } from '../../../ledger/governance.ts'
import type { ContractPublished } from '../../../ledger/fields.ts'
import type { EntryPackage } from '../../../ledger/mirror.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { parseNote } from '../../../ledger/note.ts'
import type { Governance, PayloadRow, SealedKeyRow } from '../../../sync/messages.ts'
import type {
  AdvanceProgress,
  GovernanceAfter,
  LogStanding,
  OfferAnswer,
  PayloadsOut,
  PeerIdentity,
  SelfIdentity,
  SignedHead,
  SyncStore,
  VotesAnswer,
} from '../../../sync/ports.ts'
import { orNull } from '../../../sync/attempt.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import { governedDocuments } from '../governed-documents.ts'
import { contractIn, rosterIn } from '../governed-fields.ts'
import type { Clinic } from './clinic.ts'
import type { CosignedLog } from './cosignatures.ts'
import type { Disclosures } from './disclosures.ts'
import type { LogReplica } from './log-replica.ts'
import { packageOf } from './mirrored-log.ts'
import type { NetworkLogs } from './network-logs.ts'

/** What happened that others must hear of. */
export interface SyncEvents {
  /** Rosters and contracts that follow the own ones, checked when they are recorded. */
  adopt(governance: { rosters: readonly SignedRoster[]; contracts: readonly ContractPublished[] }): void
  /** A proposal that another site sends; untrusted. */
  proposal(text: string): void
  /** Another site holds more of the own log, under its own signature. */
  ahead(note: string): void
  /** Two installations write the own log. */
  cloned(reporter: string | null): void
  /** Two installations of another node run: both spoke to this one. */
  seenTwice(log: string): void
  /** A head of the tree that is held here, with lines that may be a witness's. */
  signed(head: SignedHead): void
  /** Answers who holds an open invitation. */
  join(transportKey: Uint8Array, body: Uint8Array): Uint8Array | null
  /** Answers another node of the own site about its people. */
  people(log: string, body: Uint8Array): Uint8Array | null
  /** Something of another node's log is new here. */
  grown(origin: string): void
  /** Size of the own log up to which it is known with whom its records are shared. */
  decided(): number
  /** Open proposals, as texts. */
  proposals(): readonly string[]
}

/** What a {@link VaultSyncStore} is made of. */
export interface SyncStoreParts {
  readonly clinic: Clinic
  readonly logs: NetworkLogs
  readonly disclosures: Disclosures
  /** Random for this run, 16 bytes. */
  readonly instance: Uint8Array
  readonly events: SyncEvents
}

/** Entries judged at a time: some milliseconds, for which everything else waits. */
const SLICE = 64
/** Cosignatures that are looked at to see what a site lacks. */
const MAX_ROWS = 256
/** Most documents of one message. */
const MAX_DOCUMENTS = 64

/** See the module's comment. */
export class VaultSyncStore implements SyncStore {
  readonly #parts: SyncStoreParts
  /** Nodes that have said since the start how far the own log had come. One that lies must not answer for all. */
  readonly #answered = new Set<string>()
  /** Entries that opened incarnations of the own log: they are what they are for as long as this runs. */
  #ownOpenings: readonly Uint8Array[] | null = null

  constructor(parts: SyncStoreParts) {
    this.#parts = parts
  }

  self(): SelfIdentity {
    const { clinic, instance, logs } = this.#parts
    const { network, site, log } = clinic.identity
    const { roster } = logs
    const contractVersion = contractAt(clinic.replica.directory, clinic.replica.head.size)?.version ?? 0
    return {
      ...{ network, site, log, instance, contractVersion },
      rosterVersion: roster.version,
      // One vote, one memory of it: one node of a site holds the mirror key, and cosigns.
      role: clinic.standing.isMirror ? 'mirror' : 'node',
    }
  }

  *standings(): Iterable<LogStanding> {
    const { clinic, logs } = this.#parts
    for (const log of clinic.replica.logs) yield this.#ownStanding(log)
    for (const { origin } of logs.mirrored) yield this.#mirroredStanding(origin)
    for (const { origin } of logs.lost) yield frozen(origin)
  }

  standing(origin: string): LogStanding | null {
    const { clinic, logs } = this.#parts
    const own = clinic.replica.log(origin)
    if (own !== null) return this.#ownStanding(own)
    if (logs.mirror(origin) !== null) return this.#mirroredStanding(origin)
    return [...logs.lost].some((lost) => lost.origin === origin) ? frozen(origin) : null
  }

  checkHead(note: string): SignedHead {
    const { origin, size } = parseCheckpoint(parseNote(note).text)
    const own = this.#parts.clinic.replica.log(origin)
    const keys = own === null ? this.#parts.logs.keysAt(origin, size) : [own.logKey, ...this.#parts.logs.keysOf(origin)]
    for (const publicKey of keys) {
      try {
        const { root } = openCheckpoint(note, { name: origin, publicKey }, verifier)
        return { origin, size, root, note }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
      }
    }
    throw new LedgerError('NOTE_UNSIGNED', 'not signed by a log of the network')
  }

  offerHead({ origin, size, note }: SignedHead, oldSize: number, proof: readonly Uint8Array[]): OfferAnswer {
    const { logs, clinic } = this.#parts
    const log = logs.mirror(origin)
    if (log === null) return { status: 404 }
    if (this.#isContested(origin) || size > logs.frozenAt(origin)) return { status: 403 }
    const answer = log.offer(note, oldSize, proof)
    if (answer.status !== 422) return answer
    if (!log.isEmpty) clinic.standing.locker.report(log, note)
    return { status: 422 }
  }

  storePackage(origin: string, offered: EntryPackage): void {
    const log = this.#parts.logs.mirror(origin)
    if (log === null) throw new LedgerError('WRONG_LOG', 'a log that is not mirrored')
    const before = log.isEmpty ? 0 : log.head.size
    log.receive(offered)
    if (!log.isEmpty && log.head.size !== before) this.#parts.clinic.standing.grades.changed(origin)
  }

  advance(origin: string): AdvanceProgress {
    const log = this.#parts.logs.mirror(origin)
    if (log === null) return 'incomplete'
    const before = log.state.mirrored
    const progress = log.advance(SLICE)
    if (log.state.mirrored !== before) this.#parts.events.grown(origin)
    return progress
  }

  ownLines(origin: string): string | null {
    const { clinic, logs } = this.#parts
    const log = logs.mirror(origin)
    const mirrored = log?.state.mirrored ?? null
    const mayCosign = this.self().role === 'mirror' && logs.doubtOf(origin) === null
    // Not before it is known again that all of it was judged.
    if (log === null || mirrored === null || !log.isPrepared || !mayCosign) return null
    return clinic.standing.lineUnder(log, mirrored)?.row.line ?? null
  }

  note(origin: string, size: number): string | null {
    const { clinic, logs } = this.#parts
    const log = logs.cosigned(origin)
    if (log === null || size > this.#shownSize(origin, log)) return null
    return clinic.standing.cosignatures.withVotes(log, size)?.note ?? null
  }

  offersFor(origin: string, site: string): readonly number[] {
    const { clinic, logs } = this.#parts
    const log = logs.cosigned(origin)
    if (log === null) return []
    const size = this.#shownSize(origin, log)
    const electorate = clinic.standing.cosignatures.epochs(log).at(-1)?.electorate
    const voter = electorate?.voters.find((other) => other.site === site)
    if (electorate === undefined || voter === undefined) return size > 0 ? [size] : []
    return catchUp(electorate, this.#sealed(log, electorate.voters, size), voter)
  }

  addVotes(head: SignedHead): VotesAnswer {
    const { clinic, logs, events } = this.#parts
    const log = logs.cosigned(head.origin)
    if (log === null) return 'ahead'
    this.#keepCheckpoint(log, head)
    const answer = clinic.standing.cosignatures.add(log, head.note)
    if (answer !== 'ahead' && answer !== 'conflict') events.signed(head)
    return answer
  }

  consistency(origin: string, older: number, newer: number): readonly Uint8Array[] | null {
    const log = this.#parts.logs.cosigned(origin)
    if (log === null || newer > this.#shownSize(origin, log) || older > newer) return null
    return log.trusted.tree.proveConsistency(older, newer)
  }

  entryPackage(origin: string, size: number, index: number): EntryPackage | null {
    const { clinic, logs } = this.#parts
    const own = clinic.replica.log(origin)
    if (own === null) return logs.mirror(origin)?.package(size, index) ?? null
    if (size > this.#shownSize(origin, own)) return null
    return packageOf(clinic.store, origin, own.trusted.tree, { size, index })
  }

  missingPayload(origin: string, from: number, peer: PeerIdentity | null): number | null {
    return this.#parts.disclosures.missing(origin, from, peer)
  }

  payloadsFor(peer: PeerIdentity, origin: string, from: number, to: number): PayloadsOut | null {
    return this.#parts.disclosures.for(peer, origin, from, to)
  }

  storePayloads(origin: string, rows: readonly PayloadRow[], keys: readonly SealedKeyRow[]): boolean {
    const { disclosures, events } = this.#parts
    const isGood = disclosures.store(origin, rows, keys)
    if (rows.length + keys.length > 0) events.grown(origin)
    return isGood
  }

  evidence(): readonly string[] {
    return this.#parts.clinic.standing.locker.list().map(({ text }) => text)
  }

  addEvidence(text: string): boolean {
    return this.#parts.clinic.standing.locker.add(text).isNew
  }

  monitor(origin: string): string | null {
    const log = this.#parts.logs.mirror(origin)
    const mirrored = log?.state.mirrored ?? null
    return mirrored === null ? null : (this.note(origin, mirrored.size) ?? mirrored.note)
  }

  monitored(peer: PeerIdentity, origin: string, note: string | null): void {
    const { clinic, events } = this.#parts
    const log = clinic.replica.log(origin)
    if (peer.kind === 'guest' || log === null) return
    this.#answered.add(peer.log)
    if (note === null) return
    const head = this.checkHead(note)
    // Another log is longer or shorter than the own one, and says nothing about it.
    if (head.origin !== origin) throw new LedgerError('WRONG_ORIGIN', 'an answer about another log')
    if (head.size > log.head.size) {
      events.ahead(note)
      return
    }
    if (!equalBytes(log.trusted.tree.rootAt(head.size), head.root)) clinic.standing.locker.report(log, note)
    else this.addVotes(head)
  }

  monitorQuestions(peer: PeerIdentity): readonly string[] {
    const isOpen = peer.kind !== 'guest' && !this.#answered.has(peer.log)
    return isOpen ? [this.#parts.clinic.identity.origin] : []
  }

  governanceAfter(rosterVersion: number, contractVersion: number): GovernanceAfter {
    const known = { roster: rosterVersion, contract: contractVersion }
    const all = governedDocuments(this.#parts.clinic.replica.directory)
    return {
      documents: all.filter(({ type, version }) => version > known[type]).slice(0, MAX_DOCUMENTS),
      proposals: this.#parts.events.proposals().slice(0, MAX_DOCUMENTS),
    }
  }

  addGovernance({ rosters, contracts, proposals }: Omit<Governance, 'kind'>): boolean {
    const { clinic, logs, events } = this.#parts
    const known = { roster: logs.roster.version, contract: this.self().contractVersion }
    const signed = rosters.map(rosterIn)
    const published = contracts.map(contractIn)
    const newer = published.filter(({ version }) => version > known.contract)
    const before = clinic.replica.directory.rosters.map(({ signed: { document } }) => document)
    const fresh = signed.filter(({ document }) => !before.some((other) => equalBytes(other, document)))
    if (fresh.length + newer.length > 0) events.adopt({ rosters: fresh, contracts: newer })
    for (const text of proposals) events.proposal(text)
    return fresh.length + newer.length > 0
  }

  openings(): readonly Uint8Array[] {
    const { replica, standing } = this.#parts.clinic
    this.#ownOpenings ??= replica.logs.flatMap((log) => {
      const bytes = splitOrigin(log.origin).incarnation > 1 ? orNull(() => log.provenBytes(0)) : null
      return bytes instanceof Uint8Array ? [bytes] : []
    })
    return [...this.#ownOpenings, ...standing.openings.list()]
  }

  addOpening(bytes: Uint8Array): string | null {
    const { clinic, logs, events } = this.#parts
    const { log, origin, site } = clinic.identity
    const opening = clinic.standing.openings.read(bytes)
    if (opening === null || splitOrigin(opening.origin).log !== log) return logs.addOpening(bytes)
    const isOurs = this.openings().some((known) => equalBytes(known, bytes))
    const isNewer = splitOrigin(opening.origin).incarnation >= splitOrigin(origin).incarnation
    const governanceKey = logs.roster.sites.find(({ id }) => id === site)?.governanceKey
    // Under a key that the site had once, anybody who found that key would stop it.
    const isOfSite = governanceKey !== undefined && equalBytes(opening.governanceKey, governanceKey)
    if (!isOurs && isNewer && isOfSite) events.ahead(opening.previous.note)
    return null
  }

  join(transportKey: Uint8Array, body: Uint8Array): Uint8Array | null {
    return this.#parts.events.join(transportKey, body)
  }

  siteRequest({ site, log }: { readonly site: string; readonly log: string }, body: Uint8Array): Uint8Array | null {
    const { clinic, events } = this.#parts
    return site === clinic.identity.site ? events.people(log, body) : null
  }

  cloned(reporter: string | null): void {
    this.#parts.events.cloned(reporter)
  }

  seenTwice(log: string): void {
    this.#parts.events.seenTwice(log)
  }

  #ownStanding(log: LogReplica): LogStanding {
    const { clinic } = this.#parts
    const size = this.#shownSize(log.origin, log)
    return {
      ...{ origin: log.origin, isOwn: true, pending: size, stored: size, mirrored: size, refused: null },
      ...this.#grades(log),
      isFrozen: clinic.standing.locker.isContested(log.origin),
    }
  }

  #mirroredStanding(origin: string): LogStanding {
    const { logs } = this.#parts
    const log = logs.mirror(origin)
    if (log === null) return frozen(origin)
    const { pending, stored, mirrored, refused } = log.state
    const whole = logs.cosigned(origin)
    // What was accepted before it ended is still fetched and judged.
    const isWhole = mirrored !== null && mirrored.size >= logs.frozenAt(origin)
    return {
      ...{ origin, isOwn: false, pending: pending?.size ?? 0, stored, mirrored: mirrored?.size ?? 0, refused },
      ...(whole === null ? { final: 0, cosigned: 0, votes: 0 } : this.#grades(whole)),
      isFrozen: isWhole || this.#isContested(origin),
    }
  }

  /** Nothing more is taken of a log that signed two histories, or of an incarnation that does not follow what was signed. */
  #isContested(origin: string): boolean {
    const { clinic, logs } = this.#parts
    const doubt = logs.doubtOf(origin)
    return clinic.standing.locker.isContested(origin) || doubt === 'opened-twice' || doubt === 'contradicts'
  }

  /** How final a log is, and who cosigned its newest cosigned head. */
  #grades(log: CosignedLog): Pick<LogStanding, 'final' | 'cosigned' | 'votes'> {
    const { standing } = this.#parts.clinic
    const sizes = [...standing.cosignatures.sizes(log.origin).values()]
    const cosigned = Math.max(0, ...sizes)
    const votes = sizes.filter((size) => size === cosigned).length
    return { final: standing.grades.finalSize(log), cosigned, votes: cosigned === 0 ? 0 : votes }
  }

  /**
   * What of a log others may see. A note that the keystore does not know could be signed differently after a crash: it does
   * not leave. Nor does one before it is known who may have its records: who asked for them too early would ask much later
   * again.
   */
  #shownSize(origin: string, log: CosignedLog): number {
    const { clinic, events } = this.#parts
    if (origin !== clinic.identity.origin) return log.head.size
    const size = Math.min(log.head.size, events.decided())
    const mark = clinic.keystore.highWater.read()
    return typeof mark === 'object' && mark.size >= size ? size : 0
  }

  /** Sealed heads that somebody cosigned, from the last final one on, and the newest. */
  #sealed(log: CosignedLog, voters: readonly Voter[], newest: number): Cosigned[] {
    const { standing, store } = this.#parts.clinic
    const above = Math.max(0, standing.grades.finalSize(log) - 1)
    const rows = store.cosignatures(log.origin, above, MAX_ROWS).filter(({ size }) => size <= newest)
    const bySize = Map.groupBy(rows, ({ size }) => size)
    const sizes = [...new Set([...bySize.keys(), ...(newest > 0 ? [newest] : [])])].toSorted((a, b) => a - b)
    return sizes.map((size) => ({
      size,
      voters: voters.filter(({ key }) => bySize.get(size)?.some(({ name }) => name === key.name) === true),
    }))
  }

  /** The checkpoint of a head that lies below what is held: without it, nobody could be shown its cosignatures. */
  #keepCheckpoint(log: CosignedLog, { origin, size, root, note }: SignedHead): void {
    const { clinic, logs } = this.#parts
    const mirrored = logs.mirror(origin)
    if (mirrored === null || size > log.head.size || !equalBytes(log.trusted.tree.rootAt(size), root)) return
    mirrored.keepCheckpoint(clinic.store, { origin, size, root, note })
  }
}

function frozen(origin: string): LogStanding {
  const nothing = { pending: 0, stored: 0, mirrored: 0, final: 0, cosigned: 0, votes: 0 }
  return { origin, isOwn: false, ...nothing, refused: null, isFrozen: true }
}
