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
import { liarsAllowed } from '../../../ledger/log-finality.ts'
import { electorateOf } from '../../../ledger/finality.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { emptyRoot } from '../../../ledger/hash.ts'
import { originOf } from '../../../ledger/names.ts'
import type { FrozenLog, RosterSite } from '../../../ledger/roster.ts'
import type { SyncNode } from '../../../sync/sync-node.ts'
import type { PeerIdentity } from '../../../sync/ports.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import type { PeerChannel } from '../../peer/peer-thread.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher } from '../hasher.ts'
import type { Clinic } from '../vault/clinic.ts'
import { ClaimedPatients } from '../vault/claimed-patients.ts'
import { Disclosures } from '../vault/disclosures.ts'
import { ErasureConfirmations } from '../vault/erasure-confirmations.ts'
import { ForeignLogs } from '../vault/foreign-logs.ts'
import { secretOf, SECRETS } from '../vault/genesis.ts'
import type { Governance } from '../vault/governance.ts'
import { NetworkLogs } from '../vault/network-logs.ts'
import { governs } from '../vault/role-keys.ts'
import type { RepairSource } from '../vault/repair.ts'
import { VaultSyncStore } from '../vault/sync-store.ts'
import type { NetworkHealth } from '../vault-service.ts'
import type { LocalCalls } from '../local-calls.ts'
import type { MirroredLog } from '../vault/mirrored-log.ts'
import { Attendance } from './attendance.ts'
import { CopyReports } from './copy-reports.ts'
import { Decisions } from './decisions.ts'
import { Holders } from './holders.ts'
import { Invitations } from './invitations.ts'
import { NetworkPage } from './network-page.ts'
import { readSettings, writeSettings, type KeptSettings } from './network-settings.ts'
import { NetworkViews } from './network-views.ts'
import { PeerSessions } from './peer-sessions.ts'
import { PeopleDesk } from './people-desk.ts'
import { multiaddr, peersIn, type RosterPeer } from './roster-peers.ts'
import { SitePeople } from './site-people.ts'
import { Sockets, type StartPeers } from './sockets.ts'
import { Turns } from './turns.ts'
import { WitnessMarks } from './witness-marks.ts'

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
  readonly startPeers: StartPeers
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
  /** What IT asks. */
  readonly page: NetworkPage
  readonly #parts: NetworkParts
  readonly #invitations: Invitations
  readonly #sockets: Sockets
  readonly #sessions: PeerSessions
  readonly #attendance: Attendance
  readonly #views: NetworkViews
  readonly #holders: Holders
  readonly #decisions: Decisions
  /** Answers other nodes of this site. */
  readonly #desk: PeopleDesk
  /** Null where the governance key is. */
  readonly #people: SitePeople | null
  /** By transport key: a peer's next link is up after its last one is down. */
  readonly #turns: Turns<string>
  /** Logs that could not be read on, until the next tick. */
  readonly #stuck = new Set<MirroredLog>()
  #settings: KeptSettings
  #timer: NodeJS.Timeout | null = null
  #roundAtMs = 0
  #summary = ''
  #deciding: Promise<void> = Promise.resolve()
  /** Changes that wait for the approval of this site. */
  #asked = 0
  /** How many rosters and contracts others were told of. */
  #rules = ''
  readonly #witnessed: WitnessMarks
  readonly #copies: CopyReports
  readonly #claimed: ClaimedPatients
  readonly #confirmations: ErasureConfirmations
  #mayBeErased = true
  #isFollowing = false
  #isClosed = false

  constructor(parts: NetworkParts) {
    this.#parts = parts
    const { clinic, governance, fault } = parts
    const { keystore, identity } = clinic
    this.logs = new NetworkLogs(clinic)
    this.disclosures = new Disclosures(clinic, this.logs)
    clinic.foreign = new ForeignLogs(clinic, this.logs, (origin) => this.#attendance.contactOf(origin))
    governance.endsOf = (site) => this.#endsOf(site)
    this.#settings = readSettings(keystore.secrets)
    const liars = () => liarsAllowed(electorateOf(this.logs.roster))
    this.#copies = new CopyReports(() => clinic.monotonicMs(), liars)
    this.#claimed = new ClaimedPatients(clinic)
    this.#confirmations = new ErasureConfirmations(clinic)
    this.#decisions = new Decisions(clinic, this.disclosures, () => {
      // What other workstations recorded about somebody who is erased goes as well.
      this.#mayBeErased = true
    })
    this.#invitations = new Invitations({
      ...{ clinic, governance, fault, changed: () => this.#reach() },
      named: (site, name) => this.#quietly(() => this.#nameSite(site, name)),
    })
    this.#witnessed = new WitnessMarks({
      origin: () => clinic.replica.live.origin,
      roster: () => this.logs.roster,
      nowMs: () => clinic.nowMs(),
    })
    this.#desk = new PeopleDesk(clinic, this.logs, fault)
    this.#people = governs(clinic)
      ? null
      : new SitePeople({
          ...{ clinic, fault, changed: () => parts.peopleChanged() },
          ask: (body, done) => this.#node.askOwnSite(body, done),
        })
    this.#sessions = new PeerSessions(this.#syncStore(), () => clinic.monotonicMs())
    const [logs, disclosures, node] = [this.logs, this.disclosures, this.#node]
    this.#attendance = new Attendance({ clinic, logs, disclosures, facts: () => node.facts() })
    this.#holders = new Holders(clinic, node)
    this.#turns = new Turns({
      local: parts.local,
      nowMs: () => clinic.monotonicMs(),
      hasWork: () => this.#unprepared() !== null || node.hasWork,
      work: () => this.#work(),
    })
    this.#sockets = this.#socketsOf()
    const settings = () => this.#settings
    this.#views = new NetworkViews({ clinic, logs, disclosures, node, witnessed: this.#witnessed, settings })
    this.page = new NetworkPage({
      ...{ clinic, logs, disclosures, settings, attendance: this.#attendance, holders: this.#holders },
      ...{ views: this.#views, invitations: this.#invitations, sockets: this.#sockets },
      setReach: (kept) => this.setReach(kept),
      open: () => this.#open(),
      custodiansChanged: () => node.payloadsChanged(identity.origin),
    })
  }

  get #node(): SyncNode {
    return this.#sessions.node
  }

  /** What peers are told, and what follows here from what they say. */
  #syncStore(): VaultSyncStore {
    const { clinic, governance, ahead, cloned } = this.#parts
    return new VaultSyncStore({
      ...{ clinic, logs: this.logs, disclosures: this.disclosures, instance: clinic.random(16) },
      events: {
        adopt: ({ rosters, contracts }) =>
          this.#heard(async () => this.#adopted(await governance.adopt(rosters, contracts))),
        proposal: (text) => this.#heard(() => governance.hear(text).then(() => this.#tellAsked())),
        ahead: () => ahead(),
        cloned: (reporter) => {
          if (this.#copies.heard(reporter)) cloned()
        },
        signed: (head) => this.#witnessed.learn(head),
        seenTwice: (log) => this.#views.seenTwice(log),
        join: (key, body) => this.#invitations.answer(key, body),
        people: (log, body) => this.#desk.answer(log, body),
        grown: (origin) => this.#grown(origin),
        proposals: () => governance.texts(),
        decided: () => this.#decisions.size,
      },
    })
  }

  #socketsOf(): Sockets {
    const { clinic, startPeers, fault } = this.#parts
    const sessions = this.#sessions
    return new Sockets({
      ...{ startPeers, fault, settings: () => this.#settings },
      seed: () => secretOf(clinic.keystore, SECRETS.transport),
      peers: () => this.#others(),
      guests: () => this.#invitations.keys(),
      channels: {
        up: (channel) => this.#inTurn(channel, () => this.#up(channel)),
        message: (channel, message) => this.#turns.add(channel.peer, () => this.#received(channel, message)),
        drained: (channel) => this.#inTurn(channel, () => sessions.drained(channel)),
        // What it said before is still dealt with.
        down: (channel) => this.#inTurn(channel, () => this.#down(channel)),
      },
    })
  }

  /** Opens sockets where there is somebody to talk to. */
  start(): void {
    this.#quietly(async () => {
      await this.disclosures.load()
      this.#reach()
      this.#tellAsked()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#turns.close()
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#node.stop()
    await this.#sockets.close()
  }

  /** The own log has grown: decisions of patients first, so that what follows from them goes out with the entry. */
  committed(): void {
    this.#quietly(() => (this.#deciding = this.#deciding.catch(() => undefined).then(() => this.#decide())))
  }

  async #decide(): Promise<void> {
    const { live } = this.#parts.clinic.replica
    const rules = `${live.directory.rosters.length} ${live.directory.contracts.length}`
    if (rules !== this.#rules) this.governanceChanged()
    this.#rules = rules
    if (await this.#decisions.catchUp()) this.#node.payloadsChanged(live.origin)
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
    this.#people?.hurry()
    this.#node.governanceChanged()
    this.#tellAsked()
  }

  #tellAsked(): void {
    this.#asked = this.#parts.governance.asked()
    this.#tellSummary()
  }

  /**
   * Connected nodes that say they hold a log of this node, as sources of repairs: those of the own site first.
   *
   * @param signal - Ends all waiting for them.
   */
  holders(signal: AbortSignal): RepairSource[] {
    return this.#holders.sources(signal)
  }

  /** There are other sites in the network, and none of them is connected. */
  isAlone(): boolean {
    return this.logs.roster.sites.length > 1 && this.#attendance.countOthers() === 0
  }

  /** How the node stands, for whoever watches it from outside: no names of people, no patient data. */
  health(): NetworkHealth {
    const logs = this.#views.logs()
    return {
      ...{ sites: this.logs.roster.sites.length, connected: this.#attendance.countOthers() },
      ...{ isQuorumThere: this.#attendance.quorum().isThere, problem: this.#sockets.problem },
      behind: logs.reduce((sum, { known, verified }) => sum + Math.max(0, known - verified), 0),
      notFinal: logs.reduce((sum, { known, final }) => sum + Math.max(0, known - final), 0),
      stopped: logs.flatMap(({ origin, state }) => (STOPPED.has(state) ? [origin] : [])),
    }
  }

  /**
   * Keeps how this node reaches others and is reached, and does so.
   *
   * @throws ApiFailure `BAD_ADDRESS` with the address.
   */
  async setReach(settings: Partial<KeptSettings>): Promise<void> {
    const before = this.#settings
    const kept = { ...before, ...settings }
    for (const { addresses } of kept.peers) addresses.forEach(multiaddr)
    await writeSettings(this.#parts.clinic.keystore.secrets, kept)
    this.#settings = kept
    const isSame = (['port', 'discovery', 'relay'] as const).every((name) => before[name] === kept[name])
    if (!isSame) await this.#sockets.close()
    this.#reach()
  }

  /** What IT wrote on an invitation holds until somebody writes something else. */
  async #nameSite(site: string, name: string): Promise<void> {
    const { names = [] } = this.#settings
    if (!names.some((one) => one.site === site)) await this.setReach({ names: [...names, { site, name }] })
  }

  /** Sets who is let in and whom to call, and opens the sockets. */
  #reach(): void {
    const isNeeded = this.#others().length > 0 || this.#invitations.keys().length > 0
    if (this.#isClosed || !isNeeded) return
    this.#open()
    this.#sockets.update()
  }

  #open(): void {
    if (this.#isClosed) return
    this.#sockets.open()
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  #tick(): void {
    this.#stuck.clear()
    this.#node.tick()
    this.#people?.tick(this.#parts.clinic.monotonicMs())
    this.#turns.poke()
    this.#attendance.note()
    if (this.#holders.hasNew()) this.#parts.holderCame()
    this.#eraseTold()
    for (const { origin } of this.logs.mirrored)
      if (this.disclosures.takeDecided(origin)) this.#node.payloadsChanged(origin)
    this.#follow()
    const nowMs = this.#parts.clinic.monotonicMs()
    if (nowMs >= this.#roundAtMs) {
      this.#roundAtMs = nowMs + PAYLOAD_ROUND_MS
      this.disclosures.heard()
      // A node that had not heard of an erasure may have sent a record again.
      this.#mayBeErased = true
      for (const { origin } of this.logs.mirrored) this.#node.payloadsChanged(origin)
      // What was shared until yesterday is not shared today.
      if (this.disclosures.isOfAnotherDay) this.#quietly(() => this.disclosures.load())
    }
    this.#tellSummary()
  }

  /** What workstations recorded about each other's patients goes to other clinics as well, once it is known to whom. */
  #follow(): void {
    if (this.#isFollowing || !this.disclosures.mayFollow) return
    this.#isFollowing = true
    this.#quietly(async () => {
      try {
        await this.disclosures.follow()
      } finally {
        this.#isFollowing = false
      }
    })
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
    this.#sessions.up(channel, this.#whoIs(channel.peer))
    this.#tellSummary()
  }

  #received(channel: PeerChannel, message: Uint8Array): void {
    this.#views.seen(channel.peer)
    this.#sessions.received(channel, message)
  }

  #down(channel: PeerChannel): void {
    this.#sessions.down(channel)
    this.#tellSummary()
  }

  #whoIs(peer: string): PeerIdentity | null {
    const listed = peersIn(this.logs.roster).find(({ key }) => key === peer)
    if (listed !== undefined) return listed.who
    return this.#invitations.keys().includes(peer) ? { kind: 'guest', transportKey: fromHex(peer) } : null
  }

  /** Whoever may be connected: other nodes, and witnesses. */
  #others(): RosterPeer[] {
    const { log } = this.#parts.clinic.identity
    return peersIn(this.logs.roster).filter(({ who }) => who.log !== log)
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
      this.disclosures.heard()
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

  #tellSummary(): void {
    const network = {
      ...{ sites: this.logs.roster.sites.length, connected: this.#attendance.countOthers() },
      ...{ isQuorumThere: this.#attendance.quorum().isThere, asked: this.#asked },
    }
    const text = JSON.stringify(network)
    if (text === this.#summary) return
    this.#summary = text
    this.#parts.clinic.emit({ kind: 'network', network })
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
