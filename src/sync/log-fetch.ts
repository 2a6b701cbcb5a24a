/**
 * How one log comes here: head by head, package by package, from whoever has it.
 *
 * @remarks
 * A head becomes pending when it continues what is held; its packages are asked of several peers at once, and stored in
 * order, each proven; then the entries are judged, and only then comes the next head. Whatever fails is asked of somebody
 * else. Nothing here decides what is true: the store does, and what it refuses is forgotten. Proven by
 * `tests/sync/log-fetch.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from '../ledger/errors.ts'
import type { EntryPackage } from '../ledger/mirror.ts'
import { TILE_WIDTH } from '../ledger/tile-layout.ts'
import { assert, CodedError } from '../shared/errors.ts'
import { orNull } from './attempt.ts'
import { type Candidate, Candidates } from './candidates.ts'
import type { Credits } from './credits.ts'
import type { Hub } from './hub.ts'
import { DISTRUST_MS, MAX_PACKAGE_BYTES, MAX_WANT_BYTES, MAX_WANT_PACKAGES, STORE_RETRY_MS } from './limits.ts'
import { PackageStream } from './package-stream.ts'
import type { LogStanding, SignedHead } from './ports.ts'
import type { Answer, AskFailure, Session } from './session.ts'
import { votesIn } from './votes.ts'

/** Packages beyond the one that is needed next that may be asked for, or wait for it. */
const WINDOW = 128
/** Slowest peer that is worth waiting for, in bytes per millisecond. */
const SLOWEST = 8
/** Bytes of a package before one was seen. */
const FIRST_GUESS = 64 * 1024

/** Heads that are kept until their entries are here. */
const MAX_LATER = 8

/** A range of packages that a peer was asked for. */
interface Range {
  readonly session: Session
  /** First package that has not come. */
  from: number
  readonly to: number
  readonly bytes: number
}

/** A package that came before the one that is needed. */
interface Early {
  readonly offered: EntryPackage
  readonly session: Session
  readonly bytes: number
}

/** The transfer of one log. */
export class LogFetch {
  readonly origin: string
  readonly #hub: Hub
  readonly #credits: Credits
  readonly #candidates = new Candidates()
  readonly #compare: (head: SignedHead) => void
  /** Heads not larger than the pending one, which cannot be compared before the entries are here. */
  #later: SignedHead[] = []
  readonly #ranges = new Set<Range>()
  readonly #early = new Map<number, Early>()
  /** Bytes of a typical package, from those that came. */
  #guess = FIRST_GUESS
  /** The package that is too large to be asked for with others, if there is one. */
  #large: number | null = null
  /** True while a proof is asked for. */
  #isProving = false
  #pausedUntilMs = -Infinity
  /** True when something was to be asked for and nobody could be asked. */
  #isStarving = false
  /** True when a request ended since this was read last: whoever starves may go on. */
  #hasFreed = false
  /** True when entries are left that can be judged now. */
  #isJudging = false

  /**
   * @param compare - Takes a head of what is stored: it either has cosignatures, or contradicts.
   */
  constructor(origin: string, hub: Hub, credits: Credits, compare: (head: SignedHead) => void) {
    this.#compare = compare
    this.origin = origin
    this.#hub = hub
    this.#credits = credits
  }

  /** A head that was checked and is larger than what is pending. */
  offer(head: SignedHead, source: Session, standing: LogStanding, isShort: boolean): Candidate | null {
    return this.#candidates.add(head, source, standing.pending, isShort)
  }

  /** A head that was checked and can be compared when all entries of the pending one are here. */
  keepForLater(head: SignedHead): void {
    const others = this.#later.filter(({ note }) => note !== head.note)
    this.#later = [...others, head].slice(-MAX_LATER)
  }

  /** Size of the largest head that was shown and is not accepted yet; 0 for none. Nobody proved it, but the log signed it. */
  get shownSize(): number {
    return this.#candidates.size
  }

  left(session: Session): void {
    this.#candidates.left(session)
    for (const [index, early] of this.#early) if (early.session === session) this.#forget(index)
  }

  get isStarving(): boolean {
    return this.#isStarving
  }

  /** True when the next {@link step} goes on with something that waits for nobody. */
  get isJudging(): boolean {
    return this.#isJudging
  }

  /** True when a request ended since the last call. */
  takeFreed(): boolean {
    const hasFreed = this.#hasFreed
    this.#hasFreed = false
    return hasFreed
  }

  /** True when nothing is left to do until something is shown. */
  isIdle({ pending, stored, mirrored, refused }: LogStanding): boolean {
    const isDone = stored === pending && (mirrored === pending || refused !== null)
    return isDone && (this.#candidates.next === null || refused !== null)
  }

  /**
   * Does what can be done now. What takes more time goes on with the next call: see {@link isIdle} and
   * {@link isJudging}.
   */
  step(): void {
    this.#isStarving = this.#isJudging = false
    const standing = this.#hub.store.standing(this.origin)
    if (standing === null || standing.isOwn || standing.isFrozen || this.#isPaused()) return
    if (standing.stored < standing.pending) {
      this.#fetch(standing)
      return
    }
    this.#reset()
    for (const head of this.#later.splice(0)) this.#compare(head)
    if (standing.refused !== null) return
    if (standing.mirrored < standing.pending) this.#advance()
    else this.#follow(standing)
  }

  /** Judges what is stored, a part of it at a time. */
  #advance(): void {
    const progress = this.#stored(() => this.#hub.store.advance(this.origin))
    this.#isJudging = progress === 'working'
    if (progress === 'mirrored' || progress === 'refused') this.#hub.changed(this.origin)
  }

  // Heads

  /** Makes the next candidate pending, or asks for the proof that it needs. */
  #follow({ pending }: LogStanding): void {
    this.#candidates.dropTo(pending)
    const candidate = this.#candidates.next
    if (candidate === null || this.#isProving) return
    const { proof } = candidate
    candidate.proof = null
    if (pending === 0) this.#accept(candidate, 0, [], null)
    else if (proof?.oldSize === pending) this.#accept(candidate, pending, proof.hashes, proof.by)
    else this.#askProof(candidate, pending)
  }

  #askProof(candidate: Candidate, older: number): void {
    const session = this.#pick(candidate.sources)
    this.#isStarving = session === undefined
    if (session === undefined) return
    this.#isProving = true
    const newer = candidate.head.size
    session.ask(
      { kind: 'want-consistency', origin: this.origin, older, newer },
      {
        isWant: true,
        expects: 'consistency',
        part: (answer) => {
          this.#proofEnded()
          if (answer.kind === 'consistency') this.#proved(candidate, older, answer.proof, session)
          return true
        },
        failed: (why) => {
          this.#proofEnded()
          this.#unproven(candidate, session, why)
        },
      },
      this.#hub.nowMs(),
    )
  }

  #proofEnded(): void {
    this.#isProving = false
    this.#hasFreed = true
  }

  #proved(candidate: Candidate, older: number, hashes: readonly Uint8Array[], by: Session): void {
    const pending = this.#hub.store.standing(this.origin)?.pending
    if (pending === older) this.#accept(candidate, older, hashes, by)
    this.#hub.changed(this.origin)
  }

  #unproven(candidate: Candidate, session: Session, why: AskFailure): void {
    candidate.sources.delete(session)
    if (why === 'TIMED_OUT') session.avoid(this.origin, this.#hub.nowMs() + DISTRUST_MS)
    if (candidate.sources.size === 0) this.#candidates.drop(candidate)
    this.#hub.changed(this.origin)
  }

  /** Offers a head to the store. `by` is whoever gave the proof. */
  #accept(candidate: Candidate, oldSize: number, hashes: readonly Uint8Array[], by: Session | null): void {
    const { head } = candidate
    const answer = this.#stored(() => this.#hub.store.offerHead(head, oldSize, hashes))
    if (answer === null) return
    if (answer.status === 422) this.#contradicted(candidate, by)
    else this.#candidates.drop(candidate)
    // Its cosignatures can be taken when its entries are here; whoever showed them may not do so again.
    if (answer.status === 200 && votesIn(head.note, this.origin).votes > 0) this.keepForLater(head)
    this.#hub.changed(this.origin)
  }

  /** The proof fits nothing: either the log forked, which shows, or whoever gave the proof is wrong. */
  #contradicted(candidate: Candidate, by: Session | null): void {
    this.#hub.evidenceFound()
    const isConvicted = this.#hub.store.standing(this.origin)?.isFrozen === true
    if (by !== null && !isConvicted) {
      candidate.sources.delete(by)
      by.blame(this.origin, this.#hub.nowMs() + DISTRUST_MS)
    }
    if (by === null || isConvicted || candidate.sources.size === 0) this.#candidates.drop(candidate)
  }

  // Packages

  #fetch(standing: LogStanding): void {
    const first = Math.floor(standing.stored / TILE_WIDTH)
    const end = Math.ceil(standing.pending / TILE_WIDTH)
    for (;;) {
      const from = this.#nextUnasked(first, Math.min(end, first + WINDOW))
      const session = from === null ? undefined : this.#pick(this.#holders(standing.pending))
      this.#isStarving = from !== null && session === undefined
      if (from === null || session === undefined) return
      this.#isStarving = !this.#ask(session, standing.pending, first, from, end)
      if (this.#isStarving) return
    }
  }

  /** The first package from `first` on that neither came nor was asked for. */
  #nextUnasked(first: number, end: number): number | null {
    for (let index = first; index < end; index++) if (this.#isUnasked(index)) return index
    return null
  }

  #isUnasked(index: number): boolean {
    if (this.#early.has(index)) return false
    for (const range of this.#ranges) if (index >= range.from && index < range.to) return false
    return true
  }

  /** Asks a peer for packages from `from` on. False when nothing more may be asked for at the moment. */
  #ask(session: Session, size: number, first: number, from: number, end: number): boolean {
    const isLarge = from === this.#large
    if (isLarge && from !== first) return false
    const bytes = isLarge ? MAX_PACKAGE_BYTES : Math.min(session.wantBytes, MAX_WANT_BYTES)
    if (isLarge) this.#makeRoom()
    if (!this.#credits.take(bytes, isLarge)) return false
    const most = isLarge ? 1 : Math.max(1, Math.min(MAX_WANT_PACKAGES, Math.floor(bytes / this.#guess)))
    let to = from + 1
    while (to < Math.min(end, from + most) && to !== this.#large && this.#isUnasked(to)) to++
    const held = from === first && !isLarge ? this.#heldOf(first) : []
    const want = { origin: this.origin, size, from, to, maxBytes: bytes, skip: held.length }
    const range: Range = { session, from, to, bytes }
    this.#ranges.add(range)
    const stream = new PackageStream(want, held)
    session.ask(
      { kind: 'want-entries', ...want },
      {
        isWant: true,
        expects: 'entries',
        wholeMs: bytes / SLOWEST,
        part: (answer) => this.#takePart(range, stream, answer),
        failed: (why) => {
          this.#failed(range, why)
        },
      },
      this.#hub.nowMs(),
    )
    return true
  }

  /** Entries of the package that was not full: a log that grows block by block would else send all of them each time. */
  #heldOf(index: number): readonly Uint8Array[] {
    const stored = this.#hub.store.standing(this.origin)?.stored ?? 0
    if (stored <= index * TILE_WIDTH) return []
    // Proven again when it is read; what is damaged comes whole.
    return orNull(() => this.#hub.store.entryPackage(this.origin, stored, index))?.entries ?? []
  }

  #takePart(range: Range, stream: PackageStream, answer: Answer): boolean {
    assert(answer.kind === 'entries', 'the session passes on what was asked for')
    const offered = stream.take(answer)
    range.from = stream.next
    if (offered !== null) this.#came(offered, range.session)
    if (answer.last) {
      this.#end(range)
      range.session.faster()
      this.#hub.changed(this.origin)
    }
    return answer.last
  }

  #came(offered: EntryPackage, session: Session): void {
    const bytes = offered.entries.reduce((sum, entry) => sum + entry.length, 0)
    this.#guess = Math.max(1024, Math.ceil((this.#guess + bytes) / 2))
    if (!this.#early.has(offered.index)) {
      this.#credits.hold(bytes)
      this.#early.set(offered.index, { offered, session, bytes })
    }
    this.#storeReady()
  }

  /** Stores what is needed next, as far as it is there. */
  #storeReady(): void {
    for (;;) {
      const standing = this.#hub.store.standing(this.origin)
      if (standing === null || standing.isFrozen || standing.stored >= standing.pending) return
      const early = this.#early.get(Math.floor(standing.stored / TILE_WIDTH))
      if (early === undefined || this.#isPaused()) return
      this.#forget(early.offered.index)
      if (!this.#store(early)) return
      if (early.offered.index === this.#large) this.#large = null
      this.#hub.changed(this.origin)
    }
  }

  #store({ offered, session }: Early): boolean {
    try {
      return (
        this.#stored(() => {
          this.#hub.store.storePackage(this.origin, offered)
          return true
        }, true) === true
      )
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      session.blame(this.origin, this.#hub.nowMs() + DISTRUST_MS)
      this.#hub.changed(this.origin)
      return false
    }
  }

  #failed(range: Range, why: AskFailure): void {
    this.#end(range)
    const { session } = range
    const nowMs = this.#hub.nowMs()
    if (why === 'TOO_LARGE') this.#large = range.from
    else if (why === 'TIMED_OUT') session.slower()
    else if (why !== 'GONE') session.avoid(this.origin, nowMs + DISTRUST_MS)
    // Whoever is slow is not asked again for the same at once, if there is anybody else.
    if (why === 'TIMED_OUT') session.avoid(this.origin, nowMs + STORE_RETRY_MS)
    this.#hub.changed(this.origin)
  }

  #end(range: Range): void {
    this.#hasFreed = true
    if (this.#ranges.delete(range)) this.#credits.give(range.bytes)
  }

  #forget(index: number): void {
    const early = this.#early.get(index)
    if (early !== undefined && this.#early.delete(index)) this.#credits.give(early.bytes)
  }

  /** Everything is stored: what still comes is of no use. */
  #reset(): void {
    this.#makeRoom()
    this.#large = null
  }

  #makeRoom(): void {
    for (const index of [...this.#early.keys()]) this.#forget(index)
  }

  // Whom to ask

  *#holders(size: number): Generator<Session> {
    for (const session of this.#hub.peers()) {
      if (session.who.kind === 'node' && (session.known.get(this.origin)?.size ?? 0) >= size) yield session
    }
  }

  /** The peer with the fewest open wants, at random among them. */
  #pick(sessions: Iterable<Session>): Session | undefined {
    const nowMs = this.#hub.nowMs()
    const able = [...sessions].filter((session) => session.hasCredit && session.isTrustedWith(this.origin, nowMs))
    const least = Math.min(...able.map((session) => session.openWants))
    const best = able.filter((session) => session.openWants === least)
    return best[Math.floor(this.#hub.random() * best.length)]
  }

  // A store that cannot store

  #isPaused(): boolean {
    return this.#hub.nowMs() < this.#pausedUntilMs
  }

  /** Runs a step of the store. When it cannot store, the log rests for a while, and nobody is blamed. */
  #stored<Value>(run: () => Value, passLedger = false): Value | null {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof CodedError) || (passLedger && error instanceof LedgerError)) throw error
      this.#pausedUntilMs = this.#hub.nowMs() + STORE_RETRY_MS
      return null
    }
  }
}
