/**
 * Which accesses a filter shows. Entries that failed verification always show: hiding them would hide that they exist.
 * Proven by `tests/renderer/components/audit/filter.test.ts`.
 *
 * @packageDocumentation
 */
import type { AccessRow } from '../../api/types.ts'

/** Filters of the audit page. */
export const FILTERS = ['all', 'emergency', 'export', 'view', 'list', 'finding'] as const
/** A filter of {@link FILTERS}. */
export type Filter = (typeof FILTERS)[number]

/**
 * Rows that fit.
 *
 * @param text - Part of a practitioner's name or the beginning of a patient's handle; empty for everybody.
 */
export function fitting(rows: readonly AccessRow[], filter: Filter, text: string): AccessRow[] {
  const wanted = text.trim().toLowerCase()
  return rows.filter((row) => {
    if (row.status === 'rejected') return true
    const { kind, finding, practitioner, subjects } = row.record
    const isKind = filter === 'all' || (filter === 'finding' ? finding !== null : kind === filter)
    const isNamed =
      practitioner.toLowerCase().includes(wanted) || subjects.some((subject) => subject.startsWith(wanted))
    return isKind && isNamed
  })
}
