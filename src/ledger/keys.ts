/**
 * Admission of public keys: which 32 bytes may become a key of anybody in the network.
 *
 * @remarks
 * A key of small order verifies signatures nobody made; a key with a torsion part lets two verifiers disagree about
 * one signature. Both are refused when a key is enrolled or listed in a roster, so that no verifier ever meets one.
 * Proven by `tests/ledger/keys.test.ts` and, over the published edge cases, `tests/conformance/ed25519.test.ts`.
 *
 * @packageDocumentation
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { equalBytes } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { KEY_SIZE } from './signatures.ts'

/**
 * Admits an Ed25519 public key: 32 bytes, canonical encoding of a point, of the prime-order group, not the identity.
 *
 * @param key - Untrusted.
 * @throws {@link LedgerError} `BAD_KEY`.
 */
export function checkPublicKey(key: Uint8Array): void {
  if (key.length !== KEY_SIZE) throw new LedgerError('BAD_KEY', `${key.length} bytes, want ${KEY_SIZE}`)
  const point = pointOf(key)
  if (!equalBytes(point.toBytes(), key)) throw new LedgerError('BAD_KEY', 'not the canonical encoding')
  if (point.isSmallOrder()) throw new LedgerError('BAD_KEY', 'small order')
  if (!point.isTorsionFree()) throw new LedgerError('BAD_KEY', 'has a torsion part')
}

/** The point that strict decoding (RFC 8032 section 5.1.3) finds. */
function pointOf(key: Uint8Array) {
  try {
    return ed25519.Point.fromBytes(key, false)
  } catch (cause) {
    throw new LedgerError('BAD_KEY', 'not a point', { cause })
  }
}

/** Any scalar will do: an X25519 key of small order gives zero with every one. */
const PROBE_SCALAR = new Uint8Array(32).fill(0x5a)

/**
 * Admits an X25519 public key: 32 bytes that are not of small order (RFC 7748 section 6.1).
 *
 * @param key - Untrusted.
 * @throws {@link LedgerError} `BAD_KEY`.
 */
export function checkAgreementKey(key: Uint8Array): void {
  if (key.length !== KEY_SIZE) throw new LedgerError('BAD_KEY', `${key.length} bytes, want ${KEY_SIZE}`)
  try {
    x25519.getSharedSecret(PROBE_SCALAR, key)
  } catch (cause) {
    throw new LedgerError('BAD_KEY', 'small order', { cause })
  }
}
