/**
 * Whether the values that a score would rest on are still those that count.
 *
 * @remarks
 * What is gone may have withdrawn one of them, and a value that does not verify, or has not come yet from another
 * workstation, may be newer than all of them: a score of what is left would look like one of the patient's present state.
 * What a consent keeps closed, or was erased, raises no doubt: that is as the patient decided, and the chart says so. Proven
 * by `tests/main/core/vault/assessments.test.ts` and `tests/main/core/network/workstation-records.test.ts`.
 *
 * @packageDocumentation
 */
import { parseInstant } from '../../../clinical/instant.ts'
import type { Assessment, Reading } from '../../../shared/api/schemas.ts'
import type { Row } from '../vault-service.ts'
import type { RecordReplica } from '../verify-record.ts'
import type { Link, Place } from './chains.ts'
import { placeOf, refOf } from './corrections.ts'

/** What is asked about. */
export interface ScoredRecords {
  readonly handle: string
  readonly assessment: Assessment
  /** The logs that values were taken from, that of the patient's registration first. */
  readonly replicas: readonly RecordReplica[]
  /** Of these logs, everything that may be a value, also what could not be shown. */
  readonly rows: readonly Row<Reading>[]
}

/** Entries that hold a value. */
const VALUES: ReadonlySet<Link['type']> = new Set(['reading', 'reading.amended'])
/** Steps by which a row is closed as it should be. */
const CLOSED: ReadonlySet<string> = new Set(['access', 'erased'])

/** Whether something that cannot be read may have withdrawn, or may be newer than, a value that is scored. */
export function isInDoubt({ handle, assessment: { inputs }, replicas, rows }: ScoredRecords): boolean {
  const scored = new Set(inputs.map(({ ref }) => placeOf(ref)))
  const unread = new Set(rows.flatMap(unreadPlace))
  return replicas.some((replica, n) => {
    const { links, gone } = replica.chain(handle)
    const seqs = links.flatMap((link) => (scored.has(placeOf(refOf(link))) ? [link.seq] : []))
    // Where a value of another log is scored as well, anything that is gone may have withdrawn it, or be newer.
    const first = seqs.length < scored.size ? -1 : Math.min(...seqs)
    const values = links.filter((link) => VALUES.has(link.type) && unread.has(placeOf(refOf(link))))
    // Damage in the own log that may be anybody's switches scores off as a whole.
    const damaged = n === 0 ? [] : damagedIn(replica)
    const lost = [...gone, ...links.filter(isUnreadWord)]
    return lost.some(({ seq }) => seq > first) || [...values, ...damaged].some(mayBeLater(inputs))
  })
}

/** Whether an entry says that some value is wrong, and was damaged since the start, before anybody read of which. */
function isUnreadWord({ type, log, index }: Link): boolean {
  return type === 'reading.entered-in-error' && 'step' in log.everVerified(index)
}

/** Where a row stands that should be shown and cannot. */
function unreadPlace(row: Row<Reading>): string[] {
  if (row.status !== 'rejected' || row.index === null || CLOSED.has(row.step)) return []
  return [placeOf({ origin: row.origin, index: row.index })]
}

/** Whether an entry may have been recorded after the first of these values: in their log by its place, in others by time. */
function mayBeLater(inputs: Assessment['inputs']): (place: Place) => boolean {
  const sinceMs = Math.min(...inputs.map(({ measuredAt }) => parseInstant(measuredAt).epochMs))
  return ({ log, index }) => {
    const places = inputs.flatMap(({ ref }) => (ref.origin === log.origin ? [ref.index] : []))
    if (places.length > 0) return index > Math.min(...places)
    const verified = log.verifiedEntry(index)
    if (!('step' in verified)) return verified.entry.body.time >= sinceMs
    // Of a damaged one, the seal of its block says when.
    const block = log.blockOf(index)
    return 'step' in block || block.sealedAtMs === 0 || block.sealedAtMs >= sinceMs
  }
}

/** Damaged entries, which may be anybody's: whose they were, the database alone would say. */
function damagedIn({ logs }: RecordReplica): Place[] {
  return logs.flatMap((log) =>
    [...log.damaged.keys()]
      .filter((index) => !log.isUnderstood(index) && !log.isSealPlace(index))
      .map((index) => ({ log, index })),
  )
}
