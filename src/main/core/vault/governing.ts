/**
 * What is in force here, and whoever decides for the site about what comes next.
 *
 * @packageDocumentation
 */
import { contractAt, rosterAt, type ContractInForce, type RosterInForce } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { ApiFailure } from '../failure.ts'
import type { Clinic } from './clinic.ts'
import type { EntrySigner } from './entry-signer.ts'
import { requirePresence } from './presence.ts'
import { governs } from './role-keys.ts'
import type { Draft } from './writer.ts'

/** @throws ApiFailure `RECORD_NOT_VERIFIED` when the own log has none that can be read. */
export function rosterInForce({ replica: { directory, head } }: Pick<Clinic, 'replica'>): RosterInForce {
  const inForce = rosterAt(directory, head.size)
  if (inForce === null) throw new ApiFailure('RECORD_NOT_VERIFIED')
  return inForce
}

/** @throws ApiFailure as {@link rosterInForce}. */
export function contractInForce({ replica: { directory, head } }: Pick<Clinic, 'replica'>): ContractInForce {
  const inForce = contractAt(directory, head.size)
  if (inForce === null) throw new ApiFailure('RECORD_NOT_VERIFIED')
  return inForce
}

/**
 * Somebody decides for the site: they must be at the keyboard, and the node have the key. One that was never given it must not
 * even remember that it decided.
 *
 * @throws ApiFailure `COORDINATOR_ONLY`, `NOT_SIGNED_IN`, `REAUTH_NEEDED`.
 */
export function presentToGovern(clinic: Clinic): void {
  if (!governs(clinic)) throw new ApiFailure('COORDINATOR_ONLY')
  requirePresence(clinic)
}

/** The entry that records a decision. */
export function decisionDraft(
  { random, nowMs }: Pick<Clinic, 'random' | 'nowMs'>,
  type: 'roster' | 'contract',
  fields: Draft['fields'],
  signer: EntrySigner,
): Draft {
  return { id: random(16), type, subject: null, timeMs: nowMs(), payload: null, fields, signers: [signer] }
}

/** Null for what the ledger refuses. */
export function unlessRefused<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}
