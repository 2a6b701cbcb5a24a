import { expect, it } from 'vitest'
import type { PatientReport, VerifiedRow } from '../../../../src/renderer/api/types.ts'
import { versionsOf } from '../../../../src/renderer/components/reports/report-versions.ts'
import { handleOf } from '../../../support/fake-data.ts'

function report(index: number, identifier: string | null, authored: string): VerifiedRow<PatientReport> {
  const record = { title: `${index}`, authored, recordedAt: authored, importedBy: '', signedByPatient: false }
  const position = { origin: 'o', index, entryId: handleOf(index), subject: handleOf(1) }
  return {
    status: 'verified',
    position,
    record: { ...record, identifier, answers: [] },
  } as unknown as VerifiedRow<PatientReport>
}
const titles = (rows: readonly VerifiedRow<PatientReport>[]) => rows.map(({ record }) => record.title)

it('puts the newest version on top and keeps the others, whatever order they come in', () => {
  const [diary] = versionsOf([
    report(3, 'a', '2026-11-02T00:00:00Z'),
    report(9, 'a', '2026-11-01T00:00:00Z'),
    report(5, 'a', '2026-11-03T00:00:00Z'),
  ])
  expect(diary && titles([diary.newest, ...diary.earlier])).toEqual(['9', '5', '3'])
})

it('never takes reports without an identifier for versions of each other', () => {
  const found = versionsOf([report(1, null, '2026-11-01T00:00:00Z'), report(2, null, '2026-11-02T00:00:00Z')])
  expect(found.map(({ newest }) => newest.record.title)).toEqual(['2', '1'])
})

it('does not mix an identifier with the id of an entry', () => {
  expect(
    versionsOf([report(1, null, '2026-11-01T00:00:00Z'), report(2, handleOf(1), '2026-11-01T00:00:00Z')]),
  ).toHaveLength(2)
})
