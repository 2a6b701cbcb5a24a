/** Erasure by two people, each in a session of their own. Loads nothing of the test runner. */
import type { Asked } from '../../../src/main/core/vault-service.ts'
import type { Vault } from '../../../src/main/core/vault/vault.ts'
import type { ErasureReceipt } from '../../../src/shared/api/schemas.ts'
import { PIN } from './values.ts'

/** What is to be erased; everything about the patient when `records` is null or absent. */
export interface ToErase {
  readonly handle: string
  readonly records?: Asked['erasures']['request']['records']
}

/** IT asks for it, a physician signs it. IT is signed in afterwards. */
export async function eraseByTwo(
  vault: Vault,
  { it, physician }: { it: string; physician: string },
  { handle, records = null }: ToErase,
): Promise<ErasureReceipt> {
  await vault.signIn(it, PIN)
  const request = { handle, records, reason: 'patient-request', authority: 'gdpr-17', pin: PIN }
  const { id } = await vault.requestErasure(request)
  await vault.signIn(physician, PIN)
  const receipt = await vault.approveErasure({ id, pin: PIN })
  await vault.signIn(it, PIN)
  return receipt
}
