import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { listedKey } from '../../../../src/ledger/directory.ts'
import { encodeFork } from '../../../../src/ledger/evidence.ts'
import { mirrorNameOf } from '../../../../src/ledger/roster.ts'
import { instantText } from '../../../../src/clinical/instant.ts'
import { signerOf } from '../../../../src/main/core/vault/genesis.ts'
import { logSeedOf } from '../../../../src/main/core/vault/role-keys.ts'
import {
  databaseOf,
  type OpenVault,
  PIN,
  startVault,
  stateOf,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { expectCode } from '../../../support/expect-code.ts'
import { clinicOf, granted, type Holder, holder, weigh, weightsIn, type World } from '../../../support/consent-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

/** Two clinics, of which the second sees a patient of the first, with one weight. */
async function sharing() {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const sites = [clinicOf(a).identity.site, clinicOf(b).identity.site].toSorted()
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  const patient = await holder(a, 1)
  await granted(a, patient, { sites, from: day(-1), until: day(100) })
  await weigh(a, patient, '70.1')
  await seen(b, patient, ['70.1'])
  await until('everything is final on both sides', async () => (await isAllFinal(a, 2)) && (await isAllFinal(b, 2)))
  return { a, b, patient, origin: clinicOf(a).identity.origin }
}

async function seen({ vault }: OpenVault, { handle }: Holder, weights: string[]): Promise<void> {
  await until(`${weights.join()} are seen`, async () => {
    const [row] = await vault.searchPatients('')
    return row?.status === 'verified' && weightsIn(await vault.chart(handle, 1)).join() === weights.join()
  })
}

function markOf(folder: string): string {
  return join(folder, 'clinic', 'keystore', 'high-water')
}

/** Opens a clinic again that needs a recovery, and recovers it. The nurse is signed in. */
async function recovered(a: World): Promise<World> {
  const open = await startVault(a.folder)
  expect(stateOf(open).state).toBe('recovery-needed')
  await open.vault.recover({ recoveryKey: a.team.recoveryKey, file: null })
  expect(stateOf(open)).toMatchObject({ state: 'ready' })
  await open.vault.signIn(a.team.nurse, PIN)
  return { ...open, team: a.team, clock: a.clock, clinic: () => clinicOf(open) }
}

/** A clinic started again, with its physician signed in. */
async function openedAgain({ folder }: OpenVault): Promise<OpenVault> {
  const open = await startVault(folder)
  const people = await open.vault.practitioners()
  await open.vault.signIn(people.find(({ role }) => role === 'physician')?.handle ?? '', PIN)
  return open
}

const logsOf = async ({ vault }: OpenVault) => (await vault.networkStatus()).logs

describe('a log that ends and goes on', () => {
  it('is mirrored, cosigned and shown on, also after a restart of who mirrors it', async () => {
    const { a, b, patient, origin } = await sharing()
    await a.vault.close()
    rmSync(markOf(a.folder))
    const again = await recovered(a)
    const next = origin.replace(/1$/, '2')
    expect(clinicOf(again).identity.origin).toBe(next)
    await weigh(again, patient, '70.2')
    await seen(b, patient, ['70.1', '70.2'])
    const allFinal = async (open: OpenVault) => {
      const logs = await logsOf(open)
      return logs.length === 3 && logs.every(({ final, known }) => final >= known)
    }
    await until('all three are final at both', async () => (await allFinal(again)) && (await allFinal(b)))
    const states = (await logsOf(b)).map((log) => [log.origin, log.state])
    expect(states).toEqual(
      expect.arrayContaining([
        [origin, 'closed'],
        [next, 'current'],
      ]),
    )
    const { readings } = await b.vault.chart(patient.handle, 2)
    expect(readings.map((row) => row.status === 'verified' && row.position.grade.name)).toEqual(['final', 'final'])
    expect(readings.map((row) => row.status === 'verified' && row.position.origin)).toEqual([origin, next])

    // Whoever finds the key that was left behind convicts nobody with it.
    const { identity, replica, keystore } = clinicOf(again)
    const left = listedKey(replica.directory.rosters[0]?.roster, identity.log)
    const seed = left === null ? null : logSeedOf(keystore.secrets, left)
    const thief = signerOf('log', seed ?? new Uint8Array())
    const note = (fill: number) => {
      const head = { origin: next, size: 3, root: new Uint8Array(32).fill(fill) }
      return signCheckpoint(head, { name: next, publicKey: thief.publicKey }, (message) => thief.sign(message))
    }
    const fork = encodeFork({ older: note(1), newer: note(2), prefix: null })
    for (const clinic of [again, b]) expectCode('NOT_A_FORK', () => clinicOf(clinic).standing.locker.add(fork))

    await b.vault.close()
    const reopened = await openedAgain(b)
    await weigh(again, patient, '70.3')
    await seen(reopened, patient, ['70.1', '70.2', '70.3'])
  }, 120_000)

  it('at less than what is final elsewhere is shown and never cosigned, and nothing that was final goes', async () => {
    const { a, b: there, patient, origin } = await sharing()
    await a.vault.close()
    const old = join(temporaryFolder(), 'old.db')
    copyFileSync(databaseOf(a.folder), old)
    const more = await startVault(a.folder)
    await more.vault.signIn(a.team.nurse, PIN)
    await weigh({ ...a, ...more }, patient, '70.2')
    await seen(there, patient, ['70.1', '70.2'])
    await until('it is final there', () => isAllFinal(there, 2))
    await more.vault.close()
    for (const suffix of ['-wal', '-shm']) rmSync(databaseOf(a.folder) + suffix, { force: true })
    copyFileSync(old, databaseOf(a.folder))
    // Nobody can be asked what is final.
    await there.vault.close()
    const again = await recovered(a)
    await weigh(again, patient, '70.9')
    const b = await openedAgain(there)
    const next = origin.replace(/1$/, '2')
    await seen(b, patient, ['70.1', '70.2', '70.9'])
    const at = async (of: string) => (await logsOf(b)).find((log) => log.origin === of)
    const { store, identity } = clinicOf(b)
    const lines = (of: string) => store.cosignaturesBy(of, mirrorNameOf(identity.site), Number.MAX_SAFE_INTEGER, 10)
    expect([lines(next).length, lines(origin).length > 0]).toEqual([0, true])
    expect(await at(next)).toMatchObject({ state: 'contested', doubt: 'drops-final', final: 0 })
    expect((await at(origin))?.final).toBe((await at(origin))?.known)
    const { readings } = await b.vault.chart(patient.handle, 2)
    expect(readings.map((row) => row.status === 'verified' && row.position.grade.name)).toEqual([
      ...['final', 'final', 'contested'],
    ])
  }, 120_000)
})
