/**
 * What came back, or came from elsewhere: erased records in a recovery, and the other history of a cloned disk.
 */
import Database from 'better-sqlite3'
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  codeOf,
  copyOf,
  databaseOf,
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
  type OpenVault,
  type Staff,
} from './support/clinic.ts'
import { eraseByTwo } from './support/erasing.ts'

interface Clinic {
  readonly folder: string
  readonly staff: Staff
  readonly handle: string
}

async function smallClinic(): Promise<Clinic> {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  await open.vault.close()
  return { folder, staff, handle }
}

async function record({ staff, handle }: Clinic, folder: string, ...values: string[]): Promise<void> {
  const open = await startVault(folder)
  await open.vault.signIn(staff.nurse, PIN)
  for (const kg of values) await signManual(open, handle, [weight(kg)])
  await open.vault.close()
}

async function erased(open: OpenVault, { staff, handle }: Clinic) {
  return eraseByTwo(open.vault, staff, { handle })
}

function keepDatabase(folder: string): string {
  const copy = join(temporaryFolder(), 'copy.db')
  copyFileSync(databaseOf(folder), copy)
  return copy
}

function putDatabase(folder: string, copy: string): void {
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(folder) + suffix, { force: true })
  copyFileSync(copy, databaseOf(folder))
}

function valuesOf(folder: string): Uint8Array[] {
  const db = new Database(databaseOf(folder), { readonly: true })
  const rows = db
    .prepare("SELECT p.ciphertext FROM payload p JOIN subject_entry s ON s.idx = p.idx WHERE s.type = 'reading'")
    .pluck()
    .all() as Buffer[]
  db.close()
  return rows
}

function holding(folder: string, values: readonly Uint8Array[]): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.filter((name) => {
    const file = join(folder, name)
    const bytes = statSync(file).isFile() ? readFileSync(file) : null
    return bytes !== null && values.some((value) => bytes.indexOf(value.subarray(0, 40)) >= 0)
  })
}

it('does not bring back what was erased when the database is put back and its end comes from a copy', async () => {
  const clinic = await smallClinic()
  const values = valuesOf(clinic.folder)
  const old = keepDatabase(clinic.folder)
  const open = await startVault(clinic.folder)
  await erased(open, clinic)
  await open.vault.close()
  expect(holding(clinic.folder, values)).toEqual([])
  const newer = keepDatabase(clinic.folder)
  putDatabase(clinic.folder, old)
  const again = await startVault(clinic.folder)
  await again.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: newer })
  expect(stateOf(again).state).toBe('ready')
  await again.vault.close()
  expect(holding(clinic.folder, values)).toEqual([])
})

it('erases what a recovery set aside, too', async () => {
  const clinic = await smallClinic()
  await record(clinic, clinic.folder, '72', '73')
  const values = valuesOf(clinic.folder)
  // The tree is damaged, so that the end of the log cannot be kept.
  const db = new Database(databaseOf(clinic.folder))
  const sizes = db.prepare('SELECT size FROM checkpoint ORDER BY size DESC').pluck().all() as number[]
  db.prepare('UPDATE tile SET hashes = substr(hashes, 1, 32 * ?)').run(sizes[1] ?? 0)
  db.prepare('DELETE FROM entry WHERE idx = ?').run((sizes[0] ?? 0) - 1)
  db.close()
  const open = await startVault(clinic.folder)
  expect(stateOf(open).state).toBe('recovery-needed')
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  expect(stateOf(open).state).toBe('ready')
  await erased(open, clinic)
  await open.vault.close()
  expect(holding(clinic.folder, values)).toEqual([])
})

it('keeps the proof, and never cosigns it, when the other history of a cloned disk is put in place of its own', async () => {
  const clinic = await smallClinic()
  const clone = copyOf(clinic.folder)
  await record(clinic, clinic.folder, '72')
  await record(clinic, clone, '82', '83')
  putDatabase(clinic.folder, databaseOf(clone))
  const open = await startVault(clinic.folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'other-history' } })
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  expect(stateOf(open).state).toBe('ready')
  await open.vault.signIn(clinic.staff.it, PIN)
  const evidence = await open.vault.evidence()
  expect(evidence.map(({ origin }) => origin.slice(-2))).toEqual(['/1'])
  expect(await codeOf(() => open.vault.evidenceFile(evidence[0]?.id ?? ''))).toBeNull()
  await open.vault.close()
  // Deleting the row takes nothing away.
  const db = new Database(databaseOf(clinic.folder))
  db.exec('DELETE FROM evidence')
  db.close()
  const again = await startVault(clinic.folder)
  await again.vault.signIn(clinic.staff.it, PIN)
  expect(await again.vault.evidence()).toHaveLength(1)
})

it('keeps the proof when the other history is as long as its own', async () => {
  const clinic = await smallClinic()
  const clone = copyOf(clinic.folder)
  await record(clinic, clinic.folder, '72')
  await record(clinic, clone, '82')
  putDatabase(clinic.folder, databaseOf(clone))
  const open = await startVault(clinic.folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'other-history' } })
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  await open.vault.signIn(clinic.staff.it, PIN)
  expect(await open.vault.evidence()).toHaveLength(1)
})

it('keeps the proof when the other history comes in as the copy to recover from', async () => {
  const clinic = await smallClinic()
  const old = keepDatabase(clinic.folder)
  const clone = copyOf(clinic.folder)
  await record(clinic, clinic.folder, '72')
  await record(clinic, clone, '82', '83')
  putDatabase(clinic.folder, old)
  const open = await startVault(clinic.folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'rolled-back' } })
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: databaseOf(clone) })
  expect(stateOf(open).state).toBe('ready')
  await open.vault.signIn(clinic.staff.it, PIN)
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/2$/)
  expect(await open.vault.evidence()).toHaveLength(1)
})

it('opens a new incarnation when a copy has more than this node ever signed: somebody goes on with its key', async () => {
  const clinic = await smallClinic()
  const old = keepDatabase(clinic.folder)
  await record(clinic, clinic.folder, '72')
  const clone = copyOf(clinic.folder)
  await record(clinic, clone, '73')
  putDatabase(clinic.folder, old)
  const open = await startVault(clinic.folder)
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: databaseOf(clone) })
  expect(stateOf(open).state).toBe('ready')
  await open.vault.signIn(clinic.staff.nurse, PIN)
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/2$/)
  const { readings } = await open.vault.chart(clinic.handle, 1)
  expect(readings.map(({ status }) => status)).toEqual(['verified', 'verified', 'verified'])
})

it('opens a new incarnation when the tree is damaged and the mark is gone: nobody knows what was signed last', async () => {
  const clinic = await smallClinic()
  await record(clinic, clinic.folder, '72')
  const db = new Database(databaseOf(clinic.folder))
  const [size = 0] = db.prepare('SELECT size FROM checkpoint ORDER BY size DESC').pluck().all() as number[]
  db.prepare('DELETE FROM entry WHERE idx = ?').run(size - 1)
  db.prepare('UPDATE tile SET hashes = substr(hashes, 1, 32 * ?)').run(size - 1)
  db.close()
  rmSync(join(clinic.folder, 'clinic', 'keystore', 'high-water'))
  const open = await startVault(clinic.folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'tree-damaged' } })
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  await open.vault.signIn(clinic.staff.nurse, PIN)
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/2$/)
})
