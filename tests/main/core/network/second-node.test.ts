import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOf, PIN, startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'
import { clinicOf, holder, weigh, weightsIn } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until, workstationOf } from '../../../support/two-clinics.ts'
import { resourceFile } from '../../../../src/main/core/resource-file.ts'
import { openEpochKey } from '../../../../src/main/core/epoch-keys.ts'
import { equalBytes, fromHex, toHex } from '../../../../src/shared/bytes.ts'
import { governs } from '../../../../src/main/core/vault/role-keys.ts'
import type { NetworkService } from '../../../../src/main/core/network/network-service.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import type { OpenVault } from '../../../faults/support/clinic.ts'
import { insideOf } from '../../../support/inside.ts'

const networkOf = ({ vault }: OpenVault) => insideOf<{ network: NetworkService; governance: Governance }>(vault)

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
    const pair = clinicOf(b).ring.now
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

  it('joins a clinic whose rules changed so often that they do not fit in one message', async () => {
    const a = await networkedClinic()
    const rules = readFileSync(resourceFile('contracts', 'default-v1.cedar'), 'utf8')
    const [edition, editions] = [(n: number) => `${rules}\n// edition ${n}\n`, 31]
    for (let n = 2; n <= editions; n++) await a.vault.publishContract(edition(n))
    const b = await workstationOf(a)
    const { published } = clinicOf(b).replica.contract() ?? {}
    expect([published?.version, new TextDecoder().decode(published?.document)]).toEqual([editions, edition(editions)])
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

  it('can be taken out: it gets nothing more, and what it recorded stays in the charts', async () => {
    const a = await networkedClinic()
    const b = await workstationOf(a)
    await until(
      'the nurse is known there',
      async () => (await codeOf(() => b.vault.signIn(a.team.nurse, PIN))) === null,
    )
    // The people of the clinic are the same there.
    const there = { ...b, team: a.team }
    const patient = await holder(there, 1)
    await weigh(there, patient, '81.5')
    await until('it is final at both', () => isFinal(a, 2) && isFinal(b, 2))
    await a.vault.signIn(a.team.it, PIN)
    const { identity } = clinicOf(b)
    for (const name of [a.clinic().identity.log, `${identity.site}/nobody`])
      expect(await codeOf(() => a.vault.proposeRoster({ kind: 'remove-machine', name }))).toBe('BAD_PROPOSAL')
    const end = clinicOf(b).replica.head.size
    await a.vault.proposeRoster({ kind: 'remove-machine', name: identity.log })
    const { roster } = await a.vault.governance()
    expect(roster.sites[0]?.nodes).toHaveLength(1)
    expect(roster.frozen).toMatchObject([{ origin: identity.origin, size: end }])
    await until('it is hung up on', () => !networkOf(b).network.health().isQuorumThere)
    await a.vault.signIn(a.team.nurse, PIN)
    const shows = async () => weightsIn(await a.vault.chart(patient.handle, 1)).join()
    expect(await shows()).toBe('81.5')
    await weigh(there, patient, '81.6')
    await a.vault.signIn(a.team.it, PIN)
    const log = async () => (await a.vault.networkStatus()).logs.find(({ origin }) => origin === identity.origin)
    expect(await log()).toMatchObject({ verified: end, site: identity.site })
    await a.vault.signIn(a.team.nurse, PIN)
    expect(await shows()).toBe('81.5')
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

describe('the people of a clinic at a further workstation', { timeout: 120_000 }, () => {
  const names = async ({ vault }: OpenVault) => (await vault.practitioners()).map(({ name }) => name).toSorted()

  it('sign in there with their PINs, as long as the first workstation says that they work here', async () => {
    const a = await networkedClinic()
    const b = await workstationOf(a)
    const all = await names(a)
    await until('everybody is known there', async () => (await names(b)).join() === all.join())
    const nurse = await b.vault.signIn(a.team.nurse, PIN)
    expect(nurse).toMatchObject({ role: 'nurse' })
    expect(await codeOf(() => b.vault.signIn(a.team.nurse, '90909'))).toBe('WRONG_PIN')
    await until('who signed in is final as well', () => isFinal(a, 2) && isFinal(b, 2))
    // Somebody new, and somebody with another PIN.
    const fresh = await a.vault.enrolPractitioner({ name: 'Nils Newcomer', role: 'nurse', pin: PIN })
    await until('who is new comes', async () => (await names(b)).includes('Nils Newcomer'))
    expect(await b.vault.signIn(fresh.handle, PIN)).toMatchObject({ name: 'Nils Newcomer' })
    // Who is revoked is out at once, also while signed in.
    await a.vault.revokePractitioner({ handle: fresh.handle, reason: 'left', pin: PIN })
    await until('who left is signed out', () => clinicOf(b).viewer === null)
    expect(await codeOf(() => b.vault.signIn(fresh.handle, PIN))).toBe('WRONG_PIN')
    expect(await names(b)).not.toContain('Nils Newcomer')
    const key = (clinic: Clinic) =>
      [...clinic.replica.directory.bindings.values()].find(({ handle }) => toHex(handle) === fresh.handle)
    await until('its own log says so as well', () => (key(clinicOf(b))?.until ?? Infinity) !== Infinity)
    await until('and that is final', () => isFinal(a, 2) && isFinal(b, 2))
  })

  it('are enrolled, ended and given PINs at the first workstation alone', async () => {
    const a = await networkedClinic()
    const b = await workstationOf(a)
    await until('everybody is known there', async () => (await names(b)).length === (await names(a)).length)
    await b.vault.signIn(a.team.it, PIN)
    const person = { name: 'Ida Elsewhere', role: 'nurse', pin: PIN } as const
    const calls: (() => Promise<unknown>)[] = [
      () => b.vault.enrolPractitioner(person),
      () => b.vault.revokePractitioner({ handle: a.team.nurse, reason: 'left', pin: PIN }),
      () => b.vault.renewPractitioner({ handle: a.team.nurse, name: null, newPin: '48151', pin: PIN }),
      () => b.vault.changePin({ oldPin: PIN, newPin: '48151' }),
      () => b.vault.invite({ days: 1, pin: PIN }),
      () => b.vault.proposeRoster({ kind: 'policy', policy: 'unanimous' }),
    ]
    for (const call of calls) expect(await codeOf(call)).toBe('COORDINATOR_ONLY')
    expect((await b.vault.governance()).mayPropose).toBe(false)
    // A PIN that is changed where it may be changed is the new one here.
    await a.vault.signIn(a.team.nurse, PIN)
    await a.vault.changePin({ oldPin: PIN, newPin: '48151' })
    await until('the new PIN came', async () => (await codeOf(() => b.vault.signIn(a.team.nurse, '48151'))) === null)
    expect(await codeOf(() => b.vault.signIn(a.team.nurse, PIN))).toBe('WRONG_PIN')
  })

  it('sign in again after the disk spoiled the file of a key, at either of the two', async () => {
    const a = await networkedClinic()
    const b = await workstationOf(a)
    await until('everybody is known there', async () => (await names(b)).length === (await names(a)).length)
    const fileOf = (open: OpenVault, handle: string) =>
      join(open.folder, 'clinic', 'keystore', 'practitioners', `${handle}.json`)
    writeFileSync(fileOf(b, a.team.nurse), '{')
    expect(await codeOf(() => b.vault.signIn(a.team.nurse, PIN))).toBe('KEYSTORE_DAMAGED')
    await until('it was given again', async () => (await codeOf(() => b.vault.signIn(a.team.nurse, PIN))) === null)
    writeFileSync(fileOf(a, a.team.physician), '{')
    const fresh = await a.vault.enrolPractitioner({ name: 'Nils Newcomer', role: 'nurse', pin: PIN })
    await until('who is new comes all the same', async () => (await names(b)).includes(fresh.name))
    expect(await b.vault.signIn(a.team.physician, PIN)).toMatchObject({ role: 'physician' })
  })
})
