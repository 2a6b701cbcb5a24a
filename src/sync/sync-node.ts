/**
 * A node among its peers: what comes in, what goes out, and what time does.
 *
 * @remarks
 * The pure half of the peer channel. Streams, time and the ledger are handed in; every call does what can be done soon
 * and returns; what takes longer is left for {@link SyncNode.work}, a small part at a time. Links are whatever the caller tells them apart by. Proven by `tests/sync/convergence.test.ts`: whatever is
 * appended, cut, killed and healed, all nodes end with the same logs, and nothing that was final anywhere changes.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { answersTo } from './answers.ts'
import { Clones, isCloneOf } from './clones.ts'
import { Collector } from './collector.ts'
import { CosignDesk } from './cosign-desk.ts'
import { SyncError, type SyncErrorCode } from './errors.ts'
import { Fetcher } from './fetcher.ts'
import { Gossip } from './gossip.ts'
import { GovernanceTalk } from './governance-talk.ts'
import type { Hub } from './hub.ts'
import { PROTOCOL_VERSION } from './limits.ts'
import type { Hello, Message } from './messages.ts'
import type { Clock, LogStanding, PeerIdentity, Random, SyncStore, Wire } from './ports.ts'
import { askForPackage, askForPayload, type Retrieved, type RetrievedPayload, type WantedPackage } from './retrieval.ts'
import { type Request, Session, type SessionHandler, type Telling } from './session.ts'

/** What a node is made of. */
export interface SyncParts {
  readonly store: SyncStore
  readonly clock: Clock
  readonly random: Random
  /** Told when a session ends. `why` is null when nobody did anything wrong; else the link is to be cut. */
  readonly ended: (link: number, why: SyncErrorCode | null) => void
}

/** What is known of a peer, for people. */
export interface PeerFacts {
  readonly link: number
  readonly who: PeerIdentity
  /** Null before it said hello. */
  readonly hello: Hello | null
  /** By the clock that was handed in. */
  readonly heardMs: number
  /** Requests of ours that are not answered. */
  readonly openWants: number
  /** How far the peer has each log, as it says. */
  readonly known: ReadonlyMap<string, { readonly size: number; readonly final: number }>
  /** Logs of which it has said for a round, or longer, that it has more than it has shown a signed head of. */
  readonly unshown: ReadonlySet<string>
}

/** See above. */
export class SyncNode implements Hub, SessionHandler {
  readonly store: SyncStore
  readonly #parts: SyncParts
  readonly #sessions = new Map<number, Session>()
  readonly #links = new Map<Session, number>()
  readonly #gossip: Gossip
  readonly #fetcher: Fetcher
  readonly #collector: Collector
  readonly #desk: CosignDesk
  readonly #talk: GovernanceTalk
  readonly #clones = new Clones()
  readonly #changed = new Set<string>()
  /** Logs that this node writes, or wrote. */
  readonly #own = new Set<string>()
  /** How far each log was when others were told last. */
  readonly #told = new Map<string, string>()
  #isSettling = false

  constructor(parts: SyncParts) {
    this.#parts = parts
    this.store = parts.store
    this.#gossip = new Gossip(this)
    this.#fetcher = new Fetcher(this, this.#gossip)
    this.#collector = new Collector(this, this.#gossip)
    this.#desk = new CosignDesk(this, this.#fetcher)
    this.#talk = new GovernanceTalk(this)
    for (const standing of this.store.standings()) {
      this.#told.set(standing.origin, JSON.stringify(standing))
      if (standing.isOwn) this.#own.add(standing.origin)
      if (standing.mirrored < standing.pending && !standing.isOwn) this.#fetcher.resume(standing.origin)
    }
  }

  // Events

  /**
   * A stream to a peer is open.
   *
   * @param link - Not in use by another stream.
   * @param who - As the transport authenticated it against the roster, or an open invitation.
   */
  connected(link: number, who: PeerIdentity, wire: Wire): void {
    assert(!this.#sessions.has(link), 'a link is one stream')
    const session = new Session(who, wire, this, this.nowMs())
    this.#sessions.set(link, session)
    this.#links.set(session, link)
    this.#clones.connected(session)
    session.send({ kind: 'hello', version: PROTOCOL_VERSION, ...helloOf(this.store.self()) })
  }

  /** The stream is gone. */
  disconnected(link: number): void {
    this.#sessions.get(link)?.lost()
    this.#settle()
  }

  /**
   * One message came.
   *
   * @param bytes - One frame, without its length. Untrusted.
   */
  received(link: number, bytes: Uint8Array): void {
    this.#sessions.get(link)?.receive(bytes, this.nowMs())
    this.#settle()
  }

  /** The stream takes more again. */
  drained(link: number): void {
    const session = this.#sessions.get(link)
    session?.drained()
    if (session?.canWrite() === true) this.#resumed(session)
    this.#settle()
  }

  /** Lets time pass. Call it some four times a second. */
  tick(): void {
    const nowMs = this.nowMs()
    for (const session of this.#sessions.values()) session.tick(nowMs)
    this.#desk.tick()
    this.#fetcher.tick()
    for (const origin of this.#own) this.changed(origin)
    this.#settle()
    this.#gossip.tick()
    this.#talk.tick()
  }

  /** True when something is left that waits for nobody: {@link work} goes on with it. */
  get hasWork(): boolean {
    return this.#fetcher.isJudging || this.#answering() !== null
  }

  /** Goes on with a small part of what is left. To be called while {@link hasWork}, as soon as nothing else is to be done. */
  work(): void {
    const session = this.#answering()
    if (session !== null) {
      // Behind the others from now on.
      const link = this.#links.get(session)
      if (link !== undefined && this.#sessions.delete(link)) this.#sessions.set(link, session)
      session.pump()
    }
    const origin = this.#fetcher.nextJudging()
    if (origin !== null) this.changed(origin)
    this.#settle()
  }

  /** The own log has grown, or something about a log was stored from elsewhere. */
  logChanged(origin: string): void {
    if (this.store.standing(origin)?.isOwn === true) this.#own.add(origin)
    this.changed(origin)
    this.#settle()
  }

  /** Consent or custody changed: payloads of a log may be had now that could not be before. */
  payloadsChanged(origin: string): void {
    this.#fetcher.restartPayloads(origin)
    this.#settle()
  }

  /** A roster, a contract or a proposal was stored here. */
  governanceChanged(): void {
    this.#talk.changed()
  }

  /** Ends all sessions, politely. */
  stop(): void {
    for (const session of this.#sessions.values()) {
      session.send({ kind: 'bye' })
      session.close(null)
    }
  }

  /** What is known of the peers. */
  facts(): PeerFacts[] {
    return [...this.#sessions].map(([link, session]) => {
      const { who, hello, heardMs, openWants, known } = session
      return { link, who, hello, heardMs, openWants, known, unshown: this.#gossip.unshown(session) }
    })
  }

  /** Entries that a log is known to have: up to the largest head that it signed, whatever anybody says. */
  knownSize({ origin, pending }: LogStanding): number {
    return Math.max(pending, this.#fetcher.shownSize(origin))
  }

  /** Bytes of entries that were asked for or wait. */
  get askedBytes(): number {
    return this.#fetcher.credits.used
  }

  // For the parts

  nowMs(): number {
    return this.#parts.clock.nowMs()
  }

  random(): number {
    return this.#parts.random.next()
  }

  *peers(): Generator<Session> {
    for (const session of this.#sessions.values()) {
      if (session.who.kind !== 'guest' && session.hello !== null && !session.isClosed) yield session
    }
  }

  changed(origin: string): void {
    this.#changed.add(origin)
  }

  /**
   * Asks the mirror of the own site for something that only its nodes share.
   *
   * @param done - Given the answer, untrusted; null when there was none.
   * @returns False when it is not connected, or still answers.
   */
  askOwnSite(body: Uint8Array, done: (answer: Uint8Array | null) => void): boolean {
    const { site } = this.store.self()
    const session = [...this.peers()].find(
      ({ who, hello }) => who.kind === 'node' && who.site === site && hello?.role === 'mirror',
    )
    if (!session?.canWrite()) return false
    session.ask(
      { kind: 'join-request', body },
      {
        isWant: false,
        expects: 'join-answer',
        part: (answer) => {
          assert(answer.kind === 'join-answer', 'the session passes on what was asked for')
          done(answer.body)
          return true
        },
        failed: () => done(null),
      },
      this.nowMs(),
    )
    return true
  }

  /**
   * Asks a peer for a package of a log that was here and is damaged.
   *
   * @param done - Called once; null, too, when the peer is gone. What comes is untrusted.
   */
  retrievePackage(link: number, want: WantedPackage, done: (answer: Retrieved<readonly Uint8Array[]>) => void): void {
    const session = this.#greeted(link)
    if (session === null) done(GONE)
    else askForPackage(session, want, this.nowMs(), done)
  }

  /** The same for the payload of an entry. */
  retrievePayload(
    link: number,
    want: { readonly origin: string; readonly index: number },
    done: (answer: Retrieved<RetrievedPayload>) => void,
  ): void {
    const session = this.#greeted(link)
    if (session === null) done(GONE)
    else askForPayload(session, want, this.nowMs(), done)
  }

  #greeted(link: number): Session | null {
    const session = this.#sessions.get(link)
    return session === undefined || session.hello === null || session.who.kind !== 'node' ? null : session
  }

  evidenceFound(): void {
    this.#talk.evidenceFound()
  }

  // For the sessions

  greeted(session: Session, hello: Hello): void {
    const self = this.store.self()
    if (hello.version !== PROTOCOL_VERSION) throw new SyncError('WRONG_VERSION', `version ${hello.version}`)
    if (!equalBytes(hello.network, self.network)) throw new SyncError('OTHER_NETWORK', 'another network')
    if (session.who.kind === 'guest') return
    const { site, log, kind } = session.who
    const isWitness = hello.role === 'witness'
    if (hello.site !== site || hello.log !== log || isWitness !== (kind === 'witness'))
      throw new SyncError('NOT_WHO_IT_SAYS', 'another node')
    if (isCloneOf(self, hello)) this.store.cloned(null)
    this.#clones.greeted(session, hello)
    // What opened an incarnation comes before anything that is said about it.
    this.#talk.greeted(session, hello)
    this.#gossip.greeted(session)
    for (const origin of this.#own) this.changed(origin)
  }

  told(session: Session, message: Telling): void {
    switch (message.kind) {
      case 'have':
        this.#tellClone(session)
        this.#gossip.heard(session, message.logs)
        for (const { origin } of message.logs) this.changed(origin)
        for (const origin of this.#own) this.changed(origin)
        return
      case 'heads':
        return this.#fetcher.notes(session, message.notes)
      case 'announce':
        return this.#fetcher.notes(session, [message.note])
      case 'clone':
        if (session.who.kind !== 'guest') this.store.cloned(session.who.site)
        return
      case 'evidence':
      case 'governance':
      case 'opened':
        return this.#talk.heard(session, message)
    }
  }

  answer(session: Session, request: Request): Iterator<Message> {
    if (request.kind === 'want-cosignature') return this.#desk.answer(session, request)
    return answersTo(this.store, session.who, request)
  }

  closed(session: Session, why: SyncErrorCode | null): void {
    const link = this.#links.get(session)
    assert(link !== undefined, 'a session ends once')
    this.#sessions.delete(link)
    this.#links.delete(session)
    for (const part of [this.#gossip, this.#fetcher, this.#collector, this.#desk, this.#talk]) part.left(session)
    this.#parts.ended(link, why)
  }

  /** A peer whose requests can be answered now. */
  #answering(): Session | null {
    for (const session of this.#sessions.values()) if (session.mayAnswer()) return session
    return null
  }

  /** Whoever answers and was replaced by another run before is told of it, and so are people here. */
  #tellClone(session: Session): void {
    const instance = session.hello === null ? null : this.#clones.answered(session.hello)
    if (instance === null || session.who.kind !== 'node') return
    session.send({ kind: 'clone', instance })
    this.store.seenTwice(session.who.log)
  }

  /** A peer can be asked again. */
  #resumed(session: Session): void {
    for (const origin of session.known.keys()) this.changed(origin)
  }

  /** Does everything that has become possible, before the next event. */
  #settle(): void {
    if (this.#isSettling) return
    this.#isSettling = true
    try {
      for (let rounds = 0; this.#changed.size > 0 && rounds < MAX_ROUNDS; rounds++) this.#settleOnce()
    } finally {
      this.#isSettling = false
    }
  }

  #settleOnce(): void {
    const origins = [...this.#changed]
    this.#changed.clear()
    for (const origin of origins) {
      this.#fetcher.step(origin)
      const standing = this.store.standing(origin)
      if (standing === null) continue
      this.#desk.settle(standing)
      this.#collector.step(standing)
      this.#spread(origin)
    }
  }

  /** Tells others what changed about a log since they were told last. */
  #spread(origin: string): void {
    const standing = this.store.standing(origin)
    if (standing === null) return
    const now = JSON.stringify(standing)
    const before = this.#told.get(origin)
    if (now === before) return
    this.#told.set(origin, now)
    this.#gossip.changed(standing, standing.isOwn ? 'soon' : 'if-needed')
  }
}

/** Nobody is there to ask. */
const GONE = { value: null, failed: 'GONE' } as const

/** Rounds of one event, at most: what is left goes on with the next tick. */
const MAX_ROUNDS = 64

function helloOf({
  network,
  rosterVersion,
  contractVersion,
  site,
  log,
  instance,
  role,
}: ReturnType<SyncStore['self']>) {
  return { network, rosterVersion, contractVersion, site, log, instance, role }
}
