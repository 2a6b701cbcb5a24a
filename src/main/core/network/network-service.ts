/**
 * An open clinic among other nodes: sessions over the thread of the sockets, what follows from them here, and what the
 * network page shows.
 *
 * @remarks
 * A clinic that is alone and invites nobody opens no socket. Whatever peers say goes through the pure sessions and the
 * sync store; nothing in here believes them. Proven by `tests/main/core/network/two-clinics.test.ts`.
 *
 * @packageDocumentation
 */
import { instantText } from '../../../clinical/instant.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { liarsAllowed } from '../../../ledger/log-finality.ts'
import { electorateOf, isFinal } from '../../../ledger/finality.ts'
import { leastCosignatures } from '../../../ledger/policy.ts'
import { emptyRoot } from '../../../ledger/hash.ts'
import { originOf, splitOrigin } from '../../../ledger/names.ts'
import type { FrozenLog, RosterNode, RosterSite, RosterWitness } from '../../../ledger/roster.ts'
import { orNull } from '../../../sync/attempt.ts'
import { SyncNode } from '../../../sync/sync-node.ts'
import type { LogStanding, PeerIdentity } from '../../../sync/ports.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { formatAddress, parseAddress } from '../../peer/addresses.ts'
import { PeerError } from '../../peer/errors.ts'
import type {
  NetworkReport,
  PeerChannel,
  PeerNetwork,
  PeerNetworkListeners,
  PeerSettings,
  WantedPeer,
} from '../../peer/peer-thread.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher } from '../hasher.ts'
import { actorFor, offsetMinAt, viewerFor, type Clinic } from '../vault/clinic.ts'
import { ClaimedPatients } from '../vault/claimed-patients.ts'
import { Disclosures } from '../vault/disclosures.ts'
import { ErasureConfirmations } from '../vault/erasure-confirmations.ts'
import { ForeignLogs, type SiteContact } from '../vault/foreign-logs.ts'
import { SECRETS } from '../vault/genesis.ts'
import { fingerprintOf } from '../vault/governance-views.ts'
import type { Governance } from '../vault/governance.ts'
import { unlessDamaged } from '../vault/log-replica.ts'
import { NetworkLogs } from '../vault/network-logs.ts'
import { presence } from '../vault/presence.ts'
import { governs } from '../vault/role-keys.ts'
import type { RepairSource } from '../vault/repair.ts'
import { VaultSyncStore } from '../vault/sync-store.ts'
import type { Asked, NetworkHealth } from '../vault-service.ts'
import type { LocalCalls } from '../local-calls.ts'
import type { MirroredLog } from '../vault/mirrored-log.ts'
import { CopyReports } from './copy-reports.ts'
import { WitnessMarks } from './witness-marks.ts'
import { PeerSource } from './peer-source.ts'
import { Invitations } from './invitations.ts'
import { PeopleDesk } from './people-desk.ts'
import { SitePeople } from './site-people.ts'
import { readSettings, writeSettings, type KeptSettings } from './network-settings.ts'
import { Turns } from './turns.ts'

/** How often time passes for sessions. */
const TICK_MS = 250
/** Entries that are read at a time, after a start, to know again what was judged before. */
const PREPARED = 64
/** How often payloads are asked for that nobody wanted to send before. */
const PAYLOAD_ROUND_MS = 30_000
/** States of a log of which nothing more is taken, or believed, before somebody does something. */
const STOPPED: ReadonlySet<api.NetworkLog['state']> = new Set(['refused', 'frozen', 'contested', 'lost'])
/** What the network of a clinic needs. */
export interface NetworkParts {
  readonly clinic: Clinic
  readonly governance: Governance
  /** Starts the thread of the sockets. */
  readonly startPeers: (settings: PeerSettings, listeners: PeerNetworkListeners) => PeerNetwork
  /** Another site holds more of the own log than is here. */
  readonly ahead: () => void
  /** Two installations write the own log. */
  readonly cloned: () => void
  /** People came or left by what another node of this site recorded. */
  readonly peopleChanged: () => void
  /** A node is connected that holds a log of this one. */
  readonly holderCame: () => void
  /** Told of our own failures. */
  readonly fault: (error: unknown) => void
  /** What people here wait for. */
  readonly local: LocalCalls
}

/** See the module's comment. */
export class NetworkService {
  readonly logs: NetworkLogs
  readonly disclosures: Disclosures
  readonly #parts: NetworkParts
  readonly #invitations: Invitations
  readonly #node: SyncNode
  /** Answers other nodes of this site. */
  readonly #desk: PeopleDesk
  /** Null where the governance key is. */
  readonly #people: SitePeople | null
  readonly #links = new Map<PeerChannel, number>()
  /** By transport key: a peer's next link is up after its last one is down. */
  readonly #turns: Turns<string>
  /** Logs that could not be read on, until the next tick. */
  readonly #stuck = new Set<MirroredLog>()
  #nextLink = 1
  #settings: KeptSettings
  #peers: PeerNetwork | null = null
  #listening: readonly string[] = []
  #problem: string | null = null
  readonly #lastSeenMs = new Map<string, number>()
  /** When two installations of a node were seen here last, by the log it writes. */
  readonly #twiceMs = new Map<string, number>()
  /** When everything that a node has recorded was judged here last, by our clock and the log it writes. */
  readonly #currentMs = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #roundAtMs = 0
  #summary = ''
  /** Size of the own log up to which it is worked out what patients decided: others are shown no more of it. */
  #decided: number
  #deciding: Promise<void> = Promise.resolve()
  /** How many rosters and contracts others were told of. */
  #rules = ''
  readonly #witnessed: WitnessMarks
  readonly #copies: CopyReports
  readonly #claimed: ClaimedPatients
  readonly #confirmations: ErasureConfirmations
  #mayBeErased = true
  #holderLinks: ReadonlySet<number> = new Set()
  #isClosed = false

  constructor(parts: NetworkParts) {
    this.#parts = parts
    const { clinic, governance, fault } = parts
    const { keystore, identity, random } = clinic
    const sharing = keystore.secrets.get(SECRETS.sharing)
    if (sharing === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    this.logs = new NetworkLogs(clinic)
    this.disclosures = new Disclosures(clinic, this.logs, { publicKey: identity.sharingKey, privateKey: sharing })
    const pair = { publicKey: identity.sharingKey, privateKey: sharing }
    clinic.foreign = new ForeignLogs(clinic, this.logs, pair, (origin) => this.#contactOf(origin))
    governance.endsOf = (site) => this.#endsOf(site)
    this.#settings = readSettings(keystore.secrets)
    const liars = () => liarsAllowed(electorateOf(this.logs.roster))
    this.#copies = new CopyReports(() => clinic.monotonicMs(), liars)
    this.#claimed = new ClaimedPatients(clinic)
    this.#confirmations = new ErasureConfirmations(clinic)
    this.#decided = clinic.replica.live.head.size
    this.#invitations = new Invitations({ clinic, governance, fault, changed: () => this.#reach() })
    this.#witnessed = new WitnessMarks({
      origin: () => clinic.replica.live.origin,
      roster: () => this.logs.roster,
      nowMs: () => clinic.nowMs(),
    })
    const store = new VaultSyncStore({
      ...{ clinic, logs: this.logs, disclosures: this.disclosures, instance: random(16) },
      events: {
        adopt: ({ rosters, contracts }) =>
          this.#heard(async () => this.#adopted(await governance.adopt(rosters, contracts))),
        proposal: (text) => this.#heard(() => governance.hear(text)),
        ahead: () => parts.ahead(),
        cloned: (reporter) => {
          if (this.#copies.heard(reporter)) parts.cloned()
        },
        signed: (head) => this.#witnessed.learn(head),
        seenTwice: (log) => this.#twiceMs.set(log, clinic.nowMs()),
        join: (key, body) => this.#invitations.answer(key, body),
        people: (log, body) => this.#desk.answer(log, body),
        grown: (origin) => this.#grown(origin),
        proposals: () => governance.texts(),
        decided: () => this.#decided,
      },
    })
    this.#desk = new PeopleDesk(clinic, this.logs, pair, fault)
    this.#people = governs(clinic)
      ? null
      : new SitePeople({
          ...{ clinic, pair, fault, changed: () => parts.peopleChanged() },
          ask: (body, done) => this.#node.askOwnSite(body, done),
        })
    this.#node = new SyncNode({
      store,
      clock: { nowMs: () => clinic.monotonicMs() },
      random: { next: () => Math.random() },
      ended: (link, why) => {
        if (why !== null) this.#channelOf(link)?.hangUp()
      },
    })
    this.#turns = new Turns({
      local: parts.local,
      nowMs: () => clinic.monotonicMs(),
      hasWork: () => this.#unprepared() !== null || this.#node.hasWork,
      work: () => this.#work(),
    })
  }

  /** Opens sockets where there is somebody to talk to. */
  start(): void {
    this.#quietly(async () => {
      await this.disclosures.load()
      this.#reach()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#turns.close()
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#node.stop()
    await this.#peers?.end()
    this.#peers = null
  }

  /** The own log has grown: decisions of patients first, so that what follows from them goes out with the entry. */
  committed(): void {
    this.#quietly(() => (this.#deciding = this.#deciding.catch(() => undefined).then(() => this.#decide())))
  }

  async #decide(): Promise<void> {
    const { live } = this.#parts.clinic.replica
    const { size } = live.head
    const rules = `${live.directory.rosters.length} ${live.directory.contracts.length}`
    if (rules !== this.#rules) this.governanceChanged()
    this.#rules = rules
    const decided = this.#decidedUpTo(size)
    // A decision that cannot be read may be one that takes something back.
    if (decided === null) await this.disclosures.load()
    let isNew = decided === null
    for (const handle of decided ?? []) isNew = (await this.disclosures.changed(handle)) || isNew
    this.#decided = size
    if (isNew) this.#node.payloadsChanged(live.origin)
    this.#node.logChanged(live.origin)
  }

  /** Cosignatures of a log of another node came: what is shown of it may be final now. */
  voted(origin: string): void {
    const log = this.logs.mirror(origin)
    const { standing, emit } = this.#parts.clinic
    if (log === null || log.isEmpty || !log.isPrepared) return
    emit({ kind: 'finality', origin, size: standing.grades.finalSize(log) })
  }

  /** Another roster or contract is in force, or a proposal waits. */
  governanceChanged(): void {
    this.logs.refresh()
    this.#reach()
    this.#node.governanceChanged()
  }

  /**
   * Connected nodes that say they hold a log of this node, as sources of repairs: those of the own site first.
   *
   * @param signal - Ends all waiting for them.
   */
  holders(signal: AbortSignal): RepairSource[] {
    const { identity, replica } = this.#parts.clinic
    return this.#holding()
      .toSorted((a, b) => Number(b.site === identity.site) - Number(a.site === identity.site))
      .map(({ link, log: node }) => {
        const said = (origin: string) =>
          this.#node
            .facts()
            .find((one) => one.link === link)
            ?.known.get(origin)?.size ?? 0
        const held = (origin: string) => Math.min(said(origin), replica.log(origin)?.head.size ?? 0)
        return new PeerSource({ sessions: this.#node, link, node, held, signal })
      })
  }

  #holding() {
    const origins = this.#parts.clinic.replica.logs.map(({ origin }) => origin)
    return this.#node.facts().flatMap(({ link, who, hello, known }) => {
      const isHolder =
        who.kind === 'node' && hello !== null && origins.some((origin) => (known.get(origin)?.size ?? 0) > 0)
      return isHolder ? [{ link, site: who.site, log: who.log }] : []
    })
  }

  /** Says so once for each connection. */
  #tellHolders(): void {
    const links = new Set(this.#holding().map(({ link }) => link))
    const isNew = [...links].some((link) => !this.#holderLinks.has(link))
    this.#holderLinks = links
    if (isNew) this.#parts.holderCame()
  }

  /** There are other sites in the network, and none of them is connected. */
  isAlone(): boolean {
    const { sites, connected } = this.health()
    return sites > 1 && connected === 0
  }

  /** How the node stands, for whoever watches it from outside: no names of people, no patient data. */
  health(): NetworkHealth {
    const logs = this.#logViews()
    const others = new Set(this.#greetedSites())
    others.delete(this.#parts.clinic.identity.site)
    return {
      sites: this.logs.roster.sites.length,
      connected: others.size,
      isQuorumThere: this.#isQuorumThere(),
      problem: this.#problem,
      behind: logs.reduce((sum, { known, verified }) => sum + Math.max(0, known - verified), 0),
      notFinal: logs.reduce((sum, { known, final }) => sum + Math.max(0, known - final), 0),
      stopped: logs.flatMap(({ origin, state }) => (STOPPED.has(state) ? [origin] : [])),
    }
  }

  /** The same as {@link configure}, for a node without people. */
  async setReach(settings: Partial<KeptSettings>): Promise<void> {
    const kept = { ...this.#settings, ...settings }
    if (JSON.stringify(kept) === JSON.stringify(this.#settings)) return
    await writeSettings(this.#parts.clinic.keystore.secrets, kept)
    this.#settings = kept
    await this.#restart()
    this.#reach()
  }

  #isQuorumThere(): boolean {
    const electorate = electorateOf(this.logs.roster)
    const sites = this.#votingSites()
    return isFinal(
      electorate,
      electorate.voters.filter(({ site }) => sites.has(site)),
    )
  }

  /** Sites that can cosign now. The own one only where its mirror is this node, or is reached. */
  #votingSites(): ReadonlySet<string> {
    const { identity, standing } = this.#parts.clinic
    const own = standing.isMirror ? [identity.site] : []
    return new Set([...own, ...this.#greetedSites()])
  }

  /** @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`. */
  async status(): Promise<api.NetworkStatus> {
    viewerFor(this.#parts.clinic, 'ledger')
    const report = (await this.#peers?.report()) ?? { listening: [], peers: [] }
    const reachable = new Set(this.#greetedSites())
    const { roster } = this.logs
    const electorate = electorateOf(roster)
    const { identity } = this.#parts.clinic
    const voting = this.#votingSites()
    const there = electorate.voters.filter(({ site }) => voting.has(site))
    return {
      isOn: this.#peers !== null,
      listening: report.listening.length > 0 ? [...report.listening] : [...this.#listening],
      problem: this.#problem,
      sites: roster.sites.map(({ id, nodes, witnesses }) => ({
        id,
        isOwn: id === identity.site,
        isReachable: id === identity.site || reachable.has(id),
        nodes: [
          ...nodes.map((node) => this.#nodeView(node, report)),
          ...witnesses.map((witness) => this.#witnessView(witness, report)),
        ],
      })),
      quorum: {
        sites: roster.sites.length,
        faulty: liarsAllowed(electorate),
        needed: leastCosignatures(electorate.policy),
        reachable: there.length,
        isThere: isFinal(electorate, there),
      },
      logs: this.#logViews(),
      copies: { logs: this.#wholeCopies(), custodians: [...this.disclosures.custodians] },
      invitations: this.#invitations.list(),
      settings: { ...this.#settings, peers: this.#typed(), custodians: [...this.disclosures.custodians] },
    }
  }

  /**
   * Says how this node reaches others and is reached.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `BAD_ADDRESS` with the address, `INVALID_REQUEST` for a custodian that is no site.
   */
  async configure(settings: api.NetworkSettings): Promise<api.NetworkStatus> {
    const { clinic } = this.#parts
    actorFor(clinic, 'administer.network')
    const { custodians, ...kept } = settings
    for (const address of [...kept.announce, ...kept.peers.flatMap(({ addresses }) => addresses)]) multiaddr(address)
    const others = this.logs.roster.sites.filter(({ id }) => id !== clinic.identity.site).map(({ id }) => id)
    const stranger = custodians.find((site) => !others.includes(site))
    if (stranger !== undefined) throw new ApiFailure('INVALID_REQUEST', { detail: 'custodians' })
    const isSame = (['port', 'discovery', 'relay'] as const).every((name) => this.#settings[name] === kept[name])
    await writeSettings(clinic.keystore.secrets, kept)
    await this.disclosures.setCustodians(custodians)
    this.#settings = kept
    if (!isSame) await this.#restart()
    this.#reach()
    this.#node.payloadsChanged(clinic.identity.origin)
    return this.status()
  }

  /** @throws ApiFailure `NOT_ALLOWED`, `NOT_REACHABLE`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`. */
  async invite({
    days,
    kind,
    pin,
  }: Asked['network']['invite']): Promise<{ id: string; text: string; expiresAt: string }> {
    const { clinic } = this.#parts
    actorFor(clinic, 'administer.network')
    await presence(clinic, pin)
    if (!governs(clinic)) throw new ApiFailure('COORDINATOR_ONLY')
    this.#open()
    await this.#untilListening()
    const addresses = [...this.#settings.announce.map(multiaddr), ...this.#listening.filter(isDialable)]
    if (addresses.length === 0) throw new ApiFailure('NOT_REACHABLE')
    return this.#invitations.make(days, [...new Set(addresses)].slice(0, 4), kind)
  }

  async withdraw(id: string): Promise<api.NetworkStatus> {
    actorFor(this.#parts.clinic, 'administer.network')
    await this.#invitations.withdraw(id)
    return this.status()
  }

  /**
   * Lets a node of this clinic in.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `UNKNOWN_INVITATION`, `WRONG_JOIN_CODE`; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async letIn({ id, code, pin }: Asked['network']['letIn']): Promise<api.NetworkStatus> {
    const { clinic } = this.#parts
    actorFor(clinic, 'administer.network')
    await presence(clinic, pin)
    await this.#invitations.letIn(id, code)
    return this.status()
  }

  /** Sets who is let in and whom to call, and opens or closes the sockets. */
  #reach(): void {
    if (this.#isClosed) return
    const isNeeded = this.#others().length > 0 || this.#invitations.keys().length > 0
    if (!isNeeded) return
    this.#open()
    this.#peers?.setAllowed(this.#allowed())
    this.#peers?.want(this.#wanted())
  }

  #open(): void {
    if (this.#peers !== null || this.#isClosed) return
    const { clinic, startPeers, fault } = this.#parts
    const seed = clinic.keystore.secrets.get(SECRETS.transport)
    if (seed === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    const { port, discovery, relay } = this.#settings
    this.#peers = startPeers(
      {
        ...{ seed, ...this.#allowed(), wanted: this.#wanted(), isRelay: relay, isDiscoverable: discovery },
        listen: port === null ? [] : [`/ip4/0.0.0.0/tcp/${port}`],
      },
      {
        up: (channel) => this.#inTurn(channel, () => this.#up(channel)),
        message: (channel, message) => this.#turns.add(channel.peer, () => this.#received(channel, message)),
        drained: (channel) => this.#inTurn(channel, () => this.#withLink(channel, (link) => this.#node.drained(link))),
        // What it said before is still dealt with.
        down: (channel) => this.#inTurn(channel, () => this.#down(channel)),
        listening: (addresses) => {
          this.#listening = addresses
          this.#problem = null
        },
        failed: (code) => {
          this.#problem = code
        },
        fault,
      },
    )
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  async #restart(): Promise<void> {
    const before = this.#peers
    this.#peers = null
    this.#listening = []
    this.#problem = null
    await before?.end()
  }

  #tick(): void {
    this.#stuck.clear()
    this.#node.tick()
    this.#people?.tick(this.#parts.clinic.monotonicMs())
    this.#turns.poke()
    this.#noteContact()
    this.#tellHolders()
    this.#eraseTold()
    for (const { origin } of this.logs.mirrored)
      if (this.disclosures.takeDecided(origin)) this.#node.payloadsChanged(origin)
    const nowMs = this.#parts.clinic.monotonicMs()
    if (nowMs >= this.#roundAtMs) {
      this.#roundAtMs = nowMs + PAYLOAD_ROUND_MS
      // A node that had not heard of an erasure may have sent a record again.
      this.#mayBeErased = true
      for (const { origin } of this.logs.mirrored) this.#node.payloadsChanged(origin)
      // What was shared until yesterday is not shared today.
      if (this.disclosures.isOfAnotherDay) this.#quietly(() => this.disclosures.load())
    }
    this.#tellSummary()
  }

  /** A log of which is not known yet what was judged of it before the start. */
  #unprepared(): MirroredLog | null {
    for (const log of this.logs.mirrored) if (!log.isPrepared && !this.#stuck.has(log)) return log
    return null
  }

  /** Does a small part of what waits for nobody. */
  #work(): void {
    const log = this.#unprepared()
    if (log !== null) this.#prepare(log)
    if (this.#node.hasWork) this.#node.work()
  }

  #prepare(log: MirroredLog): void {
    const before = log.judged
    if (log.prepare(PREPARED)) {
      this.#node.logChanged(log.origin)
      // Its cosignatures count from now on: whoever looks at a chart already saw it without them.
      this.voted(log.origin)
    } else if (log.judged === before) this.#stuck.add(log)
  }

  #inTurn(channel: PeerChannel, act: () => void): void {
    this.#turns.add(channel.peer, act).catch(this.#parts.fault)
  }

  #up(channel: PeerChannel): void {
    const who = this.#whoIs(channel.peer)
    // Left the roster, or used the invitation, while the connection was made.
    if (who === null) {
      channel.hangUp()
      return
    }
    const link = this.#nextLink++
    this.#links.set(channel, link)
    this.#node.connected(link, who, {
      send: (message) => channel.send(message),
      close: () => channel.hangUp(),
    })
    this.#tellSummary()
  }

  #received(channel: PeerChannel, message: Uint8Array): void {
    this.#lastSeenMs.set(channel.peer, this.#parts.clinic.nowMs())
    this.#withLink(channel, (link) => this.#node.received(link, message))
  }

  #down(channel: PeerChannel): void {
    this.#withLink(channel, (link) => this.#node.disconnected(link))
    this.#links.delete(channel)
    this.#tellSummary()
  }

  #withLink(channel: PeerChannel, act: (link: number) => void): void {
    const link = this.#links.get(channel)
    if (link !== undefined) act(link)
  }

  #channelOf(link: number): PeerChannel | null {
    for (const [channel, other] of this.#links) if (other === link) return channel
    return null
  }

  #whoIs(peer: string): PeerIdentity | null {
    for (const { id, nodes } of this.logs.roster.sites)
      for (const { log, transportKey } of nodes)
        if (toHex(transportKey) === peer) return { kind: 'node', site: id, log }
    for (const { id, witnesses } of this.logs.roster.sites)
      for (const { name, transportKey } of witnesses)
        if (toHex(transportKey) === peer) return { kind: 'witness', site: id, log: name }
    return this.#invitations.keys().includes(peer) ? { kind: 'guest', transportKey: fromHex(peer) } : null
  }

  #allowed() {
    return {
      members: this.#others().map(({ transportKey }) => toHex(transportKey)),
      guests: this.#invitations.keys(),
    }
  }

  #wanted(): WantedPeer[] {
    return this.#others().map(({ name, transportKey }) => {
      const typed = this.#settings.peers.find((peer) => peer.log === name)?.addresses ?? []
      const via = this.#others().filter((other) => other.name !== name)
      return {
        ...{ peer: toHex(transportKey), addresses: typed.map(multiaddr) },
        via: via.map((other) => toHex(other.transportKey)),
        // A node that cannot be dialled is reached through those that it dials.
        isOurRelay: this.#settings.port === null && typed.length > 0,
      }
    })
  }

  /** Whoever may be connected: other nodes, and witnesses. */
  #others(): { name: string; transportKey: Uint8Array }[] {
    const witnesses = this.logs.roster.sites.flatMap((site) => site.witnesses)
    return [...this.#otherNodes().map(({ log, transportKey }) => ({ name: log, transportKey })), ...witnesses]
  }

  #otherNodes(): RosterNode[] {
    const { log } = this.#parts.clinic.identity
    return this.logs.roster.sites.flatMap(({ nodes }) => nodes.filter((node) => node.log !== log))
  }

  /** Patients about whom a consent was recorded since this was worked out last; null when nobody can say. */
  #decidedUpTo(size: number): string[] | null {
    const { replica, store } = this.#parts.clinic
    const count = size - this.#decided
    const rows = unlessDamaged(() => store.entries(replica.live.origin, this.#decided, count)) ?? []
    const bodies = rows.flatMap(({ bytes }) => orNull(() => decodeEntry(bytes).body) ?? [])
    if (bodies.length !== count) return null
    const consents = bodies.filter(({ type }) => type.startsWith('consent.'))
    return [...new Set(consents.flatMap(({ subject }) => (subject === null ? [] : toHex(subject))))]
  }

  /** What another site erased goes here as well: after a start, and when its log has grown. */
  #eraseTold(): void {
    if (!this.#mayBeErased) return
    const { emit, foreign } = this.#parts.clinic
    if (foreign === null) return
    const { changed, isComplete, gone } = foreign.eraseTold((erasure) => this.#confirmations.isSaid(erasure))
    this.#mayBeErased = !isComplete
    if (gone.length > 0) this.#heard(() => this.#confirmations.record(gone))
    for (const handle of changed) emit({ kind: 'chart-changed', handle })
  }

  #grown(origin: string): void {
    const { emit, foreign } = this.#parts.clinic
    this.#mayBeErased = true
    if (this.disclosures.siteOf(origin) === this.#parts.clinic.identity.site) {
      this.#people?.hurry()
      this.#parts.peopleChanged()
    }
    emit({ kind: 'foreign-log', origin })
    for (const handle of foreign?.outdated() ?? []) emit({ kind: 'chart-changed', handle })
    const claims = foreign?.claims() ?? []
    if (claims.length > 0) this.#heard(() => this.#claimed.record(claims))
  }

  #adopted(isNew: boolean): void {
    if (isNew) this.governanceChanged()
  }

  /**
   * How fresh the word of a node is: when all that it had recorded was judged here, or another site cosigned that. A link
   * alone says nothing.
   */
  #contactOf(origin: string): SiteContact {
    const site = this.disclosures.siteOf(origin)
    const isConnected = site !== null && this.#greetedSites().includes(site)
    const currentMs = this.#currentMs.get(splitOrigin(origin).log) ?? 0
    return { isConnected, heardMs: Math.max(currentMs, this.logs.newestVoteMs(origin)) }
  }

  /** Notes the nodes of which nothing is missing here: a revocation could be in what is not judged yet. */
  #noteContact(): void {
    const nowMs = this.#parts.clinic.nowMs()
    for (const { who, hello, known } of this.#node.facts()) {
      if (who.kind !== 'node' || hello === null) continue
      const origins = [...this.logs.mirrored].filter(({ log }) => log === who.log).map(({ origin }) => origin)
      const isCurrent = origins.every((origin) => this.#isCurrent(origin, known.get(origin)?.size ?? null))
      if (origins.length > 0 && isCurrent) this.#currentMs.set(who.log, nowMs)
    }
  }

  /** True when a log is judged up to what the node that writes it says. */
  #isCurrent(origin: string, said: number | null): boolean {
    const state = this.logs.mirror(origin)?.state ?? null
    const judged = state?.mirrored?.size ?? 0
    return (
      said !== null && state !== null && state.refused === null && judged >= Math.max(said, state.pending?.size ?? 0)
    )
  }

  #greetedSites(): string[] {
    return this.#node.facts().flatMap(({ who, hello }) => (who.kind === 'node' && hello !== null ? [who.site] : []))
  }

  #tellSummary(): void {
    const { roster } = this.logs
    const { identity, emit } = this.#parts.clinic
    const sites = new Set(this.#greetedSites())
    sites.delete(identity.site)
    const network = {
      ...{ sites: roster.sites.length, connected: sites.size },
      isQuorumThere: this.#isQuorumThere(),
    }
    const text = JSON.stringify(network)
    if (text === this.#summary) return
    this.#summary = text
    emit({ kind: 'network', network })
  }

  /** Other nodes that say they hold every entry of the own log. */
  #wholeCopies(): number {
    const { origin, head } = this.#parts.clinic.replica.live
    const nodes = this.#node.facts().filter(({ who }) => who.kind === 'node')
    return nodes.filter(({ known }) => (known.get(origin)?.size ?? 0) >= head.size).length
  }

  /** A witness as a node that has no log: `seen` says what of the own log it signed to have seen. */
  #witnessView({ name, transportKey }: RosterWitness, report: NetworkReport): api.NetworkNode {
    const seen = this.#witnessed.newest(name)
    const view = this.#nodeView({ log: name, transportKey }, report)
    return {
      ...view,
      role: 'witness',
      seen: { size: seen?.size ?? 0, at: seen === null ? null : at(seen.timeS * 1000) },
    }
  }

  #nodeView(node: Omit<RosterNode, 'logKey'>, report: NetworkReport): api.NetworkNode {
    const { identity } = this.#parts.clinic
    const peer = toHex(node.transportKey)
    const isOwn = node.log === identity.log
    const known = report.peers.find((other) => other.peer === peer)
    const typed = this.#settings.peers.find(({ log }) => log === node.log)?.addresses ?? []
    const facts = this.#node.facts().find(({ who }) => who.kind !== 'guest' && who.log === node.log)
    const hello = facts?.who.kind === 'node' ? facts.hello : null
    const twiceMs = this.#twiceMs.get(node.log)
    return {
      ...{ log: node.log, isOwn, transportKey: fingerprintOf(node.transportKey) },
      link: isOwn ? null : this.#linkView(peer, known),
      addresses: [...typed, ...(known?.discovered ?? [])].map(formatAddress).slice(0, 16),
      role: hello?.role ?? null,
      seen: null,
      twiceAt: twiceMs === undefined ? null : at(twiceMs),
      unshown: facts?.unshown.size ?? 0,
    }
  }

  /** Where the logs of a site end for those who go on without it: at what is final of them here. */
  #endsOf({ nodes }: RosterSite): FrozenLog[] {
    return nodes.map(({ log }) => {
      const origin = this.logs.incarnations(log).at(-1)?.origin
      const held = origin === undefined ? null : this.logs.cosigned(origin)
      const size = held === null ? 0 : this.#parts.clinic.standing.grades.finalSize(held)
      const root = held === null || size === 0 ? emptyRoot(nodeHasher) : held.trusted.tree.rootAt(size)
      return { origin: origin ?? originOf(log, 1), size, root }
    })
  }

  /** Where to dial, as people write it. */
  #typed(): KeptSettings['peers'] {
    return this.#settings.peers.map(({ log, addresses }) => ({ log, addresses: addresses.map(formatAddress) }))
  }

  #linkView(peer: string, known: NetworkReport['peers'][number] | undefined): api.PeerLinkState {
    const link = known?.link ?? null
    const seenMs = this.#lastSeenMs.get(peer) ?? null
    if (link === null) {
      const state = known?.lastFailure === undefined || known.lastFailure === null ? 'connecting' : 'unreachable'
      return {
        ...{ state, since: seenMs === null ? null : at(seenMs), address: null, isRelayed: false, isInbound: false },
        ...{ problem: known?.lastFailure ?? null, bytesIn: 0, bytesOut: 0 },
      }
    }
    return {
      ...{ state: 'connected', since: at(link.sinceMs), address: formatAddress(link.address).slice(0, 300) },
      ...{ isRelayed: link.isRelayed, isInbound: !link.isOutbound, problem: null },
      ...{ bytesIn: link.bytesIn, bytesOut: link.bytesOut },
    }
  }

  #logViews(): api.NetworkLog[] {
    const { store } = this.#node
    return [...store.standings()].map((standing) => {
      const { origin, isOwn, stored, mirrored, final, refused } = standing
      // Whoever says that there is more shows a head that the log signed: words alone would hold it back for ever.
      const known = this.#node.knownSize(standing)
      return {
        ...{ origin, isOwn, known, have: stored, verified: mirrored, final, votes: this.#votes(origin) },
        state: this.#logState(standing, known),
        site: this.disclosures.siteOf(origin) ?? '',
        refused: refused === null ? null : { index: refused.index, code: refused.code },
      }
    })
  }

  /** Clinics of now that cosigned the newest head that one of them cosigned, under whatever key they had. */
  #votes(origin: string): number {
    const log = this.logs.cosigned(origin)
    const ids = new Set(this.logs.roster.sites.map(({ id }) => id))
    return log === null ? 0 : this.#parts.clinic.standing.cosignatures.sitesUnderNewest(log, ids)
  }

  #logState({ origin, refused, mirrored, isFrozen }: LogStanding, known: number): api.NetworkLog['state'] {
    const { standing, identity, replica } = this.#parts.clinic
    if ([...this.logs.lost].some((lost) => lost.origin === origin)) return 'lost'
    if (standing.locker.isContested(origin)) return 'frozen'
    if (this.logs.doubtOf(origin) !== null) return 'contested'
    if (refused !== null) return 'refused'
    const isEnded = replica.log(origin) === null ? standing.openings.after(origin) !== null : origin !== identity.origin
    if (isFrozen && !isEnded) return 'frozen'
    return mirrored < known ? 'behind' : isEnded ? 'closed' : 'current'
  }

  /** A thread that was just started says a moment later where it listens. */
  async #untilListening(): Promise<void> {
    for (let n = 0; n < 40 && this.#listening.length === 0 && this.#problem === null; n++)
      await new Promise((resume) => setTimeout(resume, 50))
  }

  /** Takes what a peer says about rosters and contracts. One that cannot be recorded here is no fault of this node. */
  #heard(work: () => Promise<unknown>): void {
    this.#quietly(async () => {
      try {
        await work()
      } catch (error) {
        if (!(error instanceof LedgerError || error instanceof ApiFailure)) throw error
      }
    })
  }

  /** Runs something behind; what fails is told. */
  #quietly(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      if (!this.#isClosed) this.#parts.fault(error)
    })
  }
}

function multiaddr(address: string): string {
  try {
    return parseAddress(address)
  } catch (cause) {
    if (cause instanceof PeerError) throw new ApiFailure('BAD_ADDRESS', { cause, detail: address.slice(0, 200) })
    throw cause
  }
}

/** An address of this very machine leads nobody else here; it is kept for tests and two windows on one machine. */
function isDialable(address: string): boolean {
  return !address.startsWith('/ip4/0.0.0.0/') && !address.startsWith('/ip6/::/')
}

function at(ms: number): string {
  return instantText(ms, offsetMinAt(ms))
}
