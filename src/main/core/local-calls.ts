/**
 * What people at this computer have asked of the vault and wait for.
 *
 * @remarks
 * Work for other nodes steps back while there is any. Proven by `tests/main/core/network/turns.test.ts`.
 *
 * @packageDocumentation
 */

/** Methods that run for minutes, in slices of their own: nobody stands and waits for them. */
const LONG: ReadonlySet<string> = new Set(['verifyAll', 'scrub'])

/** The calls under way. */
export class LocalCalls {
  #open = 0
  readonly #waiting = new Set<() => void>()

  /** True while somebody waits for an answer. */
  get isBusy(): boolean {
    return this.#open > 0
  }

  /** Counts `method` until the promise is settled, and passes it on. */
  async during<Value>(method: string, call: () => Promise<Value>): Promise<Value> {
    if (LONG.has(method)) return call()
    this.#open += 1
    try {
      return await call()
    } finally {
      this.#open -= 1
      if (this.#open === 0) this.#tellIdle()
    }
  }

  /**
   * Runs `run` once, when nobody waits any more.
   *
   * @returns Forgets it.
   */
  whenIdle(run: () => void): () => void {
    this.#waiting.add(run)
    return () => this.#waiting.delete(run)
  }

  #tellIdle(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const run of waiting) run()
  }
}
