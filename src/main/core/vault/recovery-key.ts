/**
 * The recovery key as it is printed: the private key, the beginning of the network id, and a check over both.
 *
 * @remarks
 * The network id is printed because a public key is no secret: whoever hands over a forged database could seal their own
 * secrets to it. Proven by `tests/main/core/vault/recovery-key.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'

const KEY_SIZE = 32
/** 64 bits of the network id: nobody finds a second network with the same. */
const NETWORK_SIZE = 8
const CHECK_SIZE = 4

/** A printed recovery key, taken apart. */
export interface RecoveryKey {
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array
  /** First 8 bytes of the network id. */
  readonly networkStart: Uint8Array
}

/** In groups of eight characters that can be read aloud. */
export function recoveryKeyText(privateKey: Uint8Array, network: Uint8Array): string {
  const body = concatBytes(privateKey, network.subarray(0, NETWORK_SIZE))
  const text = toHex(concatBytes(body, checkOf(body))).toUpperCase()
  return (text.match(/.{8}/g) ?? []).join('-')
}

/**
 * Reads {@link recoveryKeyText} as a person typed it: spaces, dashes and case do not matter.
 *
 * @param text - Untrusted.
 * @throws ApiFailure `BAD_RECOVERY_KEY` when the check does not fit.
 */
export function parseRecoveryKey(text: string): RecoveryKey {
  const hex = text.replaceAll(/[\s-]/g, '').toLowerCase()
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== 2 * (KEY_SIZE + NETWORK_SIZE + CHECK_SIZE))
    throw new ApiFailure('BAD_RECOVERY_KEY')
  const bytes = fromHex(hex)
  const body = bytes.subarray(0, KEY_SIZE + NETWORK_SIZE)
  if (!equalBytes(checkOf(body), bytes.subarray(body.length))) throw new ApiFailure('BAD_RECOVERY_KEY')
  return { privateKey: body.slice(0, KEY_SIZE), networkStart: body.slice(KEY_SIZE) }
}

function checkOf(body: Uint8Array): Uint8Array {
  return h.sha256(body).subarray(0, CHECK_SIZE)
}
