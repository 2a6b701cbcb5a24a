/**
 * The one question the ledger asks about a signature.
 *
 * @remarks
 * Libraries disagree about crafted Ed25519 signatures, so whatever decides what the ledger accepts is one
 * implementation with the same bytes on every shell: libsodium compiled to WASM, handed in through this port. Its
 * verdicts on the 914 published edge cases are pinned in `tests/conformance/ed25519.test.ts`.
 *
 * @packageDocumentation
 */

/** Size of an Ed25519 signature, in bytes. */
export const SIGNATURE_SIZE = 64

/** Size of an Ed25519 public key, in bytes. */
export const KEY_SIZE = 32

/** Ed25519 verification (RFC 8032, cofactorless). */
export interface SignatureVerifier {
  /**
   * True when `signature` is one of `publicKey` over `message`. Must never throw on untrusted input of the right
   * lengths; callers check the lengths.
   */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

/** Signs a message with a key that the caller holds; 64 bytes. */
export type Signer = (message: Uint8Array) => Uint8Array

/** Verification that treats a wrong length as a wrong signature. */
export function verifies(
  v: SignatureVerifier,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_SIZE || publicKey.length !== KEY_SIZE) return false
  return v.verify(signature, message, publicKey)
}
