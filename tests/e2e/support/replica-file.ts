import { join } from 'node:path'
import Database from 'better-sqlite3'

/** The database of a clinic that is not running, as somebody with a disk editor finds it. */
function open(dataFolder: string): Database.Database {
  return new Database(join(dataFolder, 'clinic', 'ledger.db'), { fileMustExist: true })
}

/** Places of all readings in the log, oldest first. */
export function readingEntries(dataFolder: string): number[] {
  const db = open(dataFolder)
  try {
    const rows = db.prepare("SELECT idx FROM subject_entry WHERE type = 'reading' ORDER BY idx").all()
    return rows.map((row) => (row as { idx: number }).idx)
  } finally {
    db.close()
  }
}

const COLUMNS = { entry: 'bytes', payload: 'ciphertext' } as const

/**
 * Changes one bit in the middle of what is stored for one entry.
 *
 * @param index - Place in the log.
 */
export function damageMiddle(dataFolder: string, table: keyof typeof COLUMNS, index: number): void {
  const db = open(dataFolder)
  try {
    const column = COLUMNS[table]
    const row = db.prepare(`SELECT ${column} AS bytes FROM ${table} WHERE idx = ?`).get(index)
    const bytes = Uint8Array.from((row as { bytes: Uint8Array }).bytes)
    const middle = bytes.length >> 1
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE idx = ?`).run(bytes, index)
  } finally {
    db.close()
  }
}

/** Deletes one entry's row. */
export function deleteEntry(dataFolder: string, index: number): void {
  const db = open(dataFolder)
  try {
    const { changes } = db.prepare('DELETE FROM entry WHERE idx = ?').run(index)
    if (changes !== 1) throw new Error(`there is no entry ${index}`)
  } finally {
    db.close()
  }
}
