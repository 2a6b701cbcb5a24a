/**
 * The rosters and contracts of a log as others are given them: in an order in which each can be recorded.
 *
 * @packageDocumentation
 */
import { encodeCbor } from '../../ledger/cbor.ts'
import type { ContractInForce, Directory } from '../../ledger/directory.ts'
import { encodeContractFields, encodeRosterFields } from '../../ledger/fields.ts'
import { recordingOrder } from '../../ledger/governed-order.ts'
import type { GovernedDocument } from '../../sync/ports.ts'
import { verifier } from '../keystore/sodium.ts'

/** Worked out once for as long as nothing changes: signatures are checked for it. */
const known = new WeakMap<readonly ContractInForce[], { readonly rosters: number; readonly list: GovernedDocument[] }>()

/** All of them, the oldest first. */
export function governedDocuments(
  directory: Pick<Directory, 'network' | 'rosters' | 'contracts'>,
): readonly GovernedDocument[] {
  const { network, rosters, contracts } = directory
  const before = known.get(contracts)
  if (before?.rosters === rosters.length) return before.list
  const published = contracts.map((contract) => contract.published)
  const checked = rosters.map(({ roster }) => roster)
  const list = recordingOrder(verifier, network, checked, published).flatMap(({ type, index }): GovernedDocument[] => {
    const [inForce, contract] = [rosters[index], published[index]]
    if (type === 'roster')
      return inForce === undefined
        ? []
        : [{ type, version: inForce.roster.version, fields: encodeCbor(encodeRosterFields(inForce.signed)) }]
    return contract === undefined
      ? []
      : [{ type, version: contract.version, fields: encodeCbor(encodeContractFields(contract)) }]
  })
  known.set(contracts, { rosters: rosters.length, list })
  return list
}
