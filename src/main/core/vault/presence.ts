/**
 * Presence: that the one who is signed in is still the one at the keyboard.
 *
 * @remarks
 * Proven with the PIN: by signing in or unlocking, by proving it again, or with a request that carries it. It holds for
 * five minutes, those in which the computer slept included. Proven by `tests/main/core/vault/presence.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../../shared/bytes.ts'
import { passedMs } from '../../../shared/two-clocks.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { momentOf, viewerOf, type Clinic, type Viewer } from './clinic.ts'

/** How long a proof of presence holds, in ms. */
export const PRESENCE_MS = 5 * 60_000

/**
 * Checks the PIN of whoever is signed in, and counts the attempt as at sign-in. Presence is proven from then on.
 *
 * @param pin - As typed.
 * @returns Who it is, still signed in.
 * @throws ApiFailure `NOT_SIGNED_IN`, also when they left meanwhile; KeystoreError `WRONG_PIN` or `PIN_LOCKED`.
 */
export async function presence(clinic: Clinic, pin: string): Promise<Viewer> {
  const viewer = viewerOf(clinic)
  const seed = await clinic.keystore.practitioners.unlock(viewer.handle, pin)
  const isTheirs = equalBytes(keyPairFromSeed(seed).publicKey, viewer.signer.publicKey)
  wipe(seed)
  // Left, or got another key, while the PIN was checked.
  if (clinic.viewer !== viewer || !isTheirs) throw new ApiFailure('NOT_SIGNED_IN')
  viewer.presence.provenAt = momentOf(clinic)
  return viewer
}

/**
 * Who is signed in, when their presence was proven a short while ago.
 *
 * @throws ApiFailure `NOT_SIGNED_IN`, `REAUTH_NEEDED`.
 */
export function requirePresence(clinic: Clinic): Viewer {
  const viewer = viewerOf(clinic)
  if (passedMs(viewer.presence.provenAt, momentOf(clinic)) > PRESENCE_MS) throw new ApiFailure('REAUTH_NEEDED')
  return viewer
}
