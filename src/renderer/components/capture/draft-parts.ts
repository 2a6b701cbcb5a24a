/**
 * What one draft becomes when it is signed: a cuff's record with its pulse is two readings.
 *
 * @remarks
 * The same rule by which the core makes readings of a measurement, so that what is listed before signing is what will
 * be signed. Proven by `tests/renderer/components/capture/draft-parts.test.ts` and, against a real cuff's record, by
 * `tests/e2e/capture.test.ts`.
 *
 * @packageDocumentation
 */
import { splitMeasurement } from '../../../clinical/quantity.ts'
import type { Draft } from '../../api/types.ts'

/**
 * The readings in a draft, in chart order; each carries everything else of the draft.
 *
 * @param draft - From the core; names of quantities are those of the clinical table.
 * @throws ClinicalError `WRONG_CODE` for a name that the table does not have.
 */
export function partsOf(draft: Draft): Draft[] {
  return splitMeasurement(draft.quantities).map(({ kind, quantities }) => ({ ...draft, kind, quantities }))
}
