/**
 * Emergencies that are open: who may see which patient's data although no consent covers it, and for how long.
 *
 * @remarks
 * In memory alone: after a restart, at sign-out and when somebody else signs in, nothing is open. A lock of the same
 * person ends nothing: nobody else can use what is open. Proven by `tests/main/core/vault/emergencies.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../../../ledger/erasure.ts'
import { passedMs, type Moment } from '../../../shared/two-clocks.ts'

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
  readonly endsAt: Moment
  readonly timer: NodeJS.Timeout
}

/** What is open. */
export class OpenGlass {
  readonly #now: () => Moment
  readonly #changed: (handle: string) => void
  readonly #open = new Map<string, Held>()

  /**
   * @param now - Both clocks.
   * @param changed - Told when it ends for a patient.
   */
  constructor(now: () => Moment, changed: (handle: string) => void) {
    this.#now = now
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
    return passedMs(held.endsAt, this.#now()) >= 0 ? null : held
  }

  /** Opens for a time; one that is open for the same patient gives way. */
  open(handle: string, opened: Opened, ms: number): void {
    this.#drop(handle)
    const timer = setTimeout(() => {
      this.end(handle)
    }, ms)
    timer.unref()
    const endsAt = { monotonicMs: this.#now().monotonicMs + ms, wallMs: opened.untilMs }
    this.#open.set(handle, { ...opened, endsAt, timer })
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
