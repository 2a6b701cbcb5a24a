import type { VerifyStep } from '../../../shared/api/codes.ts'
import { LedgerError, stepOf } from '../../../ledger/errors.ts'
import { StoreError } from '../../store/errors.ts'

/** Where a finding belongs: a step of verification, or what lies around the entries. */
export type AuditStep =
  | VerifyStep
  | 'database' // the file itself
  | 'index' // the tables that are worked out from the entries
  | 'cosignature'

/** One thing that is wrong with a replica. */
export interface AuditFinding {
  /** Origin; null for the file as a whole. */
  readonly log: string | null
  readonly index: number | null
  readonly step: AuditStep
  readonly code: string
  /** For whoever looks into it. Holds no clinical data. */
  readonly detail: string
}

/** A finding about the file as a whole. */
export function aboutFile(step: AuditStep, code: string, detail: string): AuditFinding {
  return { log: null, index: null, step, code, detail }
}

/**
 * The finding that an error stands for. Anything but bad data is our own fault and passes on.
 *
 * @param step - For failures of the database; those of the ledger know their step.
 */
export function findingOf(error: unknown, log: string, index: number | null, step: AuditStep): AuditFinding {
  if (error instanceof LedgerError) {
    return { log, index, step: stepOf(error.code), code: error.code, detail: error.message }
  }
  if (error instanceof StoreError && error.code === 'DATABASE_DAMAGED') {
    return { log, index, step, code: error.code, detail: error.message }
  }
  throw error
}
