/**
 * What IT sees and sets on the network page: who is there, how this node is reached, and who is invited.
 *
 * @remarks
 * Whoever asks is checked here. Proven by `tests/main/core/network/two-clinics.test.ts` and
 * `tests/main/core/network/joining.test.ts`.
 *
 * @packageDocumentation
 */
import type * as api from '../../../shared/api/schemas.ts'
import { formatAddress } from '../../peer/addresses.ts'
import { ApiFailure } from '../failure.ts'
import { actorFor, viewerFor, type Clinic } from '../vault/clinic.ts'
import type { Disclosures } from '../vault/disclosures.ts'
import type { NetworkLogs } from '../vault/network-logs.ts'
import { presence } from '../vault/presence.ts'
import { governs } from '../vault/role-keys.ts'
import type { Asked } from '../vault-service.ts'
import type { Attendance } from './attendance.ts'
import type { Holders } from './holders.ts'
import type { Invitations } from './invitations.ts'
import type { KeptSettings } from './network-settings.ts'
import type { NetworkViews } from './network-views.ts'
import { multiaddr } from './roster-peers.ts'
import type { Sockets } from './sockets.ts'

/** What the page is made of. */
export interface NetworkPageParts {
  readonly clinic: Clinic
  readonly logs: NetworkLogs
  readonly disclosures: Disclosures
  readonly attendance: Attendance
  readonly holders: Holders
  readonly views: NetworkViews
  readonly invitations: Invitations
  readonly sockets: Sockets
  readonly settings: () => KeptSettings
  /** Keeps settings, and reaches others by them. */
  readonly setReach: (settings: KeptSettings) => Promise<void>
  /** Opens the sockets, also while there is nobody to talk to. */
  readonly open: () => void
  /** Others get other records from here. */
  readonly custodiansChanged: () => void
}

/** See the module's comment. */
export class NetworkPage {
  readonly #parts: NetworkPageParts

  constructor(parts: NetworkPageParts) {
    this.#parts = parts
  }

  /** @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`. */
  async status(): Promise<api.NetworkStatus> {
    const { clinic, sockets, attendance, views, holders, disclosures, invitations, settings } = this.#parts
    viewerFor(clinic, 'ledger')
    const report = await sockets.report()
    const custodians = [...disclosures.custodians]
    const peers = settings().peers.map(({ log, addresses }) => ({ log, addresses: addresses.map(formatAddress) }))
    return {
      isOn: sockets.isOpen,
      listening: [...(report.listening.length > 0 ? report.listening : sockets.listening)],
      problem: sockets.problem,
      sites: views.sites(attendance.sites(), report),
      quorum: attendance.quorum(),
      logs: views.logs(),
      copies: { logs: holders.countWhole(), custodians },
      invitations: invitations.list(),
      settings: { ...settings(), peers, custodians },
    }
  }

  /**
   * Says how this node reaches others and is reached.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `BAD_ADDRESS` with the address, `INVALID_REQUEST` for a custodian that is no site.
   */
  async configure(settings: api.NetworkSettings): Promise<api.NetworkStatus> {
    const { clinic, logs, disclosures, setReach, custodiansChanged } = this.#parts
    actorFor(clinic, 'administer.network')
    const { custodians, ...kept } = settings
    for (const address of [...kept.announce, ...kept.peers.flatMap(({ addresses }) => addresses)]) multiaddr(address)
    const others = logs.roster.sites.filter(({ id }) => id !== clinic.identity.site).map(({ id }) => id)
    const stranger = custodians.find((site) => !others.includes(site))
    if (stranger !== undefined) throw new ApiFailure('INVALID_REQUEST', { detail: 'custodians' })
    await disclosures.setCustodians(custodians)
    await setReach(kept)
    custodiansChanged()
    return this.status()
  }

  /** @throws ApiFailure `NOT_ALLOWED`, `NOT_REACHABLE`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`. */
  async invite({
    days,
    kind,
    name,
    pin,
  }: Asked['network']['invite']): Promise<{ id: string; text: string; expiresAt: string }> {
    const { clinic, open, sockets, settings, invitations } = this.#parts
    actorFor(clinic, 'administer.network')
    await presence(clinic, pin)
    if (!governs(clinic)) throw new ApiFailure('COORDINATOR_ONLY')
    open()
    await sockets.untilListening()
    const addresses = [...settings().announce.map(multiaddr), ...sockets.listening.filter(isDialable)]
    if (addresses.length === 0) throw new ApiFailure('NOT_REACHABLE')
    return invitations.make(days, [...new Set(addresses)].slice(0, 4), kind, name)
  }

  /** @throws ApiFailure `NOT_ALLOWED`, `UNKNOWN_INVITATION`. */
  async withdraw(id: string): Promise<api.NetworkStatus> {
    actorFor(this.#parts.clinic, 'administer.network')
    await this.#parts.invitations.withdraw(id)
    return this.status()
  }

  /**
   * Lets a node of this clinic in.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `UNKNOWN_INVITATION`, `WRONG_JOIN_CODE`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async letIn({ id, code, pin }: Asked['network']['letIn']): Promise<api.NetworkStatus> {
    const { clinic, invitations } = this.#parts
    actorFor(clinic, 'administer.network')
    await presence(clinic, pin)
    await invitations.letIn(id, code)
    return this.status()
  }
}

/** An address of this very machine leads nobody else here; it is kept for tests and two windows on one machine. */
function isDialable(address: string): boolean {
  return !address.startsWith('/ip4/0.0.0.0/') && !address.startsWith('/ip6/::/')
}
