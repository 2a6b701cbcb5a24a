/**
 * Hashing of the tree: leaves, nodes, the empty root (RFC 6962 section 2.1, the same in RFC 9162).
 *
 * @remarks
 * SHA-256 is handed in, because the fast one differs per process: node:crypto in the core, noble elsewhere. All
 * give the same bytes. Proven by `tests/ledger/hash.test.ts` with the published vectors.
 *
 * @packageDocumentation
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'

/** SHA-256, as this process does it best. */
export interface Hasher {
  /** Must return 32 fresh bytes and leave `bytes` as they are. */
  sha256(bytes: Uint8Array): Uint8Array
}

/** SHA-256 in plain JavaScript: for windows, tests, and where speed does not matter. */
export const nobleHasher: Hasher = { sha256: (bytes) => sha256(bytes) }

/** Size of every hash, in bytes. */
export const HASH_SIZE = 32

const LEAF_PREFIX = Uint8Array.of(0x00)

/** Hash of one entry: SHA-256 of a zero byte and the entry. RFC 6962 section 2.1. */
export function leafHash(h: Hasher, entry: Uint8Array): Uint8Array {
  return h.sha256(concatBytes(LEAF_PREFIX, entry))
}

/** Hash of an inner node: SHA-256 of a one byte, `left` and `right`, {@link HASH_SIZE} bytes each. */
export function nodeHash(h: Hasher, left: Uint8Array, right: Uint8Array): Uint8Array {
  // One input for all calls: hashing is synchronous and keeps nothing, and allocating took a third of the time.
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_SIZE)
  return h.sha256(nodeInput)
}

const nodeInput = new Uint8Array(1 + 2 * HASH_SIZE)
nodeInput[0] = 0x01

/** Root of the tree without leaves: SHA-256 of nothing. */
export function emptyRoot(h: Hasher): Uint8Array {
  return h.sha256(new Uint8Array())
}

/**
 * Refuses anything that is not a hash.
 *
 * @param hashes - Untrusted.
 * @throws {@link LedgerError} `HASH_SIZE`.
 */
export function checkHashes(...hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) {
    if (hash.length !== HASH_SIZE) throw new LedgerError('HASH_SIZE', `${hash.length} bytes, want ${HASH_SIZE}`)
  }
}

/** UTF-8 of a text that our own code or a validated message holds. */
export function utf8(text: string): Uint8Array {
  return utf8ToBytes(text)
}

/**
 * Text of strict UTF-8, or null. Nothing is replaced and no byte order mark is dropped.
 *
 * @param bytes - Untrusted.
 */
export function textOfUtf8(bytes: Uint8Array): string | null {
  let escaped = ''
  for (const byte of bytes) escaped += '%' + byte.toString(16).padStart(2, '0')
  try {
    return decodeURIComponent(escaped)
  } catch {
    return null
  }
}
