/**
 * Emergencies that are open: who may see which patient's data although no consent covers it, and for how long.
 *
 * @remarks
 * In memory alone, counted by a clock that nobody sets, and ended by the wall clock where that comes first: after a
 * restart, at sign-out and when somebody else signs in, nothing is open. A lock of the same person ends nothing: nobody else can use what is open. Proven by
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
  readonly #nowMs: () => number
  readonly #changed: (handle: string) => void
  readonly #open = new Map<string, Held>()

  /**
   * @param monotonicMs - A clock that nobody sets; it may stand still while the computer sleeps.
   * @param nowMs - Wall clock.
   * @param changed - Told when it ends for a patient.
   */
  constructor(monotonicMs: () => number, nowMs: () => number, changed: (handle: string) => void) {
    this.#monotonicMs = monotonicMs
    this.#nowMs = nowMs
    this.#changed = changed
  }

  /**
   * The emergency of a practitioner for a patient, or null.
   *
   * @param by - Null when nobody is signed in.
   */
  of(by: string | null, handle: string): Opened | null {
    const held = this.#open.get(handle)
    if (held === undefined || by === null || held.by !== by) return null
    // Whichever comes first: one of the clocks can be set back, the other does not count the hours of a closed lid.
    return this.#monotonicMs() >= held.endsAtMs || this.#nowMs() >= held.untilMs ? null : held
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
