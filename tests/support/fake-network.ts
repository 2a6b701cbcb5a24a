/** Other clinics, as a fake core tells of them. */
import type {
  InvitationFacts,
  JoiningStatus,
  NetworkInvitation,
  NetworkLog,
  NetworkNode,
  NetworkSettings,
  NetworkStatus,
  NetworkSummary,
  PeerLinkState,
} from '../../src/shared/api/schemas.ts'
import type { ApiCode } from '../../src/shared/api/codes.ts'
import { handleOf, hashOf } from './fake-data.ts'
import { fail, ok, type Guard, type Os } from './fake-reply.ts'

const SITE = 'chartseal.local/site-1'
const SETTINGS: NetworkSettings = {
  ...{ port: 4101, discovery: true, relay: false, announce: [], peers: [], custodians: [] },
}

/** A text that has the form of an invitation. */
export const INVITATION = 'CHARTSEAL-JOIN1-'.padEnd(420, 'K7QM4TXR92HDWPLN')

/** The same, for a workstation of the clinic that made it. */
export const WORKSTATION_INVITATION = 'CHARTSEAL-JOIN1-'.padEnd(420, 'WPLNK7QM4TXR92HD')

/** One that is over. */
export const EXPIRED_INVITATION = 'CHARTSEAL-JOIN1-'.padEnd(420, 'ZPLNK7QM4TXR92HD')

const KINDS: ReadonlyMap<string, InvitationFacts['kind']> = new Map([
  [INVITATION, 'site'],
  [WORKSTATION_INVITATION, 'workstation'],
])

/** What an invitation says of itself. */
export function factsOf(invitation: string, now: number) {
  if (invitation === EXPIRED_INVITATION) return fail('BAD_INVITATION', { detail: 'expired' })
  const kind = KINDS.get(invitation)
  const expiresAt = new Date(now + 86_400_000).toISOString()
  return kind === undefined ? fail('BAD_INVITATION') : ok({ kind, inviter: 'chartseal.local/site-2', expiresAt })
}

/** A link that stands, `secondsAgo` seconds old. */
export function connected(now: number, secondsAgo: number, more: Partial<PeerLinkState> = {}): PeerLinkState {
  return {
    ...{ state: 'connected', since: new Date(now - secondsAgo * 1000).toISOString(), address: '192.168.7.20:4101' },
    ...{ isRelayed: false, isInbound: false, problem: null, bytesIn: 4_120_000, bytesOut: 81_000 },
    ...more,
  }
}

/** A link that does not stand, and why. */
export function unreachable(now: number, problem: string, secondsAgo: number | null): PeerLinkState {
  return {
    ...connected(now, secondsAgo ?? 0),
    ...{ state: 'unreachable', address: null, problem, bytesIn: 0, bytesOut: 0 },
    ...(secondsAgo === null ? { since: null } : {}),
  }
}

/** Another site with one node. */
export function otherSite(n: number, link: PeerLinkState): NetworkStatus['sites'][number] {
  const id = `chartseal.local/site-${n}`
  return { id, isOwn: false, isReachable: link.state === 'connected', nodes: [nodeOf(`${id}/node-1`, n, link)] }
}

function nodeOf(log: string, n: number, link: PeerLinkState | null): NetworkNode {
  const transportKey = hashOf(300 + n).slice(0, 32)
  return {
    log,
    isOwn: link === null,
    transportKey,
    link,
    addresses: [],
    role: link?.state === 'connected' ? 'node' : null,
    twiceAt: null,
    unshown: 0,
    seen: null,
  }
}

/** A log of a site, final to its end unless said otherwise. */
export function logOf(n: number, size: number, more: Partial<NetworkLog> = {}): NetworkLog {
  const site = `chartseal.local/site-${n}`
  return {
    ...{ origin: `${site}/node-1/1`, site, isOwn: n === 1, known: size, have: size, verified: size, final: size },
    ...{ votes: 2, state: 'current', refused: null, doubt: null, patients: null, ...more },
  }
}

/** The network of a fake core. Tests change its fields. */
export class FakeNetwork {
  sites: NetworkStatus['sites'] = [
    { id: SITE, isOwn: true, isReachable: true, nodes: [nodeOf(`${SITE}/node-1`, 1, null)] },
  ]
  logs: NetworkLog[] = [logOf(1, 240)]
  settings: NetworkSettings = SETTINGS
  invitations: NetworkInvitation[] = []
  copies = 0
  faulty = 0
  asked = 0
  needed = 1
  problem: string | null = null
  listening: string[] = []
  readonly now: number

  constructor(now: number) {
    this.now = now
  }

  /** One more machine of the own clinic. */
  addOwn(name: string, role: 'node' | 'witness'): void {
    const log = `${SITE}/${name}`
    const link = connected(this.now, 60)
    this.sites = this.sites.map((site) =>
      site.id === SITE ? { ...site, nodes: [...site.nodes, { ...nodeOf(log, 9, link), role }] } : site,
    )
    if (role === 'node')
      this.logs = [...this.logs, { ...logOf(1, 12, { patients: 3 }), origin: `${log}/1`, isOwn: false }]
  }

  /** Four clinics: two are reached, one is not and hangs behind. */
  grow(): void {
    this.sites = [
      ...this.sites.slice(0, 1),
      otherSite(2, connected(this.now, 3600)),
      otherSite(3, connected(this.now, 90, { isRelayed: true, address: '203.0.113.9:4101' })),
      otherSite(4, unreachable(this.now, 'TIMEOUT', 86_400 * 2)),
    ]
    this.logs = [
      logOf(1, 240, { votes: 3, final: 236 }),
      logOf(2, 1810, { votes: 3 }),
      logOf(3, 96, { have: 90, verified: 64, final: 64, state: 'behind' }),
      logOf(4, 410, {
        verified: 402,
        final: 402,
        state: 'refused',
        refused: { index: 402, code: 'SIGNATURE_MISSING' },
      }),
    ]
    this.settings = {
      ...this.settings,
      custodians: ['chartseal.local/site-2'],
      names: [{ site: 'chartseal.local/site-2', name: 'Hill Road Clinic' }],
      peers: [{ log: 'chartseal.local/site-4/node-1', addresses: ['clinic-four.example:4101'] }],
    }
    this.listening = ['/ip4/192.168.7.4/tcp/4101']
    ;[this.copies, this.faulty, this.needed] = [2, 1, 3]
  }

  status(): NetworkStatus {
    const reachable = this.sites.filter((site) => site.isReachable).length
    const { sites, logs, settings, invitations, problem, listening } = this
    return {
      ...{ isOn: sites.length > 1, listening, problem, sites, logs, invitations, settings },
      quorum: {
        ...{ sites: sites.length, faulty: this.faulty, needed: this.needed, reachable },
        isThere: reachable >= this.needed,
      },
      copies: { logs: this.copies, custodians: settings.custodians },
    }
  }

  /** What everybody is told in one line. */
  summary(): NetworkSummary {
    const { sites, needed } = this
    const reachable = sites.filter((site) => site.isReachable).length
    return { sites: sites.length, connected: reachable - 1, isQuorumThere: reachable >= needed, asked: this.asked }
  }

  /** The address that cannot be called; null when all can. */
  badAddress({ announce, peers }: NetworkSettings): string | null {
    const all = [...announce, ...peers.flatMap(({ addresses }) => addresses)]
    return all.find((address) => !/^(wss?:\/\/)?[a-z0-9.-]+(:[0-9]+)?$/i.test(address)) ?? null
  }

  invite(
    id: string,
    days: number,
    kind: 'site' | 'workstation' = 'site',
    name: string | null = null,
  ): { id: string; text: string; expiresAt: string } {
    const expiresAt = new Date(this.now + days * 86_400_000).toISOString()
    const createdAt = new Date(this.now).toISOString()
    const fresh = { state: 'open', site: null, name, isLetIn: false } as const
    this.invitations = [{ id, kind, createdAt, expiresAt, ...fresh }, ...this.invitations]
    return { id, text: INVITATION, expiresAt }
  }

  withdraw(id: string): ApiCode | null {
    if (!this.invitations.some((one) => one.id === id)) return 'UNKNOWN_INVITATION'
    this.invitations = this.invitations.map((one) => (one.id === id ? { ...one, state: 'withdrawn' } : one))
    return null
  }

  letIn(id: string, code: string): ApiCode | null {
    if (!this.invitations.some((one) => one.id === id)) return 'UNKNOWN_INVITATION'
    if (code !== JOIN_CODE) return 'WRONG_JOIN_CODE'
    this.invitations = this.invitations.map((one) => (one.id === id ? { ...one, isLetIn: true } : one))
    return null
  }
}

/** What a workstation that asked shows. */
export const JOIN_CODE = 'ABCD-EFGH-JKLM'

/** Where joining stands, as a status says it. */
export const joiningNow = (
  state: JoiningStatus['state'],
  problem: string | null = null,
  code: string | null = null,
): JoiningStatus => ({
  ...{ inviter: 'chartseal.local/site-2', state, problem, code },
  expiresAt: new Date(Date.parse('2026-11-24T10:00:00Z')).toISOString(),
})

/** What the fake core needs to be for these answers. */
interface Core {
  readonly network: FakeNetwork
  readonly records: { isPin(pin: string): boolean }
}

/** Answers of `network.*`. */
export function networkAnswers(os: Os, core: Core, guard: Guard) {
  const { network } = core
  return {
    status: os.network.status.handler(guard('network.status', () => ok(network.status()))),
    configure: os.network.configure.handler(
      guard('network.configure', (settings) => {
        const bad = network.badAddress(settings)
        if (bad !== null) return fail('BAD_ADDRESS', { detail: bad })
        network.settings = settings
        return ok(network.status())
      }),
    ),
    invite: os.network.invite.handler(
      guard('network.invite', ({ days, kind, name, pin }) =>
        core.records.isPin(pin)
          ? ok(network.invite(handleOf(0xe000 + network.invitations.length), days, kind, name))
          : fail('WRONG_PIN'),
      ),
    ),
    withdraw: os.network.withdraw.handler(
      guard('network.withdraw', ({ id }) => {
        const code = network.withdraw(id)
        return code === null ? ok(network.status()) : fail(code)
      }),
    ),
    letIn: os.network.letIn.handler(
      guard('network.letIn', ({ id, code, pin }) => {
        if (!core.records.isPin(pin)) return fail('WRONG_PIN')
        const failed = network.letIn(id, code)
        return failed === null ? ok(network.status()) : fail(failed)
      }),
    ),
  }
}
