/**
 * Whether the clock of this workstation can be believed.
 *
 * @remarks
 * It cannot when it is before the newest seal of the ledger, or when it jumped: when the wall clock went further than a
 * clock that nobody sets, which also counts the time that the computer slept. Small differences are drift, and are taken
 * as they come. Signing goes on, because losing a reading is worse; what is signed is marked. Proven by
 * `tests/main/core/vault/clock-watch.test.ts`.
 *
 * @packageDocumentation
 */

/** How far off a clock may be, in ms. */
export const CLOCK_TOLERANCE_MS = 2 * 60_000

/** What is wrong with the clock. */
export interface ClockProblem {
  readonly kind: 'clock-behind' | 'clock-jumped'
  /** By how much, in ms: positive when the clock is ahead of what it should show, negative when behind. */
  readonly byMs: number
}

/** What a clock is compared with. */
export interface ClockParts {
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number
  /** A clock that nobody sets and that goes on while the computer sleeps, ms from any start. */
  readonly steadyMs: () => number
  /** When the newest block was sealed, by the wall clock of then; 0 when there is none. */
  readonly newestSealMs: () => number
}

/** Watches one clock. To be asked often: a jump is noticed between two looks. */
export class ClockWatch {
  readonly #parts: ClockParts
  #last: { readonly nowMs: number; readonly steadyMs: number }
  #jumpedMs = 0

  constructor(parts: ClockParts) {
    this.#parts = parts
    this.#last = this.#read()
  }

  /** What is wrong now, or null. A clock that jumped and jumped back is right again. */
  look(): ClockProblem | null {
    const { nowMs, steadyMs } = this.#read()
    const jumpMs = nowMs - this.#last.nowMs - (steadyMs - this.#last.steadyMs)
    if (Math.abs(jumpMs) > CLOCK_TOLERANCE_MS) this.#jumpedMs += jumpMs
    this.#last = { nowMs, steadyMs }
    const aheadMs = nowMs - this.#parts.newestSealMs()
    if (aheadMs < -CLOCK_TOLERANCE_MS) return { kind: 'clock-behind', byMs: aheadMs }
    return Math.abs(this.#jumpedMs) > CLOCK_TOLERANCE_MS ? { kind: 'clock-jumped', byMs: this.#jumpedMs } : null
  }

  #read(): { nowMs: number; steadyMs: number } {
    return { nowMs: this.#parts.nowMs(), steadyMs: this.#parts.steadyMs() }
  }
}
