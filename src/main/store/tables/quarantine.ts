import { equalBytes } from '../../../shared/bytes.ts'
import { command, query, type WritableDb } from '../database.ts'
import type { DamagedKind, DamagedPlace, DamagedRow, DamageOutcome, QuarantineRow } from '../store.ts'
import type { LogTable } from './logs.ts'

type Row = Omit<QuarantineRow, 'origin'> & { log: number }
type Place = [log: number, kind: string, level: number, index: number, subject: Uint8Array | null]

const COLUMNS = `SELECT id, log, kind, level, idx AS "index", subject, bytes, reason, found_at AS foundAtMs, outcome,
  incident FROM quarantine`
const AT_PLACE = 'log = ? AND kind = ? AND level = ? AND idx = ? AND subject IS ?'

/** Damaged rows, with their bytes as they stood. What is here is never read as a record. */
export class QuarantineTable {
  readonly #logs: LogTable
  readonly #newest
  readonly #open
  readonly #at
  readonly #unreported
  readonly #insert
  readonly #settle
  readonly #report
  readonly #forgetRecord
  readonly #forgetKey
  readonly #forgetUnproven

  constructor(db: WritableDb, logs: LogTable) {
    this.#logs = logs
    this.#newest = query<[number], Row>(db, `${COLUMNS} WHERE id > 0 ORDER BY id DESC LIMIT ?`)
    this.#open = query<[number, number], Row>(db, `${COLUMNS} WHERE outcome = 'open' AND id > ? ORDER BY id LIMIT ?`)
    this.#at = query<Place, Row>(db, `${COLUMNS} WHERE ${AT_PLACE} AND outcome = 'open' ORDER BY id`)
    this.#unreported = query<[number], Row>(db, `${COLUMNS} WHERE incident IS NULL ORDER BY id LIMIT ?`)
    this.#insert = command<[...Place, Uint8Array | null, string, number, DamageOutcome]>(
      db,
      `INSERT INTO quarantine (log, kind, level, idx, subject, bytes, reason, found_at, outcome)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#settle = command<[DamageOutcome, ...Place]>(
      db,
      `UPDATE quarantine SET outcome = ?, incident = NULL WHERE ${AT_PLACE} AND outcome = 'open'`,
    )
    this.#report = command<[Uint8Array, number]>(db, 'UPDATE quarantine SET incident = ? WHERE id = ?')
    this.#forgetRecord = command<[number, number]>(
      db,
      `DELETE FROM quarantine WHERE log = ? AND kind = 'payload' AND idx = ?`,
    )
    this.#forgetKey = command<[Uint8Array, number]>(db, 'DELETE FROM quarantine WHERE subject = ? AND idx = ?')
    this.#forgetUnproven = command<[number]>(
      db,
      `UPDATE quarantine SET bytes = NULL WHERE log = ? AND kind = 'payload' AND outcome = 'removed'`,
    )
  }

  newest(limit: number): QuarantineRow[] {
    return this.#newest.all(limit).flatMap((row) => this.#placed(row))
  }

  /** Not repaired, with an id above `after`. */
  open(after: number, limit: number): QuarantineRow[] {
    return this.#open.all(after, limit).flatMap((row) => this.#placed(row))
  }

  unreported(limit: number): QuarantineRow[] {
    return this.#unreported.all(limit).flatMap((row) => this.#placed(row))
  }

  /** Sets a row aside; the same bytes at the same place are kept once. */
  insert(log: number, row: DamagedRow, outcome: DamageOutcome): void {
    const place = placeOf(log, row)
    const isKnown = outcome === 'open' && this.#at.all(...place).some((other) => isSame(other.bytes, row.bytes))
    if (!isKnown) this.#insert(...place, row.bytes, row.reason, row.foundAtMs, outcome)
  }

  /** What was open at a place has an outcome, which is to be reported. */
  settle(log: number, place: Omit<DamagedPlace, 'origin'>, outcome: DamageOutcome): void {
    this.#settle(outcome, ...placeOf(log, place))
  }

  report(ids: readonly number[], incident: Uint8Array): void {
    for (const id of ids) this.#report(incident, id)
  }

  /** Deletes what is left of an erased record. */
  forgetRecord(log: number, index: number): void {
    this.#forgetRecord(log, index)
  }

  /** Deletes what is left of an erased epoch key. */
  forgetKey(subject: Uint8Array, epoch: number): void {
    this.#forgetKey(subject, epoch)
  }

  /** Empties payloads that no proven entry has: nobody can tell whose they were. That they were found stays. */
  forgetUnproven(): void {
    for (const log of this.#logs.ids()) this.#forgetUnproven(log)
  }

  #placed({ log, ...row }: Row): QuarantineRow[] {
    const origin = this.#logs.originOf(log)
    return origin === undefined ? [] : [{ ...row, origin }]
  }
}

function placeOf(
  log: number,
  { kind, level, index, subject }: { kind: DamagedKind; level: number; index: number; subject: Uint8Array | null },
): Place {
  return [log, kind, level, index, subject]
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}
