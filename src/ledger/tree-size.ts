/**
 * Arithmetic on tree sizes up to 2^53 - 1.
 *
 * @remarks
 * Only `+`, `-`, `*`, `/`, `%` and `<` touch sizes: JavaScript's bit operators would cut them to 32 bits. Proven by
 * `tests/ledger/tree-size.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from './errors.ts'

/** A tree at one moment. */
export interface TreeHead {
  /** Number of leaves, a safe integer. */
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/**
 * Refuses what is no tree size.
 *
 * @param size - Untrusted.
 * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`.
 */
export function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new LedgerError('SIZE_OUT_OF_RANGE', `${size} leaves`)
}

/**
 * Refuses an index that is not in the tree.
 *
 * @param index - Untrusted.
 * @param size - Leaves of the tree, untrusted.
 * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE` or `INDEX_OUT_OF_TREE`.
 */
export function checkIndex(index: number, size: number): void {
  checkSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new LedgerError('INDEX_OUT_OF_TREE', `leaf ${index} of ${size}`)
  }
}

/** The largest power of two smaller than `width`, where a range of leaves splits; `width` is 2 or more. */
export function splitPoint(width: number): number {
  let power = 1
  while (power * 2 < width) power *= 2
  return power
}

/** Half of `n`, rounded down: a shift to the right that keeps 53 bits. */
export function half(n: number): number {
  return (n - (n % 2)) / 2
}
