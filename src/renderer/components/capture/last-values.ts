/**
 * What was measured last of each field of the grid, to be read beside it. Never filled in: a value that is copied
 * forward is a value that nobody measured. Proven by `tests/renderer/components/capture/last-values.test.ts`.
 *
 * @packageDocumentation
 */
import type { Reading, ReadingKind, ReadingRow } from '../../api/types.ts'
import type { ManualField } from './manual-form.ts'

/** The newest reading of one field. */
export type LastValue = Pick<Reading, 'quantities' | 'measuredAt'>

const FIELDS: Readonly<Partial<Record<ReadingKind, ManualField>>> = {
  'respiratory-rate': 'respiratory-rate',
  consciousness: 'consciousness',
  oxygen: 'oxygen',
  temperature: 'temperature',
  weight: 'weight',
  glucose: 'glucose',
  'blood-pressure': 'systolic',
  'heart-rate': 'pulse',
  spo2: 'spo2',
}

/**
 * The newest verified reading of each field that still stands.
 *
 * @param rows - Of a chart, in any order. What was corrected, what the patient reported and what may not be seen is left
 * out.
 */
export function lastValues(rows: readonly ReadingRow[]): ReadonlyMap<ManualField, LastValue> {
  const newest = new Map<ManualField, LastValue>()
  for (const row of rows) {
    if (row.status === 'rejected' || row.record.correction !== undefined) continue
    const { kind, quantities, measuredAt, method } = row.record
    const field = FIELDS[kind]
    const before = field === undefined ? undefined : newest.get(field)
    if (field === undefined || method === 'patient-reported') continue
    if (before === undefined || Date.parse(before.measuredAt) < Date.parse(measuredAt))
      newest.set(field, { quantities, measuredAt })
  }
  return newest
}
