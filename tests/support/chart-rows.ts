import type { Grade, Reading, RejectedRow } from '../../src/shared/api/schemas.ts'
import type { ReadingInChart } from '../../src/renderer/components/chart/flowsheet.ts'
import { handleOf, part } from './fake-data.ts'

type Parts = ReturnType<typeof part.spo2>

/** A reading as a core sends it. */
export function readingAt(
  kind: Reading['kind'],
  parts: Parts,
  measuredAt: string,
  more: Partial<Reading> = {},
): Reading {
  return {
    kind,
    quantities: parts.map(([name, value, ucum, unit, coded]) => ({
      name,
      value,
      comparator: null,
      ucum,
      unit,
      coded: coded ?? null,
    })),
    measuredAt,
    method: 'manual',
    deviceLabel: null,
    flags: [],
    site: null,
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
    setId: 'set',
    recordedAt: measuredAt,
    performer: 'Jonas Weatherby',
    test: false,
    ...more,
  }
}

/** The row of a reading, marked as the API client marks verified rows. */
export function verifiedRow(
  record: Reading,
  index: number,
  grade: Grade = { name: 'sealed', k: 0, q: 1 },
): ReadingInChart {
  const position = { origin: 'o', index, entryId: handleOf(index), subject: handleOf(1), seq: index, block: 0, grade }
  return { status: 'verified', position, record } as ReadingInChart
}

/** A row that failed verification. */
export function rejectedRow(index: number | null, step: RejectedRow['step'] = 'signatures'): RejectedRow {
  return { status: 'rejected', step, reason: 'test', origin: 'o', index, entryId: null, seq: null }
}
