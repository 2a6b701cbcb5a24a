/**
 * How the payloads of one log come here, from whoever may send them.
 *
 * @remarks
 * Each peer is asked once through the whole log for what is missing, range by range, and again when something new came or
 * somebody says so: what one peer does not have or may not send, another may. The store keeps only ciphertext that a
 * proven entry binds. Proven by `tests/sync/payload-fetch.test.ts`.
 *
 * @packageDocumentation
 */
import { assert, CodedError } from '../shared/errors.ts'
import { orNull } from './attempt.ts'
import { SyncError } from './errors.ts'
import type { Hub } from './hub.ts'
import { DISTRUST_MS, MAX_PAYLOAD_RANGE, STORE_RETRY_MS } from './limits.ts'
import type { Payloads, WantPayloads } from './messages.ts'
import type { LogStanding } from './ports.ts'
import type { Session } from './session.ts'

/** Milliseconds within which a range must be there. */
const WHOLE_MS = 120_000
/** Most epoch keys of one answer: several for each entry asked for. */
const MAX_KEYS = MAX_PAYLOAD_RANGE * 16
/** Milliseconds after which a peer that did not have everything is asked again: it may have got more. */
const AGAIN_MS = 300_000

/** How far one peer was asked. */
interface Cursor {
  /** First entry that it was not asked about. */
  readonly next: number
  /** When it was asked about the first. */
  readonly sinceMs: number
}

/** The payloads of one log. */
export class PayloadFetch {
  readonly origin: string
  readonly #hub: Hub
  readonly #cursors = new Map<Session, Cursor>()
  readonly #asked = new Set<Session>()
  /** How often everybody is asked anew: an answer to a question from before moves no cursor. */
  #round = 0
  #pausedUntilMs = -Infinity
  /** Entries held when nothing was missing; looked at again when there are more. */
  #completeTo = 0

  constructor(origin: string, hub: Hub) {
    this.origin = origin
    this.#hub = hub
  }

  left(session: Session): void {
    this.#cursors.delete(session)
    this.#asked.delete(session)
  }

  /** Asks everybody again: somebody may send now what could not be sent before. */
  restart(): void {
    this.#round += 1
    this.#cursors.clear()
    this.#completeTo = 0
  }

  /** True while something is missing: time may change who has it. */
  isRestless({ stored }: LogStanding): boolean {
    return stored !== this.#completeTo
  }

  /** Asks for what is missing. */
  step(): void {
    const nowMs = this.#hub.nowMs()
    if (nowMs < this.#pausedUntilMs) return
    const standing = this.#hub.store.standing(this.origin)
    if (standing === null || standing.stored === this.#completeTo) return
    if (orNull(() => this.#hub.store.missingPayload(this.origin, 0, null)) === null) {
      this.#completeTo = standing.stored
      return
    }
    for (const session of this.#hub.peers()) {
      if (
        session.who.kind !== 'node' ||
        this.#asked.has(session) ||
        !session.hasCredit ||
        !session.isTrustedWith(this.origin, nowMs)
      )
        continue
      this.#askFrom(session, standing.stored, nowMs)
    }
  }

  #askFrom(session: Session, stored: number, nowMs: number): void {
    const cursor = this.#cursorOf(session, nowMs)
    const has = session.known.get(this.origin)?.size ?? 0
    const from = cursor.next < Math.min(stored, has) ? this.#missing(cursor.next, session) : null
    if (from === null || from >= has) return
    const to = Math.min(from + MAX_PAYLOAD_RANGE, stored, has)
    const want = { kind: 'want-payloads', origin: this.origin, from, to } as const
    const state = { next: from, keys: 0 }
    const round = this.#round
    this.#asked.add(session)
    session.ask(
      want,
      {
        isWant: true,
        expects: 'payloads',
        wholeMs: WHOLE_MS,
        part: (answer) => {
          assert(answer.kind === 'payloads', 'the session passes on what was asked for')
          this.#take(session, answer, want, state)
          if (answer.last) this.#done(session, round, { ...cursor, next: to })
          return answer.last
        },
        failed: (why) => {
          // Somebody who may send nothing is not asked for range after range of a long log.
          this.#done(session, round, { ...cursor, next: why === 'NOT_FOR_YOU' ? Infinity : to })
        },
      },
      nowMs,
    )
  }

  #missing(from: number, session: Session): number | null {
    return orNull(() => this.#hub.store.missingPayload(this.origin, from, session.who))
  }

  /** Takes a part: rows in ascending order, each once, of what was asked for. */
  #take(
    session: Session,
    { rows, keys }: Payloads,
    { to }: Omit<WantPayloads, 'req'>,
    state: { next: number; keys: number },
  ): void {
    for (const { index } of rows) {
      if (index < state.next || index >= to) throw new SyncError('BAD_ANSWER', 'not a payload that was asked for')
      state.next = index + 1
    }
    state.keys += keys.length
    if (state.keys > MAX_KEYS) throw new SyncError('BAD_ANSWER', 'more keys than entries can have')
    try {
      if (this.#hub.store.storePayloads(this.origin, rows, keys)) return
      session.blame(this.origin, this.#hub.nowMs() + DISTRUST_MS)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      this.#pausedUntilMs = this.#hub.nowMs() + STORE_RETRY_MS
    }
  }

  #cursorOf(session: Session, nowMs: number): Cursor {
    const known = this.#cursors.get(session)
    return known === undefined || known.sinceMs + AGAIN_MS <= nowMs ? { next: 0, sinceMs: nowMs } : known
  }

  #done(session: Session, round: number, cursor: Cursor): void {
    this.#asked.delete(session)
    if (round === this.#round) this.#cursors.set(session, cursor)
    this.#hub.changed(this.origin)
  }
}
