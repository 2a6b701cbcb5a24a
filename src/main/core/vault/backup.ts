/**
 * Backups: the database as it is, with the site's secrets sealed inside it to the printed recovery key.
 *
 * @remarks
 * A backup opens nothing by itself, and the key that signs the log is not in it. Whoever restores it opens a new
 * incarnation. Proven by `tests/main/core/vault/restore.test.ts`.
 *
 * @packageDocumentation
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { guardedFiles } from '../../keystore/errors.ts'
import { syncFolder } from '../../keystore/files.ts'
import type { Store } from '../../store/store.ts'
import type { Clinic } from './clinic.ts'
import { storeSiteSecrets } from './site-secrets.ts'

/**
 * Writes a backup.
 *
 * @param folder - Made when it is not there.
 * @returns Path of the file, which did not exist before.
 * @throws StoreError, KeystoreError `DISK_FULL` or `DATA_FOLDER_READ_ONLY`; no file is left then.
 */
export async function backUp({ keystore, store, identity, nowMs }: Clinic, folder: string): Promise<string> {
  await storeSiteSecrets(keystore, store, identity)
  return writeSnapshot(store, folder, nowMs())
}

/** The same for a database that is open in any way. */
export function writeSnapshot(source: Pick<Store, 'snapshot'>, folder: string, nowMs: number): string {
  guardedFiles('making the folder of backups', () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  })
  const file = freeName(folder, nowMs)
  const draft = `${file}.part`
  try {
    rmSync(draft, { force: true })
    source.snapshot(draft)
    guardedFiles('naming the backup', () => {
      renameSync(draft, file)
      syncFolder(folder)
    })
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  return file
}

/** Named by the time, so that the newest is found; a second one in the same second gets a number. */
function freeName(folder: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
  for (let n = 1; ; n++) {
    const file = join(folder, `chartseal-${stamp}${n === 1 ? '' : `-${n}`}.backup`)
    if (!existsSync(file)) return file
  }
}
