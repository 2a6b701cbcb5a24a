import Database from 'better-sqlite3'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it, vi } from 'vitest'
import { openErasureStatement } from '../../../../src/ledger/erasure-statement.ts'
import { auditReplicaFile } from '../../../../src/main/core/audit/index.ts'
import { verifier } from '../../../../src/main/keystore/sodium.ts'
import { SqliteStore } from '../../../../src/main/store/sqlite-store.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { runs } from '../../../support/budget.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { eraseByTwo, type ToErase } from '../../../faults/support/erasing.ts'
import { damage } from '../../../faults/support/scrubbing.ts'

let folder = ''
let staff: Staff
let [patient, other] = ['', '']

beforeAll(async () => {
  await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    folder = open.folder
    staff = await furnish(open)
    await open.vault.signIn(staff.nurse, PIN)
    patient = (await open.vault.registerPatient(patientNumber(1))).handle
    other = (await open.vault.registerPatient(patientNumber(2))).handle
    for (let n = 0; n < 6; n++)
      await signManual(open, n % 2 === 0 ? patient : other, [weight(`6${n}.1`), weight(`7${n}.1`)])
    await open.vault.close()
  })
})

/** Opens a copy, with IT signed in. */
async function opened(at = copyOf(folder)): Promise<OpenVault> {
  const open = await startVault(at)
  await open.vault.signIn(staff.it, PIN)
  return open
}

/** Erases records of the patient, or everything. */
const erase = ({ vault }: OpenVault, records: ToErase['records'] = null) =>
  eraseByTwo(vault, staff, { handle: patient, records })

/** Every sealed value of a subject in a database: ciphertexts, wrapped keys, salts, and sealed epoch keys. */
function valuesOf(at: string, subject: string): Uint8Array[] {
  const db = new Database(databaseOf(at), { readonly: true })
  try {
    const handle = fromHex(subject)
    const payloads = db
      .prepare(
        'SELECT p.ciphertext, p.wrapped_key, p.salt FROM payload p JOIN subject_entry s ON s.idx = p.idx WHERE s.subject = ?',
      )
      .all(handle) as Record<string, Buffer>[]
    const keys = db.prepare('SELECT sealed FROM epoch_key WHERE subject = ?').all(handle) as Record<string, Buffer>[]
    return [...payloads, ...keys].flatMap((row) => Object.values(row))
  } finally {
    db.close()
  }
}

/** Files below a folder that hold a part of a value. */
function holding(at: string, values: readonly Uint8Array[]): string[] {
  const files = readdirSync(at, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(at, name)).isFile(),
  )
  return files.filter((name) => {
    const bytes = readFileSync(join(at, name))
    return values.some((value) => {
      for (let from = 0; from + 20 <= value.length; from += 20)
        if (bytes.indexOf(value.subarray(from, from + 20)) >= 0) return true
      return false
    })
  })
}

/** What a physician sees of a patient: how many values, and the steps that others failed. */
async function chart({ vault }: OpenVault, handle: string) {
  await vault.signOut()
  await vault.signIn(staff.physician, PIN)
  const { readings, unattributedDamage } = await vault.chart(handle, 1)
  const shown = readings.filter(({ status }) => status === 'verified').length
  await vault.signOut()
  await vault.signIn(staff.it, PIN)
  const steps = new Set(readings.flatMap((row) => (row.status === 'rejected' ? [row.step] : [])))
  return { shown, steps: [...steps], unattributedDamage }
}

/** Every entry that has a place in the log still has its proof. */
async function expectProofs({ vault }: OpenVault): Promise<void> {
  const { size } = await vault.ledgerSummary()
  for (let index = 0; index < size; index++) expect(await vault.proof(null, index)).toMatchObject({ index })
}

it('erases everything about a patient to the last byte, and leaves everything else and every proof', async () => {
  const values = valuesOf(folder, patient)
  expect(values.length).toBeGreaterThan(20)
  const open = await opened()
  expect(holding(open.folder, values)).not.toEqual([])
  const before = await chart(open, other)
  const erased = await erase(open)
  expect(erased).toMatchObject({ subject: patient, isWhole: true, records: 7, reason: 'patient-request' })
  expect(holding(open.folder, values)).toEqual([])
  expect(await chart(open, patient)).toMatchObject({ shown: 0, steps: ['erased'] })
  await open.vault.verifyAll(1)
  expect(open.events.findLast(({ kind }) => kind === 'verify-all')).toMatchObject({ event: { findings: 0 } })
  expect(await chart(open, other)).toEqual(before)
  await expectProofs(open)
  const { origin, logKey } = await open.vault.proof(null, erased.index)
  const statement = openErasureStatement(erased.statement ?? '', { name: origin, publicKey: fromHex(logKey) }, verifier)
  expect(statement).toMatchObject({ origin, index: erased.index, entryId: erased.entryId, count: 7 })
  expect(erased.receipt.text).toContain('tlog-proof')
  expect((await open.vault.erasures()).map(({ index }) => index)).toEqual([erased.index])
  await open.vault.close()
  expect(holding(open.folder, values)).toEqual([])
})

it('is what an auditor finds, and not what somebody undid', async () => {
  const open = await opened()
  const { network } = await open.vault.ledgerSummary()
  await erase(open)
  await open.vault.close()
  const codes = (): string[] => {
    const found: string[] = []
    auditReplicaFile(databaseOf(open.folder), fromHex(network), ({ code }) => found.push(code))
    return found
  }
  expect(codes()).toEqual([])
  damage(open.folder, (db) => {
    db.exec(
      `ATTACH '${databaseOf(folder)}' AS old; INSERT OR IGNORE INTO main.payload SELECT pos, ciphertext, wrapped_key, salt FROM old.payload`,
    )
  })
  expect(new Set(codes())).toEqual(new Set(['NOT_ERASED', 'KEY_MISSING']))
})

it('erases single records and leaves the patient’s others', async () => {
  const open = await opened()
  const { readings } = await (async () => {
    await open.vault.signOut()
    await open.vault.signIn(staff.physician, PIN)
    const seen = await open.vault.chart(patient, 1)
    await open.vault.signOut()
    await open.vault.signIn(staff.it, PIN)
    return seen
  })()
  const places = readings.flatMap((row) => (row.status === 'verified' ? [row.position] : []))
  const [first, second] = places
  const named = [first!, second!].map(({ origin, index }) => ({ origin, index }))
  expect(await erase(open, named)).toMatchObject({ isWhole: false, records: 2 })
  expect(await chart(open, patient)).toMatchObject({ shown: places.length - 2, steps: ['erased'] })
})

it('records nothing more for a patient whose demographics are gone, and takes the newest key with them', async () => {
  const open = await opened()
  await erase(open)
  await open.vault.signOut()
  await open.vault.signIn(staff.nurse, PIN)
  expect(await codeOf(() => signManual(open, patient, [weight('80.8')]))).toBe('RECORD_NOT_VERIFIED')
  expect((await signManual(open, other, [weight('80.8')])).map(({ status }) => status)).toEqual(['verified'])
  await open.vault.close()
  expect(valuesOf(open.folder, patient)).toEqual([])
})

it('forgets what quarantine holds, and is not undone by a repair from an old copy', async () => {
  const values = valuesOf(folder, patient)
  const copy = copyOf(folder)
  damage(copy, (db) =>
    db.exec(
      "UPDATE payload SET salt = zeroblob(72) WHERE idx IN (SELECT idx FROM subject_entry WHERE type = 'reading')",
    ),
  )
  const open = await opened(copy)
  await open.vault.scrub(1, null)
  await erase(open)
  expect(holding(open.folder, values)).toEqual([])
  await open.vault.scrub(2, databaseOf(folder))
  expect(open.events.findLast((event) => event.kind === 'scrub')?.event).toMatchObject({ kind: 'done', open: 0 })
  expect(holding(open.folder, values)).toEqual([])
  expect(await chart(open, other)).toMatchObject({ shown: 6 })
})

it('is finished by the next start, wherever it was cut off', async () => {
  const values = valuesOf(folder, patient)
  const open = await opened()
  const copies: string[] = []
  const watched = (['eraseRecords', 'forgetErased'] as const).map((name) => {
    const real = SqliteStore.prototype[name] as (...args: unknown[]) => unknown
    return vi.spyOn(SqliteStore.prototype, name).mockImplementation(function (this: SqliteStore, ...args: unknown[]) {
      copies.push(copyOf(open.folder))
      const result = real.apply(this, args)
      copies.push(copyOf(open.folder))
      return result as never
    })
  })
  await erase(open)
  for (const spy of watched) spy.mockRestore()
  expect(copies).toHaveLength(4)
  expect(holding(copies[0] ?? '', values)).not.toEqual([])
  expect(holding(copies[3] ?? '', values)).toEqual([])
  for (const copy of copies) {
    const again = await opened(copy)
    expect(holding(copy, values)).toEqual([])
    expect(await again.vault.erasures()).toMatchObject([
      { records: 7, statement: expect.stringContaining('erasure/v1') as string },
    ])
    await expectProofs(again)
    await again.vault.close()
  }
})

it('is finished after the process was killed at any moment', async () => {
  const values = valuesOf(folder, patient)
  const program = join(import.meta.dirname, '../../../faults/support/erase-until-killed.ts')
  for (let n = 0; n < runs(4, 40); n++) {
    const copy = copyOf(folder)
    const args = [program, copy, staff.it, staff.physician, patient]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.startsWith('begin\n')) setTimeout(() => child.kill('SIGKILL'), n * 15)
    })
    await once(child, 'close')
    const open = await opened(copy)
    const erasures = await open.vault.erasures()
    if (said.includes('done')) expect(erasures).toHaveLength(1)
    if (erasures.length === 1) expect(holding(copy, values)).toEqual([])
    else expect(await chart(open, patient)).toMatchObject({ shown: 6 })
    await open.vault.close()
  }
})
