/**
 * Takes in what peers show of logs: heads, cosignatures, entries, payloads.
 *
 * @remarks
 * Proven by `tests/sync/log-fetch.test.ts`, and with whole networks by `tests/sync/convergence.test.ts`.
 *
 * @packageDocumentation
 */
import { orNull } from './attempt.ts'
import { Credits } from './credits.ts'
import type { Gossip } from './gossip.ts'
import type { Hub } from './hub.ts'
import { LogFetch } from './log-fetch.ts'
import type { WantCosignature } from './messages.ts'
import { PayloadFetch } from './payload-fetch.ts'
import type { SignedHead } from './ports.ts'
import type { Session } from './session.ts'

/** How a head came to be shown. */
export interface ShownHow {
  /** True when it is to be followed before larger ones. */
  readonly isShort: boolean
  /** The request that it came with, which holds a proof. */
  readonly request?: WantCosignature
}

/** The transfers of all logs. */
export class Fetcher {
  readonly credits = new Credits()
  readonly #hub: Hub
  readonly #gossip: Gossip
  readonly #logs = new Map<string, LogFetch>()
  readonly #payloads = new Map<string, PayloadFetch>()
  /** Logs that are looked at again with each tick: something may have become possible by time alone. */
  readonly #restless = new Set<string>()
  /** Logs with entries that can be judged now. */
  readonly #judging = new Set<string>()
  /** Logs that would ask for something, if there was somebody to ask. */
  readonly #starving = new Set<string>()

  constructor(hub: Hub, gossip: Gossip) {
    this.#hub = hub
    this.#gossip = gossip
  }

  /**
   * Notes that a peer shows, in its order. The first of two of one log is short.
   *
   * @param notes - Untrusted. One that is not signed by a log that a roster lists is left out: this roster may be old.
   */
  notes(session: Session, notes: readonly string[]): void {
    const heads = notes.flatMap((note) => orNull(() => this.#hub.store.checkHead(note)) ?? [])
    for (const [i, head] of heads.entries()) {
      const isShort = heads.slice(i + 1).some(({ origin, size }) => origin === head.origin && size > head.size)
      this.shown(session, head, { isShort })
    }
  }

  /** A head that a peer shows. Its signature was checked. */
  shown(session: Session, head: SignedHead, { isShort, request }: ShownHow): void {
    const { store } = this.#hub
    const standing = store.standing(head.origin)
    if (standing === null) return
    this.#gossip.showed(session, head)
    if (standing.isOwn && head.size > standing.pending) this.#ahead(session, head)
    else if (head.size <= standing.stored) this.#addVotes(head)
    else if (head.size <= standing.pending) this.#logOf(head.origin).keepForLater(head)
    else if (session.who.kind === 'witness') {
      // It holds no tree: whoever has the entries shows this head too, and can prove it.
    } else if (!standing.isOwn && !standing.isFrozen) {
      const candidate = this.#logOf(head.origin).offer(head, session, standing, isShort)
      if (candidate !== null && request !== undefined) {
        candidate.proof = { oldSize: request.oldSize, hashes: request.proof, by: session }
      }
    }
    this.#hub.changed(head.origin)
  }

  left(session: Session): void {
    for (const log of this.#logs.values()) log.left(session)
    for (const payloads of this.#payloads.values()) payloads.left(session)
  }

  /** See {@link LogFetch.shownSize}. */
  shownSize(origin: string): number {
    return this.#logs.get(origin)?.shownSize ?? 0
  }

  /** Does for a log what can be done now. */
  step(origin: string): void {
    const log = this.#logs.get(origin)
    log?.step()
    const standing = this.#hub.store.standing(origin)
    if (standing === null) return
    const payloads = standing.stored > 0 ? this.#payloadsOf(origin) : null
    payloads?.step()
    const isBusy = log?.isIdle(standing) === false
    keep(this.#restless, origin, isBusy || payloads?.isRestless(standing) === true)
    if (log === undefined) return
    keep(this.#judging, origin, log.isJudging)
    keep(this.#starving, origin, log.isStarving)
    if (log.takeFreed()) for (const other of this.#starving) if (other !== origin) this.#hub.changed(other)
  }

  /** Goes on with a log that is not complete although nobody showed anything: after a start. */
  resume(origin: string): void {
    this.#logOf(origin)
    this.#hub.changed(origin)
  }

  /** Asks everybody again for the payloads of a log. */
  restartPayloads(origin: string): void {
    this.#payloadsOf(origin).restart()
    this.#hub.changed(origin)
  }

  /** Goes on with what waits: for other logs to be judged, or for time to pass. */
  tick(): void {
    for (const origin of this.#restless) if (!this.#judging.has(origin)) this.#hub.changed(origin)
  }

  /** A log that can go on at once; each gets its turn. */
  nextJudging(): string | null {
    const [origin] = this.#judging
    if (origin === undefined) return null
    this.#judging.delete(origin)
    this.#judging.add(origin)
    return origin
  }

  get isJudging(): boolean {
    return this.#judging.size > 0
  }

  /** Somebody knows more of the own log than this node does. */
  #ahead(session: Session, { origin, note }: SignedHead): void {
    orNull(() => {
      this.#hub.store.monitored(session.who, origin, note)
      return null
    })
  }

  #addVotes(head: SignedHead): void {
    // A store that cannot store loses nothing here: cosignatures are shown again.
    if (orNull(() => this.#hub.store.addVotes(head)) === 'conflict') this.#hub.evidenceFound()
  }

  #logOf(origin: string): LogFetch {
    const known = this.#logs.get(origin)
    if (known !== undefined) return known
    const log = new LogFetch(origin, this.#hub, this.credits, (head) => this.#addVotes(head))
    this.#logs.set(origin, log)
    return log
  }

  #payloadsOf(origin: string): PayloadFetch {
    const known = this.#payloads.get(origin)
    if (known !== undefined) return known
    const payloads = new PayloadFetch(origin, this.#hub)
    this.#payloads.set(origin, payloads)
    return payloads
  }
}

function keep(set: Set<string>, origin: string, isIn: boolean): void {
  if (isIn) set.add(origin)
  else set.delete(origin)
}
