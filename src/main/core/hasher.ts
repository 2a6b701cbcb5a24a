import { hash } from 'node:crypto'
import type { Hasher } from '../../ledger/hash.ts'

/** SHA-256 of the platform, for everything the core hashes. */
export const nodeHasher: Hasher = {
  sha256: (bytes) => {
    const digest = hash('sha256', bytes, 'buffer')
    // Without a copy: the digest has a buffer of its own.
    return new Uint8Array(digest.buffer, digest.byteOffset, digest.length)
  },
}
