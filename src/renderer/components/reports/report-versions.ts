/**
 * Reports of a patient with their earlier versions: of those that carry the same identifier in the patient's own
 * system, the newest stands and the others stay in reach. Proven by
 * `tests/renderer/components/reports/report-versions.test.ts`.
 *
 * @packageDocumentation
 */
import type { PatientReport, VerifiedRow } from '../../api/types.ts'

/** One report and what it replaced, newest first. */
export interface Report {
  readonly newest: VerifiedRow<PatientReport>
  readonly earlier: readonly VerifiedRow<PatientReport>[]
}

/** Groups reports, the one that was said last first. */
export function versionsOf(rows: readonly VerifiedRow<PatientReport>[]): Report[] {
  const groups = new Map<string, VerifiedRow<PatientReport>[]>()
  for (const row of rows.toSorted((a, b) => b.position.index - a.position.index)) {
    const { identifier } = row.record
    const key = identifier === null ? `entry ${row.position.entryId}` : `id ${identifier}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values()]
    .flatMap(([newest, ...earlier]) => (newest === undefined ? [] : { newest, earlier }))
    .toSorted((a, b) => Date.parse(b.newest.record.authored) - Date.parse(a.newest.record.authored))
}
