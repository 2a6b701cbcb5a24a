import { hash } from 'node:crypto'
import sodium from 'libsodium-wrappers'
import type { Hasher } from '../../ledger/hash.ts'
import { KEY_SIZE, SIGNATURE_SIZE, type SignatureVerifier } from '../../ledger/signatures.ts'
import { isSignedBy } from '../../verifier/signed-head.ts'

await sodium.ready

/** SHA-256 of the platform. */
export const hasher: Hasher = { sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')) }

/**
 * Ed25519 as libsodium and noble both judge it. The first is the rule; where only one of them accepts, somebody has
 * crafted a signature, and an auditor should not be told that all is well.
 */
export const bothVerifiers: SignatureVerifier = {
  verify(signature, message, publicKey) {
    if (signature.length !== SIGNATURE_SIZE || publicKey.length !== KEY_SIZE) return false
    return (
      sodium.crypto_sign_verify_detached(signature, message, publicKey) && isSignedBy(signature, message, publicKey)
    )
  },
}
