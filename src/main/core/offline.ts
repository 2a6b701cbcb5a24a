/**
 * What the command line does with a clinic that no window is open on: backups and restoring.
 *
 * @remarks
 * Proven by `tests/main/cli/backup.test.ts`.
 *
 * @packageDocumentation
 */
import { existsSync, mkdirSync } from 'node:fs'
import { openReadOnly } from '../store/open-read-only.ts'
import { acquireFolderLock } from '../store/folder-lock.ts'
import { guardedFiles } from '../keystore/errors.ts'
import { writeSnapshot } from './vault/backup.ts'
import { Vault } from './vault/vault.ts'

/**
 * Writes a backup of a database, also while Chartseal runs. Needs no key: the site's secrets lie sealed in the database.
 *
 * @param database - Path of the database, absolute.
 * @param folder - Made when it is not there.
 * @returns Path of the file.
 * @throws StoreError, KeystoreError `DISK_FULL` or `DATA_FOLDER_READ_ONLY`.
 */
export function backUpDatabase(database: string, folder: string, nowMs: number): string {
  const file = openReadOnly(database)
  try {
    return writeSnapshot(file, folder, nowMs)
  } finally {
    file.close()
  }
}

/** What is restored, and into which folder. */
export interface OfflineRestore {
  /** Path of the backup or replica, absolute. */
  readonly file: string
  /** Absolute; made when it is not there. Must hold no clinic. */
  readonly dataFolder: string
  readonly recoveryKey: string
  /** Of the new keystore, at least 12 characters. */
  readonly passphrase: string
}

/**
 * Restores a clinic into a data folder, to be opened with the passphrase.
 *
 * @throws ApiFailure `BAD_BACKUP`, `BAD_RECOVERY_KEY`, `WRONG_STATE` when there is a clinic already; KeystoreError
 * `WEAK_PASSPHRASE`; StoreError.
 */
export async function restoreOffline({ file, dataFolder, recoveryKey, passphrase }: OfflineRestore): Promise<void> {
  guardedFiles('making the data folder', () => {
    if (!existsSync(dataFolder)) mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  })
  const lock = acquireFolderLock(dataFolder)
  const vault = new Vault(() => undefined, Date.now)
  try {
    await vault.start({ dataFolder, demo: false, nodeSecret: null })
    await vault.restoreClinic({ file, recoveryKey, passphrase })
  } finally {
    await vault.close()
    lock.release()
  }
}
