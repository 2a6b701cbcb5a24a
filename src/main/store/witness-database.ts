/**
 * The memory of a witness: heads of logs, lines under them, fork proofs, rosters, and what opened later incarnations. No
 * table holds any other entry.
 *
 * @remarks
 * Every change of what must never be forgotten (a head, a fork proof) is counted in the same transaction, so that a mark
 * outside the file can say how new it must be. Proven by `tests/main/core/witness/witness-memory.test.ts`.
 *
 * @packageDocumentation
 */
import { command, query, type WritableDb } from './database.ts'
import { openDatabase, type DatabaseKind, type OpenOptions } from './open.ts'
import { StoreError } from './errors.ts'
import { WriteGate } from './write-gate.ts'
import type { CosignatureRow, EvidenceRow } from './store.ts'

/** A head that was accepted: the signed note with the line of its log alone. */
export interface WitnessHeadRow {
  readonly origin: string
  readonly size: number
  readonly note: string
}

/** A line under a head that is kept. */
export interface WitnessLineRow extends CosignatureRow {
  readonly origin: string
}

/** A governed roster with its approvals. */
export interface WitnessRosterRow {
  readonly version: number
  /** Exact encoding of the fields of its entry. */
  readonly fields: Uint8Array
}

/** How often what must not be forgotten has changed, and a code by which whoever wrote it knows it again. */
export interface WitnessState {
  readonly count: number
  readonly mac: Uint8Array
}

/** Heads kept of one log: older ones are dropped, the newest never. */
export const KEPT_HEADS = 64

const VERSION = 2

/** Creates the tables; says no to a newer file. */
function makeTables(db: WritableDb): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > VERSION) throw new StoreError('DATABASE_NEWER', `schema version ${version}`)
  if (version === VERSION) return
  db.transaction(() => {
    if (version < 1) db.exec(FIRST_TABLES)
    db.exec('CREATE TABLE opening (place INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT')
    db.pragma(`user_version = ${VERSION}`)
  }).immediate()
}

const FIRST_TABLES = `
CREATE TABLE head (
  origin TEXT NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (origin, size)
) STRICT, WITHOUT ROWID;
CREATE TABLE line (
  origin TEXT NOT NULL, size INTEGER NOT NULL, name TEXT NOT NULL, line TEXT NOT NULL,
  PRIMARY KEY (origin, size, name), FOREIGN KEY (origin, size) REFERENCES head (origin, size) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE evidence (
  id BLOB NOT NULL PRIMARY KEY, origin TEXT NOT NULL, text TEXT NOT NULL, received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE roster (version INTEGER PRIMARY KEY, fields BLOB NOT NULL) STRICT;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL, mac BLOB NOT NULL) STRICT;
`

/** "Chsw". */
const WITNESS: DatabaseKind = { applicationId: 0x43687377, migrate: makeTables }

/**
 * Opens or creates the memory of a witness.
 *
 * @throws {@link StoreError} as `openStore`.
 */
export function openWitnessDatabase(file: string, options: OpenOptions): WitnessDatabase {
  return openDatabase(file, options, WITNESS, (db) => new WitnessDatabase(db))
}

/** See the module's comment. Methods that write throw {@link StoreError} as `WriteGate.run`. */
export class WitnessDatabase {
  readonly #db: WritableDb
  readonly #gate: WriteGate
  readonly #newest
  readonly #statements

  constructor(db: WritableDb) {
    this.#db = db
    this.#gate = new WriteGate(db)
    this.#newest = query<[string], WitnessHeadRow>(
      db,
      'SELECT origin, size, note FROM head WHERE origin = ? ORDER BY size DESC LIMIT 1',
    )
    this.#statements = {
      heads: query<[], WitnessHeadRow>(db, 'SELECT origin, size, note FROM head ORDER BY origin, size'),
      lines: query<[], WitnessLineRow>(db, 'SELECT origin, size, name, line FROM line ORDER BY origin, size, name'),
      evidence: query<[], EvidenceRow>(
        db,
        'SELECT id, origin, text, received_at AS receivedAtMs FROM evidence ORDER BY origin, received_at',
      ),
      rosters: query<[], { fields: Uint8Array }>(db, 'SELECT fields FROM roster ORDER BY version'),
      openings: query<[], { entry: Uint8Array }>(db, 'SELECT entry FROM opening ORDER BY place'),
      putOpening: command<[number, Uint8Array]>(db, 'INSERT OR REPLACE INTO opening (place, entry) VALUES (?, ?)'),
      state: query<[], WitnessState>(db, 'SELECT count, mac FROM state WHERE id = 1'),
      putHead: command<[string, number, string]>(
        db,
        `INSERT INTO head (origin, size, note) VALUES (?, ?, ?)
         ON CONFLICT (origin, size) DO UPDATE SET note = excluded.note`,
      ),
      prune: command<[string, string, number]>(
        db,
        `DELETE FROM head WHERE origin = ? AND size <=
         (SELECT size FROM head WHERE origin = ? ORDER BY size DESC LIMIT 1 OFFSET ?)`,
      ),
      putLine: command<[string, number, string, string]>(
        db,
        `INSERT INTO line (origin, size, name, line) VALUES (?, ?, ?, ?)
         ON CONFLICT (origin, size, name) DO UPDATE SET line = excluded.line`,
      ),
      putEvidence: command<[Uint8Array, string, string, number]>(
        db,
        'INSERT INTO evidence (id, origin, text, received_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      ),
      putRoster: command<[number, Uint8Array]>(
        db,
        'INSERT INTO roster (version, fields) VALUES (?, ?) ON CONFLICT (version) DO NOTHING',
      ),
      putState: command<[number, Uint8Array]>(db, 'INSERT OR REPLACE INTO state (id, count, mac) VALUES (1, ?, ?)'),
    }
  }

  /** All heads, by log and size. As untrusted as any row. */
  heads(): WitnessHeadRow[] {
    return this.#statements.heads.all()
  }

  lines(): WitnessLineRow[] {
    return this.#statements.lines.all()
  }

  evidence(): EvidenceRow[] {
    return this.#statements.evidence.all()
  }

  /** Fields of roster entries, oldest first. */
  rosters(): Uint8Array[] {
    return this.#statements.rosters.all().map(({ fields }) => fields)
  }

  /** Entries that opened later incarnations, each before those that follow it. */
  openings(): Uint8Array[] {
    return this.#statements.openings.all().map(({ entry }) => entry)
  }

  /** Keeps them, in this order, instead of those that were kept: never fewer. */
  putOpenings(entries: readonly Uint8Array[]): void {
    this.#gate.run(() => {
      for (const [place, entry] of entries.entries()) this.#statements.putOpening(place, entry)
    })
  }

  /** Null in a database that was just made. */
  state(): WitnessState | null {
    return this.#statements.state.get() ?? null
  }

  /** Begins: the rosters that are known, and the first state. */
  begin(rosters: readonly WitnessRosterRow[], state: WitnessState): void {
    this.#gate.run(() => {
      for (const { version, fields } of rosters) this.#statements.putRoster(version, fields)
      this.#statements.putState(state.count, state.mac)
    })
  }

  /**
   * Makes `next` the newest head of its log, if the one that is stored still is `expected`. Durable when it returns true;
   * when it returns false, nothing has changed.
   *
   * @param state - The one after.
   */
  replaceHead(expected: string | null, next: WitnessHeadRow, state: WitnessState): boolean {
    return this.#gate.run(() => {
      const { origin, size, note } = next
      if ((this.#newest.get(origin)?.note ?? null) !== expected) return false
      const { putHead, prune, putState } = this.#statements
      putHead(origin, size, note)
      prune(origin, origin, KEPT_HEADS)
      putState(state.count, state.mac)
      return true
    })
  }

  putLines(rows: readonly WitnessLineRow[]): void {
    this.#gate.run(() => {
      for (const { origin, size, name, line } of rows) this.#statements.putLine(origin, size, name, line)
    })
  }

  /** @param state - The one after. */
  putEvidence({ id, origin, text, receivedAtMs }: EvidenceRow, state: WitnessState): void {
    this.#gate.run(() => {
      this.#statements.putEvidence(id, origin, text, receivedAtMs)
      this.#statements.putState(state.count, state.mac)
    })
  }

  /** Takes rosters by their version. One that is there stays. */
  putRosters(rows: readonly WitnessRosterRow[]): void {
    this.#gate.run(() => {
      for (const { version, fields } of rows) this.#statements.putRoster(version, fields)
    })
  }

  close(): void {
    this.#db.close()
  }
}
