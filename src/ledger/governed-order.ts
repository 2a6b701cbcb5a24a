/**
 * In which order can rosters and contracts be recorded, so that each is approved by those who decide when it comes?
 *
 * @remarks
 * A contract is judged by the roster before it: who takes a later roster first, in which a site left or has another key, can
 * never take that contract. Incarnations carry over what is in force without saying in which order it came. Proven by
 * `tests/ledger/governed-order.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from './errors.ts'
import type { ContractPublished } from './fields.ts'
import { checkContractApprovals } from './governance.ts'
import type { Roster } from './roster.ts'
import type { SignatureVerifier } from './signatures.ts'

/** A place in the order: that of the roster or the contract with this index. */
export interface GovernedPlace {
  readonly type: 'roster' | 'contract'
  readonly index: number
}

/**
 * Puts each contract behind the first roster whose sites approved it, and before the next one.
 *
 * @param v - The one verifier.
 * @param network - Network id, 32 bytes.
 * @param rosters - Versions 1, 2 and so on, checked.
 * @param contracts - The same. Each was approved under one of the rosters, none before the one before it.
 */
export function recordingOrder(
  v: SignatureVerifier,
  network: Uint8Array,
  rosters: readonly Roster[],
  contracts: readonly ContractPublished[],
): GovernedPlace[] {
  const isApproved = (contract: ContractPublished, roster: Roster): boolean => {
    try {
      checkContractApprovals(v, network, roster, contract)
      return true
    } catch (error) {
      if (error instanceof LedgerError) return false
      throw error
    }
  }
  const order: GovernedPlace[] = []
  let taken = 0
  for (const [index, contract] of contracts.entries()) {
    const under = rosters.findIndex((roster, i) => i >= taken - 1 && isApproved(contract, roster))
    for (const end = under < 0 ? rosters.length : under + 1; taken < end; taken++) order.push(rosterAt(taken))
    order.push({ type: 'contract', index })
  }
  for (; taken < rosters.length; taken++) order.push(rosterAt(taken))
  return order
}

function rosterAt(index: number): GovernedPlace {
  return { type: 'roster', index }
}
