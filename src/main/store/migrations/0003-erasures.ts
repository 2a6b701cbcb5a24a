/**
 * Erasures under way: requests that one person signed, and sites that have not said yet that theirs is gone.
 *
 * @packageDocumentation
 */
import type { WritableDb } from '../database.ts'

/** Creates the tables of version 3. */
export function createErasureTables(db: WritableDb): void {
  db.exec(`
CREATE TABLE erasure_proposal (
  id BLOB NOT NULL PRIMARY KEY, body BLOB NOT NULL, public_key BLOB NOT NULL, signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE erasure_site (
  entry BLOB NOT NULL, site TEXT NOT NULL, PRIMARY KEY (entry, site)
) STRICT, WITHOUT ROWID;
`)
}
