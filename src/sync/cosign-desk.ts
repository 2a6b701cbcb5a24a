/**
 * Answers those who ask this site to cosign.
 *
 * @remarks
 * A head is cosigned when its every entry is held and valid, which may take a while: the request waits, a few for each
 * peer. What a site cosigned is larger each time; a smaller head than the one it follows gets no line any more. Proven by
 * `tests/sync/cosign-desk.test.ts`.
 *
 * @packageDocumentation
 */
import { orNull } from './attempt.ts'
import type { Fetcher } from './fetcher.ts'
import type { Hub } from './hub.ts'
import { COSIGN_TIMEOUT_MS, MAX_WAITING_COSIGN } from './limits.ts'
import type { Cosigned, CosignStatus, Message, WantCosignature } from './messages.ts'
import type { LogStanding, SignedHead } from './ports.ts'
import type { Session } from './session.ts'

/** A request that waits for entries, or for the contract. */
interface Waiting {
  readonly session: Session
  readonly req: number
  readonly size: number
  readonly untilMs: number
}

/** What is answered, before the number of the request. */
type Outcome = Omit<Cosigned, 'kind' | 'req'>

/** See above. */
export class CosignDesk {
  readonly #hub: Hub
  readonly #fetcher: Fetcher
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(hub: Hub, fetcher: Fetcher) {
    this.#hub = hub
    this.#fetcher = fetcher
  }

  /** Answers at once, or gives nothing and answers later. */
  *answer(session: Session, request: WantCosignature): Generator<Message, void, undefined> {
    const outcome = this.#judge(session, request)
    if (outcome !== null) yield { kind: 'cosigned', req: request.req, ...outcome }
  }

  /** Something about a log changed: those who wait for it may be answered. */
  settle(standing: LogStanding): void {
    const waiting = this.#waiting.get(standing.origin)
    if (waiting === undefined) return
    const still = waiting.filter((one) => !this.#answered(standing, one))
    this.#keep(standing.origin, still)
  }

  left(session: Session): void {
    for (const [origin, waiting] of this.#waiting) {
      this.#keep(
        origin,
        waiting.filter((one) => one.session !== session),
      )
    }
  }

  /** Those who waited too long are told so. */
  tick(): void {
    const nowMs = this.#hub.nowMs()
    for (const [origin, waiting] of this.#waiting) {
      const late = waiting.filter(({ untilMs }) => untilMs <= nowMs)
      for (const { session, req } of late) session.send({ kind: 'cosigned', req, ...outcome(503) })
      if (late.length > 0) {
        this.#keep(
          origin,
          waiting.filter((one) => !late.includes(one)),
        )
      }
    }
  }

  /** Null when the answer comes later. */
  #judge(session: Session, request: WantCosignature): Outcome | null {
    const head = orNull(() => this.#hub.store.checkHead(request.note))
    if (head === null) return outcome(403)
    const { store } = this.#hub
    const standing = store.standing(head.origin)
    if (standing === null || standing.isOwn) return outcome(404)
    this.#fetcher.shown(session, head, { isShort: true, request })
    const now = store.standing(head.origin) ?? standing
    return this.#outcomeOf(now, head) ?? this.#wait(session, request.req, head)
  }

  /** What can be said now about a head of this size, after it was looked at; null when it is to be waited for. */
  #outcomeOf(standing: LogStanding, { origin, size }: Pick<SignedHead, 'origin' | 'size'>): Outcome | null {
    const { pending, mirrored, refused, isFrozen } = standing
    if (isFrozen) return outcome(422)
    if (refused !== null) return { status: 406, at: refused.index, text: refused.code }
    if (this.#hub.store.self().role === 'node') return outcome(503)
    if (size < pending) return outcome(409, pending)
    if (size > mirrored) return null
    const lines = orNull(() => this.#hub.store.ownLines(origin))
    return lines === null ? outcome(503) : { status: 200, at: 0, text: lines }
  }

  #wait(session: Session, req: number, { origin, size }: SignedHead): Outcome | null {
    const all = [...this.#waiting.values()].flat()
    if (all.filter((one) => one.session === session).length >= MAX_WAITING_COSIGN) return outcome(503)
    const waiting = this.#waiting.get(origin) ?? []
    const untilMs = this.#hub.nowMs() + COSIGN_TIMEOUT_MS
    this.#waiting.set(origin, [...waiting, { session, req, size, untilMs }])
    return null
  }

  #answered(standing: LogStanding, { session, req, size }: Waiting): boolean {
    const found = this.#outcomeOf(standing, { origin: standing.origin, size })
    if (found !== null) session.send({ kind: 'cosigned', req, ...found })
    return found !== null
  }

  #keep(origin: string, waiting: Waiting[]): void {
    if (waiting.length === 0) this.#waiting.delete(origin)
    else this.#waiting.set(origin, waiting)
  }
}

function outcome(status: CosignStatus, at = 0): Outcome {
  return { status, at, text: '' }
}
