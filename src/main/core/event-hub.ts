/**
 * One source of events with any number of listeners, each a bounded async iterator.
 *
 * @remarks
 * Proven by `tests/main/core/event-hub.test.ts`.
 *
 * @packageDocumentation
 */
import { EventQueue } from './event-queue.ts'

/** Sends every event to every listener that is there when it happens. */
export class EventHub<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** How many listen now. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Tells every listener. */
  send(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }

  /**
   * Events from now on, after `first`.
   *
   * @param first - What a new listener is told before anything else. Asked at the moment from which on events are
   *   heard, so that nothing is lost between the two.
   * @param signal - Ends the iteration.
   */
  async *listen(first: () => readonly Event[], signal: AbortSignal | undefined): AsyncGenerator<Event, void, void> {
    const queue = new EventQueue<Event>()
    const listener = (event: Event): void => queue.push(event)
    this.#listeners.add(listener)
    try {
      for (const event of first()) queue.push(event)
      yield* queue.read(signal)
    } finally {
      this.#listeners.delete(listener)
    }
  }
}
