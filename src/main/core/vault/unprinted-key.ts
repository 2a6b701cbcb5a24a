/**
 * The recovery key, until somebody shows that they have it.
 *
 * @remarks
 * Everything of a clinic is sealed to it from the first entry on, and it is made before that. A process that dies, or a
 * window that is closed, before anybody printed it must not take it along: nothing else knows it. So it waits in the
 * keystore, beside keys that open the same, in no backup, and goes when the whole of it is given back. Proven by
 * `tests/main/core/vault/unprinted-key.test.ts` and `tests/faults/join-kill.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { parseRecoveryKey } from './recovery-key.ts'

/** Name of the secret. */
export const UNPRINTED_SECRET = 'recovery-unprinted'

/** Keeps the key of a clinic that is being made. */
export async function keepUnprinted({ secrets }: Keystore, text: string): Promise<void> {
  await secrets.put(UNPRINTED_SECRET, new TextEncoder().encode(text))
}

/** The key as it is printed, while nobody showed to have it; null afterwards. */
export function unprintedKey({ secrets }: Keystore): string | null {
  const kept = secrets.get(UNPRINTED_SECRET)
  return kept === null ? null : new TextDecoder().decode(kept)
}

/**
 * Forgets the key: whoever gives it back has it. Nothing happens when none waits.
 *
 * @param text - As printed, or as somebody typed it. Untrusted.
 * @throws ApiFailure `BAD_RECOVERY_KEY` when it is another.
 */
export function forgetPrinted(keystore: Keystore, text: string): void {
  const given = parseRecoveryKey(text)
  const kept = unprintedKey(keystore)
  if (kept !== null) {
    const waiting = parseRecoveryKey(kept)
    const isSame = equalBytes(waiting.privateKey, given.privateKey)
    wipe(waiting.privateKey)
    if (!isSame) throw new ApiFailure('BAD_RECOVERY_KEY')
    keystore.secrets.remove(UNPRINTED_SECRET)
  }
  wipe(given.privateKey)
}
