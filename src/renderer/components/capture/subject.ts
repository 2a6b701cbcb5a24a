/**
 * Somebody to take observations of: also who keeps their data closed, whose readings are recorded and not shown.
 *
 * @packageDocumentation
 */
import type { Patient, PatientRow } from '../../api/types.ts'
import type { Verified } from '../../../shared/verified.ts'

/** A patient by handle; without a record where the name may not be seen. */
export interface Subject {
  readonly handle: string
  readonly record: Verified<Patient> | null
  /** Another clinic, whose record it is: it can be looked at, and nothing is recorded about it here. */
  readonly site?: string
}

/** Whom a row is about; null for a record that failed verification, about which nothing can be said. */
export function subjectOf(row: PatientRow): Subject | null {
  const isSister = row.status === 'verified' && row.record.workstation !== undefined
  const site = isSister ? undefined : row.status === 'verified' ? row.record.site : row.site
  const theirs = site === undefined ? {} : { site }
  if (row.status === 'verified') return { handle: row.record.handle, record: row.record, ...theirs }
  return row.step === 'access' && row.subject !== undefined ? { handle: row.subject, record: null, ...theirs } : null
}
