import { encodeIncident } from '../../../ledger/fields.ts'
import type { Store } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { encodeDamage, incidentOf } from './incidents.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Writer } from './writer.ts'

/** What incidents are recorded with. */
export interface RecordingParts {
  readonly store: Store
  readonly writer: Pick<Writer, 'record'>
  /** Signs as the live log. */
  readonly logSigner: EntrySigner
  readonly nowMs: () => number
}

/** Rows of quarantine in one incident. */
const ROWS_PER_INCIDENT = 5000

/**
 * Records what quarantine holds and no entry reports yet.
 *
 * @param sourcesAsked - Whether somebody else was asked for what is still damaged.
 * @param suppliers - Names of the logs of the nodes from which repairs came.
 * @returns Whether there was anything.
 * @throws What {@link Writer.record} throws; then it is reported the next time.
 */
export async function recordIncidents(
  parts: RecordingParts,
  sourcesAsked: boolean,
  suppliers: readonly string[] = [],
): Promise<boolean> {
  const { store, writer, logSigner, nowMs } = parts
  for (let isAny = false; ; isAny = true) {
    const rows = store.unreportedDamage(ROWS_PER_INCIDENT)
    if (rows.length === 0) return isAny
    const { id, kind, groups } = incidentOf(rows, sourcesAsked)
    const fields = encodeIncident({ kind, details: encodeDamage(groups, suppliers) })
    const draft = { id, type: 'incident', subject: null, timeMs: nowMs(), payload: null, fields } as const
    await writer.record([{ ...draft, signers: [logSigner] }]).catch(unlessRecorded)
    store.reportDamage(
      rows.map((row) => row.id),
      id,
    )
  }
}

/** The report was committed before a crash, and only not noted. */
function unlessRecorded(error: unknown): void {
  if (!(error instanceof ApiFailure) || error.code !== 'ALREADY_RECORDED') throw error
}
