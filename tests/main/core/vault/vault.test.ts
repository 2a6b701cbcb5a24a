import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  codeOf,
  databaseOf,
  furnish,
  patientNumber,
  PIN,
  startVault,
  stateOf,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'

const REQUEST = { clinicName: 'Harbour', passphrase: null, administrator: { name: 'Ada Admin', pin: PIN } }

it('starts where nothing is with nothing but an offer to make a clinic', async () => {
  const open = await startVault(temporaryFolder())
  expect(stateOf(open)).toMatchObject({ state: 'first-run', problem: null, clinic: null, systemKeystore: true })
  for (const call of [
    () => open.vault.practitioners(),
    () => open.vault.signIn('ab'.repeat(16), PIN),
    () => open.vault.searchPatients(''),
    () => open.vault.ledgerSummary(),
    () => open.vault.unlock('oboe quarry lantern 52'),
  ])
    expect(await codeOf(call)).toBe('WRONG_STATE')
  expect(await open.vault.trayCount()).toBe(0)
})

it('makes a clinic, tells its recovery key once, and is ready', async () => {
  const open = await startVault(temporaryFolder())
  const { recoveryKey } = await open.vault.createClinic(REQUEST)
  expect(recoveryKey).toMatch(/^(?:[0-9A-F]{8}-){10}[0-9A-F]{8}$/)
  expect(open.events.flatMap((event) => (event.kind === 'state' ? [event.state.state] : []))).toEqual([
    'first-run',
    'starting',
    'ready',
  ])
  expect(await codeOf(() => open.vault.createClinic(REQUEST))).toBe('WRONG_STATE')
  expect(await codeOf(() => open.vault.openDemo())).toBe('WRONG_STATE')
  expect(
    readdirSync(join(open.folder, 'clinic'))
      .filter((name) => !name.startsWith('ledger.db'))
      .sort(),
  ).toEqual(['keystore'])
})

it('takes what a crash during setup left for nothing', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'clinic.new', 'keystore'), { recursive: true })
  writeFileSync(join(folder, 'clinic.new', 'keystore', 'node-secret.json'), '{')
  const open = await startVault(folder)
  expect(stateOf(open).state).toBe('first-run')
  expect(existsSync(join(folder, 'clinic.new'))).toBe(false)
  await open.vault.createClinic(REQUEST)
  expect(stateOf(open).state).toBe('ready')
})

it('never takes a clinic without its database, or without its keystore, for a fresh start', async () => {
  for (const missing of ['ledger.db', 'keystore']) {
    const open = await startVault(temporaryFolder())
    await open.vault.createClinic(REQUEST)
    await open.vault.close()
    renameSync(join(open.folder, 'clinic', missing), join(open.folder, 'aside'))
    const again = await startVault(open.folder)
    expect(stateOf(again)).toMatchObject({
      state: 'failed',
      problem: missing === 'keystore' ? 'KEYSTORE_DAMAGED' : 'DATABASE_DAMAGED',
    })
    expect(await codeOf(() => again.vault.createClinic(REQUEST))).toBe('WRONG_STATE')
  }
})

it('shows the same clinic after a restart', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await open.vault.close()
  await open.vault.close()
  expect(await codeOf(() => open.vault.practitioners())).toBe('WRONG_STATE')
  const again = await startVault(open.folder)
  expect(await codeOf(() => again.vault.searchPatients(''))).toBe('NOT_SIGNED_IN')
  await again.vault.signIn(staff.nurse, PIN)
  expect(await again.vault.patient(handle)).toMatchObject({ status: 'verified', record: patientNumber(1) })
})

it('names a database that is none', async () => {
  const open = await startVault(temporaryFolder())
  await open.vault.createClinic(REQUEST)
  await open.vault.close()
  writeFileSync(databaseOf(open.folder), 'not a database'.repeat(1000))
  expect(stateOf(await startVault(open.folder))).toMatchObject({ state: 'failed', problem: 'DATABASE_DAMAGED' })
})

it('opens the demonstration in a folder of its own, with its PINs', { timeout: 120_000 }, async () => {
  const open = await startVault(temporaryFolder(), { nodeSecret: null })
  await open.vault.openDemo()
  const state = stateOf(open)
  expect(state).toMatchObject({ state: 'ready', demo: true })
  expect(state.demoPins.length).toBeGreaterThanOrEqual(3)
  for (const { handle, pin } of state.demoPins) await open.vault.signIn(handle, pin)
  await open.vault.close()
  expect(readdirSync(open.folder)).toEqual(['demo'])
  const again = await startVault(open.folder, { nodeSecret: null })
  expect(stateOf(again)).toMatchObject({ state: 'first-run', demo: false })
  await again.vault.openDemo()
  expect(stateOf(again).demoPins).toEqual(state.demoPins)
})
