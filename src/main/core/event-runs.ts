/**
 * Long work of the vault that windows ask for and follow, as many times as they ask.
 *
 * @packageDocumentation
 */
import { EventQueue } from './event-queue.ts'

/** How the vault is asked for one kind of work. */
export interface RunParts<Request> {
  /** Reports as events and ends with `done`; rejects when the work cannot go on. */
  readonly begin: (run: number, request: Request) => Promise<void>
  readonly cancel: (run: number) => Promise<void>
}

/** Runs under way, each with the window that asked for it. */
export class EventRuns<Event extends { readonly kind: string }, Request> {
  readonly #parts: RunParts<Request>
  readonly #runs = new Map<number, EventQueue<Event>>()
  #next = 1

  constructor(parts: RunParts<Request>) {
    this.#parts = parts
  }

  /** The vault says how far a run is. */
  report({ run, event }: { readonly run: number; readonly event: Event }): void {
    const queue = this.#runs.get(run)
    queue?.push(event)
    if (event.kind === 'done') queue?.end()
  }

  /** The thread that worked is gone. */
  fail(error: Error): void {
    for (const queue of this.#runs.values()) queue.end(error)
  }

  /** A run of its own, given up when the reader leaves. */
  async *start(request: Request, signal: AbortSignal | undefined): AsyncGenerator<Event, void, void> {
    const run = this.#next++
    const queue = new EventQueue<Event>()
    this.#runs.set(run, queue)
    let isDone = false
    try {
      this.#parts.begin(run, request).catch((error: unknown) => queue.end(error as Error))
      for await (const event of queue.read(signal)) {
        isDone = event.kind === 'done'
        yield event
      }
    } finally {
      this.#runs.delete(run)
      // Nobody waits for this any more, and a vault that is gone has nothing to cancel.
      if (!isDone) await this.#parts.cancel(run).catch(() => undefined)
    }
  }
}
