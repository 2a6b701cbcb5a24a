/**
 * How many sites may be faulty, and how many must cosign before a checkpoint is final.
 *
 * @remarks
 * With `n` sites, `f = floor((n - 1) / 3)` may be faulty, and any two quorums of `q = floor((n + f) / 2) + 1` share
 * an honest site: no two inconsistent checkpoints of one log can both become final. `2f + 1` would be too small
 * unless `n = 3f + 1`. Proven by `tests/ledger/quorum.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'

/** Most sites of one network. That quorums before and after a change share an honest site is proven up to here. */
export const MAX_SITES = 22

/** Faulty sites that `n` sites tolerate. `n` is 1 or more. */
export function toleratedFaults(n: number): number {
  assert(Number.isSafeInteger(n) && n >= 1, 'a network has at least one site')
  return Math.floor((n - 1) / 3)
}

/** Cosignatures that make a checkpoint of an `n`-site network final. `n` is 1 or more. */
export function quorumOf(n: number): number {
  return Math.floor((n + toleratedFaults(n)) / 2) + 1
}

/** True when two quorums of `q` out of `n` always share an honest site although the tolerated number is faulty. */
export function isSafeQuorum(n: number, q: number): boolean {
  return q <= n && 2 * q - n > toleratedFaults(n)
}
