/**
 * Makes sealed records go: from their tables, from quarantine, and from every byte of the database's files.
 *
 * @remarks
 * `secure_delete` writes zeros over what is deleted, in the page it stood in; the write-ahead log still holds the page as
 * it was, until it is moved into the database and truncated. Whether that was enough is then looked up in the whole
 * database, by the random nonces that begin every sealed value. Proven by `tests/main/store/erase.test.ts`.
 *
 * @packageDocumentation
 */
import type Database from 'better-sqlite3'
import { equalBytes } from '../../shared/bytes.ts'
import { guarded } from './database.ts'
import type { ErasedRows, EraseRequest } from './store.ts'
import type { PayloadTables } from './tables/payloads.ts'
import type { QuarantineTable } from './tables/quarantine.ts'

/** The tables that hold what can be erased. */
export interface EraseTables {
  readonly payloads: PayloadTables
  readonly quarantine: QuarantineTable
}

/** Every sealed value begins with at least this many random bytes: a nonce, or a key of its own. */
const MARK_SIZE = 24
/** A larger database is not read into memory to look for what `secure_delete` left. */
const MAX_SEARCHED = 512 * 1024 * 1024

/**
 * Deletes what `request` names. Must run inside a write transaction.
 *
 * @param logOf - Number of a log.
 */
export function eraseRows(
  { payloads, quarantine }: EraseTables,
  logOf: (origin: string) => number,
  { records, keys }: EraseRequest,
): ErasedRows {
  const marks: Uint8Array[] = []
  const erased = { payloads: 0, keys: 0 }
  for (const { origin, index } of records) {
    const log = logOf(origin)
    const payload = payloads.payload(log, index)
    quarantine.forgetRecord(log, index)
    if (payload === null) continue
    marks.push(...[payload.ciphertext, payload.wrappedKey, payload.salt].map(markOf))
    payloads.deletePayload(log, index)
    erased.payloads += 1
  }
  if (keys === null) return { ...erased, marks }
  for (const row of payloads.epochKeys(keys.subject)) {
    if (!keys.epochs.includes(row.epoch) || keys.logs?.includes(row.log) === false) continue
    marks.push(markOf(row.sealed))
    payloads.deleteEpochKey({ ...row, subject: keys.subject })
    erased.keys += 1
  }
  for (const epoch of keys.epochs) quarantine.forgetKey(keys.subject, epoch)
  if (keys.epochs.length > 0) quarantine.forgetUnproven()
  return { ...erased, marks }
}

/**
 * Leaves nothing of what was deleted in the files of the database.
 *
 * @param marks - Of the rows that were deleted.
 * @returns False when somebody is reading the database, so that the write-ahead log could not be truncated.
 */
export function forgetDeleted(db: Database.Database, marks: readonly Uint8Array[]): boolean {
  return guarded('removing what was erased', () => {
    if (!truncateLog(db)) return false
    if (!isAnyLeft(db, marks)) return true
    db.exec('VACUUM')
    return truncateLog(db) && !isAnyLeft(db, marks)
  })
}

function truncateLog(db: Database.Database): boolean {
  const [result] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
  return result?.busy === 0
}

/** Reads through SQLite: opening the file beside it would drop the locks that this process holds on it. */
function isAnyLeft(db: Database.Database, marks: readonly Uint8Array[]): boolean {
  if (marks.length === 0) return false
  const pages = Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }))
  if (pages > MAX_SEARCHED) return false
  const image = db.serialize()
  return marks.some((mark) => mark.length === MARK_SIZE && image.indexOf(mark) >= 0)
}

/** Enough of a sealed value to know it by. A made-up row may be shorter, and is not worth looking for. */
function markOf(sealed: Uint8Array): Uint8Array {
  const mark = sealed.slice(0, MARK_SIZE)
  return equalBytes(mark, new Uint8Array(mark.length)) ? new Uint8Array(0) : mark
}
