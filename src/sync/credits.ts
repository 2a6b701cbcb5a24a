/**
 * Bytes that are on their way, or wait for something before them, over all logs and peers of a node.
 *
 * @packageDocumentation
 */
import { MAX_ASKED_BYTES } from './limits.ts'

/** The account of one node. Proven by `tests/sync/credits.test.ts`. */
export class Credits {
  #used = 0

  /** Bytes asked for or waiting. */
  get used(): number {
    return this.#used
  }

  /**
   * Takes bytes for a request.
   *
   * @param bytes - Most that the answer may hold.
   * @param alone - True for one that may exceed the limit, when nothing else is on its way.
   * @returns False when there is no room.
   */
  take(bytes: number, alone = false): boolean {
    if (alone ? this.#used > 0 : this.#used + bytes > MAX_ASKED_BYTES) return false
    this.#used += bytes
    return true
  }

  /** Counts bytes that came and wait: their request was counted when it was made, and is given back when it ends. */
  hold(bytes: number): void {
    this.#used += bytes
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#used -= bytes
  }
}
