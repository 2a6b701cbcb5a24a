/** Two clinics in one network, each a vault of its own, over real sockets on this machine. */
import { freePort } from './free-port.ts'
import type { NetworkStatus } from '../../src/shared/api/schemas.ts'
import { furnish, type OpenVault, PIN, startVault, stateOf, temporaryFolder } from '../faults/support/clinic.ts'
import { clinicOf, type World } from './consent-world.ts'

/** Waits for something that comes by itself. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not happen: ${what}`)
    await new Promise((done) => setTimeout(done, 40))
  }
}

/** Settings of a node that is found by nobody and listens on one port of this machine. */
export const settingsOn = (port: number): NetworkStatus['settings'] => ({
  ...{ port, announce: [`127.0.0.1:${port}`], discovery: false, relay: false, peers: [], custodians: [] },
})

/** A clinic with staff and a network port; IT is signed in. */
export async function networkedClinic(folder = temporaryFolder()): Promise<World & { readonly port: number }> {
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.it, PIN)
  const port = await freePort()
  await open.vault.configureNetwork(settingsOn(port))
  const team = { ...staff, other: '', auditor: '' }
  return { ...open, team, clock: { nowMs: 0 }, clinic: () => clinicOf(open), port }
}

/**
 * Invites a new clinic to `host`'s network and waits until it is in. Its IT is signed in.
 *
 * @param changed - What becomes of the invitation on its way.
 */
export async function joinedTo(
  host: OpenVault,
  clinicName = 'Hill',
  changed: (invitation: string) => string = (invitation) => invitation,
): Promise<OpenVault & { readonly it: string }> {
  const { text } = await host.vault.invite({ days: 1, pin: PIN, name: `${clinicName} Road` })
  const open = await startVault(temporaryFolder())
  const administrator = { name: 'Ivo Admin', pin: PIN }
  await open.vault.joinNetwork({ clinicName, passphrase: null, administrator, invitation: changed(text) })
  await until('the second clinic is taken in', () => stateOf(open).state === 'ready')
  const [it] = await open.vault.practitioners()
  if (it === undefined) throw new Error('a clinic that joined has an administrator')
  await open.vault.signIn(it.handle, PIN)
  return { ...open, it: it.handle }
}

/** Makes a further workstation of `host`'s clinic and waits until it is in. Nobody is signed in there. */
export async function workstationOf(host: OpenVault, folder = temporaryFolder()): Promise<OpenVault> {
  const { id, text } = await host.vault.invite({ days: 1, kind: 'workstation', pin: PIN })
  const open = await startVault(folder)
  await open.vault.joinClinic({ passphrase: null, invitation: text })
  await until('the workstation has asked', async () => {
    const { invitations } = await host.vault.networkStatus()
    return invitations.some((one) => one.id === id && one.state === 'asked')
  })
  const code = stateOf(open).joining?.code ?? ''
  await host.vault.letIn({ id, code, pin: PIN })
  await until('the workstation is in', () => stateOf(open).state === 'ready')
  return open
}

/** A third clinic: both that are there approve it. Its IT is signed in. */
export async function third(host: OpenVault, other: OpenVault): Promise<OpenVault> {
  const { text } = await host.vault.invite({ days: 1, pin: PIN })
  const open = await startVault(temporaryFolder())
  const administrator = { name: 'Ida Admin', pin: PIN }
  await open.vault.joinNetwork({ clinicName: 'Dale', passphrase: null, administrator, invitation: text })
  await until('the other clinic is asked', async () => (await other.vault.governance()).proposal !== null)
  await other.vault.approveProposal()
  await until('the third clinic is taken in', () => stateOf(open).state === 'ready')
  const [it] = await open.vault.practitioners()
  await open.vault.signIn(it?.handle ?? '', PIN)
  return open
}

/** True when every log that a node knows is final to its end. */
export async function isAllFinal({ vault }: OpenVault, logs: number): Promise<boolean> {
  const status = await vault.networkStatus()
  return status.logs.length === logs && status.logs.every(({ final, known }) => known > 0 && final >= known)
}
