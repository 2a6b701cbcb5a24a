/**
 * Ids that are the same for the same thing, so that nothing is recorded twice.
 *
 * @packageDocumentation
 */
import { createHmac } from 'node:crypto'
import type { Clinic } from './clinic.ts'
import { secretOf, SECRETS } from './genesis.ts'

/**
 * 16 bytes that only this site can compute: the same text twice gives the same id, and no one can test guesses.
 *
 * @throws ApiFailure `KEYSTORE_DAMAGED`.
 */
export function dedupeId({ keystore }: Pick<Clinic, 'keystore'>, text: string): Uint8Array {
  const key = secretOf(keystore, SECRETS.dedupe)
  return new Uint8Array(createHmac('sha256', key).update(text).digest().subarray(0, 16))
}
