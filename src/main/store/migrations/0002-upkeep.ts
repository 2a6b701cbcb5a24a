/**
 * What keeps a replica whole: damaged rows set aside, fork proofs, mirror memory, digests of projections, and the site's
 * secrets sealed to its printed recovery key.
 *
 * @packageDocumentation
 */
import type { WritableDb } from '../database.ts'

/** Creates the tables of version 2. */
export function createUpkeepTables(db: WritableDb): void {
  db.exec(`
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL REFERENCES log(id), kind TEXT NOT NULL, level INTEGER NOT NULL,
  idx INTEGER NOT NULL, subject BLOB, bytes BLOB, reason TEXT NOT NULL, found_at INTEGER NOT NULL,
  outcome TEXT NOT NULL, incident BLOB
) STRICT;
CREATE INDEX quarantine_by_place ON quarantine (log, kind, idx);
CREATE INDEX quarantine_by_subject ON quarantine (subject);
CREATE INDEX quarantine_by_incident ON quarantine (incident, id);
CREATE TABLE evidence (
  id BLOB NOT NULL PRIMARY KEY, origin TEXT NOT NULL, text TEXT NOT NULL, received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_by_origin ON evidence (origin, received_at);
CREATE INDEX cosignature_by_name ON cosignature (log, name, size);
CREATE TABLE mirror (
  origin TEXT NOT NULL PRIMARY KEY, pending TEXT, stored INTEGER NOT NULL, mirrored TEXT,
  refused_index INTEGER, refused_code TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE projection (log INTEGER NOT NULL PRIMARY KEY, size INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
CREATE TABLE site_secret (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;
`)
}
