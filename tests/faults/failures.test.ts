/**
 * What goes wrong outside: wrong secrets, a full disk, a read-only or busy folder. Each ends in a code that has a
 * sentence, loses nothing that was acknowledged, and goes on when the cause is gone.
 */
import Database from 'better-sqlite3'
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  copyOf,
  databaseOf,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  startVault,
  stateOf,
  temporaryFolder,
  weight,
} from './support/clinic.ts'
import { canMount, readOnlyView, smallDisk } from './support/mounts.ts'

const ADMINISTRATOR = { name: 'Ada Admin', pin: PIN }
const PASSPHRASE = 'oboe quarry lantern 52'

/** A clinic with a nurse signed in, a patient and one reading. */
async function atWork(folder: string) {
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('70.1')])
  return { open, staff, handle }
}

async function weights({ vault }: OpenVault, handle: string): Promise<(string | null | undefined)[]> {
  const { readings } = await vault.chart(handle, 1)
  return readings.map((row) => (row.status === 'verified' ? row.record.quantities[0]?.value : row.step))
}

/** Writes until the disk takes no more. */
function fill(folder: string): string {
  const file = join(folder, 'filler')
  for (const size of [65536, 4096, 1]) {
    const handle = openSync(file, 'a')
    try {
      for (;;) writeSync(handle, Buffer.alloc(size, 0x20))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    } finally {
      closeSync(handle)
    }
  }
  const handle = openSync(file, 'r')
  fsyncSync(handle)
  closeSync(handle)
  return file
}

describe('secrets', () => {
  it('says that a PIN is wrong, then how long to wait, and takes the right one afterwards', async () => {
    let now = Date.UTC(2026, 2, 2)
    const open = await startVault(temporaryFolder(), { nowMs: () => now })
    const { nurse } = await furnish(open)
    for (let attempt = 0; attempt < 5; attempt++)
      expect(await codeOf(() => open.vault.signIn(nurse, '1357'))).toBe('WRONG_PIN')
    await expect(open.vault.signIn(nurse, PIN)).rejects.toMatchObject({ code: 'PIN_LOCKED', retryAfterS: 30 })
    now += 30_000
    await expect(open.vault.signIn(nurse, PIN)).resolves.toMatchObject({ handle: nurse, role: 'nurse' })
  })

  it('does not give attempts back when it is started again', async () => {
    const folder = temporaryFolder()
    const open = await startVault(folder)
    const { nurse } = await furnish(open)
    for (let attempt = 0; attempt < 5; attempt++) await codeOf(() => open.vault.signIn(nurse, '1357'))
    await open.vault.close()
    const again = await startVault(folder)
    expect(await codeOf(() => again.vault.signIn(nurse, PIN))).toBe('PIN_LOCKED')
  })

  it('leaves who is working signed in when somebody else types a wrong PIN', async () => {
    const { open, staff, handle } = await atWork(temporaryFolder())
    expect(await codeOf(() => open.vault.signIn(staff.physician, '1357'))).toBe('WRONG_PIN')
    const [row] = await signManual(open, handle, [weight('70.2')])
    expect(row).toMatchObject({ status: 'verified', record: { performer: 'Nora Nurse' } })
  })

  it('takes nobody for signed in after a wrong PIN at an empty workstation', async () => {
    const { open, staff } = await atWork(temporaryFolder())
    await open.vault.signOut()
    expect(await codeOf(() => open.vault.signIn(staff.nurse, '1357'))).toBe('WRONG_PIN')
    expect(await codeOf(() => open.vault.searchPatients(''))).toBe('NOT_SIGNED_IN')
  })

  it('says that a passphrase is wrong, and takes the right one afterwards', async () => {
    const folder = temporaryFolder()
    const open = await startVault(folder, { nodeSecret: null })
    const request = { clinicName: 'Harbour', administrator: ADMINISTRATOR }
    expect(await codeOf(() => open.vault.createClinic({ ...request, passphrase: 'too short' }))).toBe('WEAK_PASSPHRASE')
    expect(stateOf(open).state).toBe('first-run')
    await open.vault.createClinic({ ...request, passphrase: PASSPHRASE })
    expect(stateOf(open)).toMatchObject({ state: 'ready', systemKeystore: false })
    await open.vault.close()
    const again = await startVault(folder, { nodeSecret: null })
    expect(stateOf(again).state).toBe('passphrase-needed')
    expect(await codeOf(() => again.vault.unlock('oboe quarry lantern 53'))).toBe('WRONG_PASSPHRASE')
    expect(stateOf(again).state).toBe('passphrase-needed')
    await again.vault.unlock(PASSPHRASE)
    expect(stateOf(again)).toMatchObject({ state: 'ready', clinic: 'Harbour' })
  })

  it('refuses a first administrator with a weak PIN, and can be asked again', async () => {
    const open = await startVault(temporaryFolder())
    const weak = { clinicName: 'Harbour', passphrase: null, administrator: { ...ADMINISTRATOR, pin: '1234' } }
    expect(await codeOf(() => open.vault.createClinic(weak))).toBe('WEAK_PIN')
    expect(stateOf(open)).toMatchObject({ state: 'first-run' })
    await open.vault.createClinic({ ...weak, administrator: ADMINISTRATOR })
    expect(stateOf(open)).toMatchObject({ state: 'ready' })
  })

  it.each([
    ['the mark', 'high-water'],
    ['the identity', 'secrets/identity.sealed'],
    ['the log’s key', 'secrets/log-seed.sealed'],
    ['the sharing key', 'secrets/sharing-private.sealed'],
    ['the node secret’s file', 'node-secret.json'],
  ])('names a keystore without %s', async (_what, file) => {
    const { open } = await atWork(temporaryFolder())
    await open.vault.close()
    const folder = copyOf(open.folder)
    rmSync(join(folder, 'clinic', 'keystore', file))
    const again = await startVault(folder)
    expect(['KEYSTORE_DAMAGED', 'RECOVERY_NEEDED']).toContain(stateOf(again).problem)
    expect(['failed', 'recovery-needed']).toContain(stateOf(again).state)
    expect(await codeOf(() => again.vault.practitioners())).toBe('WRONG_STATE')
  })

  it('opens nothing with another node secret', async () => {
    const { open } = await atWork(temporaryFolder())
    await open.vault.close()
    const again = await startVault(open.folder, { nodeSecret: new Uint8Array(32).fill(8) })
    expect(stateOf(again)).toMatchObject({ state: 'failed', problem: 'KEYSTORE_DAMAGED' })
  })
})

describe('a database that another program holds', () => {
  it('says so, shows nothing meanwhile, and goes on afterwards', async () => {
    const { open, handle } = await atWork(temporaryFolder())
    const other = new Database(databaseOf(open.folder))
    other.exec('BEGIN IMMEDIATE')
    expect(await codeOf(() => signManual(open, handle, [weight('70.2')]))).toBe('DATA_FOLDER_IN_USE')
    expect(await codeOf(() => open.vault.chart(handle, 1))).toBe('DATA_FOLDER_IN_USE')
    expect(stateOf(open)).toMatchObject({ state: 'read-only', problem: 'DATA_FOLDER_IN_USE' })
    other.exec('ROLLBACK')
    other.close()
    await signManual(open, handle, [weight('70.3')])
    expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
    expect(await weights(open, handle)).toEqual(['70.1', '70.3'])
  })
})

describe.skipIf(!canMount())('disks (needs an administrator of Linux, who may mount)', () => {
  it('shows and signs nothing on a full disk, loses nothing, and goes on when there is room', async () => {
    const { open, staff, handle } = await atWork(smallDisk('4m'))
    const filler = fill(open.folder)
    let signed = 0
    // What still fits into the pages that the files have already is recorded.
    for (let n = 0; n < 400 && stateOf(open).state === 'ready'; n++) {
      const code = await codeOf(() => signManual(open, handle, [weight(`${80 + Math.floor(n / 10)}.${n % 10}`)]))
      if (code === null) signed += 1
      else expect(code).toBe('DISK_FULL')
    }
    expect(stateOf(open)).toMatchObject({ state: 'read-only', problem: 'DISK_FULL' })
    expect(await codeOf(() => open.vault.chart(handle, 1))).toBe('DISK_FULL')
    expect(await codeOf(() => open.vault.signIn(staff.nurse, PIN))).toBe('DISK_FULL')
    rmSync(filler)
    await open.vault.signIn(staff.nurse, PIN)
    expect((await weights(open, handle)).length).toBe(1 + signed)
    expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
    await signManual(open, handle, [weight('99.9')])
    await open.vault.close()
    const again = await startVault(open.folder)
    await again.vault.signIn(staff.nurse, PIN)
    const shown = await weights(again, handle)
    expect(shown.length).toBe(2 + signed)
    expect(shown.at(-1)).toBe('99.9')
  })

  it('keeps what was acknowledged when it has to be closed on a full disk', async () => {
    const { open, staff, handle } = await atWork(smallDisk('4m'))
    const filler = fill(open.folder)
    await codeOf(() => open.vault.close())
    const full = await startVault(open.folder)
    expect(['ready', 'failed']).toContain(stateOf(full).state)
    if (stateOf(full).state === 'failed') expect(stateOf(full).problem).toBe('DISK_FULL')
    await codeOf(() => full.vault.close())
    rmSync(filler)
    const again = await startVault(open.folder)
    await again.vault.signIn(staff.nurse, PIN)
    expect(await weights(again, handle)).toEqual(['70.1'])
  })

  it('says that there is no room for a clinic, and makes it when there is', async () => {
    const disk = smallDisk('1m')
    const filler = fill(disk)
    const open = await startVault(disk)
    const request = { clinicName: 'Harbour', passphrase: null, administrator: ADMINISTRATOR }
    expect(await codeOf(() => open.vault.createClinic(request))).toBe('DISK_FULL')
    expect(stateOf(open)).toMatchObject({ state: 'first-run' })
    expect(await codeOf(() => open.vault.openDemo())).toBe('DISK_FULL')
    expect(stateOf(open)).toMatchObject({ state: 'first-run' })
    rmSync(filler)
    await open.vault.createClinic(request)
    expect(stateOf(open)).toMatchObject({ state: 'ready', clinic: 'Harbour' })
  })

  it('says that a folder is read-only: to a new clinic, to one that is there, and to the demonstration', async () => {
    const fresh = await startVault(readOnlyView(temporaryFolder()))
    const request = { clinicName: 'Harbour', passphrase: null, administrator: ADMINISTRATOR }
    expect(await codeOf(() => fresh.vault.createClinic(request))).toBe('DATA_FOLDER_READ_ONLY')
    expect(await codeOf(() => fresh.vault.openDemo())).toBe('DATA_FOLDER_READ_ONLY')
    expect(stateOf(fresh)).toMatchObject({ state: 'first-run' })
    const { open } = await atWork(temporaryFolder())
    await open.vault.close()
    const again = await startVault(readOnlyView(open.folder))
    expect(stateOf(again)).toMatchObject({ state: 'failed', problem: 'DATA_FOLDER_READ_ONLY' })
    const demo = await startVault(readOnlyView(temporaryFolder()), { demo: true, nodeSecret: null })
    expect(stateOf(demo)).toMatchObject({ state: 'failed', problem: 'DATA_FOLDER_READ_ONLY' })
  })
})
