/**
 * Which of the keys that are stored for one epoch of a subject is the one for the records of a log.
 *
 * @remarks
 * Every log has its own place (`store/migrations/0004-keys-by-log.ts`), and fills no other: a site that hands over a key for
 * somebody else's patient keeps nobody from reading with the right one. That a row opens under the sharing key of the
 * site whose log it is, is for whoever opens it. Proven by `tests/main/core/vault/disclosures.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../../shared/bytes.ts'
import type { StoredEpochKey } from '../../store/store.ts'

/** Log of rows that were stored before logs had places of their own. */
export const UNPLACED = ''

/** Whose key is looked for. */
export interface KeyPlace {
  readonly epoch: number
  /** X25519 public key, 32 bytes. */
  readonly recipient: Uint8Array
  /** Without incarnation. */
  readonly log: string
}

/** True for a row that may be for the records of a log. */
export function mayBeOf({ log }: Pick<StoredEpochKey, 'log'>, wanted: string): boolean {
  return log === wanted || log === UNPLACED
}

/** The row for a place: the log's own, else one that was stored without a place. */
export function keyRow<Row extends StoredEpochKey>(rows: readonly Row[], place: KeyPlace): Row | undefined {
  const same = rows.filter(({ epoch, recipient }) => epoch === place.epoch && equalBytes(recipient, place.recipient))
  return same.find(({ log }) => log === place.log) ?? same.find(({ log }) => log === UNPLACED)
}
