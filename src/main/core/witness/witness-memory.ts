/**
 * What a witness must never forget: the newest head of each log that it accepted, and fork proofs.
 *
 * @remarks
 * A head is stored, then marked outside the database, and only then signed. The stored state carries a code under a key of
 * the keystore over all of it and its number; the mark names the same. So a database that was put back, edited or lost is
 * noticed at the start, and the witness stays off: nobody can know any more what it signed. One that was cut off between
 * the two steps goes on, having signed nothing of the newer. Proven by
 * `tests/main/core/witness/witness-memory.test.ts`, with a process that is killed at every step by
 * `tests/faults/witness-kill.test.ts`.
 *
 * @packageDocumentation
 */
import { createHmac } from 'node:crypto'
import { openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { contestsLog, convict, type ConvictedFork, isWorthKeeping } from '../../../ledger/convict.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { utf8 } from '../../../ledger/hash.ts'
import { parseNote } from '../../../ledger/note.ts'
import type { WitnessedHead, WitnessStore } from '../../../ledger/witness.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import type { HighWater } from '../../keystore/high-water.ts'
import { verifier } from '../../keystore/sodium.ts'
import {
  KEPT_HEADS,
  type WitnessDatabase,
  type WitnessLineRow,
  type WitnessState,
} from '../../store/witness-database.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { RosterChain } from './roster-chain.ts'

/** Why a witness stays off. */
export type WitnessErrorCode =
  | 'WITNESS_FORGOT' // its database is not the one that it marked last, or the mark is gone: it is retired
  | 'WITNESS_NOT_LISTED' // no roster lists it, or not any more

/** A witness that may not sign. */
export class WitnessError extends CodedError<WitnessErrorCode> {}

/** Where a memory is kept. */
export interface WitnessMemoryParts {
  readonly database: WitnessDatabase
  readonly highWater: HighWater
  readonly rosters: RosterChain
  /** Known to this witness alone, 32 bytes. */
  readonly secret: Uint8Array
  readonly nowMs: () => number
}

/** Proofs kept about one log. */
const MAX_PROOFS = 8
/** Incarnations of one log that are followed. */
const MAX_INCARNATIONS = 16

/** See the module's comment. */
export class WitnessMemory implements WitnessStore {
  readonly #parts: WitnessMemoryParts
  /** Heads by log, in ascending order of size. */
  readonly #heads = new Map<string, readonly WitnessedHead[]>()
  readonly #lines = new Map<string, WitnessLineRow[]>()
  readonly #proofs = new Map<string, ConvictedFork[]>()
  #state: WitnessState
  #isMarked = false
  #problem: string | null = null

  /** Makes the memory of a witness that has signed nothing yet, in an empty database. */
  static begin(parts: WitnessMemoryParts): WitnessMemory {
    const { database, rosters } = parts
    const state = { count: 0, mac: macOf(parts.secret, 0, '') }
    const rows = rosters.after(0).map((fields, i) => ({ version: i + 1, fields }))
    database.begin(rows, state)
    const memory = new WitnessMemory(parts, state)
    memory.#mark()
    return memory
  }

  /**
   * Reads the memory and checks all of it.
   *
   * @throws {@link WitnessError} `WITNESS_FORGOT`; StoreError.
   */
  static open(parts: WitnessMemoryParts): WitnessMemory {
    const state = parts.database.state()
    if (state === null) throw new WitnessError('WITNESS_FORGOT', 'an empty memory')
    const memory = new WitnessMemory(parts, state)
    try {
      memory.#load()
    } catch (cause) {
      if (cause instanceof LedgerError) throw new WitnessError('WITNESS_FORGOT', 'a damaged memory', { cause })
      throw cause
    }
    memory.#checkMark()
    return memory
  }

  private constructor(parts: WitnessMemoryParts, state: WitnessState) {
    this.#parts = parts
    this.#state = state
  }

  /** Why the last thing that was to be remembered could not be stored or marked; null when it was. */
  get problem(): string | null {
    return this.#problem
  }

  /** Origins of which a head is remembered. */
  get origins(): Iterable<string> {
    return this.#heads.keys()
  }

  read(origin: string): WitnessedHead | null {
    return this.#heads.get(origin)?.at(-1) ?? null
  }

  /** A head that was accepted, also an older one; null when it is not kept. */
  headAt(origin: string, size: number): WitnessedHead | null {
    return this.#heads.get(origin)?.find((head) => head.size === size) ?? null
  }

  /**
   * See `WitnessStore`.
   *
   * @throws StoreError, KeystoreError: then nothing may be signed until {@link settle} succeeds.
   */
  replace(expected: WitnessedHead | null, next: WitnessedHead): boolean {
    return this.#noted(() => this.#replace(expected, next))
  }

  #replace(expected: WitnessedHead | null, next: WitnessedHead): boolean {
    this.settle()
    const stored = this.read(next.origin)
    if (!isSame(stored, expected) || !this.#hasRoom(next.origin)) return false
    const heads = [...(this.#heads.get(next.origin) ?? []).filter(({ size }) => size !== next.size), next]
    const state = this.#stateWith(next, [])
    if (!this.#parts.database.replaceHead(stored?.note ?? null, next, state)) return false
    this.#heads.set(next.origin, heads.slice(-KEPT_HEADS))
    this.#changed(state)
    return true
  }

  /** Marks what is stored and not marked yet: after a disk was full. */
  settle(): void {
    if (!this.#isMarked) this.#noted(() => this.#mark())
  }

  /** Cosignatures under a head that is kept. */
  lines(origin: string, size: number): readonly WitnessLineRow[] {
    return (this.#lines.get(origin) ?? []).filter((line) => line.size === size)
  }

  /** The same for all heads of a log that are kept. */
  allLines(origin: string): readonly WitnessLineRow[] {
    return this.#lines.get(origin) ?? []
  }

  /** Keeps lines that were verified under a head that is kept. They are shown to others and decide nothing. */
  addLines(origin: string, rows: readonly WitnessLineRow[]): void {
    this.#parts.database.putLines(rows)
    const oldest = this.#heads.get(origin)?.[0]?.size ?? 0
    const others = (this.#lines.get(origin) ?? []).filter(
      (known) => known.size >= oldest && !rows.some((row) => row.size === known.size && row.name === known.name),
    )
    this.#lines.set(origin, [...others, ...rows])
  }

  /** Fork proofs, as texts. */
  get proofs(): readonly string[] {
    return [...this.#proofs.values()].flat().map(({ text }) => text)
  }

  isContested(origin: string): boolean {
    return this.#proofs.get(origin)?.some(contestsLog) === true
  }

  /**
   * Checks and keeps a fork proof.
   *
   * @param document - Untrusted.
   * @returns True when it is new.
   * @throws {@link LedgerError} when it convicts nobody.
   */
  addProof(document: Parameters<typeof convict>[2]): boolean {
    const proof = this.#convict(document)
    // What lying cosigners make up takes no place from what the log did.
    const all = this.#proofs.get(proof.origin) ?? []
    const known = all.filter((other) => contestsLog(other) === contestsLog(proof))
    if (known.length >= MAX_PROOFS || (known.length > 0 && !isWorthKeeping(proof, known))) return false
    this.#noted(() => this.#keep(proof))
    return true
  }

  /** Keeps rosters that were checked. */
  addRosters(rows: Parameters<WitnessDatabase['putRosters']>[0]): void {
    this.#parts.database.putRosters(rows)
  }

  #hasRoom(origin: string): boolean {
    if (this.#heads.has(origin)) return true
    const log = origin.slice(0, origin.lastIndexOf('/') + 1)
    return [...this.#heads.keys()].filter((other) => other.startsWith(log)).length < MAX_INCARNATIONS
  }

  #keep(proof: ConvictedFork): void {
    this.settle()
    const state = this.#stateWith(null, [proof])
    const row = { id: h.sha256(utf8(proof.text)), origin: proof.origin, text: proof.text }
    this.#parts.database.putEvidence({ ...row, receivedAtMs: this.#parts.nowMs() }, state)
    this.#proofs.set(proof.origin, [...(this.#proofs.get(proof.origin) ?? []), proof])
    this.#changed(state)
  }

  /** Remembers why something could not be stored, for whoever asks how the witness is. */
  #noted<Value>(write: () => Value): Value {
    try {
      const value = write()
      this.#problem = null
      return value
    } catch (error) {
      if (error instanceof CodedError) this.#problem = String(error.code)
      throw error
    }
  }

  #convict(document: Parameters<typeof convict>[2]): ConvictedFork {
    return convict(h, verifier, document, (origin) => this.#parts.rosters.suspects(origin))
  }

  // What is stored, and the mark

  #load(): void {
    const { database } = this.#parts
    for (const { origin, note } of database.heads()) {
      const head = this.#opened(note)
      if (head.origin !== origin) throw new LedgerError('WRONG_ORIGIN', 'a head of another log')
      this.#heads.set(origin, [...(this.#heads.get(origin) ?? []), head])
    }
    // Lines are shown as they are: whoever is shown them verifies them.
    for (const line of database.lines()) this.#lines.set(line.origin, [...(this.#lines.get(line.origin) ?? []), line])
    for (const { text } of database.evidence()) {
      const proof = this.#convict(text)
      this.#proofs.set(proof.origin, [...(this.#proofs.get(proof.origin) ?? []), proof])
    }
  }

  /** The head in a stored note, which one of the log's keys signed. */
  #opened(note: string): WitnessedHead {
    const { origin } = parseCheckpoint(parseNote(note).text)
    for (const key of this.#parts.rosters.logKeys(origin)) {
      try {
        const { size, root } = openCheckpoint(note, key, verifier)
        return { origin, size, root, note }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
      }
    }
    throw new LedgerError('NOTE_UNSIGNED', 'not signed by a log of the network')
  }

  #checkMark(): void {
    const { count, mac } = this.#state
    const isOurs = equalBytes(mac, macOf(this.#parts.secret, count, this.#digest(null, [])))
    const mark = this.#parts.highWater.read()
    if (!isOurs || typeof mark !== 'object') throw new WitnessError('WITNESS_FORGOT', 'not what was marked')
    const isMarked = mark.size === count && mark.note === markOf(this.#state)
    // Cut off between the two steps: of the newer nothing was signed.
    if (!isMarked && mark.size !== count - 1) throw new WitnessError('WITNESS_FORGOT', 'not what was marked last')
    this.#isMarked = isMarked
    this.settle()
  }

  #changed(state: WitnessState): void {
    this.#state = state
    this.#isMarked = false
    this.#mark()
  }

  #mark(): void {
    this.#parts.highWater.write({ note: markOf(this.#state), size: this.#state.count })
    this.#isMarked = true
  }

  #stateWith(next: WitnessedHead | null, proofs: readonly ConvictedFork[]): WitnessState {
    const count = this.#state.count + 1
    return { count, mac: macOf(this.#parts.secret, count, this.#digest(next, proofs)) }
  }

  /** Everything that must not be forgotten, in one order. */
  #digest(next: WitnessedHead | null, more: readonly ConvictedFork[]): string {
    const newest = new Map([...this.#heads].map(([origin, heads]) => [origin, heads.at(-1)]))
    if (next !== null) newest.set(next.origin, next)
    const heads = [...newest].map(([origin, head]) => `${origin} ${head?.size ?? 0} ${toHex(head?.root ?? NO_ROOT)}`)
    const proofs = [...[...this.#proofs.values()].flat(), ...more].map(({ text }) => toHex(h.sha256(utf8(text))))
    return [...heads.toSorted(), ...proofs.toSorted()].join('\n')
  }
}

const NO_ROOT = new Uint8Array(0)

function isSame(a: WitnessedHead | null, b: WitnessedHead | null): boolean {
  if (a === null || b === null) return a === b
  return a.size === b.size && equalBytes(a.root, b.root)
}

function macOf(secret: Uint8Array, count: number, digest: string): Uint8Array {
  return new Uint8Array(
    createHmac('sha256', secret).update(`chartseal/witness-memory/v1\n${count}\n${digest}`).digest(),
  )
}

function markOf({ count, mac }: WitnessState): string {
  return `chartseal/witness-mark/v1\n${count}\n${toHex(mac)}\n`
}
