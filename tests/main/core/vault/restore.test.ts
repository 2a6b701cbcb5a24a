import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  codeOf,
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
} from '../../../faults/support/clinic.ts'

/** A closed clinic with one patient and one weight, and a backup of it. */
async function backedUp() {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  await open.vault.signIn(staff.it, PIN)
  const { file } = await open.vault.backUp(null)
  await open.vault.close()
  return { folder, staff, handle, file }
}

type Backed = Awaited<ReturnType<typeof backedUp>>

async function weights(open: OpenVault, { staff, handle }: Backed): Promise<(string | null)[]> {
  await open.vault.signIn(staff.nurse, PIN)
  const chart = await open.vault.chart(handle, 1)
  return chart.readings.map((row) => (row.status === 'verified' ? (row.record.quantities[0]?.value ?? null) : row.step))
}

async function restore(file: string, recoveryKey: string, passphrase: string | null = null) {
  const open = await startVault(temporaryFolder())
  return { open, code: await codeOf(() => open.vault.restoreClinic({ file, recoveryKey, passphrase })) }
}

it('opens the whole clinic elsewhere: everybody’s PIN, every reading, a log of its own', async () => {
  const clinic = await backedUp()
  const { open, code } = await restore(clinic.file, clinic.staff.recoveryKey)
  expect(code).toBeNull()
  expect(stateOf(open)).toMatchObject({ state: 'ready', clinic: 'Harbour Street Clinic' })
  expect(await weights(open, clinic)).toEqual(['71'])
  await signManual(open, clinic.handle, [weight('72')])
  const summary = await open.vault.ledgerSummary()
  expect(summary.origin).toMatch(/\/2$/)
  // The first log goes on where it was: the two can never sign the same tree.
  const original = await startVault(clinic.folder)
  await original.vault.signIn(clinic.staff.nurse, PIN)
  await signManual(original, clinic.handle, [weight('73')])
  expect((await original.vault.ledgerSummary()).origin).toBe(summary.origin.replace(/2$/, '1'))
  await open.vault.close()
  const again = await startVault(open.folder)
  expect(await weights(again, clinic)).toEqual(['71', '72'])
})

it('loses no reading that another copy of the replica holds', async () => {
  const clinic = await backedUp()
  const newer = await startVault(clinic.folder)
  await newer.vault.signIn(clinic.staff.nurse, PIN)
  await signManual(newer, clinic.handle, [weight('74')])
  // The database of a running node, with its write-ahead log.
  const copy = join(temporaryFolder(), 'replica.db')
  for (const suffix of ['', '-wal']) copyFileSync(databaseOf(clinic.folder) + suffix, copy + suffix)
  const { open, code } = await restore(copy, clinic.staff.recoveryKey)
  expect(code).toBeNull()
  expect(await weights(open, clinic)).toEqual(['71', '74'])
})

it('holds nothing in the clear, and not the key that signs the log', async () => {
  const { file, staff } = await backedUp()
  const bytes = readFileSync(file)
  expect(bytes.includes('Family1')).toBe(false)
  expect(bytes.includes(Buffer.from(staff.recoveryKey.replaceAll('-', '').slice(0, 64), 'hex'))).toBe(false)
})

it('refuses a wrong key, a file of another clinic and a file that is none, and leaves nothing behind', async () => {
  const [clinic, other] = [await backedUp(), await backedUp()]
  const notes = join(temporaryFolder(), 'notes.txt')
  writeFileSync(notes, 'not a database')
  const cases: [string, string, string][] = [
    [clinic.file, other.staff.recoveryKey, 'BAD_RECOVERY_KEY'],
    [clinic.file, 'no key at all', 'BAD_RECOVERY_KEY'],
    [join(clinic.folder, 'missing.backup'), clinic.staff.recoveryKey, 'BAD_BACKUP'],
    [notes, clinic.staff.recoveryKey, 'DATABASE_DAMAGED'],
  ]
  for (const [file, key, expected] of cases) {
    const { open, code } = await restore(file, key)
    expect([file, code]).toEqual([file, expected])
    expect(stateOf(open).state).toBe('first-run')
    expect(existsSync(join(open.folder, 'clinic'))).toBe(false)
  }
})

it('refuses secrets that somebody else sealed to the printed key', async () => {
  const [clinic, other] = [await backedUp(), await backedUp()]
  const { openStore } = await import('../../../../src/main/store/open.ts')
  const [mine, theirs] = [clinic.file, other.file].map((file) => openStore(file, { mode: 'existing' }))
  mine?.putSiteSecrets(theirs?.siteSecrets() ?? new Uint8Array())
  mine?.close()
  theirs?.close()
  const { code } = await restore(clinic.file, clinic.staff.recoveryKey)
  expect(code).toBe('BAD_RECOVERY_KEY')
})

it('says what is missing from a copy that was shortened after its secrets were sealed', async () => {
  const clinic = await backedUp()
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(clinic.file)
  const sizes = db.prepare('SELECT size FROM checkpoint ORDER BY size DESC').pluck().all() as number[]
  const keep = sizes[3] ?? 0
  db.prepare('DELETE FROM checkpoint WHERE size > ?').run(keep)
  db.prepare('DELETE FROM entry WHERE idx >= ?').run(keep)
  db.prepare('DELETE FROM payload WHERE idx >= ?').run(keep)
  db.close()
  const { open, code } = await restore(clinic.file, clinic.staff.recoveryKey)
  expect(code).toBeNull()
  await open.vault.signIn(clinic.staff.it, PIN)
  expect((await open.vault.ledgerSummary()).closed[0]?.size).toBeLessThanOrEqual(keep)
  const entries = await open.vault.entries(null, 0, 10)
  expect(entries.map(({ type }) => type)).toContain('incident')
})

it('gives each backup a file of its own, and takes nobody but IT', async () => {
  const clinic = await backedUp()
  const fixed = Date.UTC(2026, 5, 5)
  const open = await startVault(clinic.folder, { nowMs: () => fixed })
  expect(await codeOf(() => open.vault.backUp(null))).toBe('NOT_SIGNED_IN')
  await open.vault.signIn(clinic.staff.nurse, PIN)
  expect(await codeOf(() => open.vault.backUp(null))).toBe('NOT_ALLOWED')
  await open.vault.signIn(clinic.staff.it, PIN)
  const folder = join(temporaryFolder(), 'usb', 'stick')
  const files = [await open.vault.backUp(folder), await open.vault.backUp(folder)].map(({ file }) => file)
  expect(new Set(files).size).toBe(2)
  appendFileSync(files[0] ?? '', '')
  expect(files.every((file) => existsSync(file))).toBe(true)
})
