/**
 * Epoch keys have a place for each log: whoever hands over a key first must not keep out the one that opens.
 *
 * @packageDocumentation
 */
import type { WritableDb } from '../database.ts'

/** Makes the tables of version 4. Of which log an older row is was not written down: its place is the empty name. */
export function keepKeysByLog(db: WritableDb): void {
  db.exec(`
CREATE TABLE epoch_key_4 (
  subject BLOB NOT NULL, epoch INTEGER NOT NULL, recipient BLOB NOT NULL, log TEXT NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (subject, epoch, recipient, log)
) STRICT, WITHOUT ROWID;
INSERT INTO epoch_key_4 SELECT subject, epoch, recipient, '', sealed FROM epoch_key;
DROP TABLE epoch_key;
ALTER TABLE epoch_key_4 RENAME TO epoch_key;
`)
}
