/**
 * Collects cosignatures for the log that this node writes.
 *
 * @remarks
 * After a block every site that cosigns, and every witness, is asked, one request at a time, for the newest head; blocks that come while it
 * answers share the next request. A site that was away is asked for at most two heads (`catchUp` of `ledger/finality.ts`).
 * Proven by `tests/sync/collector.test.ts`.
 *
 * @packageDocumentation
 */
import { assert, CodedError } from '../shared/errors.ts'
import { orNull } from './attempt.ts'
import type { Gossip } from './gossip.ts'
import type { Hub } from './hub.ts'
import { COSIGN_TIMEOUT_MS, ROUND_MS } from './limits.ts'
import type { Cosigned } from './messages.ts'
import type { LogStanding } from './ports.ts'
import type { Session } from './session.ts'

/** Milliseconds that the answer may take longer than the other side lets it wait. */
const SLACK_MS = 10_000

/** What one peer was asked about one log. */
interface Asked {
  isOpen: boolean
  /** Largest size that was answered for good. */
  done: number
  notBeforeMs: number
}

/** See above. */
export class Collector {
  readonly #hub: Hub
  readonly #gossip: Gossip
  readonly #asked = new Map<Session, Map<string, Asked>>()

  constructor(hub: Hub, gossip: Gossip) {
    this.#hub = hub
    this.#gossip = gossip
  }

  left(session: Session): void {
    this.#asked.delete(session)
  }

  /** Asks whoever can be asked about a log of this node. */
  step(standing: LogStanding): void {
    if (!standing.isOwn || standing.isFrozen || standing.pending === 0) return
    for (const session of this.#hub.peers()) {
      if (session.hello?.role !== 'node' && session.isIntroduced && session.canWrite()) this.#askNext(session, standing)
    }
  }

  #askNext(session: Session, standing: LogStanding): void {
    const { origin } = standing
    const nowMs = this.#hub.nowMs()
    const asked = this.#stateOf(session, origin)
    if (asked.isOpen || asked.notBeforeMs > nowMs) return
    const size = this.#offersFor(session, standing).find((offer) => offer > asked.done)
    const note = size === undefined ? null : orNull(() => this.#hub.store.note(origin, size))
    if (size === undefined || note === null) return
    asked.isOpen = true
    this.#gossip.sent(session, origin, size)
    session.ask(
      { kind: 'want-cosignature', ...this.#proofFor(session, origin, size), note },
      {
        isWant: false,
        expects: 'cosigned',
        wholeMs: COSIGN_TIMEOUT_MS + SLACK_MS,
        part: (answer) => {
          assert(answer.kind === 'cosigned', 'the session passes on what was asked for')
          asked.isOpen = false
          this.#answered(session, asked, note, size, answer)
          this.#hub.changed(origin)
          return true
        },
        failed: () => {
          asked.isOpen = false
          asked.notBeforeMs = this.#hub.nowMs() + ROUND_MS
        },
      },
      nowMs,
    )
  }

  /** Sizes that are worth a request. A witness has no vote: it is asked whether it saw the newest head. */
  #offersFor({ who }: Session, { origin, pending }: LogStanding): readonly number[] {
    if (who.kind === 'guest') return []
    if (who.kind === 'witness') return [pending]
    return orNull(() => this.#hub.store.offersFor(origin, who.site)) ?? []
  }

  /** The proof from what the peer is known to have; none when it will ask for one itself. */
  #proofFor(session: Session, origin: string, size: number) {
    const oldSize = session.known.get(origin)?.size ?? 0
    const isKnown = oldSize > 0 && oldSize < size
    const proof = isKnown ? orNull(() => this.#hub.store.consistency(origin, oldSize, size)) : null
    return proof === null ? { oldSize: 0, proof: [] } : { oldSize, proof }
  }

  #answered(session: Session, asked: Asked, note: string, size: number, { status, at, text }: Cosigned): void {
    if (status === 200) {
      asked.done = size
      this.#add(session, note + text)
    } else if (status === 409) asked.done = Math.max(size, at)
    else {
      // Asked again when there is something new, and now and then: what was refused may be held by now.
      asked.notBeforeMs = this.#hub.nowMs() + ROUND_MS
    }
  }

  #add(session: Session, note: string): void {
    const { store } = this.#hub
    try {
      const head = store.checkHead(note)
      const before = store.standing(head.origin)?.final ?? 0
      if (store.addVotes(head) !== 'stored') return
      const standing = store.standing(head.origin)
      this.#gossip.showed(session, head)
      if (standing !== null) this.#gossip.changed(standing, standing.final > before ? 'now' : 'soon')
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
    }
  }

  #stateOf(session: Session, origin: string): Asked {
    const logs = this.#asked.get(session) ?? new Map<string, Asked>()
    this.#asked.set(session, logs)
    const known = logs.get(origin)
    if (known !== undefined) return known
    const fresh: Asked = { isOpen: false, done: 0, notBeforeMs: -Infinity }
    logs.set(origin, fresh)
    return fresh
  }
}
