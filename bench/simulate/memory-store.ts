/**
 * The ledger of a simulated node: everything that is checked is checked by the ledger's own code, and kept in memory.
 *
 * What it leaves out of the product's store is what sessions do not see: contracts, fields of entries, payload crypto.
 */
import { logVerifier, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { convict } from '../../src/ledger/convict.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { forkOfSuspicion, proveFork } from '../../src/ledger/evidence.ts'
import { catchUp, type Electorate } from '../../src/ledger/finality.ts'
import type { Hasher } from '../../src/ledger/hash.ts'
import { advance, type EntriesVerdict, type EntryPackage, offerHead, receivePackage } from '../../src/ledger/mirror.ts'
import { formatSignature, parseNote } from '../../src/ledger/note.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
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
} from '../../src/sync/ports.ts'
import type { PayloadRow } from '../../src/sync/messages.ts'
import type { Signatures, SimulatedKey } from './keys.ts'
import { MemoryLog, parsedNote, withLogLine } from './memory-log.ts'

/** What all nodes of a simulated network know. */
export interface SimulatedNetwork {
  readonly network: Uint8Array
  readonly electorate: Electorate
  /** Public key of each log, by origin. */
  readonly logKeys: ReadonlyMap<string, Uint8Array>
  readonly hasher: Hasher
  readonly signatures: Signatures
  /** Whole seconds since 1970. */
  nowS(): number
}

/** Who one node is. */
export interface SimulatedIdentity extends Omit<SelfIdentity, 'network' | 'rosterVersion' | 'contractVersion'> {
  readonly origin: string
  readonly logKey: SimulatedKey
  readonly mirrorKey: SimulatedKey
}

/** See above. */
export class MemoryStore implements SyncStore {
  readonly identity: SimulatedIdentity
  readonly logs = new Map<string, MemoryLog>()
  readonly proofs = new Map<string, string>()
  readonly opened: Uint8Array[] = []
  readonly #net: SimulatedNetwork
  /** What entries are worth. */
  evaluate: (origin: string, from: number, to: number) => EntriesVerdict = () => ({ verdict: 'valid' })
  /** Payloads held here, by origin and index. */
  readonly payloads = new Map<string, Map<number, PayloadRow>>()
  /** Whether a peer may have payloads of a log. */
  maySend: (peer: PeerIdentity, origin: string) => boolean = () => false
  wantsPayloads: (origin: string) => boolean = () => false
  questions: string[] = []
  readonly answers: (readonly [PeerIdentity, string, string | null])[] = []
  readonly clones: (string | null)[] = []
  /** Logs of nodes that were seen to run twice. */
  readonly twice: string[] = []
  documents: { rosterVersion: number; rosters: Uint8Array[]; proposals: string[] } = {
    rosterVersion: 1,
    rosters: [],
    proposals: [],
  }
  guests: (body: Uint8Array) => Uint8Array | null = () => null

  constructor(identity: SimulatedIdentity, net: SimulatedNetwork) {
    this.identity = identity
    this.#net = net
    if (net.logKeys.has(identity.origin)) this.#logOf(identity.origin)
  }

  /** What all nodes know. */
  get shared(): SimulatedNetwork {
    return this.#net
  }

  self(): SelfIdentity {
    const { site, log, instance, role } = this.identity
    const { rosterVersion } = this.documents
    return { network: this.#net.network, rosterVersion, contractVersion: 1, site, log, instance, role }
  }

  /** Writes entries and a checkpoint to the own log. */
  append(entries: readonly Uint8Array[]): string {
    const log = this.#logOf(this.identity.origin)
    const head = log.append(entries)
    const key = { name: log.origin, publicKey: this.identity.logKey.publicKey }
    const note = signCheckpoint({ origin: log.origin, ...head }, key, (m) => this.identity.logKey.sign(m))
    log.hold(head, note)
    if (this.identity.role === 'mirror') this.#vote(log)
    return note
  }

  *standings(): Generator<LogStanding> {
    for (const log of this.logs.values()) yield this.#standingOf(log)
  }

  standing(origin: string): LogStanding | null {
    if (!this.#net.logKeys.has(origin)) return null
    return this.#standingOf(this.#logOf(origin))
  }

  checkHead(note: string): SignedHead {
    const { origin, size, root, text, signatures } = parsedNote(note)
    const publicKey = this.#net.logKeys.get(origin)
    if (publicKey === undefined) throw new LedgerError('UNKNOWN_SIGNER', 'a log that is not listed')
    const verifier = logVerifier({ name: origin, publicKey }, this.#net.signatures)
    const line = signatures.find(({ name, keyId }) => name === origin && equalBytes(keyId, verifier.keyId))
    if (line === undefined || !verifier.verify(text, line.signature)) {
      throw new LedgerError('NOTE_SIGNATURE', 'not signed by its log')
    }
    return { origin, size, root, note }
  }

  offerHead(head: SignedHead, oldSize: number, proof: readonly Uint8Array[]): OfferAnswer {
    const log = this.#logOf(head.origin)
    const { hasher, signatures } = this.#net
    const publicKey = this.#net.logKeys.get(head.origin)
    const rules = {
      hasher,
      verifier: signatures,
      logKeys: () => (publicKey === undefined ? [] : [{ name: head.origin, publicKey }]),
    }
    const checkpoint = { ...head, text: parsedNote(head.note).text }
    const verdict = offerHead(rules, log.state, { oldSize, proof, note: head.note, checkpoint })
    if (verdict.status === 200) {
      log.state = this.identity.role === 'witness' ? { ...verdict.next, stored: head.size } : verdict.next
      return { status: 200 }
    }
    if (verdict.status !== 422) return verdict.status === 409 ? verdict : { status: 403 }
    const fork = verdict.suspicion === null ? null : forkOfSuspicion(hasher, verdict.suspicion)
    if (fork !== null) this.#convict(fork)
    return { status: 422 }
  }

  storePackage(origin: string, offered: EntryPackage): void {
    const log = this.#logOf(origin)
    const { next, entries } = receivePackage(this.#net.hasher, log.state, offered)
    log.append(entries.map(({ bytes }) => bytes))
    log.state = next
    if (next.pending !== null && next.stored === next.pending.size) log.hold(next.pending, next.pending.note)
  }

  advance(origin: string): AdvanceProgress {
    const log = this.#logOf(origin)
    const { next, progress } = advance(log.state, this.evaluate)
    log.state = next
    if (progress === 'mirrored') {
      if (this.identity.role === 'witness' && next.mirrored !== null) log.hold(next.mirrored, next.mirrored.note)
      if (this.identity.role !== 'node') this.#vote(log)
    }
    return progress
  }

  ownLines(origin: string): string | null {
    const log = this.#logOf(origin)
    return log.held === null ? null : this.#lineUnder(log.held.note)
  }

  note(origin: string, size: number): string | null {
    return this.#logOf(origin).note(size)
  }

  offersFor(origin: string, site: string): readonly number[] {
    const log = this.#logOf(origin)
    if (log.held === null) return []
    const voter = this.#net.electorate.voters.find((other) => other.site === site)
    const sizes = voter === undefined ? [] : catchUp(this.#net.electorate, log.sealed(), voter)
    return sizes.length > 0 ? sizes : [log.held.size]
  }

  addVotes(head: SignedHead): VotesAnswer {
    const log = this.#logOf(head.origin)
    if (log.held === null || head.size > log.held.size) return 'ahead'
    if (this.identity.role === 'witness' && !log.isOwn && head.size !== log.held.size) return 'unsealed'
    const root = this.identity.role === 'witness' && !log.isOwn ? log.held.root : log.rootAt(head.size)
    if (!equalBytes(root, head.root)) {
      this.#conflict(log, head)
      return 'conflict'
    }
    if (!log.addVotes(head.note, this.#net.signatures, true)) return 'known'
    log.prune()
    return 'stored'
  }

  consistency(origin: string, older: number, newer: number): readonly Uint8Array[] | null {
    return this.identity.role === 'witness' && !this.#logOf(origin).isOwn
      ? null
      : this.#logOf(origin).consistency(older, newer)
  }

  entryPackage(origin: string, size: number, index: number): EntryPackage | null {
    return this.identity.role === 'witness' && !this.#logOf(origin).isOwn
      ? null
      : this.#logOf(origin).packageOf(size, index)
  }

  missingPayload(origin: string, from: number): number | null {
    if (!this.wantsPayloads(origin)) return null
    const log = this.#logOf(origin)
    const held = this.payloads.get(origin)
    for (let index = from; index < log.entries.length; index++) if (held?.has(index) !== true) return index
    return null
  }

  payloadsFor(peer: PeerIdentity, origin: string, from: number, to: number): PayloadsOut | null {
    if (!this.maySend(peer, origin)) return null
    const held = this.payloads.get(origin) ?? new Map<number, PayloadRow>()
    const rows: PayloadRow[] = []
    for (let index = from; index < to; index++) {
      const row = held.get(index)
      if (row !== undefined) rows.push(row)
    }
    return { rows, keys: [] }
  }

  /** The entry of a payload is its ciphertext's hash, here. */
  storePayloads(origin: string, rows: readonly PayloadRow[]): boolean {
    const log = this.#logOf(origin)
    const held = this.payloads.get(origin) ?? new Map<number, PayloadRow>()
    this.payloads.set(origin, held)
    const isBound = (row: PayloadRow): boolean =>
      equalBytes(log.entries[row.index] ?? new Uint8Array(), this.#net.hasher.sha256(row.ciphertext))
    const good = rows.filter(isBound)
    for (const row of good) held.set(row.index, row)
    return good.length === rows.length
  }

  evidence(): readonly string[] {
    return [...this.proofs.values()]
  }

  addEvidence(text: string): boolean {
    return this.#convict(text)
  }

  openings(): readonly Uint8Array[] {
    return this.opened
  }

  /** Whatever is told is believed: what an opening must be is not the sessions' to judge. */
  addOpening(entry: Uint8Array): string | null {
    if (this.opened.some((known) => equalBytes(known, entry))) return null
    this.opened.push(entry)
    return `opening ${this.opened.length}`
  }

  monitor(origin: string): string | null {
    const log = this.#logOf(origin)
    return log.state.mirrored?.note ?? null
  }

  monitored(peer: PeerIdentity, origin: string, note: string | null): void {
    this.answers.push([peer, origin, note])
  }

  monitorQuestions(): readonly string[] {
    return this.questions
  }

  governanceAfter(rosterVersion: number, _contractVersion: number): GovernanceAfter {
    const { rosters, proposals } = this.documents
    const documents = rosters.map((fields, i) => ({ type: 'roster' as const, version: i + 2, fields }))
    return { documents: documents.filter(({ version }) => version > rosterVersion), proposals }
  }

  /** A roster is any bytes here, and the next one is the one after. */
  addGovernance({
    rosters,
    proposals,
  }: {
    readonly rosters: readonly Uint8Array[]
    readonly proposals: readonly string[]
  }): boolean {
    const mine = this.documents
    const freshRosters = rosters.filter((bytes) => !mine.rosters.some((other) => equalBytes(other, bytes)))
    const freshTexts = proposals.filter((text) => !mine.proposals.includes(text))
    this.documents = {
      rosterVersion: mine.rosterVersion + freshRosters.length,
      rosters: [...mine.rosters, ...freshRosters],
      proposals: [...mine.proposals, ...freshTexts],
    }
    return freshRosters.length + freshTexts.length > 0
  }

  join(_transportKey: Uint8Array, body: Uint8Array): Uint8Array | null {
    return this.guests(body)
  }

  siteRequest(): Uint8Array | null {
    return null
  }

  cloned(reporter: string | null): void {
    this.clones.push(reporter)
  }

  seenTwice(log: string): void {
    this.twice.push(log)
  }

  #standingOf(log: MemoryLog): LogStanding {
    const { origin, isOwn, held, final, cosigned } = log
    const isFrozen = this.proofs.has(origin)
    const shared = { origin, isOwn, final, cosigned, votes: log.votesAt(cosigned), isFrozen }
    if (isOwn) {
      const size = held?.size ?? 0
      return { ...shared, pending: size, stored: size, mirrored: size, refused: null }
    }
    const { pending, stored, mirrored, refused } = log.state
    return { ...shared, pending: pending?.size ?? 0, stored, mirrored: mirrored?.size ?? 0, refused }
  }

  #vote(log: MemoryLog): void {
    if (log.held === null) return
    const line = this.#lineUnder(log.held.note)
    if (line !== null) log.addVotes(withLogLine(log.held.note) + line, this.#net.signatures, true)
    log.prune()
  }

  #lineUnder(note: string): string | null {
    const voter = this.#net.electorate.voters.find((other) => other.site === this.identity.site)
    if (voter === undefined || this.identity.role === 'node') return null
    const sign = (message: Uint8Array) => this.identity.mirrorKey.sign(message)
    return formatSignature(cosign(parseNote(note).text, voter.key, this.#net.nowS(), sign))
  }

  #conflict(log: MemoryLog, head: SignedHead): void {
    if (log.held === null) return
    try {
      this.#convict(proveFork(log.held.note, head.note, log.tree))
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }

  #convict(document: Parameters<typeof convict>[2]): boolean {
    const proof = convict(this.#net.hasher, this.#net.signatures, document, (origin) => {
      const publicKey = this.#net.logKeys.get(origin)
      if (publicKey === undefined) return null
      return { logKeys: [{ name: origin, publicKey }], cosigners: [] }
    })
    if (this.proofs.has(proof.origin)) return false
    this.proofs.set(proof.origin, proof.text)
    return true
  }

  #logOf(origin: string): MemoryLog {
    const known = this.logs.get(origin)
    if (known !== undefined) return known
    const isOwn = origin === this.identity.origin
    const log = new MemoryLog(origin, isOwn, this.#net.hasher, this.#net.electorate)
    this.logs.set(origin, log)
    return log
  }
}
