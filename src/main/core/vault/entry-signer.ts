import type { SignatureRole } from '../../../ledger/entry-types.ts'

/** A key that signs an entry. */
export interface EntrySigner {
  readonly role: SignatureRole
  readonly publicKey: Uint8Array
  /** Signs with the key; only called while the entry is made. */
  sign(message: Uint8Array): Uint8Array
}
