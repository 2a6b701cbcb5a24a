/**
 * How much of the computer background work may take: it runs in short slices, and reads no faster than it is allowed.
 *
 * @remarks
 * Proven by `tests/main/core/vault/scrub-budget.test.ts`.
 *
 * @packageDocumentation
 */

/** Limits of background work, and how it waits. */
export interface BudgetParts {
  /** Time of one slice, ms. */
  readonly sliceMs: number
  /** Pause after each slice, ms: the share of the time that is left to others. */
  readonly pauseMs: number
  /** Bytes read in a second at most. */
  readonly bytesPerS: number
  /** A clock that never goes back, ms. */
  readonly clockMs: () => number
  /** Resolves after `ms`; other requests get their turn meanwhile. */
  readonly pause: (ms: number) => Promise<void>
}

/** Counts what background work used, and says when it must rest. */
export class Budget {
  readonly #parts: BudgetParts
  #sliceStartMs: number
  #sliceBytes = 0

  constructor(parts: BudgetParts) {
    this.#parts = parts
    this.#sliceStartMs = parts.clockMs()
  }

  /**
   * Notes work that was done.
   *
   * @param bytes - Read since the last call.
   * @returns Null to go on at once, or the rest to wait for.
   */
  used(bytes: number): Promise<void> | null {
    const { sliceMs, bytesPerS, clockMs } = this.#parts
    this.#sliceBytes += bytes
    const isOver = clockMs() - this.#sliceStartMs >= sliceMs || this.#sliceBytes >= (bytesPerS * sliceMs) / 1000
    return isOver ? this.#rest() : null
  }

  /** As long as the slice was shorter than its bytes allow, and at least the pause. */
  async #rest(): Promise<void> {
    const { pauseMs, bytesPerS, clockMs, pause } = this.#parts
    const dueMs = (this.#sliceBytes / bytesPerS) * 1000
    await pause(Math.max(pauseMs, dueMs - (clockMs() - this.#sliceStartMs)))
    this.#sliceStartMs = clockMs()
    this.#sliceBytes = 0
  }
}
