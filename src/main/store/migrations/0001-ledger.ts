/**
 * The first schema: logs, entries, tree, payloads and their keys, projections, and what waits outside the log.
 *
 * @packageDocumentation
 */
import type { WritableDb } from '../database.ts'

/**
 * Entries and payloads are keyed by `pos = log << 40 | idx`, one integer that is also the rowid: appending goes to
 * the end of one tree, which a composite key would not (it costs a second one). `log` and `idx` can be read
 * as columns. The same shift stands in `tables/entry-position.ts`.
 */
const POSITION = `
  pos INTEGER PRIMARY KEY,
  log INTEGER NOT NULL GENERATED ALWAYS AS (pos >> 40) VIRTUAL REFERENCES log(id),
  idx INTEGER NOT NULL GENERATED ALWAYS AS (pos & 1099511627775) VIRTUAL`

/** Creates every table of version 1. */
export function createLedgerTables(db: WritableDb): void {
  db.exec(`
CREATE TABLE log (id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, log_key BLOB NOT NULL) STRICT;

CREATE TABLE entry (${POSITION}, bytes BLOB NOT NULL) STRICT;
CREATE TABLE payload (${POSITION}, ciphertext BLOB NOT NULL, wrapped_key BLOB NOT NULL, salt BLOB NOT NULL) STRICT;

CREATE TABLE tile (
  log INTEGER NOT NULL REFERENCES log(id), level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (log, level, idx)
) STRICT;
CREATE TABLE checkpoint (
  log INTEGER NOT NULL REFERENCES log(id), block INTEGER NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY (log, block), UNIQUE (log, size)
) STRICT;
CREATE TABLE cosignature (
  log INTEGER NOT NULL REFERENCES log(id), size INTEGER NOT NULL, name TEXT NOT NULL, line TEXT NOT NULL,
  PRIMARY KEY (log, size, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch_key (
  subject BLOB NOT NULL, epoch INTEGER NOT NULL, recipient BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (subject, epoch, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE subject_entry (
  subject BLOB NOT NULL, seq INTEGER NOT NULL, log INTEGER NOT NULL, idx INTEGER NOT NULL, type TEXT NOT NULL,
  PRIMARY KEY (subject, seq, log, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_entry_by_type ON subject_entry (type, log, idx);
CREATE TABLE entry_id (id BLOB NOT NULL PRIMARY KEY, log INTEGER NOT NULL, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE tray (
  id BLOB NOT NULL PRIMARY KEY, received_at INTEGER NOT NULL, reason TEXT NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tray_by_time ON tray (received_at);
CREATE TABLE outbox (
  id BLOB NOT NULL PRIMARY KEY, queued_at INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_time ON outbox (queued_at);
`)
}
