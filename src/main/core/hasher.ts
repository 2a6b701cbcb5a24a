import { hash } from 'node:crypto'
import type { Hasher } from '../../ledger/hash.ts'

/** SHA-256 of the platform, for everything the core hashes. */
export const nodeHasher: Hasher = { sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')) }
