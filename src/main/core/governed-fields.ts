/**
 * Rosters and contracts as nodes send them: the exact fields of the entries that recorded them.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from '../../ledger/body.ts'
import { type CborMap, decodeCbor } from '../../ledger/cbor.ts'
import { LedgerError } from '../../ledger/errors.ts'
import { type ContractPublished, decodeContractFields, decodeRosterFields } from '../../ledger/fields.ts'
import type { SignedRoster } from '../../ledger/governance.ts'

/** The roster in `bytes`, which are untrusted, as are the approvals. Throws {@link LedgerError} of step `decode`. */
export function rosterIn(bytes: Uint8Array): SignedRoster {
  return decodeRosterFields(mapIn(bytes))
}

/** The contract in `bytes`, as {@link rosterIn}. */
export function contractIn(bytes: Uint8Array): ContractPublished {
  return decodeContractFields(mapIn(bytes))
}

function mapIn(bytes: Uint8Array): CborMap {
  const value = decodeCbor(bytes, MAX_ENTRY_SIZE)
  if (!(value instanceof Map)) throw new LedgerError('BAD_FIELD', 'not the fields of an entry')
  return value as CborMap
}
