import { beforeAll, describe, expect, it } from 'vitest'
import {
  codeOf,
  forWholeFile,
  type OpenVault,
  PIN,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { clinicOf, granted, holder, type Holder, weigh, weightsIn, type World } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until, workstationOf } from '../../../support/two-clinics.ts'
import { instantText } from '../../../../src/clinical/instant.ts'
import type { NetworkService } from '../../../../src/main/core/network/network-service.ts'
import { insideOf } from '../../../support/inside.ts'
import { equalBytes, fromHex, toHex } from '../../../../src/shared/bytes.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)
const networkOf = ({ vault }: OpenVault) => insideOf<{ network: NetworkService }>(vault).network
const ringOf = (open: OpenVault) => clinicOf(open).ring.all.map(({ publicKey }) => toHex(publicKey))

/** Whether everything of `logs` logs is final, at a node where nobody is signed in as well. */
function isFinal(open: OpenVault, logs: number): boolean {
  const { behind, notFinal } = networkOf(open).health()
  const mirrored = [...networkOf(open).logs.mirrored]
  return mirrored.length + 1 === logs && mirrored.every((log) => !log.isEmpty) && behind + notFinal === 0
}

/** Waits until somebody of the first workstation can sign in at another one, and signs them in. */
async function signedIn(open: OpenVault, handle: string): Promise<void> {
  await until('they are known there', async () => (await codeOf(() => open.vault.signIn(handle, PIN))) === null)
}

/** Epochs of a patient, each with the keys that it is sealed to at a node. */
function sealedTo(open: OpenVault, { handle }: Holder): Map<number, string[]> {
  const rows = clinicOf(open).store.epochKeys(fromHex(handle))
  return new Map(
    [...Map.groupBy(rows, ({ epoch }) => epoch)].map(([epoch, each]) => [
      epoch,
      each.map((row) => toHex(row.recipient)),
    ]),
  )
}

describe('a clinic from which a machine was taken', { timeout: 180_000 }, () => {
  let a: World
  let stays: OpenVault
  let stolen: OpenVault
  let other: OpenVault & { readonly it: string }
  /** The same, where a physician does what a nurse does elsewhere. */
  let there: World
  let patient: Holder
  let shared: Holder
  /** Registered at the machine that leaves. */
  let left: Holder
  /** Measured at the machine that leaves, and shared with the other clinic. */
  let told: Holder
  let before = ''
  /** Of each log, what the network page said before. */
  let patients: unknown[] = []
  let folder: string

  beforeAll(async () => {
    await forWholeFile(async () => {
      folder = temporaryFolder()
      a = await networkedClinic()
      stays = await workstationOf(a, folder)
      stolen = await workstationOf(a)
      other = await joinedTo(a)
    })
    const sites = [a, other].map((open) => clinicOf(open).identity.site).toSorted()
    const { handle } = await other.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
    there = { ...a, ...other, clinic: () => clinicOf(other), team: { ...a.team, nurse: handle } }
    shared = await holder(there, 4)
    await granted(there, shared, { sites, from: day(-1), until: day(100) })
    await weigh(there, shared, '55.1')
    patient = await holder(a, 1)
    await weigh(a, patient, '81.5')
    await signedIn(stolen, a.team.nurse)
    left = await holder({ ...stolen, team: a.team }, 7)
    await weigh(stolen, left, '64.2')
    told = await holder(a, 8)
    await granted(a, told, { sites, from: day(-1), until: day(100) })
    await until('they are known there', async () => (await codeOf(() => weigh(stolen, told, '90.1'))) === null)
    await until('everything is everywhere', () => [a, stays, stolen, other].every((open) => isFinal(open, 4)))
    before = toHex(clinicOf(a).ring.now.publicKey)
    await a.vault.signIn(a.team.it, PIN)
    const { logs } = await a.vault.networkStatus()
    patients = logs.map((log) => [log.origin, log.patients])
    await a.vault.proposeRoster({ kind: 'remove-machine', name: clinicOf(stolen).identity.log })
    await other.vault.signIn(other.it, PIN)
    await until('the other clinic is asked', async () => (await other.vault.governance()).proposal !== null)
    await other.vault.approveProposal()
    await until('it is in force', () => clinicOf(a).ring.all.length === 2)
  }, 180_000)

  it('has another sharing key at once, which every machine that stays is given, and the one that left is not', async () => {
    const now = ringOf(a)[0] ?? ''
    expect(ringOf(a)).toEqual([now, before])
    await until('the other machine has it', () => ringOf(stays).join() === [now, before].join())
    expect(toHex(clinicOf(stays).ring.now.publicKey)).toBe(now)
    await until('it is hung up on', () => networkOf(stolen).health().connected === 0)
    expect(ringOf(stolen)).toEqual([before])
    const { roster } = await a.vault.governance()
    expect(roster.sites.find(({ isOwn }) => isOwn)?.nodes).toHaveLength(2)
  })

  it('seals what it records from then on to the new key alone, and goes on reading what was before', async () => {
    await a.vault.signIn(a.team.nurse, PIN)
    await weigh(a, patient, '81.6')
    const now = ringOf(a)[0] ?? ''
    const epochs = sealedTo(a, patient)
    const recovery = toHex(clinicOf(a).identity.recoveryKey)
    expect([...epochs.keys()]).toEqual([0, 1])
    expect(epochs.get(0)?.toSorted()).toEqual([before, recovery].toSorted())
    expect(epochs.get(1)?.toSorted()).toEqual([now, recovery].toSorted())
    expect(weightsIn(await a.vault.chart(patient.handle, 1))).toEqual(['81.5', '81.6'])
    await signedIn(stays, a.team.nurse)
    await until('the other machine shows both', async () => {
      return weightsIn(await stays.vault.chart(patient.handle, 1)).join() === '81.5,81.6'
    })
  })

  it('is handed over under its new key what another clinic shares', async () => {
    await until('the other clinic knows', () => clinicOf(other).replica.directory.rosters.length > 3)
    await other.vault.signIn(there.team.nurse, PIN)
    await weigh(there, shared, '55.2')
    const [newest] = [...sealedTo(other, shared)].at(-1) ?? []
    const recipients = sealedTo(other, shared).get(newest ?? -1)
    expect(recipients).toContain(ringOf(a)[0])
    expect(recipients).not.toContain(before)
    await a.vault.signIn(a.team.physician, PIN)
    await until('both are shown', async () => weightsIn(await a.vault.chart(shared.handle, 1)).join() === '55.1,55.2')
  })

  it('was told how many patients it ends the decisions of, and goes on taking readings about them', async () => {
    const { origin } = clinicOf(stolen).identity
    expect(patients).toContainEqual([origin, 1])
    expect(patients).toContainEqual([clinicOf(stays).identity.origin, 0])
    expect(patients).toContainEqual([clinicOf(a).identity.origin, null])
    expect(patients).toContainEqual([clinicOf(other).identity.origin, null])
    await a.vault.signIn(a.team.nurse, PIN)
    await weigh(a, left, '64.3')
    expect(weightsIn(await a.vault.chart(left.handle, 1))).toEqual(['64.2', '64.3'])
    const consent = () => granted(a, left, { from: day(-1), until: day(100) })
    expect(await codeOf(consent)).toBe('OTHER_WORKSTATION')
  })

  it('lets the machines that stay withdraw what the one that left recorded, and replace nothing of it', async () => {
    const { handle } = left
    const row = (await a.vault.chart(handle, 1)).readings.find((one) => {
      return one.status === 'verified' && one.position.origin === clinicOf(stolen).identity.origin
    })
    if (row?.status !== 'verified') throw new Error('shown')
    const ref = { origin: row.position.origin, index: row.position.index }
    const value = { ...weight('64.0'), confirmed: false }
    const words = { handle, ref, reason: 'the scale was wrong' }
    expect(await codeOf(() => a.vault.amendReading({ ...words, value }))).toBe('OTHER_WORKSTATION')
    await a.vault.retractReading(words)
    expect(await codeOf(() => a.vault.retractReading(words))).toBe('ALREADY_CORRECTED')
    const standing = async ({ vault }: OpenVault) => {
      const { readings } = await vault.chart(handle, 1)
      return readings.map((one) => {
        return one.status === 'verified'
          ? `${one.record.quantities[0]?.value ?? ''} ${one.record.correction?.reason ?? ''}`
          : one.step
      })
    }
    const expected = ['64.2 the scale was wrong', '64.3 ']
    expect(await standing(a)).toEqual(expected)
    await signedIn(stays, a.team.nurse)
    await until('the other machine says so too', async () => (await standing(stays)).join() === expected.join())
    expect(await codeOf(() => stays.vault.retractReading(words))).toBe('ALREADY_CORRECTED')
    // A machine that the clinic has says itself what became of its own.
    const own = (await stays.vault.chart(handle, 1)).readings.find((one) => {
      return one.status === 'verified' && one.position.origin === clinicOf(a).identity.origin
    })
    if (own?.status !== 'verified') throw new Error('shown')
    const { origin, index } = own.position
    const theirs = { ...words, ref: { origin, index } }
    expect(await codeOf(() => stays.vault.retractReading(theirs))).toBe('OTHER_WORKSTATION')
  })

  it('tells a clinic that the patient names what was withdrawn, and why, by whichever machine', async () => {
    const { handle } = told
    await signedIn(stays, a.team.nurse)
    const [row] = (await stays.vault.chart(handle, 1)).readings
    if (row?.status !== 'verified') throw new Error('shown')
    const { origin, index } = row.position
    await stays.vault.retractReading({ handle, ref: { origin, index }, reason: 'the scale was wrong' })
    await other.vault.signIn(there.team.nurse, PIN)
    const shown = async () => {
      const { readings } = await other.vault.chart(handle, 1)
      return readings.map((one) => (one.status === 'verified' ? one.record.correction?.reason : one.step)).join()
    }
    await until('the other clinic says so', async () => (await shown()) === 'the scale was wrong', 90_000)
  })

  it('has nothing that the machine that left could open, and starts again with both keys', async () => {
    const rows = clinicOf(a).store.epochKeys(fromHex(patient.handle))
    const opens = rows.filter(({ epoch, recipient }) => {
      return epoch > 0 && clinicOf(stolen).ring.all.some(({ publicKey }) => equalBytes(publicKey, recipient))
    })
    expect(opens).toEqual([])
    await stays.vault.close()
    const again = await startVault(folder)
    expect(ringOf(again)).toEqual(ringOf(a))
    await signedIn(again, a.team.nurse)
    expect(weightsIn(await again.vault.chart(patient.handle, 1))).toEqual(['81.5', '81.6'])
  })

  it('lets a machine in that reads everything, also what was sealed under the key before', async () => {
    await a.vault.signIn(a.team.it, PIN)
    await other.vault.signIn(other.it, PIN)
    const joining = workstationOf(a)
    await until('the other clinic is asked', async () => (await other.vault.governance()).proposal !== null)
    await other.vault.approveProposal()
    const fresh = await joining
    expect(ringOf(fresh)).toEqual(ringOf(a))
    await signedIn(fresh, a.team.nurse)
    await until('it shows both', async () => {
      const chart = await fresh.vault.chart(patient.handle, 1).catch(() => null)
      return chart !== null && weightsIn(chart).join() === '81.5,81.6'
    })
    // Also of the machine whose disk nobody has any more.
    await until('it shows what was recorded at the machine that left', async () => {
      const chart = await fresh.vault.chart(left.handle, 1).catch(() => null)
      return chart !== null && weightsIn(chart).join() === '64.2,64.3'
    })
  })
})
