import type { KeystoreOptions } from '../../../src/main/keystore/keystore.ts'
import type { Unlock } from '../../../src/main/keystore/node-secret.ts'

export const PASSPHRASE: Unlock = { kind: 'passphrase', passphrase: 'correct horse battery' }
export const SYSTEM: Unlock = { kind: 'system', nodeSecret: new Uint8Array(32).fill(0x5a) }
export const HANDLE = '00112233445566778899aabbccddeeff'
export const SEED = new Uint8Array(32).map((_, i) => i + 1)
/** The production costs would take a minute here. */
export const CHEAP = { scryptLogN: 10 } satisfies KeystoreOptions

/** The code of the error that `body` throws or rejects with. */
export async function codeOf(body: () => unknown): Promise<unknown> {
  return (await errorOf(body)).code
}

/** The error that `body` throws or rejects with. */
export async function errorOf(body: () => unknown): Promise<Error & { code?: unknown; retryAfterS?: number }> {
  try {
    await body()
  } catch (error) {
    return error as Error & { code?: unknown }
  }
  return new Error('nothing was thrown')
}
