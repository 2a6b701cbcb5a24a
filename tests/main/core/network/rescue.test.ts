import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codeOf, databaseOf, PIN, startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'
import { clinicOf, holder, weigh, weightsIn } from '../../../support/consent-world.ts'
import { freePort } from '../../../support/free-port.ts'
import {
  isAllFinal,
  joinedTo,
  networkedClinic,
  settingsOn,
  until,
  workstationOf,
} from '../../../support/two-clinics.ts'

it('a clinic whose disk is older gets back from another what it had recorded since, and goes on from there', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { settings } = await a.vault.networkStatus()
  // From now on the first clinic calls, at the address that its IT typed.
  const port = await freePort()
  await b.vault.configureNetwork(settingsOn(port))
  const peers = [{ log: clinicOf(b).identity.log, addresses: [`127.0.0.1:${port}`] }]
  await a.vault.configureNetwork({ ...settings, peers, custodians: [clinicOf(b).identity.site] })
  const [known] = [await holder(a, 1)]
  await weigh(a, known, '70.1')
  await a.vault.close()
  const old = join(temporaryFolder(), 'old.db')
  copyFileSync(databaseOf(a.folder), old)
  const more = { ...a, ...(await startVault(a.folder)), clinic: () => clinicOf(more) }
  const later = await holder(more, 2)
  await weigh(more, known, '70.2')
  await weigh(more, later, '60.1')
  const { origin } = clinicOf(more).identity
  const { store } = clinicOf(b)
  await until('everything is final there, and its payloads are', async () => {
    const { size } = clinicOf(more).replica.head
    const bound = clinicOf(more).store.payloadPlaces(origin, 0, size).length
    return (await isAllFinal(b, 2)) && store.payloadPlaces(origin, 0, size).length === bound
  })
  const signed = clinicOf(more).replica.head.size
  await more.vault.close()
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(a.folder) + suffix, { force: true })
  copyFileSync(old, databaseOf(a.folder))

  const again = await startVault(a.folder)
  expect(stateOf(again)).toMatchObject({ state: 'recovery-needed', recovery: { reason: 'rolled-back' } })
  await again.vault.recover({ recoveryKey: a.team.recoveryKey, file: null })
  expect(stateOf(again)).toMatchObject({ state: 'ready' })
  await again.vault.signIn(a.team.nurse, PIN)
  // Everything that was signed is here, so it is the same log.
  expect(clinicOf(again).identity.origin).toBe(origin)
  expect(clinicOf(again).replica.head.size).toBeGreaterThanOrEqual(signed)
  expect(weightsIn(await again.vault.chart(known.handle, 1))).toEqual(['70.1', '70.2'])
  expect(weightsIn(await again.vault.chart(later.handle, 1))).toEqual(['60.1'])
  await until('it is final again on both sides', async () => (await isAllFinal(again, 2)) && (await isAllFinal(b, 2)))
}, 120_000)

it('a further workstation whose disk is older gets back what the first one has, and goes on in its log without the key of the clinic', async () => {
  const a = await networkedClinic()
  const folder = temporaryFolder()
  const b = await workstationOf(a, folder)
  await until('the nurse is known there', async () => (await codeOf(() => b.vault.signIn(a.team.nurse, PIN))) === null)
  const patient = await holder({ ...b, team: a.team }, 1)
  await weigh(b, patient, '70.1')
  await b.vault.close()
  const old = join(temporaryFolder(), 'old.db')
  copyFileSync(databaseOf(folder), old)
  const more = await startVault(folder)
  await more.vault.signIn(a.team.nurse, PIN)
  await weigh(more, patient, '70.2')
  const { origin } = clinicOf(more).identity
  await until('the first one has it', () => {
    const { size } = clinicOf(more).replica.head
    const bound = clinicOf(more).store.payloadPlaces(origin, 0, size).length
    return clinicOf(a).store.payloadPlaces(origin, 0, size).length === bound
  })
  const signed = clinicOf(more).replica.head.size
  await more.vault.close()
  for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(folder) + suffix, { force: true })
  copyFileSync(old, databaseOf(folder))

  const again = await startVault(folder)
  expect(stateOf(again)).toMatchObject({
    state: 'recovery-needed',
    recovery: { reason: 'rolled-back', isFurther: true },
  })
  await again.vault.recover({ recoveryKey: a.team.recoveryKey, file: null })
  expect(stateOf(again)).toMatchObject({ state: 'ready' })
  expect(clinicOf(again).identity.origin).toBe(origin)
  expect(clinicOf(again).replica.head.size).toBeGreaterThanOrEqual(signed)
  await again.vault.signIn(a.team.nurse, PIN)
  expect(weightsIn(await again.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2'])
}, 120_000)

it.each([
  ['a backup from before the first patient', 'before'],
  ['a backup', 'between'],
] as const)(
  '%s that is put back on another computer gets the rest from other clinics, and leaves out nothing final',
  async (_what, when) => {
    const a = await networkedClinic()
    const b = await joinedTo(a)
    const { settings } = await a.vault.networkStatus()
    await a.vault.configureNetwork({ ...settings, custodians: [clinicOf(b).identity.site] })
    const backUp = async () => {
      await a.vault.signIn(a.team.it, PIN)
      const { file } = await a.vault.backUp(null)
      await a.vault.signIn(a.team.nurse, PIN)
      return file
    }
    const before = await backUp()
    const patient = await holder(a, 1)
    await weigh(a, patient, '70.1')
    const file = when === 'before' ? before : await backUp()
    await weigh(a, patient, '70.2')
    const { origin } = clinicOf(a).identity
    await until('it is all there', async () => {
      const { size } = clinicOf(a).replica.head
      const bound = clinicOf(a).store.payloadPlaces(origin, 0, size).length
      return (await isAllFinal(b, 2)) && clinicOf(b).store.payloadPlaces(origin, 0, size).length === bound
    })
    await a.vault.close()

    const fresh = await startVault(temporaryFolder())
    await fresh.vault.restoreClinic({ file, recoveryKey: a.team.recoveryKey, passphrase: null })
    expect(stateOf(fresh)).toMatchObject({ state: 'ready' })
    await fresh.vault.signIn(a.team.nurse, PIN)
    const next = origin.replace(/1$/, '2')
    expect(clinicOf(fresh).identity.origin).toBe(next)
    expect(weightsIn(await fresh.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2'])
    const world = { ...a, ...fresh, clinic: () => clinicOf(fresh) }
    await weigh(world, patient, '70.3')
    await until('the new log is final there', async () => {
      const { logs } = await b.vault.networkStatus()
      const log = logs.find((one) => one.origin === next)
      return log?.state === 'current' && log.final === log.known && log.known > 0
    })
  },
  120_000,
)

it('a backup from before another sharing key opens with the paper what came since, and goes on under the next key', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { settings } = await a.vault.networkStatus()
  await a.vault.configureNetwork({ ...settings, custodians: [clinicOf(b).identity.site] })
  const patient = await holder(a, 1)
  await weigh(a, patient, '70.1')
  await a.vault.signIn(a.team.it, PIN)
  const { file } = await a.vault.backUp(null)
  // What is recorded from now on is sealed to a key that the backup does not have: the paper opens it.
  await a.vault.proposeRoster({ kind: 'sharing-key' })
  await until('the other clinic is asked', async () => (await b.vault.governance()).proposal !== null)
  await b.vault.approveProposal()
  await until('it is in force', () => clinicOf(a).ring.all.length === 2)
  await a.vault.signIn(a.team.nurse, PIN)
  await weigh(a, patient, '70.2')
  const { origin } = clinicOf(a).identity
  await until('it is all there', async () => {
    const { size } = clinicOf(a).replica.head
    const bound = clinicOf(a).store.payloadPlaces(origin, 0, size).length
    return (await isAllFinal(b, 2)) && clinicOf(b).store.payloadPlaces(origin, 0, size).length === bound
  })
  await a.vault.close()

  const fresh = await startVault(temporaryFolder())
  await fresh.vault.restoreClinic({ file, recoveryKey: a.team.recoveryKey, passphrase: null })
  expect(stateOf(fresh)).toMatchObject({ state: 'ready' })
  await fresh.vault.signIn(a.team.nurse, PIN)
  const next = origin.replace(/1$/, '2')
  expect(clinicOf(fresh).identity.origin).toBe(next)
  expect(weightsIn(await fresh.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2'])
  expect(clinicOf(fresh).ring.all).toHaveLength(1)
  const world = { ...a, ...fresh, clinic: () => clinicOf(fresh) }
  await weigh(world, patient, '70.3')
  await until('the new log is final there', async () => {
    const { logs } = await b.vault.networkStatus()
    const log = logs.find((one) => one.origin === next)
    return log?.state === 'current' && log.final === log.known && log.known > 0
  })
  // Nobody has the key that the roster lists: IT makes another, and everything goes on.
  await fresh.vault.signIn(a.team.it, PIN)
  await fresh.vault.proposeRoster({ kind: 'sharing-key' })
  await until('the other clinic is asked', async () => (await b.vault.governance()).proposal !== null)
  await b.vault.approveProposal()
  await until('it is in force', () => clinicOf(fresh).ring.all.length === 2)
  await fresh.vault.signIn(a.team.nurse, PIN)
  await weigh(world, patient, '70.4')
  expect(weightsIn(await fresh.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2', '70.3', '70.4'])
}, 180_000)
