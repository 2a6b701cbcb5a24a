import { command, query, scan, type WritableDb } from '../database.ts'
import type { EntryPlace, IdRow, IndexRow, SubjectEntry, SubjectRow } from '../store.ts'
import type { LogTable } from './logs.ts'

type Place = { log: number; index: number }

/** Projections of the entries: where the entries of a subject, of a type or with an id stand. Never evidence. */
export class IndexTables {
  readonly #logs: LogTable
  readonly #bySubject
  readonly #byType
  readonly #byId
  readonly #insertId
  readonly #insertSubject
  readonly #clearIds
  readonly #clearSubjects
  readonly #ids
  readonly #subjects

  constructor(db: WritableDb, logs: LogTable) {
    this.#logs = logs
    this.#bySubject = query<[Uint8Array], Place & { seq: number; type: string }>(
      db,
      'SELECT seq, log, idx AS "index", type FROM subject_entry WHERE subject = ? ORDER BY seq, log, idx',
    )
    this.#byType = query<[string], Place & { subject: Uint8Array }>(
      db,
      'SELECT subject, log, idx AS "index" FROM subject_entry WHERE type = ? ORDER BY log, idx',
    )
    this.#byId = query<[Uint8Array], Place>(db, 'SELECT log, idx AS "index" FROM entry_id WHERE id = ?')
    this.#insertId = command<[Uint8Array, number, number]>(
      db,
      'INSERT INTO entry_id (id, log, idx) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#insertSubject = command<[Uint8Array, number, number, number, string]>(
      db,
      'INSERT INTO subject_entry (subject, seq, log, idx, type) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#clearIds = command<[]>(db, 'DELETE FROM entry_id')
    this.#clearSubjects = command<[]>(db, 'DELETE FROM subject_entry')
    this.#ids = scan<{ log: number; index: number; id: Uint8Array }>(
      db,
      'SELECT log, idx AS "index", id FROM entry_id ORDER BY log, idx, id',
    )
    this.#subjects = scan<Place & { subject: Uint8Array; seq: number; type: string }>(
      db,
      'SELECT log, idx AS "index", subject, seq, type FROM subject_entry ORDER BY log, idx, subject, seq',
    )
  }

  subjectEntries(subject: Uint8Array): SubjectEntry[] {
    return this.#bySubject
      .all(subject)
      .flatMap((row) => this.#placed(row).map((at) => ({ ...at, seq: row.seq, type: row.type })))
  }

  subjectsByType(type: string): (EntryPlace & { subject: Uint8Array })[] {
    return this.#byType.all(type).flatMap((row) => this.#placed(row).map((at) => ({ ...at, subject: row.subject })))
  }

  byId(id: Uint8Array): EntryPlace | null {
    const row = this.#byId.get(id)
    return row === undefined ? null : (this.#placed(row)[0] ?? null)
  }

  /** Adds the rows of one entry. Replies false, and adds nothing, when its id is taken. */
  insert(log: number, row: Omit<IndexRow, 'origin'>): boolean {
    if (this.#insertId(row.id, log, row.index) === 0) return false
    if (row.subject !== null) this.#insertSubject(row.subject.handle, row.subject.seq, log, row.index, row.type)
    return true
  }

  /** Every row, in order of log and index; the origin is null for a log that is not here. */
  *ids(): Generator<IdRow> {
    for (const { log, ...row } of this.#ids()) yield { ...row, origin: this.#logs.originOf(log) ?? null }
  }

  /** As {@link IndexTables.ids}. */
  *subjects(): Generator<SubjectRow> {
    for (const { log, ...row } of this.#subjects()) yield { ...row, origin: this.#logs.originOf(log) ?? null }
  }

  clear(): void {
    this.#clearIds()
    this.#clearSubjects()
  }

  /** A row that names a log which is not here points nowhere and is left out. */
  #placed(row: Place): EntryPlace[] {
    const origin = this.#logs.originOf(row.log)
    return origin === undefined ? [] : [{ origin, index: row.index }]
  }
}
