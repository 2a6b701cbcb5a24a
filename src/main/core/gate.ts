/**
 * Waiting for a condition that others change.
 *
 * @packageDocumentation
 */

/** Lets those through for whom the condition holds, whenever somebody says that it may have changed. */
export class Gate {
  readonly #waiting = new Set<() => void>()

  /** Something changed: everybody who waits looks again. */
  look(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /**
   * Waits until `isOpen`, or until the signal aborts.
   *
   * @param isOpen - Looked at now, and after each {@link Gate.look}.
   */
  async wait(signal: AbortSignal, isOpen: () => boolean): Promise<void> {
    while (!isOpen() && !signal.aborted) await this.#change(signal)
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake)
    })
  }
}
