/**
 * Other clinics of a vault in memory: what somebody set is kept, nobody is called. See `fake-vault.ts`.
 */
import { ApiFailure } from '../../src/main/core/failure.ts'
import type { Asked, VaultService } from '../../src/main/core/vault-service.ts'
import type { NetworkSettings, NetworkStatus } from '../../src/shared/api/schemas.ts'
import { handleOf } from './fake-data.ts'
import { NOW } from './fake-vault-people.ts'
import { FakeRecords } from './fake-vault-records.ts'

/** The only text that invites. */
export const INVITATION = 'chartseal-invitation:harbour'

/** What the workstation that asked shows. */
export const JOIN_CODE = 'ABCD-EFGH-JKLM'

export abstract class FakeNetwork extends FakeRecords {
  #settings: NetworkSettings = { port: null, discovery: false, relay: false, announce: [], peers: [], custodians: [] }
  readonly #invitations: NetworkStatus['invitations'] = []

  /** The joining that waits for votes, or none. */
  protected abstract joining(inviter: string | null): void

  async checkInvitation(text: string) {
    await this.enter('checkInvitation')
    if (text !== INVITATION) throw new ApiFailure('BAD_INVITATION')
    return { kind: 'site', inviter: 'harbour', expiresAt: NOW } as const
  }
  async joinNetwork({ invitation }: Pick<Asked['setup']['joinNetwork'], 'invitation'>) {
    await this.enter('joinNetwork')
    if (invitation !== INVITATION) throw new ApiFailure('BAD_INVITATION')
    this.joining('harbour')
    return { recoveryKey: 'AAAA-BBBB' }
  }
  async joinClinic({ invitation }: Parameters<VaultService['joinClinic']>[0]) {
    await this.enter('joinClinic')
    if (invitation !== INVITATION) throw new ApiFailure('BAD_INVITATION')
    this.joining('harbour')
  }
  async joinWithoutPeople(request: Parameters<VaultService['joinWithoutPeople']>[0]) {
    await this.joinNetwork(request)
  }
  async abandonJoining() {
    await this.enter('abandonJoining')
    this.joining(null)
  }

  async setReach(settings: Parameters<VaultService['setReach']>[0]) {
    await this.enter('setReach')
    this.#settings = { ...this.#settings, ...settings }
  }
  async health(): ReturnType<VaultService['health']> {
    await this.enter('health')
    return { state: 'ready', problem: null, network: null }
  }

  async networkStatus(): Promise<NetworkStatus> {
    await this.enter('networkStatus')
    return {
      isOn: this.#settings.port !== null,
      listening: [],
      problem: null,
      sites: [{ id: 'site', isOwn: true, isReachable: true, nodes: [] }],
      quorum: { sites: 1, faulty: 0, needed: 1, reachable: 1, isThere: true },
      logs: [],
      copies: { logs: 0, custodians: this.#settings.custodians },
      invitations: this.#invitations,
      settings: this.#settings,
    }
  }
  async configureNetwork(settings: NetworkSettings) {
    await this.enter('configureNetwork')
    this.#settings = settings
    return this.networkStatus()
  }
  async invite({ pin, kind = 'site' }: Asked['network']['invite']) {
    await this.enter('invite')
    this.prove(pin)
    const id = handleOf(this.#invitations.length + 1)
    const fresh = { state: 'open', site: null, name: null, isLetIn: false } as const
    this.#invitations.push({ id, kind, createdAt: NOW, expiresAt: NOW, ...fresh })
    return { id, text: INVITATION, expiresAt: NOW }
  }
  async withdrawInvitation(id: string) {
    await this.enter('withdrawInvitation')
    const invitation = this.#invitations.find((one) => one.id === id)
    if (invitation === undefined) throw new ApiFailure('UNKNOWN_INVITATION')
    invitation.state = 'withdrawn'
    return this.networkStatus()
  }
  async letIn({ id, code, pin }: Asked['network']['letIn']) {
    await this.enter('letIn')
    this.prove(pin)
    const invitation = this.#invitations.find((one) => one.id === id)
    if (invitation === undefined) throw new ApiFailure('UNKNOWN_INVITATION')
    if (code !== JOIN_CODE) throw new ApiFailure('WRONG_JOIN_CODE')
    invitation.isLetIn = true
    return this.networkStatus()
  }
}
