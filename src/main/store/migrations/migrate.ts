/**
 * Brings a database to the newest schema, one numbered step after the other.
 *
 * @packageDocumentation
 */
import { guarded, type WritableDb } from '../database.ts'
import { StoreError } from '../errors.ts'
import { createLedgerTables } from './0001-ledger.ts'
import { createUpkeepTables } from './0002-upkeep.ts'
import { createErasureTables } from './0003-erasures.ts'
import { keepKeysByLog } from './0004-keys-by-log.ts'

/** `MIGRATIONS[n]` turns version n into version n + 1. Released ones never change. */
export const MIGRATIONS: readonly ((db: WritableDb) => void)[] = [
  createLedgerTables,
  createUpkeepTables,
  createErasureTables,
  keepKeysByLog,
]

/**
 * Runs the steps that are missing, each in a transaction with its version number: a crash leaves a whole version.
 *
 * @param target - Version to stop at; only tests pass an older one.
 * @throws {@link StoreError} `DATABASE_NEWER` when the file is from a later Chartseal.
 */
export function migrate(db: WritableDb, target: number = MIGRATIONS.length): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > MIGRATIONS.length) throw new StoreError('DATABASE_NEWER', `schema version ${version}`)
  MIGRATIONS.slice(version, target).forEach((step, i) => {
    const next = version + i + 1
    guarded(`migrating to version ${next}`, () => {
      db.transaction(() => {
        step(db)
        db.pragma(`user_version = ${next}`)
      }).immediate()
    })
  })
}
