import { describe, expect, it } from 'vitest'
import { codeOf, PIN, startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'
import { clinicOf, holder, weigh } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until, workstationOf } from '../../../support/two-clinics.ts'
import { openEpochKey } from '../../../../src/main/core/epoch-keys.ts'
import { sharingSecret } from '../../../../src/main/core/vault/clinic-assembly.ts'
import { equalBytes, fromHex } from '../../../../src/shared/bytes.ts'
import { governs } from '../../../../src/main/core/vault/role-keys.ts'
import type { NetworkService } from '../../../../src/main/core/network/network-service.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import type { OpenVault } from '../../../faults/support/clinic.ts'

const networkOf = ({ vault }: OpenVault) =>
  (vault as unknown as { ready(): { network: NetworkService; governance: Governance } }).ready()

/** Whether everything of `logs` logs is final, at a node where nobody is signed in as well. */
function isFinal(open: OpenVault, logs: number): boolean {
  const { network } = networkOf(open)
  const { behind, notFinal } = network.health()
  const mirrored = [...network.logs.mirrored]
  return mirrored.length + 1 === logs && mirrored.every((log) => !log.isEmpty) && behind + notFinal === 0
}

describe('a further workstation of a clinic', { timeout: 120_000 }, () => {
  it('is listed under its clinic, holds its records, and its own log becomes final by the vote of the clinic', async () => {
    const a = await networkedClinic()
    const patient = await holder(a, 1)
    await weigh(a, patient, '70.1')
    await a.vault.signIn(a.team.it, PIN)
    const b = await workstationOf(a)
    const [own, other] = [a.clinic().identity, clinicOf(b).identity]
    expect(other).toMatchObject({ site: own.site, clinic: own.clinic, sharingKey: own.sharingKey, demo: false })
    expect(other.log).not.toBe(own.log)
    expect([governs(a.clinic()), governs(clinicOf(b))]).toEqual([true, false])
    expect(clinicOf(b).keystore.secrets.names()).not.toContain('mirror-seed')
    await until('both logs are final at both', () => isFinal(a, 2) && isFinal(b, 2))
    const status = await a.vault.networkStatus()
    expect(status.sites).toMatchObject([{ isOwn: true, nodes: [{}, {}] }])
    expect(status.quorum).toMatchObject({ sites: 1, needed: 1, isThere: true })
    await a.vault.signIn(a.team.nurse, PIN)
    await weigh(a, patient, '70.2')
    const { store } = clinicOf(b)
    const size = () => a.clinic().replica.live.head.size
    const held = () => store.payloadPlaces(own.origin, 0, size()).length
    await until('what is needed to read the records is there as well', () => {
      return held() === a.clinic().store.payloadPlaces(own.origin, 0, size()).length
    })
    // It opens them: with what it was given, and without the other disk.
    const pair = { publicKey: other.sharingKey, privateKey: sharingSecret(clinicOf(b).keystore) }
    const subject = fromHex(patient.handle)
    const rows = store.epochKeys(subject).filter(({ recipient }) => equalBytes(recipient, pair.publicKey))
    const [row] = rows
    if (row === undefined) throw new Error('its keys are there')
    const context = { subject, epoch: row.epoch, sender: pair.publicKey }
    expect(await openEpochKey(row.sealed, pair, context)).toHaveLength(32)
  })

  it('goes on after a restart of either, and says where what it cannot do is done', async () => {
    const a = await networkedClinic()
    const folder = temporaryFolder()
    const b = await workstationOf(a, folder)
    await b.vault.close()
    const again = await startVault(folder)
    expect(stateOf(again).state).toBe('ready')
    await until('it is current again', () => isFinal(again, 2))
    expect(clinicOf(again).standing.isMirror).toBe(false)
  })

  it('votes for nothing: a clinic with two machines is one of two clinics', async () => {
    const a = await networkedClinic()
    const b = await workstationOf(a)
    const c = await joinedTo(a)
    await until('three logs are final everywhere', () => [a, b, c].every((one) => isFinal(one, 3)))
    expect((await a.vault.networkStatus()).quorum).toMatchObject({ sites: 2, needed: 2 })
    const names = [...clinicOf(b).standing.cosignatures.sizes(clinicOf(b).identity.origin).keys()]
    expect(names).toHaveLength(2)
  })

  it('is not let in with an invitation of another kind, and a clinic not with one of its kind', async () => {
    const a = await networkedClinic()
    const b = await startVault(temporaryFolder())
    const administrator = { name: 'Ivo Admin', pin: PIN }
    const site = await a.vault.invite({ days: 1, pin: PIN })
    const node = await a.vault.invite({ days: 1, kind: 'workstation', pin: PIN })
    expect(await codeOf(() => b.vault.joinClinic({ passphrase: null, invitation: site.text }))).toBe('BAD_INVITATION')
    const form = { clinicName: 'Hill', passphrase: null, administrator, invitation: node.text }
    expect(await codeOf(() => b.vault.joinNetwork(form))).toBe('BAD_INVITATION')
    expect(stateOf(b).state).toBe('first-run')
  })
})
