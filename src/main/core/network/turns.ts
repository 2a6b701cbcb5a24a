/**
 * Whose turn it is in the vault's thread: what peers said, and what is left to do for them, a few milliseconds at a time.
 *
 * @remarks
 * Peers take turns, whoever says more waits longer; between two turns everything else in the thread has its own. While
 * somebody at this computer waits for an answer, peers wait too, but not for ever: whoever asks all the time must not cut
 * the clinic off. How much may wait is bounded by the thread of the sockets. Proven by
 * `tests/main/core/network/turns.test.ts`.
 *
 * @packageDocumentation
 */
import type { LocalCalls } from '../local-calls.ts'

/** Longest turn, in ms, but for a single job that takes longer. */
const TURN_MS = 8
/** Longest that peers wait for people, in ms. */
const PATIENCE_MS = 100

/** What turns are made of. */
export interface TurnsParts {
  readonly local: Pick<LocalCalls, 'isBusy' | 'whenIdle'>
  /** Something is left to do that waits for nobody. */
  readonly hasWork: () => boolean
  /** Does a small part of it. */
  readonly work: () => void
  /** A clock that nobody sets, in ms. */
  readonly nowMs: () => number
  /** Runs something after everything that is due now. Tests hand in their own. */
  readonly soon?: (run: () => void) => void
  /** Runs something after so many ms. */
  readonly later?: (run: () => void, ms: number) => void
}

interface Job {
  readonly run: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** See the module's comment. */
export class Turns<Key> {
  readonly #parts: TurnsParts
  readonly #queues = new Map<Key, Job[]>()
  #isScheduled = false
  #isClosed = false
  /** Since when peers wait for their turn. */
  #sinceMs = 0

  constructor(parts: TurnsParts) {
    this.#parts = parts
  }

  /**
   * Queues something that a peer said.
   *
   * @param key - Of the peer: what one says is dealt with in order.
   * @returns Settled when it was dealt with, as `run` ends.
   */
  add(key: Key, run: () => void): Promise<void> {
    return new Promise((done, failed) => {
      if (this.#isClosed) {
        done()
        return
      }
      const queue = this.#queues.get(key) ?? []
      queue.push({ run, done, failed })
      this.#queues.set(key, queue)
      this.poke()
    })
  }

  /** There may be work. */
  poke(): void {
    if (this.#isScheduled || this.#isClosed || !this.#isDue()) return
    this.#isScheduled = true
    this.#sinceMs = this.#parts.nowMs()
    this.#soon(() => this.#begin())
  }

  /** Nothing of what waits is done any more. */
  close(): void {
    this.#isClosed = true
    for (const queue of this.#queues.values()) for (const { done } of queue) done()
    this.#queues.clear()
  }

  #isDue(): boolean {
    return this.#queues.size > 0 || this.#parts.hasWork()
  }

  /** Lets people go first. */
  #begin(): void {
    const { local, nowMs } = this.#parts
    const leftMs = local.isBusy ? this.#sinceMs + PATIENCE_MS - nowMs() : 0
    if (leftMs <= 0) {
      this.#turn()
      return
    }
    let isOver = false
    const again = () => {
      if (isOver) return
      isOver = true
      forget()
      // Whoever was just answered may ask the next thing at once.
      this.#soon(() => this.#begin())
    }
    const forget = local.whenIdle(again)
    this.#later(again, leftMs)
  }

  #turn(): void {
    this.#isScheduled = false
    if (this.#isClosed) return
    const { nowMs, hasWork, work } = this.#parts
    const startedMs = nowMs()
    do {
      this.#next()
      if (hasWork()) work()
    } while (this.#isDue() && nowMs() - startedMs < TURN_MS)
    this.poke()
  }

  /** The first job of the peer whose turn it is. */
  #next(): void {
    const [first] = this.#queues
    if (first === undefined) return
    const [key, queue] = first
    const job = queue.shift()
    // Behind all others from now on.
    this.#queues.delete(key)
    if (queue.length > 0) this.#queues.set(key, queue)
    if (job === undefined) return
    try {
      job.run()
      job.done()
    } catch (error) {
      job.failed(error)
    }
  }

  #soon(run: () => void): void {
    const { soon = setImmediate } = this.#parts
    soon(run)
  }

  #later(run: () => void, ms: number): void {
    const { later = afterMs } = this.#parts
    later(run, ms)
  }
}

function afterMs(run: () => void, ms: number): void {
  setTimeout(run, ms).unref()
}
