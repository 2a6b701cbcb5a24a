/**
 * One source of events with any number of listeners, each a bounded async iterator.
 *
 * @packageDocumentation
 */

/** Events waiting for one slow listener before the oldest are dropped. */
const BACKLOG_LIMIT = 1000

/** Sends every event to every listener that is there when it happens. */
export class EventHub<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** Tells every listener. */
  send(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }

  /**
   * Events from now on, after `first`.
   *
   * @param first - What a new listener is told before anything else.
   * @param signal - Ends the iteration.
   */
  async *listen(first: readonly Event[], signal: AbortSignal | undefined): AsyncGenerator<Event, void, void> {
    const queue: Event[] = [...first]
    let wake: (() => void) | null = null
    const listener = (event: Event) => {
      // A window that does not read loses old news; what it needs is sent anew when it reconnects.
      if (queue.length >= BACKLOG_LIMIT) queue.shift()
      queue.push(event)
      wake?.()
    }
    const stop = () => wake?.()
    this.#listeners.add(listener)
    signal?.addEventListener('abort', stop)
    try {
      while (signal?.aborted !== true) {
        const next = queue.shift()
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          wake = null
        } else yield next
      }
    } finally {
      this.#listeners.delete(listener)
      signal?.removeEventListener('abort', stop)
    }
  }
}
