/**
 * Puts packages together again that were sent in parts.
 *
 * @remarks
 * Takes nothing but what was asked for: packages in order, entries in order, and no more bytes than asked. What comes out
 * still has to be proven. Proven by `tests/sync/package-stream.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryPackage } from '../ledger/mirror.ts'
import { TILE_WIDTH } from '../ledger/tile-layout.ts'
import { assert } from '../shared/errors.ts'
import { SyncError } from './errors.ts'
import type { Entries, WantEntries } from './messages.ts'

/** The answer to one request for entries, as it comes in. */
export class PackageStream {
  readonly #want: Omit<WantEntries, 'kind' | 'req'>
  #next: number
  #bytesLeft: number
  #entries: Uint8Array[]

  /** @param held - The first `want.skip` entries of the first package. */
  constructor(want: Omit<WantEntries, 'kind' | 'req'>, held: readonly Uint8Array[] = []) {
    assert(held.length === want.skip, 'what is skipped is held')
    this.#want = want
    this.#entries = [...held]
    this.#next = want.from
    this.#bytesLeft = want.maxBytes
  }

  /** First package that has not come in full. */
  get next(): number {
    return this.#next
  }

  /**
   * Takes a part.
   *
   * @param part - Untrusted.
   * @returns The package that it completes, or null.
   * @throws {@link SyncError} `BAD_ANSWER`.
   */
  take(part: Entries): EntryPackage | null {
    if (part.package !== this.#next || this.#next >= this.#want.to) throw bad('not the next package')
    if (part.offset !== this.#entries.length) throw bad('not the next entry')
    if (this.#entries.length + part.entries.length > TILE_WIDTH) throw bad('more than a package')
    this.#bytesLeft -= part.entries.reduce((sum, entry) => sum + entry.length, 0)
    if (this.#bytesLeft < 0) throw bad('more than asked for')
    this.#entries.push(...part.entries)
    if (part.proof === null) return null
    const whole = { index: this.#next, entries: this.#entries, proof: part.proof }
    this.#entries = []
    this.#next += 1
    return whole
  }
}

function bad(why: string): SyncError {
  return new SyncError('BAD_ANSWER', why)
}
