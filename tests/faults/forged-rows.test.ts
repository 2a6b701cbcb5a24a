/**
 * Rows that somebody with the code and the database file puts in or bends, while Chartseal is closed: what they would
 * gain is named in each title.
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import Database from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { openKeystore } from '../../src/main/keystore/keystore.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import {
  codeOf,
  databaseOf,
  furnish,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from './support/clinic.ts'
import { NODE_SECRET } from './support/values.ts'

/** A closed clinic: one patient with three weights, another with one. */
async function closedClinic() {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  const other = await open.vault.registerPatient(patientNumber(2))
  for (const value of ['70.1', '70.2', '70.3']) await signManual(open, handle, [weight(value)])
  await signManual(open, other.handle, [weight('55.5')])
  await open.vault.close()
  return { folder, staff, handle, other: other.handle }
}

type Closed = Awaited<ReturnType<typeof closedClinic>>

function bend({ folder }: Closed, change: (db: Database.Database) => void): void {
  const db = new Database(databaseOf(folder))
  change(db)
  db.close()
}

async function atWork({ folder, staff }: Closed) {
  const open = await startVault(folder)
  expect(stateOf(open).state).toBe('ready')
  await open.vault.signIn(staff.nurse, PIN)
  return open
}

it('cannot hide a patient’s newest reading behind another subject’s name', async () => {
  const clinic = await closedClinic()
  bend(clinic, (db) => {
    const subject = Buffer.from(clinic.handle, 'hex')
    const rows = db.prepare('SELECT idx, seq FROM subject_entry WHERE subject = ? ORDER BY seq').all(subject) as {
      idx: number
      seq: number
    }[]
    const newest = rows.slice(-2)
    const thief = Buffer.from(clinic.other, 'hex')
    const { top } = db.prepare('SELECT max(seq) AS top FROM subject_entry WHERE subject = ?').get(thief) as {
      top: number
    }
    for (const [i, { idx }] of newest.entries()) {
      db.exec(`DELETE FROM entry WHERE idx = ${idx}`)
      db.prepare('UPDATE subject_entry SET subject = ?, seq = ? WHERE idx = ?').run(thief, top + 1 + i, idx)
    }
  })
  const { vault } = await atWork(clinic)
  const chart = await vault.chart(clinic.handle, 1)
  expect(chart.readings.filter((row) => row.status === 'verified').length).toBe(2)
  expect(chart.unattributedDamage).toBe(2)
})

it('takes no place for good: what was deleted and comes back stands beside what was recorded meanwhile', async () => {
  const clinic = await closedClinic()
  const subject = Buffer.from(clinic.handle, 'hex')
  type Row = Record<string, number | string | Uint8Array>
  const taken: { table: string; row: Row }[] = []
  bend(clinic, (db) => {
    const newest = db.prepare('SELECT max(idx) FROM subject_entry WHERE subject = ? AND type = ?').pluck()
    const index = newest.get(subject, 'reading') as number
    for (const table of ['entry', 'payload', 'subject_entry', 'entry_id']) {
      const rows = db.prepare(`SELECT * FROM ${table} WHERE idx >= ?`).all(index) as Row[]
      taken.push(...rows.map((row) => ({ table, row })))
      db.prepare(`DELETE FROM ${table} WHERE idx >= ?`).run(index)
    }
  })
  const open = await atWork(clinic)
  await signManual(open, clinic.handle, [weight('88.8')])
  const incidents = (await open.vault.entries(null, 0, 1000)).filter(({ type }) => type === 'incident')
  expect(incidents.length).toBe(1)
  await open.vault.close()
  bend(clinic, (db) => {
    for (const { table, row } of taken) {
      const { log, idx, ...rest } = row
      const kept = 'pos' in rest ? rest : { log, idx, ...rest }
      const names = Object.keys(kept)
      db.prepare(`INSERT OR IGNORE INTO ${table} (${names.join()}) VALUES (${names.map(() => '?').join()})`).run(
        Object.values(kept),
      )
    }
  })
  const again = await atWork(clinic)
  const chart = await again.vault.chart(clinic.handle, 1)
  expect(chart.readings.map(({ status }) => status)).toEqual(['verified', 'verified', 'verified', 'verified'])
})

it('cannot put a key of its own under what is recorded next', async () => {
  const clinic = await closedClinic()
  await forgeEpochKey(clinic, 1)
  const open = await atWork(clinic)
  const [row] = await signManual(open, clinic.handle, [weight('77.7')])
  if (row?.status !== 'verified') throw new Error('not verified')
  const { entry } = await open.vault.proof(null, row.position.index)
  expect(decodeEntry(fromHex(entry)).body.payload?.epoch).toBe(0)
})

it('cannot replace the key that is in use: old values are refused, new ones get a key of the site', async () => {
  const clinic = await closedClinic()
  bend(clinic, (db) => {
    db.prepare('DELETE FROM epoch_key WHERE subject = ?').run(Buffer.from(clinic.handle, 'hex'))
  })
  await forgeEpochKey(clinic, 0)
  const open = await atWork(clinic)
  const before = await open.vault.chart(clinic.other, 1)
  expect(before.readings.map(({ status }) => status)).toEqual(['verified'])
  expect(await codeOf(() => signManual(open, clinic.handle, [weight('77.7')]))).toBe('RECORD_NOT_VERIFIED')
  const chart = await open.vault.chart(clinic.handle, 1)
  expect(chart.readings.map((row) => (row.status === 'rejected' ? row.step : row.status))).toEqual([
    'decrypt',
    'decrypt',
    'decrypt',
  ])
})

/** What anyone can seal who knows the site's public keys. */
async function forgeEpochKey(clinic: Closed, epoch: number): Promise<void> {
  const db = new Database(databaseOf(clinic.folder))
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const subject = Buffer.from(clinic.handle, 'hex')
  const rows = db.prepare('SELECT DISTINCT recipient, log FROM epoch_key').all()
  const recipients = rows as { recipient: Uint8Array; log: string }[]
  const INSERT = 'INSERT INTO epoch_key (subject, epoch, recipient, log, sealed) VALUES (?, ?, ?, ?, ?)'
  for (const { recipient, log } of recipients) {
    const aad = Buffer.concat([subject, Buffer.from([0, 0, 0, epoch])])
    const { enc, ct } = await suite.seal(
      {
        recipientPublicKey: await suite.kem.deserializePublicKey(Uint8Array.from(recipient).buffer),
        info: new TextEncoder().encode('chartseal/epoch-key/v1'),
      },
      Uint8Array.from(randomBytes(32)).buffer,
      Uint8Array.from(aad).buffer,
    )
    const sealed = Buffer.concat([new Uint8Array(enc), new Uint8Array(ct)])
    db.prepare(INSERT).run(subject, epoch, recipient, log, sealed)
  }
  db.close()
}

it.each([
  [
    'the newest size is raised',
    'UPDATE checkpoint SET size = size + 1000 WHERE size = (SELECT max(size) FROM checkpoint)',
  ],
  ['the size of an older one is raised', 'UPDATE checkpoint SET size = size + 1000 WHERE block = 3'],
  [
    'one is made up beyond the head',
    'INSERT INTO checkpoint SELECT log, block + 1, size + 2, note FROM checkpoint ORDER BY size DESC LIMIT 1',
  ],
  [
    'one is made up far beyond the head',
    "INSERT INTO checkpoint SELECT log, block + 900, size + 9000, 'made up' FROM checkpoint ORDER BY size DESC LIMIT 1",
  ],
])('cannot stop the clinic with a row of a checkpoint: %s', async (_title, sql) => {
  const clinic = await closedClinic()
  bend(clinic, (db) => void db.exec(sql))
  for (let start = 0; start < 2; start++) {
    const open = await atWork(clinic)
    const [row] = await signManual(open, clinic.other, [weight(`60.${start}`)])
    expect(row?.status).toBe('verified')
    const [again] = await signManual(open, clinic.other, [weight(`61.${start}`)])
    expect(again?.status).toBe('verified')
    await open.vault.close()
  }
})

it('marks a block that was committed just before a crash, before its note can leave', async () => {
  const clinic = await closedClinic()
  const db = new Database(databaseOf(clinic.folder), { readonly: true })
  const rows = db.prepare('SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 2').all() as {
    size: number
    note: string
  }[]
  db.close()
  const folder = join(clinic.folder, 'clinic', 'keystore')
  const keystore = await openKeystore(folder, { kind: 'system', nodeSecret: NODE_SECRET }, { scryptLogN: 10 })
  const earlier = rows[1]
  if (earlier === undefined) throw new Error('two blocks at least')
  keystore.highWater.write(earlier)
  keystore.close()
  const { vault } = await atWork(clinic)
  expect(await vault.ledgerSummary()).toMatchObject({ highWaterMark: 'equal', size: rows[0]?.size })
})

it('hands out no note that is newer than its mark', async () => {
  const clinic = await closedClinic()
  const open = await atWork(clinic)
  expect((await open.vault.proof(null, 0)).size).toBeGreaterThan(0)
  const db = new Database(databaseOf(clinic.folder), { readonly: true })
  const earlier = db.prepare('SELECT size, note FROM checkpoint ORDER BY size LIMIT 1').get() as {
    size: number
    note: string
  }
  db.close()
  const folder = join(clinic.folder, 'clinic', 'keystore')
  const keystore = await openKeystore(folder, { kind: 'system', nodeSecret: NODE_SECRET }, { scryptLogN: 10 })
  keystore.highWater.write(earlier)
  keystore.close()
  expect(await codeOf(() => open.vault.proof(null, 0))).toBe('WRONG_STATE')
})

it('lets nobody sign for somebody who signed in meanwhile, and IT take no observations', async () => {
  const clinic = await closedClinic()
  const open = await atWork(clinic)
  const request = { handle: clinic.handle, drafts: [], manual: [weight('70.4')], late: null }
  expect(await codeOf(() => open.vault.signReadings({ as: clinic.staff.physician, ...request }))).toBe('NOT_SIGNED_IN')
  expect((await signFromDevice(open, clinic.handle, 1)).every(({ status }) => status === 'verified')).toBe(true)
  await open.vault.signIn(clinic.staff.it, PIN)
  expect(await codeOf(() => open.vault.patient(clinic.handle))).toBe('NOT_ALLOWED')
})

it('keeps whoever works signed in when somebody else mistypes a PIN', async () => {
  const clinic = await closedClinic()
  const open = await atWork(clinic)
  expect(await codeOf(() => open.vault.signIn(clinic.staff.physician, '9999'))).toBe('WRONG_PIN')
  expect((await open.vault.chart(clinic.handle, 1)).readings.length).toBe(3)
})
