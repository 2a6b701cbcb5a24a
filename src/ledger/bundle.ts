/**
 * Entry bundles (C2SP tlog-tiles v0.1.0): up to 256 entries, each after its length in two bytes.
 *
 * @remarks
 * Proven by `tests/ledger/bundle.test.ts`, and by `tests/main/cli/fsck.test.ts` on bundles of another implementation.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { MAX_ENTRY_SIZE } from './body.ts'
import { TILE_WIDTH } from './tile-layout.ts'

/** Longest bundle, in bytes. */
export const MAX_BUNDLE_SIZE = TILE_WIDTH * (2 + MAX_ENTRY_SIZE)

/** Bytes of a bundle of `entries`, 1 to 256 of at most 65,535 bytes each. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  assert(entries.length >= 1 && entries.length <= TILE_WIDTH, 'a bundle has 1 to 256 entries')
  return concatBytes(...entries.flatMap((entry) => [lengthOf(entry), entry]))
}

/**
 * Entries of a bundle, or null when `bytes` are not exactly `width` of them.
 *
 * @param bytes - Untrusted. The entries are views of it.
 * @param width - 1 to 256.
 */
export function decodeBundle(bytes: Uint8Array, width: number): Uint8Array[] | null {
  const entries: Uint8Array[] = []
  let at = 0
  while (at + 2 <= bytes.length && entries.length < width) {
    const end = at + 2 + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (end > bytes.length) return null
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries.length === width && at === bytes.length ? entries : null
}

function lengthOf(entry: Uint8Array): Uint8Array {
  assert(entry.length <= MAX_ENTRY_SIZE, 'an entry is at most 65,535 bytes')
  return Uint8Array.of(Math.floor(entry.length / 256), entry.length % 256)
}
