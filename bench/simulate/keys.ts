/** Keys of simulated nodes: real Ed25519, or signatures that are only counted where thousands of nodes run. */
import sodium from 'libsodium-wrappers'
import { createHash } from 'node:crypto'
import type { Hasher } from '../../src/ledger/hash.ts'
import type { SignatureVerifier } from '../../src/ledger/signatures.ts'
import { utf8 } from '../../src/ledger/hash.ts'

await sodium.ready

/** SHA-256 of the platform. */
export const hasher: Hasher = { sha256: (bytes) => Uint8Array.from(createHash('sha256').update(bytes).digest()) }

/** A key pair that is the same in every run. */
export interface SimulatedKey {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** Keys and their verifier. */
export interface Signatures extends SignatureVerifier {
  key(label: string): SimulatedKey
  /** Signatures that were checked. */
  readonly checked: number
}

/** Ed25519 as the product checks it. */
export function realSignatures(): Signatures {
  return {
    checked: 0,
    key: (label) => {
      const pair = sodium.crypto_sign_seed_keypair(hasher.sha256(utf8(`simulated ${label}`)))
      return { publicKey: pair.publicKey, sign: (message) => sodium.crypto_sign_detached(message, pair.privateKey) }
    },
    verify(signature, message, publicKey) {
      ;(this as { checked: number }).checked++
      return sodium.crypto_sign_verify_detached(signature, message, publicKey)
    },
  }
}

/** Signatures of 64 bytes that say whose they are and nothing more: for networks whose size is the question. */
export function countedSignatures(): Signatures {
  return {
    checked: 0,
    key: (label) => {
      const publicKey = hasher.sha256(utf8(`simulated ${label}`))
      const signature = new Uint8Array(64)
      signature.set(publicKey)
      return { publicKey, sign: () => Uint8Array.from(signature) }
    },
    verify(signature, _message, publicKey) {
      ;(this as { checked: number }).checked++
      return publicKey.every((byte, i) => signature[i] === byte)
    },
  }
}
