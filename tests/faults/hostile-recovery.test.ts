/**
 * Recovery and restoring, with a database, a copy or a backup that somebody prepared: what they would gain is named in
 * each title.
 */
import Database from 'better-sqlite3'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { generateSharingKeyPair, openSealedToKey, sealToKey } from '../../src/main/core/epoch-keys.ts'
import { SqliteStore } from '../../src/main/store/sqlite-store.ts'
import { parseRecoveryKey } from '../../src/main/core/vault/recovery-key.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
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
  type Staff,
} from './support/clinic.ts'

interface Clinic {
  readonly folder: string
  readonly staff: Staff
  readonly handle: string
}

/** A closed clinic whose database is older than its mark, and a copy that has what is missing. */
async function rolledBack(): Promise<Clinic & { newer: string }> {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  await open.vault.close()
  const old = keepDatabase(folder)
  const again = await startVault(folder)
  await again.vault.signIn(staff.nurse, PIN)
  for (const kg of ['72', '73', '74']) await signManual(again, handle, [weight(kg)])
  await again.vault.close()
  const newer = keepDatabase(folder)
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(folder) + suffix, { force: true })
  copyFileSync(old, databaseOf(folder))
  return { folder, staff, handle, newer }
}

function keepDatabase(folder: string): string {
  const copy = join(temporaryFolder(), 'copy.db')
  copyFileSync(databaseOf(folder), copy)
  return copy
}

function bend(file: string, change: string | ((db: Database.Database) => void)): void {
  const db = new Database(file)
  db.pragma('foreign_keys = OFF')
  if (typeof change === 'string') db.exec(change)
  else change(db)
  db.close()
}

async function weights(open: OpenVault, { staff, handle }: Clinic): Promise<(string | null)[]> {
  await open.vault.signIn(staff.nurse, PIN)
  const chart = await open.vault.chart(handle, 1)
  return chart.readings.map((row) => (row.status === 'verified' ? (row.record.quantities[0]?.value ?? null) : row.step))
}

async function recovered({ folder, staff }: Clinic, file: string | null): Promise<OpenVault> {
  const open = await startVault(folder)
  expect(stateOf(open).state).toBe('recovery-needed')
  await open.vault.recover({ recoveryKey: staff.recoveryKey, file })
  expect(stateOf(open).state).toBe('ready')
  return open
}

it('runs no query of a copy that has a view in place of a table', async () => {
  const clinic = await rolledBack()
  bend(clinic.newer, (db) => {
    db.exec('ALTER TABLE entry RENAME TO entry_kept')
    db.exec('CREATE VIEW entry AS SELECT * FROM entry_kept')
  })
  const open = await startVault(clinic.folder)
  const { recoveryKey } = clinic.staff
  expect(await codeOf(() => open.vault.recover({ recoveryKey, file: clinic.newer }))).toBe('BAD_BACKUP')
  expect(stateOf(open).state).toBe('recovery-needed')
})

it.each([
  [
    'a checkpoint between two blocks',
    "INSERT INTO checkpoint SELECT log, 900, size - 1, 'made up' FROM checkpoint ORDER BY size DESC LIMIT 1",
  ],
  [
    'a checkpoint of four billion entries',
    "INSERT INTO checkpoint SELECT log, 900, 4000000000, 'made up' FROM checkpoint ORDER BY size DESC LIMIT 1",
  ],
  [
    'the number of a block that is here already',
    `DELETE FROM checkpoint WHERE block = 2;
     UPDATE checkpoint SET block = 2 WHERE size = (SELECT max(size) FROM checkpoint)`,
  ],
  [
    'the number of a block far away',
    'UPDATE checkpoint SET block = 77777 WHERE size = (SELECT max(size) FROM checkpoint)',
  ],
  ['an index of ids that names other entries', 'UPDATE entry_id SET idx = 0'],
])('cannot keep back what a copy has by putting into it %s', async (_title, sql) => {
  const clinic = await rolledBack()
  bend(clinic.newer, sql)
  const open = await recovered(clinic, clinic.newer)
  expect(await weights(open, clinic)).toEqual(['71', '72', '73', '74'])
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/1$/)
  const { handle } = clinic
  await signManual(open, handle, [weight('75')])
  await open.vault.close()
  const again = await startVault(clinic.folder)
  expect(await weights(again, clinic)).toEqual(['71', '72', '73', '74', '75'])
})

it.each([
  ['a log whose name is none', () => "INSERT INTO log (origin, log_key) VALUES ('made up', x'00')"],
  [
    'an incarnation after which there is none',
    () => "INSERT INTO log (origin, log_key) SELECT replace(origin, '/1', '/999999999'), log_key FROM log LIMIT 1",
  ],
  [
    'a log that has the last of all numbers',
    () => "INSERT INTO log (id, origin, log_key) VALUES (9223372036854775807, 'chartseal.local/x/1', x'00')",
  ],
])('cannot keep a node from recovering by planting %s', async (_title, sql) => {
  const clinic = await rolledBack()
  bend(databaseOf(clinic.folder), sql())
  const open = await recovered(clinic, null)
  expect(await weights(open, clinic)).toEqual(['71'])
  await signManual(open, clinic.handle, [weight('75')])
  await open.vault.close()
  const again = await startVault(clinic.folder)
  expect(await weights(again, clinic)).toEqual(['71', '75'])
})

it.each([
  ['the row of its log', 'DELETE FROM log'],
  ['every checkpoint', 'DELETE FROM checkpoint'],
  ['every tile', 'DELETE FROM tile'],
  ['everything', 'DELETE FROM entry; DELETE FROM tile; DELETE FROM checkpoint; DELETE FROM payload; DELETE FROM log'],
])('takes everything again from a copy after %s was deleted', async (_title, sql) => {
  const clinic = await rolledBack()
  bend(databaseOf(clinic.folder), sql)
  const open = await recovered(clinic, clinic.newer)
  expect(await weights(open, clinic)).toEqual(['71', '72', '73', '74'])
})

it('opens one incarnation when two windows recover at the same moment', async () => {
  const clinic = await rolledBack()
  const open = await startVault(clinic.folder)
  const recover = () => open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  const codes = await Promise.all([codeOf(recover), codeOf(recover)])
  expect(codes.toSorted()).toEqual(['WRONG_STATE', null].toSorted())
  expect((await weights(open, clinic)).length).toBe(1)
  await signManual(open, clinic.handle, [weight('75')])
  await open.vault.close()
  const again = await startVault(clinic.folder)
  expect(await weights(again, clinic)).toEqual(['71', '75'])
})

it.skipIf(process.platform === 'win32')(
  'reads no directory, no pipe, no device and no empty file as a copy',
  async () => {
    const clinic = await rolledBack()
    const folder = temporaryFolder()
    const at = (name: string) => join(folder, name)
    execFileSync('mkfifo', [at('pipe')])
    symlinkSync(at('pipe'), at('link'))
    symlinkSync(at('nowhere'), at('dangling'))
    writeFileSync(at('empty'), '')
    for (const file of [folder, at('pipe'), at('link'), at('dangling'), at('empty'), '/dev/zero', 'relative.db']) {
      const { recoveryKey } = clinic.staff
      const empty = await startVault(temporaryFolder())
      const code = await codeOf(() => empty.vault.restoreClinic({ file, recoveryKey, passphrase: null }))
      expect([file, code === 'BAD_BACKUP' || code === 'DATABASE_DAMAGED']).toEqual([file, true])
      expect(stateOf(empty).state).toBe('first-run')
      expect(existsSync(join(empty.folder, 'clinic'))).toBe(false)
      const stopped = await startVault(clinic.folder)
      expect([file, await codeOf(() => stopped.vault.recover({ recoveryKey, file }))]).toEqual([file, 'BAD_BACKUP'])
      await stopped.vault.close()
    }
  },
)

/** The database of a clinic whose sealed secrets somebody replaced, who knows everything that is public. */
async function resealed(clinic: Clinic & { newer: string }, change: (content: SealedContent) => Promise<void> | void) {
  const { privateKey } = parseRecoveryKey(clinic.staff.recoveryKey)
  const db = new Database(clinic.newer)
  const sealed = new Uint8Array(db.prepare('SELECT sealed FROM site_secret').pluck().get() as Buffer)
  const network = networkOf(clinic)
  const info = 'chartseal/site-secrets/v1'
  const content = JSON.parse(
    new TextDecoder().decode(await openSealedToKey(sealed, privateKey, info, network)),
  ) as SealedContent
  const identity = JSON.parse(Buffer.from(content.secrets.identity ?? '', 'hex').toString()) as {
    recoveryKey: string
  }
  await change(content)
  const plain = new TextEncoder().encode(JSON.stringify(content))
  db.prepare('UPDATE site_secret SET sealed = ?').run(
    await sealToKey(plain, fromHex(identity.recoveryKey), info, network),
  )
  db.close()
}

interface SealedContent {
  secrets: Record<string, string>
  practitioners: Record<string, string>
}

function networkOf({ folder }: Clinic): Uint8Array {
  const text = execFileSync('cat', [join(folder, 'clinic', 'keystore', 'network-id')], { encoding: 'utf8' })
  return fromHex(text.trim())
}

async function restoreCode({ staff, newer }: Clinic & { newer: string }) {
  const open = await startVault(temporaryFolder())
  const code = await codeOf(() =>
    open.vault.restoreClinic({ file: newer, recoveryKey: staff.recoveryKey, passphrase: null }),
  )
  return { code, open }
}

it.each(['governance-key', 'mirror-key', 'log-key'] as const)(
  'restores from the database as it was at any moment of a change of the %s',
  async (kind) => {
    const folder = temporaryFolder()
    const open = await startVault(folder)
    const staff = await furnish(open)
    await open.vault.signIn(staff.it, PIN)
    const copies: string[] = []
    const real = SqliteStore.prototype.append
    const watched = vi.spyOn(SqliteStore.prototype, 'append').mockImplementation(function (this: SqliteStore, ...args) {
      real.apply(this, args)
      const copy = join(temporaryFolder(), 'copy.db')
      for (const suffix of ['', '-wal']) copyFileSync(databaseOf(folder) + suffix, copy + suffix)
      copies.push(copy)
    })
    await open.vault.proposeRoster({ kind })
    watched.mockRestore()
    expect(copies.length).toBeGreaterThan(0)
    for (const file of copies) {
      const other = await startVault(temporaryFolder())
      const { recoveryKey } = staff
      expect(await codeOf(() => other.vault.restoreClinic({ file, recoveryKey, passphrase: null }))).toBeNull()
      await other.vault.signIn(staff.it, PIN)
      expect((await other.vault.ledgerSummary()).origin).toMatch(/\/2$/)
      await other.vault.enrolPractitioner({ name: 'Nina New', role: 'nurse', pin: PIN })
    }
  },
)

it('opens what nobody replaced', async () => {
  const clinic = await rolledBack()
  await resealed(clinic, () => undefined)
  const { code, open } = await restoreCode(clinic)
  expect(code).toBeNull()
  expect(await weights(open, clinic)).toEqual(['71', '72', '73', '74'])
})

it('takes no sharing key from a backup that is not the one in the roster: it would open what is recorded next', async () => {
  const clinic = await rolledBack()
  await resealed(clinic, async ({ secrets }) => {
    const pair = await generateSharingKeyPair()
    secrets['sharing-private'] = toHex(pair.privateKey)
    const identity = JSON.parse(Buffer.from(secrets.identity ?? '', 'hex').toString()) as Record<string, unknown>
    identity.sharingKey = toHex(pair.publicKey)
    secrets.identity = Buffer.from(JSON.stringify(identity)).toString('hex')
  })
  const { code } = await restoreCode(clinic)
  expect(code).toBe('BAD_BACKUP')
})

it.each([
  ['../../escaped', '00', 'BAD_BACKUP'],
  ['log-seed', '11'.repeat(32), 'BAD_BACKUP'],
  ['machine', '00', 'BAD_BACKUP'],
  ['Identity', '00', 'BAD_BACKUP'],
  ['directory', '7b7d7b', 'KEYSTORE_DAMAGED'],
  ['sharing-private', '00', 'BAD_BACKUP'],
])('takes no secret called %s that somebody put into a backup', async (name, hex, expected) => {
  const clinic = await rolledBack()
  await resealed(clinic, ({ secrets }) => {
    secrets[name] = hex
  })
  const { code, open } = await restoreCode(clinic)
  expect(code).toBe(expected)
  expect(stateOf(open).state).toBe('first-run')
  expect(existsSync(join(open.folder, 'clinic'))).toBe(false)
})

it.each([
  [
    'a payload',
    "INSERT INTO payload (pos, ciphertext, wrapped_key, salt) SELECT max(pos) + $n, x'00', x'00', x'00' FROM entry",
  ],
  ['a tile', "INSERT OR IGNORE INTO tile (log, level, idx, hashes) VALUES (1, 0, $n, x'00'), (1, 1, $n, x'00')"],
  [
    'a cosignature',
    "INSERT OR IGNORE INTO cosignature SELECT log, size + $n, 'x', 'x' FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)",
  ],
])('cannot stop the next block by planting %s where it will stand', async (_title, sql) => {
  const folder = temporaryFolder()
  const first = await startVault(folder)
  const staff = await furnish(first)
  await first.vault.signIn(staff.nurse, PIN)
  const { handle } = await first.vault.registerPatient(patientNumber(1))
  await signManual(first, handle, [weight('71')])
  await first.vault.close()
  bend(databaseOf(folder), (db) => {
    for (let n = 1; n < 12; n++) db.exec(sql.replaceAll('$n', String(n)))
  })
  const open = await startVault(folder)
  await open.vault.signIn(staff.nurse, PIN)
  const [row] = await signManual(open, handle, [weight('72')])
  expect(row?.status).toBe('verified')
  expect(await weights(open, { folder, staff, handle })).toEqual(['71', '72'])
})
