/**
 * The ledger of a witness, as sessions with other nodes see it: heads, lines under them, fork proofs, rosters.
 *
 * @remarks
 * It takes heads by the rules of C2SP tlog-witness and cosigns the newest of each log once that is stored and marked. It
 * has no method that could keep an entry or a payload, and none that asks for one. Proven by
 * `tests/main/core/witness/witness-sync-store.test.ts`.
 *
 * @packageDocumentation
 */
import { type LogKey, openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { cosign, type CosignerKey } from '../../../ledger/cosignature.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { forkOfSuspicion, type Suspicion } from '../../../ledger/evidence.ts'
import { type Electorate, electorateOf, isFinal, votesOn } from '../../../ledger/finality.ts'
import { formatNote, formatSignature, parseNote, parseSignature } from '../../../ledger/note.ts'
import { originOf } from '../../../ledger/names.ts'
import { witnessNameOf } from '../../../ledger/roster.ts'
import { judge } from '../../../ledger/witness.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import type { Governance } from '../../../sync/messages.ts'
import type {
  AdvanceProgress,
  GovernanceAfter,
  LogStanding,
  OfferAnswer,
  SelfIdentity,
  SignedHead,
  SyncStore,
  VotesAnswer,
} from '../../../sync/ports.ts'
import { verifier } from '../../keystore/sodium.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { RosterChain } from './roster-chain.ts'
import type { WitnessMemory } from './witness-memory.ts'

/** Who a witness is. */
export interface WitnessIdentity {
  /** Network id, 32 bytes. */
  readonly network: Uint8Array
  readonly site: string
  readonly name: string
}

/** What happened that others must hear of. */
export interface WitnessEvents {
  /** Another roster is in force. */
  rosterChanged(): void
  /** A fork proof is new. */
  evidence(): void
  /** Another installation uses the keys of this witness. */
  cloned(reporter: string | null): void
}

/** What a {@link WitnessSyncStore} is made of. */
export interface WitnessSyncParts {
  readonly identity: WitnessIdentity
  readonly memory: WitnessMemory
  readonly rosters: RosterChain
  /** Signs with the witness key. */
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly nowMs: () => number
  /** Random for this run, 16 bytes. */
  readonly instance: Uint8Array
  /** True while it may sign: it is listed, and no copy of it is known. */
  readonly maySign: () => boolean
  readonly events: WitnessEvents
}

/** See the module's comment. */
export class WitnessSyncStore implements SyncStore {
  readonly #parts: WitnessSyncParts
  readonly #key: CosignerKey

  /** @param publicKey - Of the witness key. */
  constructor(parts: WitnessSyncParts, publicKey: Uint8Array) {
    this.#parts = parts
    this.#key = { name: witnessNameOf(parts.identity.name), publicKey }
  }

  self(): SelfIdentity {
    const { identity, instance, rosters } = this.#parts
    const { network, site, name } = identity
    return {
      ...{ network, site, log: name, instance, role: 'witness' },
      ...{ rosterVersion: rosters.roster.version, contractVersion: 0 },
    }
  }

  *standings(): Iterable<LogStanding> {
    const { rosters, memory } = this.#parts
    const listed = rosters.roster.sites.flatMap((site) => site.nodes.map(({ log }) => originOf(log, 1)))
    for (const origin of new Set([...listed, ...rosters.opened, ...memory.origins])) yield this.#standingOf(origin)
  }

  standing(origin: string): LogStanding | null {
    return this.#parts.rosters.logKeys(origin).length === 0 ? null : this.#standingOf(origin)
  }

  checkHead(note: string): SignedHead {
    const { origin, size: claimed } = parseCheckpoint(parseNote(note).text)
    for (const key of this.#keysAt(origin, claimed)) {
      try {
        const { size, root } = openCheckpoint(note, key, verifier)
        return { origin, size, root, note }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
      }
    }
    throw new LedgerError('NOTE_UNSIGNED', 'not signed by a log of the network')
  }

  offerHead(head: SignedHead, oldSize: number, proof: readonly Uint8Array[]): OfferAnswer {
    const { memory, rosters } = this.#parts
    const { origin, size, note } = head
    if (this.#isContested(origin) || size > rosters.frozenAt(origin)) return { status: 403 }
    const checkpoint = { ...head, text: parseNote(note).text }
    const rules = { hasher: h, verifier, logKeys: () => this.#keysAt(origin, size) }
    const verdict = judge(rules, memory.read(origin), { oldSize, proof, note, checkpoint })
    if (verdict.status === 422) {
      if (verdict.suspicion !== null) this.#suspect(verdict.suspicion)
      return { status: 422 }
    }
    if (verdict.status === 409) return verdict
    if (verdict.status !== 200) return { status: verdict.status === 404 ? 404 : 403 }
    if (!memory.replace(verdict.expected, verdict.next)) return { status: 409, size: memory.read(origin)?.size ?? 0 }
    this.addVotes(head)
    return { status: 200 }
  }

  storePackage(): never {
    throw new LedgerError('WRONG_LOG', 'a witness keeps no entries')
  }

  advance(): AdvanceProgress {
    return 'mirrored'
  }

  ownLines(origin: string): string | null {
    const head = this.#parts.memory.read(origin)
    return head === null ? null : this.#lineUnder(origin, parseNote(head.note).text)
  }

  note(origin: string, size: number): string | null {
    const { memory } = this.#parts
    const head = memory.headAt(origin, size)
    if (head === null) return null
    const { text, signatures } = parseNote(head.note)
    const votes = memory.lines(origin, size).map(({ line }) => parseSignature(line.trimEnd()))
    const own = size === memory.read(origin)?.size ? this.#lineUnder(origin, text) : null
    const lines = own === null ? votes : [...votes, parseSignature(own.trimEnd())]
    return formatNote(text, [...signatures, ...lines])
  }

  offersFor(origin: string): readonly number[] {
    const newest = this.#parts.memory.read(origin)
    return newest === null ? [] : [newest.size]
  }

  addVotes(head: SignedHead): VotesAnswer {
    const { memory, rosters, nowMs } = this.#parts
    const { origin, size, root, note } = head
    if (size > (memory.read(origin)?.size ?? 0)) return 'ahead'
    const kept = memory.headAt(origin, size)
    if (kept === null) return 'unsealed'
    if (!equalBytes(kept.root, root)) {
      this.#suspect({ kept: kept.note, offered: note, proof: [] })
      return 'conflict'
    }
    const known = new Set(memory.lines(origin, size).map(({ name }) => name))
    const fresh = votesOn(note, electorateOf(rosters.roster), verifier, nowMs() / 1000)
      .map(({ voter, line }) => ({ origin, size, name: voter.key.name, line: formatSignature(line) }))
      .filter(({ name }) => !known.has(name))
    if (fresh.length === 0) return 'known'
    memory.addLines(origin, fresh)
    return 'stored'
  }

  consistency(): null {
    return null
  }

  entryPackage(): null {
    return null
  }

  missingPayload(): null {
    return null
  }

  payloadsFor(): null {
    return null
  }

  storePayloads(): boolean {
    return false
  }

  evidence(): readonly string[] {
    return this.#parts.memory.proofs
  }

  addEvidence(text: string): boolean {
    const isNew = this.#parts.memory.addProof(text)
    if (isNew) this.#parts.events.evidence()
    return isNew
  }

  monitor(origin: string): string | null {
    const newest = this.#parts.memory.read(origin)
    return newest === null ? null : this.note(origin, newest.size)
  }

  monitored(): void {
    // It writes no log that somebody could know more of.
  }

  monitorQuestions(): readonly string[] {
    return []
  }

  governanceAfter(rosterVersion: number): GovernanceAfter {
    const fields = this.#parts.rosters.after(rosterVersion).slice(0, MAX_DOCUMENTS)
    const documents = fields.map((one, i) => ({ type: 'roster' as const, version: rosterVersion + 1 + i, fields: one }))
    return { documents, proposals: [] }
  }

  addGovernance({ rosters: fields }: Omit<Governance, 'kind'>): boolean {
    const { rosters, memory, events } = this.#parts
    const fresh = rosters.take(fields)
    if (fresh.length === 0) return false
    memory.addRosters(fresh)
    rosters.openWaiting()
    events.rosterChanged()
    return true
  }

  openings(): readonly Uint8Array[] {
    // Nodes tell them to each other: whoever passes on entries is no witness.
    return []
  }

  addOpening(bytes: Uint8Array): string | null {
    return this.#parts.rosters.takeOpening(bytes)
  }

  join(): null {
    return null
  }

  siteRequest(): null {
    return null
  }

  cloned(reporter: string | null): void {
    this.#parts.events.cloned(reporter)
  }

  seenTwice(): void {
    // The session tells both of them: here nobody looks.
  }

  /** Keys under which a head of `size` may be: beyond the newest that is known, the key of that one or a later. */
  #keysAt(origin: string, size: number): readonly LogKey[] {
    const { memory, rosters } = this.#parts
    const newest = memory.read(origin)
    return rosters.logKeys(origin, newest !== null && size > newest.size ? newest : null)
  }

  #isContested(origin: string): boolean {
    return this.#parts.memory.isContested(origin) || this.#parts.rosters.isOpenedTwice(origin)
  }

  #standingOf(origin: string): LogStanding {
    const { memory, rosters } = this.#parts
    const size = memory.read(origin)?.size ?? 0
    const electorate = electorateOf(rosters.roster)
    const votes = this.#votersUnder(electorate, origin)
    const cosigned = Math.max(0, ...votes.keys())
    const final = Math.max(0, ...[...votes].flatMap(([at, voters]) => (isFinal(electorate, voters) ? [at] : [])))
    return {
      ...{ origin, isOwn: false, pending: size, stored: size, mirrored: size, refused: null },
      ...{ final, cosigned, votes: votes.get(cosigned)?.length ?? 0 },
      isFrozen: this.#isContested(origin) || size >= rosters.frozenAt(origin),
    }
  }

  /** Voters whose lines were verified, by the size that they cosigned. */
  #votersUnder({ voters }: Electorate, origin: string): Map<number, Electorate['voters']> {
    const lines = this.#parts.memory.allLines(origin)
    const bySize = Map.groupBy(lines, ({ size }) => size)
    return new Map(
      [...bySize].map(([size, rows]) => [size, voters.filter(({ key }) => rows.some(({ name }) => name === key.name))]),
    )
  }

  /** A line with a fresh time; null where nothing may be signed. */
  #lineUnder(origin: string, text: string): string | null {
    const { memory, sign, nowMs, maySign } = this.#parts
    if (!maySign() || this.#isContested(origin)) return null
    try {
      memory.settle()
    } catch (error) {
      if (error instanceof CodedError) return null
      throw error
    }
    return formatSignature(cosign(text, this.#key, Math.floor(nowMs() / 1000), sign))
  }

  /** Two heads that cannot both be true, as far as can be seen: a proof of it is kept. */
  #suspect(suspicion: Suspicion): void {
    try {
      const fork = forkOfSuspicion(h, suspicion)
      if (fork !== null && this.#parts.memory.addProof(fork)) this.#parts.events.evidence()
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }
}

/** Most documents of one message. */
const MAX_DOCUMENTS = 64
