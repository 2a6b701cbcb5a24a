import { dirname } from 'node:path'
import { guarded, type WritableDb } from './database.ts'
import { syncPath } from './sync-path.ts'

/** Writes everything that is committed to a new file, durably. See `Store.snapshot`. */
export function writeSnapshot(db: WritableDb, file: string): void {
  guarded('writing a backup', () => {
    db.prepare('VACUUM INTO ?').run(file)
    syncPath(file)
    if (process.platform !== 'win32') syncPath(dirname(file))
  })
}
