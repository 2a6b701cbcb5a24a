/** Drives of `api.test.ts`: joining another clinic's network, and looking after one's own. */
import { expect } from 'vitest'
import type { VaultState } from '../../../src/main/core/vault-service.ts'
import type { NetworkSettings } from '../../../src/shared/api/schemas.ts'
import { code, value, type Client } from '../../support/core-world.ts'
import { handleOf, PRACTITIONERS } from '../../support/fake-data.ts'
import { PIN, READY } from '../../support/fake-vault.ts'
import { INVITATION, JOIN_CODE } from '../../support/fake-vault-network.ts'

const it_ = PRACTITIONERS[3]!
const FIRST_RUN: VaultState = { ...READY, state: 'first-run' }
const JOIN = {
  clinicName: 'Hill Clinic',
  passphrase: null,
  administrator: { name: 'Tomasz Underhill', pin: PIN },
  invitation: INVITATION,
}
const SETTINGS: NetworkSettings = {
  port: 47_000,
  discovery: true,
  relay: false,
  announce: ['clinic.example:47000'],
  peers: [{ log: 'hill/1', addresses: ['192.0.2.7:47000'] }],
  custodians: ['hill'],
}

/** One request for each procedure that is for whoever is signed in. */
export const NETWORK_REQUESTS: Record<string, unknown> = {
  'network.status': {},
  'network.configure': SETTINGS,
  'network.invite': { days: 7, pin: PIN },
  'network.withdraw': { id: handleOf(1) },
  'network.letIn': { id: handleOf(1), code: JOIN_CODE, pin: PIN },
}

/** One test for each of these procedures. `open` starts a core and signs somebody in; `start` starts one only. */
export function networkProcedures(
  open: (as: (typeof PRACTITIONERS)[number]) => Promise<{ client: Client }>,
  start: (state: VaultState) => Promise<{ client: Client }>,
): Record<string, () => Promise<void>> {
  return {
    'setup.checkInvitation': async () => {
      const { client } = await start(FIRST_RUN)
      const check = (invitation: string) => client.setup.checkInvitation({ invitation })
      expect(await code(check(`${INVITATION}-of-nobody`))).toBe('BAD_INVITATION')
      expect(await code(check('short'))).toBe('INVALID_REQUEST')
      expect(await value(check(INVITATION))).toMatchObject({ kind: 'site', inviter: 'harbour' })
    },
    'setup.joinNetwork': async () => {
      const { client } = await start(FIRST_RUN)
      const stranger = `${INVITATION}-of-nobody`
      expect(await code(client.setup.joinNetwork({ ...JOIN, invitation: stranger }))).toBe('BAD_INVITATION')
      expect(await code(client.setup.joinNetwork({ ...JOIN, invitation: 'short' }))).toBe('INVALID_REQUEST')
      expect(await value(client.setup.joinNetwork(JOIN))).toEqual({ recoveryKey: 'AAAA-BBBB' })
      expect(await value(client.system.status({}))).toMatchObject({ state: 'joining', joining: { inviter: 'harbour' } })
    },
    'setup.joinClinic': async () => {
      const { client } = await start(FIRST_RUN)
      const asked = { passphrase: null, invitation: INVITATION }
      const stranger = `${INVITATION}-of-nobody`
      expect(await code(client.setup.joinClinic({ ...asked, invitation: stranger }))).toBe('BAD_INVITATION')
      expect(await code(client.setup.joinClinic({ ...asked, invitation: 'short' }))).toBe('INVALID_REQUEST')
      expect(await code(client.setup.joinClinic(asked))).toBe('ok')
      expect(await value(client.system.status({}))).toMatchObject({ state: 'joining', joining: { inviter: 'harbour' } })
    },
    'setup.abandonJoining': async () => {
      const { client } = await start(FIRST_RUN)
      await value(client.setup.joinNetwork(JOIN))
      expect(await code(client.setup.abandonJoining({}))).toBe('ok')
      expect(await value(client.system.status({}))).toMatchObject({ state: 'first-run', joining: null })
    },
    'network.status': async () => {
      const { client } = await open(it_)
      expect(await value(client.network.status({}))).toMatchObject({ isOn: false, quorum: { isThere: true } })
    },
    'network.configure': async () => {
      const { client } = await open(it_)
      expect(await code(client.network.configure({ ...SETTINGS, port: 70_000 }))).toBe('INVALID_REQUEST')
      expect(await value(client.network.configure(SETTINGS))).toMatchObject({ isOn: true, settings: SETTINGS })
    },
    'network.invite': async () => {
      const { client } = await open(it_)
      expect(await code(client.network.invite({ days: 7, pin: '0000' }))).toBe('WRONG_PIN')
      expect(await code(client.network.invite({ days: 31, pin: PIN }))).toBe('INVALID_REQUEST')
      expect(await value(client.network.invite({ days: 7, pin: PIN }))).toMatchObject({ text: INVITATION })
    },
    'network.withdraw': async () => {
      const { client } = await open(it_)
      expect(await code(client.network.withdraw({ id: handleOf(9) }))).toBe('UNKNOWN_INVITATION')
      const { id } = await value(client.network.invite({ days: 7, pin: PIN }))
      expect(await value(client.network.withdraw({ id }))).toMatchObject({ invitations: [{ id, state: 'withdrawn' }] })
    },
    'network.letIn': async () => {
      const { client } = await open(it_)
      const { id } = await value(client.network.invite({ days: 1, kind: 'workstation', pin: PIN }))
      expect(await code(client.network.letIn({ id, code: JOIN_CODE, pin: '0000' }))).toBe('WRONG_PIN')
      expect(await code(client.network.letIn({ id, code: 'AAAA', pin: PIN }))).toBe('WRONG_JOIN_CODE')
      expect(await value(client.network.letIn({ id, code: JOIN_CODE, pin: PIN }))).toMatchObject({
        invitations: [{ id, kind: 'workstation', isLetIn: true }],
      })
    },
  }
}
