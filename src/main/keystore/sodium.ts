/**
 * libsodium, compiled to WebAssembly: the one signature verifier, and the seals of the keystore.
 *
 * @remarks
 * The same bytes run on every shell, so that no two nodes disagree about a crafted signature. Loading is awaited
 * here, once; everything exported is synchronous.
 *
 * @packageDocumentation
 */
import sodium from 'libsodium-wrappers'
import type { SignatureVerifier } from '../../ledger/signatures.ts'
import { assert } from '../../shared/errors.ts'
import { concatBytes } from '../../shared/bytes.ts'

await sodium.ready

const KEY_SIZE = 32
const NONCE_SIZE = 24
const TAG_SIZE = 16
const SEED_SIZE = 32
const SIGNATURE_SIZE = 64

/** An Ed25519 key pair in libsodium's form. */
export interface SigningKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** Seed and public key, 64 bytes. Wipe it after use. */
  readonly privateKey: Uint8Array
}

/** Ed25519 as libsodium judges it. Anything of the wrong length is not a signature. */
export const verifier: SignatureVerifier = {
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
    if (signature.length !== SIGNATURE_SIZE || publicKey.length !== KEY_SIZE) return false
    return sodium.crypto_sign_verify_detached(signature, message, publicKey)
  },
}

/** The key pair of a seed of 32 bytes. */
export function keyPairFromSeed(seed: Uint8Array): SigningKeyPair {
  assert(seed.length === SEED_SIZE, 'a signing seed is 32 bytes')
  const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(seed)
  return { publicKey, privateKey }
}

/** Ed25519 signature of `message`, 64 bytes, under the key of a seed of 32 bytes. */
export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const { privateKey } = keyPairFromSeed(seed)
  try {
    return sodium.crypto_sign_detached(message, privateKey)
  } finally {
    wipe(privateKey)
  }
}

/**
 * XChaCha20-Poly1305 under a random nonce.
 *
 * @param key - 32 bytes.
 * @param context - Authenticated, not stored: what the sealed bytes are for.
 * @returns nonce (24 bytes), then ciphertext and tag.
 */
export function seal(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Uint8Array {
  assert(key.length === KEY_SIZE, 'a sealing key is 32 bytes')
  const nonce = sodium.randombytes_buf(NONCE_SIZE)
  return concatBytes(nonce, sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, context, null, nonce, key))
}

/**
 * Opens what {@link seal} made.
 *
 * @param sealed - Untrusted.
 * @returns null when it was not sealed under this key for this context, or was changed.
 */
export function openSealed(key: Uint8Array, sealed: Uint8Array, context: Uint8Array): Uint8Array | null {
  assert(key.length === KEY_SIZE, 'a sealing key is 32 bytes')
  if (sealed.length < NONCE_SIZE + TAG_SIZE) return null
  const [nonce, box] = [sealed.subarray(0, NONCE_SIZE), sealed.subarray(NONCE_SIZE)]
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, context, nonce, key)
  } catch {
    return null // the library throws for exactly one reason here, and says nothing more about it
  }
}

/** Overwrites secrets that are no longer needed. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) sodium.memzero(secret)
}
