/**
 * How long ago something was, by two clocks of which each can be wrong in one way.
 *
 * @remarks
 * The monotonic clock is set by nobody, and on many systems stands still while the computer sleeps. The wall clock counts
 * the hours of a closed lid, and anybody may set it back. Where a right lapses with time, whichever says more is believed:
 * a clock that is put forward asks once too often, and no clock keeps the right. Proven by
 * `tests/shared/two-clocks.test.ts`.
 *
 * @packageDocumentation
 */

/** One moment, read from both clocks. */
export interface Moment {
  /** By a clock that nobody sets, in ms from any start. */
  readonly monotonicMs: number
  /** By the wall clock, in ms since 1970. */
  readonly wallMs: number
}

/**
 * How much later `now` is than `then`, in ms; negative while `then` lies ahead by both clocks.
 *
 * @param then - Read in this process: a monotonic clock starts anew in the next.
 */
export function passedMs(then: Moment, now: Moment): number {
  return Math.max(now.monotonicMs - then.monotonicMs, now.wallMs - then.wallMs)
}
