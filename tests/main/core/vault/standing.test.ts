import Database from 'better-sqlite3'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { encodeFork, proveFork } from '../../../../src/ledger/evidence.ts'
import { nobleHasher } from '../../../../src/ledger/hash.ts'
import { readReceipt, verifyReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { SECRETS, signerOf } from '../../../../src/main/core/vault/genesis.ts'
import { readIdentity } from '../../../../src/main/core/vault/identity.ts'
import { openKeystore } from '../../../../src/main/keystore/keystore.ts'
import { verifier } from '../../../../src/main/keystore/sodium.ts'
import { openStore } from '../../../../src/main/store/open.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  furnish,
  NODE_SECRET,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { weight } from '../../../faults/support/values.ts'

async function clinic() {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle: patient } = await open.vault.registerPatient(patientNumber(1))
  return { open, staff, patient }
}

/** Entries that are final, as windows were told last. */
function finalSize({ events }: OpenVault): number {
  const event = events.findLast((one) => one.kind === 'finality')
  return event?.size ?? 0
}

async function allFinal(open: OpenVault): Promise<void> {
  const { size } = await open.vault.ledgerSummary()
  await vi.waitFor(() => {
    expect(finalSize(open)).toBe(size)
  })
}

/** What the closed clinic's keys and rows say, for a test that signs what the vault never would. */
async function keysOf(folder: string) {
  const unlock = { kind: 'system' as const, nodeSecret: NODE_SECRET }
  const keystore = await openKeystore(join(folder, 'clinic', 'keystore'), unlock, { scryptLogN: 10 })
  const identity = readIdentity(keystore.secrets)
  const signer = signerOf('log', keystore.secrets.get(SECRETS.log) ?? new Uint8Array(0))
  const mark = keystore.highWater.read()
  keystore.close()
  if (typeof mark !== 'object') throw new Error('the clinic has a mark')
  return { identity, signer, mark }
}

/** A proof that the clinic's log has a second version of its newest head. */
async function forkOf(folder: string): Promise<string> {
  const { identity, signer, mark } = await keysOf(folder)
  const other = { origin: identity.origin, size: mark.size, root: new Uint8Array(32).fill(1) }
  const note = signCheckpoint(other, { name: identity.origin, publicKey: identity.logKey }, (m) => signer.sign(m))
  const noTree = { rootAt: () => new Uint8Array(32), proveConsistency: () => [] }
  return encodeFork(proveFork(mark.note, note, noTree))
}

describe('a clinic on its own', () => {
  it('makes what it sealed final shortly after, and says so', async () => {
    const { open, patient } = await clinic()
    const [row] = await signManual(open, patient, [weight('71.5')])
    expect(row).toMatchObject({ status: 'verified', position: { grade: { q: 1 } } })
    await allFinal(open)
    const { readings } = await open.vault.chart(patient, 1)
    expect(readings).toMatchObject([{ position: { grade: { name: 'final', k: 1, q: 1 } } }])
    const [block] = await open.vault.blocks(null, null, 1)
    await allFinal(open)
    expect(block?.size).toBeGreaterThan(0)
    expect((await open.vault.blocks(null, null, 1))[0]?.grade).toEqual({ name: 'final', k: 1, q: 1 })
  })

  it('hands out proofs and receipts that its own mirror vouches for', async () => {
    const { open, patient } = await clinic()
    const [row] = await signManual(open, patient, [weight('71.5')])
    await allFinal(open)
    const index = row?.status === 'verified' ? row.position.index : -1
    const proof = await open.vault.proof(null, index)
    const { site } = (await keysOf(open.folder)).identity
    expect(proof.grade).toEqual({ name: 'final', k: 1, q: 1 })
    expect(proof.checkpoint).toContain(`\u2014 ${site}/mirror `)
    const { text } = await open.vault.receipt(null, index)
    const network = fromHex((await open.vault.ledgerSummary()).network)
    const verdict = verifyReceipt(nobleHasher, verifier, readReceipt(text), { network, policy: null })
    expect(verdict.steps.filter(({ ok }) => !ok)).toEqual([])
    expect(verdict.cosigned).toEqual({ k: 1, q: 1, satisfied: true })
  })

  it('has one line of its mirror for blocks that come at once, and a sound table for an auditor', async () => {
    const { open, patient } = await clinic()
    for (let n = 0; n < 5; n++) await signManual(open, patient, [weight(`7${n}.5`)])
    await allFinal(open)
    const blocks = (await open.vault.ledgerSummary()).blocks
    await open.vault.close()
    const store = openStore(databaseOf(open.folder), { mode: 'existing' })
    const { identity } = await keysOf(open.folder)
    const rows = store.cosignatures(identity.origin, 0, 100)
    store.close()
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.length).toBeLessThan(blocks)
    expect(new Set(rows.map(({ name }) => name))).toEqual(new Set([`${identity.site}/mirror`]))
  })

  it('knows after a start what is final, and cosigns what a crash left open', async () => {
    const { open, staff, patient } = await clinic()
    await signManual(open, patient, [weight('71.5')])
    // Closing cosigns at once what waits.
    await open.vault.close()
    const again = await startVault(open.folder)
    await again.vault.signIn(staff.nurse, PIN)
    const { readings } = await again.vault.chart(patient, 1)
    expect(readings).toMatchObject([{ position: { grade: { name: 'final' } } }])
    await again.vault.close()
    const store = openStore(databaseOf(open.folder), { mode: 'existing' })
    const { identity } = await keysOf(open.folder)
    const [newest] = store.cosignatures(identity.origin, 0, 1)
    store.close()
    expect(newest?.size).toBe((await keysOf(open.folder)).mark.size)
  })
})

describe('a disk that was cloned', () => {
  it('is found out when one copy sees the database of the other, and the log goes on under a new key', async () => {
    const { open, staff, patient } = await clinic()
    await signManual(open, patient, [weight('71.5')])
    await allFinal(open)
    await open.vault.close()
    const clone = copyOf(open.folder)
    const recordedIn = async (folder: string, kg: string): Promise<OpenVault> => {
      const running = await startVault(folder)
      await running.vault.signIn(staff.nurse, PIN)
      await signManual(running, patient, [weight(kg)])
      await allFinal(running)
      return running
    }
    await (await recordedIn(clone, '81.5')).vault.close()
    const running = await recordedIn(open.folder, '72.5')
    await running.vault.signIn(staff.it, PIN)
    await running.vault.scrub(1, databaseOf(clone)).catch(() => undefined)
    await vi.waitFor(() => {
      expect(stateOf(running)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'forked' } })
    })
    await running.vault.recover({ recoveryKey: staff.recoveryKey, file: null })
    expect(stateOf(running)).toMatchObject({ state: 'ready' })
    await running.vault.signIn(staff.nurse, PIN)
    const { origin, closed } = await running.vault.ledgerSummary()
    expect(origin).toMatch(/\/2$/)
    const [proof] = await running.vault.evidence()
    expect(proof).toMatchObject({ isOwn: true, byLog: true, origin: closed[0]?.origin })
    expect((await running.vault.evidenceFile(proof?.id ?? '')).text).toMatch(/^chartseal\/fork\/v1\n/)
    // What both copies share is final, what came after is contested, and all of it is still shown.
    const { readings } = await running.vault.chart(patient, 1)
    const shown = readings.map((row) =>
      row.status === 'verified' ? [row.record.quantities[0]?.value, row.position.grade.name] : row.step,
    )
    expect(shown).toEqual([
      ['71.5', 'final'],
      ['72.5', 'contested'],
    ])
    await signManual(running, patient, [weight('73.5')])
    await allFinal(running)
  })
})

describe('tables that SQLite cannot read', () => {
  it.each(['cosignature', 'mirror', 'evidence'])('take the grade away and nothing else: %s', async (table) => {
    const { open, staff, patient } = await clinic()
    await signManual(open, patient, [weight('71.5')])
    await open.vault.close()
    const db = new Database(databaseOf(open.folder))
    const rootOf = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck()
    const page = Number(rootOf.get(table))
    const size = Number(db.pragma('page_size', { simple: true }))
    db.close()
    const bytes = readFileSync(databaseOf(open.folder))
    bytes.fill(0, (page - 1) * size, page * size)
    writeFileSync(databaseOf(open.folder), bytes)
    const again = await startVault(open.folder)
    expect(stateOf(again)).toMatchObject({ state: 'ready', problem: null })
    await again.vault.signIn(staff.nurse, PIN)
    expect(await signManual(again, patient, [weight('72.5')])).toMatchObject([{ status: 'verified' }])
    const { readings } = await again.vault.chart(patient, 1)
    expect(readings.map(({ status }) => status)).toEqual(['verified', 'verified'])
    await again.vault.close()
    expect(stateOf(again).state).toBe('ready')
  })
})

describe('a clinic whose log was proven forked', () => {
  it('signs nothing more, and goes on in a new incarnation with its old records contested', async () => {
    const { open, staff, patient } = await clinic()
    await signManual(open, patient, [weight('71.5')])
    await allFinal(open)
    await open.vault.close()
    const proof = await forkOf(open.folder)
    const again = await startVault(open.folder)
    await again.vault.signIn(staff.nurse, PIN)
    expect(await again.vault.importEvidence(proof)).toMatchObject({ isOwn: true })
    await vi.waitFor(() => {
      expect(stateOf(again)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'forked' } })
    })
    expect(await codeOf(() => signManual(again, patient, [weight('72.5')]))).toBe('WRONG_STATE')
    await again.vault.close()
    const third = await startVault(open.folder)
    expect(stateOf(third)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'forked' } })
  })
})
