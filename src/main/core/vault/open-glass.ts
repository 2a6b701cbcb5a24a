/**
 * Emergencies that are open: who may see which patient's data although no consent covers it, and for how long.
 *
 * @remarks
 * In memory alone, counted by a clock that nobody sets: after a restart, at sign-out and when somebody else signs in,
 * nothing is open. A lock of the same person ends nothing: nobody else can use what is open. Proven by
 * `tests/main/core/vault/emergencies.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../../../ledger/erasure.ts'

/** One that is open. */
export interface Opened {
  /** Handle of the practitioner. */
  readonly by: string
  /** The entry that says so. */
  readonly ref: EntryRef
  /** When it ends, on the wall clock. */
  readonly untilMs: number
}

interface Held extends Opened {
  readonly endsAtMs: number
  readonly timer: NodeJS.Timeout
}

/** What is open. */
export class OpenGlass {
  readonly #monotonicMs: () => number
  readonly #changed: (handle: string) => void
  readonly #open = new Map<string, Held>()

  /**
   * @param monotonicMs - A clock that nobody sets.
   * @param changed - Told when it ends for a patient.
   */
  constructor(monotonicMs: () => number, changed: (handle: string) => void) {
    this.#monotonicMs = monotonicMs
    this.#changed = changed
  }

  /**
   * The emergency of a practitioner for a patient, or null.
   *
   * @param by - Null when nobody is signed in.
   */
  of(by: string | null, handle: string): Opened | null {
    const held = this.#open.get(handle)
    if (held === undefined || by === null || held.by !== by || this.#monotonicMs() >= held.endsAtMs) return null
    return held
  }

  /** Opens for a time; one that is open for the same patient gives way. */
  open(handle: string, opened: Opened, ms: number): void {
    this.#drop(handle)
    const timer = setTimeout(() => {
      this.end(handle)
    }, ms)
    timer.unref()
    this.#open.set(handle, { ...opened, endsAtMs: this.#monotonicMs() + ms, timer })
  }

  /** Ends it for a patient. */
  end(handle: string): void {
    if (this.#drop(handle)) this.#changed(handle)
  }

  /** Ends everything that is not of `by`; everything when null. */
  endOthers(by: string | null): void {
    for (const [handle, held] of [...this.#open]) if (held.by !== by) this.end(handle)
  }

  #drop(handle: string): boolean {
    clearTimeout(this.#open.get(handle)?.timer)
    return this.#open.delete(handle)
  }
}
