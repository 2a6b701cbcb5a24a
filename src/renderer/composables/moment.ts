import type { Moment } from '../../shared/two-clocks.ts'

/** Now, by both clocks of this computer. */
export function moment(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}
