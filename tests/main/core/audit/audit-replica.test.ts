import Database from 'better-sqlite3'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { nobleHasher as h } from '../../../../src/ledger/hash.ts'
import { readReceipt, verifyReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { auditReplicaFile } from '../../../../src/main/core/audit/index.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import {
  databaseOf,
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { verifier } from '../../../support/ledger-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

it('follows a log through its incarnations, and so do receipts', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  let open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71')])
  await open.vault.close()
  const old = join(temporaryFolder(), 'old.db')
  copyFileSync(databaseOf(folder), old)
  open = await startVault(folder)
  await open.vault.signIn(staff.nurse, PIN)
  await signManual(open, handle, [weight('72')])
  await open.vault.close()
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(folder) + suffix, { force: true })
  copyFileSync(old, databaseOf(folder))
  open = await startVault(folder)
  await open.vault.recover({ recoveryKey: staff.recoveryKey, file: null })
  await open.vault.signIn(staff.nurse, PIN)
  await signManual(open, handle, [weight('73')])

  const { network, origin, size, closed } = await open.vault.ledgerSummary()
  expect(origin).toMatch(/\/2$/)
  const anchor = { network: fromHex(network), policy: null }
  for (const [log, index] of [
    [origin, size - 2],
    [origin, 0],
    [closed[0]!.origin, 5],
  ] as const) {
    const { text } = await open.vault.receipt(log, index)
    const verdict = verifyReceipt(h, verifier, readReceipt(text), anchor)
    expect({ log, index, failed: verdict.steps.filter(({ ok }) => !ok) }).toEqual({ log, index, failed: [] })
  }
  await open.vault.close()

  const audit = () => {
    const findings: string[] = []
    const totals = auditReplicaFile(databaseOf(folder), fromHex(network), ({ log, step, code }) => {
      findings.push(`${log?.slice(-2) ?? ''} ${step} ${code}`)
    })
    return { findings, logs: totals.logs }
  }
  expect(audit()).toEqual({ findings: [], logs: 2 })
  const db = new Database(databaseOf(folder))
  db.pragma('foreign_keys = OFF')
  db.prepare('DELETE FROM entry WHERE log = (SELECT id FROM log WHERE origin = ?) AND idx = ?').run(
    closed[0]!.origin,
    5,
  )
  db.close()
  expect(audit().findings).toContain('/1 present MISSING')
})

it('has no complaint about the copy of another log, and finds what was changed in it', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  await until('everything is final', async () => (await isAllFinal(a, 2)) && (await isAllFinal(b, 2)))
  const { network, origin } = a.clinic().identity
  const folder = b.folder
  await Promise.all([a.vault.close(), b.vault.close()])
  const audit = () => {
    const findings: string[] = []
    const { logs, mirrored, entries } = auditReplicaFile(databaseOf(folder), network, ({ log, index, step, code }) => {
      findings.push(`${log === origin ? 'copy' : ''} ${index ?? ''} ${step} ${code}`)
    })
    return { findings, logs, mirrored, entries }
  }
  const before = audit()
  expect(before).toMatchObject({ findings: [], logs: 2, mirrored: 1 })
  const db = new Database(databaseOf(folder))
  const of = 'pos = (SELECT pos FROM entry JOIN log ON log.id = log WHERE origin = ? AND idx = 3)'
  db.prepare(`UPDATE entry SET bytes = CAST(bytes || x'00' AS BLOB) WHERE ${of}`).run(origin)
  db.close()
  expect(audit().findings).toContain('copy 3 inclusion ROOT_MISMATCH')
})
