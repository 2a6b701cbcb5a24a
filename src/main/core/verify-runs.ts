/**
 * "Verify everything", as many times as windows ask for it.
 *
 * @packageDocumentation
 */
import type { VerifyAllEvent } from '../../shared/api/schemas.ts'
import { EventQueue } from './event-queue.ts'
import type { VaultEvent, VaultService } from './vault-service.ts'

/** Runs under way, each with the window that asked for it. */
export class VerifyRuns {
  readonly #vault: Pick<VaultService, 'verifyAll' | 'cancelVerifyAll'>
  readonly #runs = new Map<number, EventQueue<VerifyAllEvent>>()
  #next = 1

  constructor(vault: Pick<VaultService, 'verifyAll' | 'cancelVerifyAll'>) {
    this.#vault = vault
  }

  /** The vault says how far a run is. */
  report({ run, event }: Extract<VaultEvent, { kind: 'verify-all' }>): void {
    const queue = this.#runs.get(run)
    queue?.push(event)
    if (event.kind === 'done') queue?.end()
  }

  /** The thread that verified is gone. */
  fail(error: Error): void {
    for (const queue of this.#runs.values()) queue.end(error)
  }

  /** A run of its own, given up when the reader leaves. */
  async *start(signal: AbortSignal | undefined): AsyncGenerator<VerifyAllEvent, void, void> {
    const run = this.#next++
    const queue = new EventQueue<VerifyAllEvent>()
    this.#runs.set(run, queue)
    let isDone = false
    try {
      this.#vault.verifyAll(run).catch((error: unknown) => queue.end(error as Error))
      for await (const event of queue.read(signal)) {
        isDone = event.kind === 'done'
        yield event
      }
    } finally {
      this.#runs.delete(run)
      // Nobody waits for this any more, and a vault that is gone has nothing to cancel.
      if (!isDone) await this.#vault.cancelVerifyAll(run).catch(() => undefined)
    }
  }
}
