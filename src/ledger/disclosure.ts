/**
 * Disclosures: the content of one record with what proves that its signers committed to it.
 *
 * @remarks
 * An entry binds its payload by HMAC-SHA256 under a random salt. Whoever is given plaintext and salt can check that, and
 * needs no key; nobody else can test guesses. Layout: `docs/protocol.md`, "Receipt". Proven by
 * `tests/ledger/disclosure.test.ts`, with the vectors of RFC 4231.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { type CborMap, mapOf } from './cbor.ts'
import type { Entry } from './entry.ts'
import { readMap } from './fields-reader.ts'
import type { Hasher } from './hash.ts'

/** What is disclosed of a record. Untrusted until it was checked against its entry. */
export interface Disclosure {
  /** Exact bytes that were sealed, 1 to {@link MAX_DISCLOSED}. */
  readonly plaintext: Uint8Array
  /** Of the commitment, 32 bytes. */
  readonly salt: Uint8Array
}

/** Longest plaintext that a receipt carries. */
export const MAX_DISCLOSED = 262_144

/** Size of the salt of a commitment, in bytes. */
const SALT_SIZE = 32

/** Block of SHA-256, in bytes (RFC 2104). */
const BLOCK = 64

/** Why a disclosure does not hold. */
export type DisclosureProblem =
  | 'NO_PAYLOAD' // the entry has no content
  | 'COMMITMENT_MISMATCH' // the signers committed to something else

/** The map of a disclosure. */
export function encodeDisclosure({ plaintext, salt }: Disclosure): CborMap {
  return mapOf([
    [1, plaintext],
    [2, salt],
  ])
}

/** Reads {@link encodeDisclosure}. `fields` is untrusted; throws `BAD_FIELD`. */
export function decodeDisclosure(fields: CborMap): Disclosure {
  return readMap(fields, 'disclosure', (f) => ({
    plaintext: f.blob(1, 1, MAX_DISCLOSED),
    salt: f.bytes(2, SALT_SIZE),
  }))
}

/**
 * What is wrong with a disclosure; null when it is what the signers of `entry` committed to.
 *
 * @param disclosure - Untrusted.
 */
export function disclosureProblem(h: Hasher, { body }: Entry, disclosure: Disclosure): DisclosureProblem | null {
  if (body.payload === null) return 'NO_PAYLOAD'
  const commitment = hmacSha256(h, disclosure.salt, disclosure.plaintext)
  return equalBytes(commitment, body.payload.commitment) ? null : 'COMMITMENT_MISMATCH'
}

/**
 * HMAC-SHA256 (RFC 2104).
 *
 * @param key - At most 64 bytes.
 */
export function hmacSha256(h: Hasher, key: Uint8Array, message: Uint8Array): Uint8Array {
  assert(key.length <= BLOCK, 'keys here are shorter than a block')
  const pad = (byte: number): Uint8Array => {
    const padded = new Uint8Array(BLOCK).fill(byte)
    for (const [i, one] of key.entries()) padded[i] = one ^ byte
    return padded
  }
  return h.sha256(concatBytes(pad(0x5c), h.sha256(concatBytes(pad(0x36), message))))
}
