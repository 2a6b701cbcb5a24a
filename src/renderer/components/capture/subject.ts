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
}

/** Whom a row is about; null for a record that failed verification, about which nothing can be said. */
export function subjectOf(row: PatientRow): Subject | null {
  if (row.status === 'verified') return { handle: row.record.handle, record: row.record }
  return row.step === 'access' && row.subject !== undefined ? { handle: row.subject, record: null } : null
}
