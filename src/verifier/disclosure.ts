/**
 * Checks disclosed content a second time, with other code and another library than the ledger.
 *
 * @remarks
 * Proven by `tests/verifier/disclosure.test.ts`, which compares it with the first.
 *
 * @packageDocumentation
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { equalBytes } from '../shared/bytes.ts'
import { readEntry } from './entry-reader.ts'
import { ProofError } from './proof-error.ts'

/**
 * True when the signers of an entry committed to exactly this content.
 *
 * @param entry - Exact bytes, untrusted.
 * @param plaintext - Untrusted.
 * @param salt - 32 bytes, untrusted.
 */
export function isCommittedTo(entry: Uint8Array, plaintext: Uint8Array, salt: Uint8Array): boolean {
  try {
    const { commitment } = readEntry(entry)
    return commitment !== null && salt.length === 32 && equalBytes(hmac(sha256, salt, plaintext), commitment)
  } catch (error) {
    if (error instanceof ProofError) return false
    throw error
  }
}
