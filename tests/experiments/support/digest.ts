/** A log as it lies in the file of a database, in one hash: two are equal exactly when head and every entry are. */
import Database from 'better-sqlite3'
import { createHash } from 'node:crypto'

/** SHA-256 over every entry of a log and the text of its newest checkpoint, in hex. The site must be down. */
export function digestOf(file: string, origin: string): string {
  const database = new Database(file, { readonly: true })
  try {
    const digest = createHash('sha256')
    const entries = database
      .prepare<[string], { idx: number; bytes: Buffer }>(
        'SELECT entry.idx, bytes FROM entry JOIN log ON log.id = entry.pos >> 40 WHERE origin = ? ORDER BY pos',
      )
      .iterate(origin)
    for (const { idx, bytes } of entries) digest.update(`${idx} ${bytes.length} `).update(bytes)
    const newest = database
      .prepare<[string], { note: string }>(
        'SELECT note FROM checkpoint JOIN log ON log.id = checkpoint.log WHERE origin = ? ORDER BY size DESC LIMIT 1',
      )
      .get(origin)
    // Below the empty line stand signatures, of which each site has its own.
    const [text = ''] = (newest?.note ?? '').split('\n\n')
    return digest.update(text).digest('hex')
  } finally {
    database.close()
  }
}
