/**
 * Events from whoever produces them to one reader who takes them when it can.
 *
 * @remarks
 * Proven by `tests/main/core/event-hub.test.ts`.
 *
 * @packageDocumentation
 */

/** Events waiting for a slow reader before the oldest are dropped. */
const BACKLOG_LIMIT = 1000

/** A bounded queue that is read as an async iterator, once. */
export class EventQueue<Event> {
  readonly #waiting: Event[] = []
  #over = false
  #failure: Error | null = null
  #wake: () => void = () => undefined

  /** Adds an event. */
  push(event: Event): void {
    // A window that does not read loses old news; what it needs is sent anew when it reconnects.
    if (this.#waiting.length >= BACKLOG_LIMIT) this.#waiting.shift()
    this.#waiting.push(event)
    this.#wake()
  }

  /**
   * Nothing comes after what is there.
   *
   * @param failure - Thrown to the reader after the last event.
   */
  end(failure: Error | null = null): void {
    this.#over = true
    this.#failure ??= failure
    this.#wake()
  }

  /**
   * The events, until the end or the signal. Whatever waits when the signal comes is dropped.
   *
   * @param signal - Ends the iteration, also in the middle of waiting.
   */
  async *read(signal: AbortSignal | undefined): AsyncGenerator<Event, void, void> {
    const wake = (): void => this.#wake()
    signal?.addEventListener('abort', wake)
    try {
      while (signal?.aborted !== true) {
        const next = this.#waiting.shift()
        if (next !== undefined) yield next
        else if (this.#over) break
        else await this.#more()
      }
    } finally {
      signal?.removeEventListener('abort', wake)
    }
    if (this.#failure !== null && signal?.aborted !== true) throw this.#failure
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }
}
