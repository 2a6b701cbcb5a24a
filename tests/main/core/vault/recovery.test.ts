import { copyFileSync, rmSync } from 'node:fs'
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
} from '../../../faults/support/clinic.ts'

interface Clinic {
  readonly folder: string
  readonly staff: Staff
  readonly handle: string
}

/** A closed clinic with one patient and two weights. */
async function smallClinic(): Promise<Clinic> {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight(String(71))])
  await signManual(open, handle, [weight(String(72))])
  await open.vault.close()
  return { folder, staff, handle }
}

/** One more reading in a clinic that is closed before and after. */
async function record({ folder, staff, handle }: Clinic, kg: number): Promise<void> {
  const open = await startVault(folder)
  await open.vault.signIn(staff.nurse, PIN)
  await signManual(open, handle, [weight(String(kg))])
  await open.vault.close()
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

/** Weight of every reading in the chart, as the ledger proves it. */
async function weights(open: OpenVault, { staff, handle }: Clinic): Promise<(string | null)[]> {
  await open.vault.signIn(staff.nurse, PIN)
  const chart = await open.vault.chart(handle, 1)
  return chart.readings.map((row) => (row.status === 'verified' ? (row.record.quantities[0]?.value ?? null) : row.step))
}

it('closes a log whose end is gone and goes on under a new key', async () => {
  const clinic = await smallClinic()
  const old = keepDatabase(clinic.folder)
  await record(clinic, 73)
  putDatabase(clinic.folder, old)
  const open = await startVault(clinic.folder)
  expect(stateOf(open)).toMatchObject({ state: 'recovery-needed', problem: 'RECOVERY_NEEDED' })
  const { recovery } = stateOf(open)
  expect(recovery?.reason).toBe('rolled-back')
  expect(recovery?.signed).toBeGreaterThan(recovery?.held ?? Infinity)
  expect(await codeOf(() => open.vault.signIn(clinic.staff.nurse, PIN))).toBe('WRONG_STATE')

  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  expect(stateOf(open)).toMatchObject({ state: 'ready', recovery: null })
  expect(await weights(open, clinic)).toEqual(['71', '72'])
  const summary = await open.vault.ledgerSummary()
  expect(summary.origin).toMatch(/\/2$/)
  expect(summary.closed).toEqual([{ origin: summary.origin.replace(/2$/, '1'), size: recovery?.held }])
  await signManual(open, clinic.handle, [weight(String(74))])
  expect(await weights(open, clinic)).toEqual(['71', '72', '74'])
  const [lost] = (await open.vault.entries(null, 0, 10)).filter(({ type }) => type === 'incident')
  expect(lost).toBeDefined()

  await open.vault.close()
  const again = await startVault(clinic.folder)
  expect(stateOf(again)).toMatchObject({ state: 'ready' })
  expect(await weights(again, clinic)).toEqual(['71', '72', '74'])
})

it('goes on with the same log when another copy has everything that was signed', async () => {
  const clinic = await smallClinic()
  const old = keepDatabase(clinic.folder)
  await record(clinic, 73)
  const newer = keepDatabase(clinic.folder)
  putDatabase(clinic.folder, old)
  const open = await startVault(clinic.folder)
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: newer })
  expect(stateOf(open)).toMatchObject({ state: 'ready' })
  expect(await weights(open, clinic)).toEqual(['71', '72', '73'])
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/1$/)
})

it('takes what a copy has and closes the log where even that ends', async () => {
  const clinic = await smallClinic()
  const old = keepDatabase(clinic.folder)
  await record(clinic, 73)
  const middle = keepDatabase(clinic.folder)
  await record(clinic, 74)
  putDatabase(clinic.folder, old)
  const open = await startVault(clinic.folder)
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: middle })
  expect(await weights(open, clinic)).toEqual(['71', '72', '73'])
  expect((await open.vault.ledgerSummary()).origin).toMatch(/\/2$/)
})

it('opens a new incarnation when nobody knows what was signed last', async () => {
  for (const damage of ['missing', 'damaged'] as const) {
    const clinic = await smallClinic()
    const mark = join(clinic.folder, 'clinic', 'keystore', 'high-water')
    if (damage === 'missing') rmSync(mark)
    else copyFileSync(databaseOf(clinic.folder), mark)
    const open = await startVault(clinic.folder)
    expect(stateOf(open).recovery).toMatchObject({ reason: `mark-${damage}`, signed: null })
    await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
    expect(await weights(open, clinic)).toEqual(['71', '72'])
    expect((await open.vault.ledgerSummary()).origin).toMatch(/\/2$/)
  }
})

it('notices a data folder that comes from another computer, and gives it a log of its own', async () => {
  const clinic = await smallClinic()
  const machine = (n: number) => ({ machineId: new Uint8Array(32).fill(n) })
  const first = await startVault(clinic.folder, machine(1))
  expect(stateOf(first).state).toBe('ready')
  await first.vault.close()
  const clone = copyOf(clinic.folder)
  const original = await startVault(clinic.folder, machine(1))
  expect(stateOf(original).state).toBe('ready')
  const moved = await startVault(clone, machine(2))
  expect(stateOf(moved)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'moved' } })
  await moved.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
  expect(await weights(moved, { ...clinic, folder: clone })).toEqual(['71', '72'])
  expect((await moved.vault.ledgerSummary()).origin).toMatch(/\/2$/)
  await moved.vault.close()
  const again = await startVault(clone, machine(2))
  expect(stateOf(again).state).toBe('ready')
})

it('recovers only for whoever has the printed key of this very clinic', async () => {
  const [clinic, other] = [await smallClinic(), await smallClinic()]
  rmSync(join(clinic.folder, 'clinic', 'keystore', 'high-water'))
  const open = await startVault(clinic.folder)
  for (const recoveryKey of [
    other.staff.recoveryKey,
    clinic.staff.recoveryKey.replace(/^./, (c) => (c === '0' ? '1' : '0')),
    '',
  ]) {
    expect(await codeOf(() => open.vault.recover({ recoveryKey, file: null }))).toBe('BAD_RECOVERY_KEY')
  }
  expect(stateOf(open).state).toBe('recovery-needed')
  const file = join(clinic.folder, 'nothing.db')
  expect(await codeOf(() => open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file }))).toBe('BAD_BACKUP')
  await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey.toLowerCase().replaceAll('-', ' '), file: null })
  expect(stateOf(open).state).toBe('ready')
})

it('recovers again and again, each time into the next incarnation', async () => {
  const clinic = await smallClinic()
  for (const incarnation of [2, 3, 4]) {
    rmSync(join(clinic.folder, 'clinic', 'keystore', 'high-water'))
    const open = await startVault(clinic.folder)
    await open.vault.recover({ recoveryKey: clinic.staff.recoveryKey, file: null })
    await open.vault.signIn(clinic.staff.nurse, PIN)
    expect((await open.vault.ledgerSummary()).origin.endsWith(`/${incarnation}`)).toBe(true)
    await signManual(open, clinic.handle, [weight(String(80 + incarnation))])
    await open.vault.close()
  }
  const open = await startVault(clinic.folder)
  expect(await weights(open, clinic)).toEqual(['71', '72', '82', '83', '84'])
})
