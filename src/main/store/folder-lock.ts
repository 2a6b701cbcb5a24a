/**
 * One Chartseal per data folder.
 *
 * @remarks
 * The lock is an exclusive SQLite transaction on a file of its own, so that the operating system releases it
 * however the process ends. No other code of this process may open `lock.db`: on POSIX, closing any handle to a
 * file drops the process's locks on it.
 *
 * @packageDocumentation
 */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { guarded } from './database.ts'

/** A held lock. */
export interface FolderLock {
  /** Gives the folder free. A second call does nothing. */
  release(): void
}

/** Connections that hold a lock. One that nobody refers to would be collected, and its lock with it. */
const held = new Set<Database.Database>()

/**
 * Takes the lock on a data folder, without waiting.
 *
 * @param folder - An existing folder on a local disk.
 * @throws StoreError `DATA_FOLDER_IN_USE`, `DATA_FOLDER_READ_ONLY` or `DISK_FULL`.
 */
export function acquireFolderLock(folder: string): FolderLock {
  return guarded('locking the data folder', () => {
    const db = new Database(join(folder, 'lock.db'), { timeout: 0 })
    try {
      db.pragma('journal_mode = MEMORY') // nothing is ever written, so that no journal need lie about after a crash
      db.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      db.close()
      throw error
    }
    held.add(db)
    return {
      release: () => {
        held.delete(db)
        db.close()
      },
    }
  })
}
