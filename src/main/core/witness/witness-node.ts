/**
 * A witness among its peers: sockets, sessions, time, and what it says about itself.
 *
 * @remarks
 * It has no vault: no log, no entry, no payload, no secret of a site. What it cannot be sure of it does not sign: a full
 * disk, a copy of itself, or a roster without it. Proven by `tests/main/core/witness/witness-node.test.ts`, over real
 * sockets by `tests/main/cli/witness.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { electorateOf } from '../../../ledger/finality.ts'
import { liarsAllowed } from '../../../ledger/log-finality.ts'
import { CodedError } from '../../../shared/errors.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { PeerIdentity } from '../../../sync/ports.ts'
import { SyncNode } from '../../../sync/sync-node.ts'
import { keyPairFromSeed, sign } from '../../keystore/sodium.ts'
import { parseAddress } from '../../peer/addresses.ts'
import type {
  PeerChannel,
  PeerNetwork,
  PeerNetworkListeners,
  PeerSettings,
  WantedPeer,
} from '../../peer/peer-thread.ts'
import { CopyReports } from '../network/copy-reports.ts'
import { readSettings, writeSettings, type KeptSettings } from '../network/network-settings.ts'
import { secretOf, WITNESS_SECRETS, type WitnessFiles } from './witness-files.ts'
import { WitnessSyncStore } from './witness-sync-store.ts'

/** How often time passes for sessions. */
const TICK_MS = 250

/** What a witness says unasked. */
export type WitnessEvent =
  | { readonly event: 'network'; readonly nodes: number; readonly connected: number }
  /** Why it does not sign; null when it does. */
  | { readonly event: 'witness'; readonly problem: string | null }
  /** A log contradicts itself: how many proofs are held. */
  | { readonly event: 'evidence'; readonly proofs: number }

/** How a witness stands, for whoever watches it from outside. */
export interface WitnessHealth {
  /** Why it does not sign; null when it does. */
  readonly problem: string | null
  readonly nodes: number
  readonly connected: number
  /** Logs of which it accepted a head. */
  readonly logs: number
  /** Entries that peers say exist beyond the heads that were accepted. */
  readonly behind: number
  /** Logs that contradicted themselves. */
  readonly contested: readonly string[]
}

/** What a witness is made of. */
export interface WitnessNodeParts {
  readonly files: WitnessFiles
  readonly startPeers: (settings: PeerSettings, listeners: PeerNetworkListeners) => PeerNetwork
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly event: (event: WitnessEvent) => void
  readonly fault: (error: unknown) => void
  /** What was stored is no longer known: it must be started anew. */
  readonly broken: () => void
}

/** See the module's comment. */
export class WitnessNode {
  readonly #parts: WitnessNodeParts
  readonly #node: SyncNode
  readonly #copies: CopyReports
  readonly #links = new Map<PeerChannel, number>()
  #nextLink = 1
  #peers: PeerNetwork | null = null
  #timer: NodeJS.Timeout | null = null
  #listenProblem: string | null = null
  #isCopied = false
  #told = ''

  constructor(parts: WitnessNodeParts) {
    this.#parts = parts
    const { files, nowMs, monotonicMs } = parts
    const { identity, memory, rosters, keystore } = files
    const seed = secretOf(keystore, WITNESS_SECRETS.witness)
    this.#copies = new CopyReports(monotonicMs, () => liarsAllowed(electorateOf(rosters.roster)))
    const store = new WitnessSyncStore(
      {
        ...{ identity, memory, rosters, nowMs, instance: new Uint8Array(randomBytes(16)) },
        sign: (message) => sign(seed, message),
        maySign: () => this.#whyNot() === null,
        events: {
          rosterChanged: () => this.#reach(),
          evidence: () => this.#tell(),
          cloned: (reporter) => {
            this.#isCopied ||= this.#copies.heard(reporter)
          },
        },
      },
      keyPairFromSeed(seed).publicKey,
    )
    this.#node = new SyncNode({
      store,
      clock: { nowMs: monotonicMs },
      random: { next: () => Math.random() },
      ended: (link, why) => {
        if (why !== null) this.#channelOf(link)?.hangUp()
      },
    })
  }

  /** Opens its sockets. */
  start(): void {
    const { keystore } = this.#parts.files
    const { port, discovery, relay } = this.#settings()
    this.#peers = this.#parts.startPeers(
      {
        ...{ seed: secretOf(keystore, WITNESS_SECRETS.transport), ...this.#allowed(), wanted: this.#wanted() },
        ...{ isRelay: relay, isDiscoverable: discovery, listen: port === null ? [] : [`/ip4/0.0.0.0/tcp/${port}`] },
      },
      {
        up: (channel) => this.#up(channel),
        message: (channel, message) =>
          this.#guarded(() => this.#withLink(channel, (link) => this.#node.received(link, message))),
        drained: (channel) => this.#guarded(() => this.#withLink(channel, (link) => this.#node.drained(link))),
        down: (channel) => {
          this.#guarded(() => this.#withLink(channel, (link) => this.#node.disconnected(link)))
          this.#links.delete(channel)
          this.#tell()
        },
        listening: () => (this.#listenProblem = null),
        failed: (code) => (this.#listenProblem = code),
        fault: this.#parts.fault,
      },
    )
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#tell()
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#node.stop()
    await this.#peers?.end()
    this.#peers = null
  }

  health(): WitnessHealth {
    const { memory, rosters } = this.#parts.files
    const facts = this.#node.facts().filter(({ hello }) => hello !== null)
    const origins = [...memory.origins]
    const standings = [...this.#node.store.standings()]
    const behind = standings.map((one) => this.#node.knownSize(one) - (memory.read(one.origin)?.size ?? 0))
    return {
      problem: this.#whyNot() ?? this.#listenProblem,
      nodes: rosters.roster.sites.reduce((sum, { nodes }) => sum + nodes.length, 0),
      connected: facts.filter(({ who }) => who.kind === 'node').length,
      logs: origins.length,
      behind: behind.reduce((sum, n) => sum + Math.max(0, n), 0),
      contested: origins.filter((origin) => memory.isContested(origin)),
    }
  }

  /** Says how it reaches others and is reached. Before {@link start}. */
  async setReach(reach: Partial<KeptSettings>): Promise<void> {
    await writeSettings(this.#parts.files.keystore.secrets, { ...this.#settings(), ...reach })
  }

  #settings(): KeptSettings {
    return readSettings(this.#parts.files.keystore.secrets)
  }

  /** Why nothing is signed; null when it is. */
  #whyNot(): string | null {
    const { rosters, identity, memory } = this.#parts.files
    if (rosters.witness(identity.name) === null) return 'WITNESS_NOT_LISTED'
    return this.#isCopied ? 'WITNESS_COPIED' : memory.problem
  }

  #tick(): void {
    const { memory } = this.#parts.files
    // A disk that was full may have room again.
    this.#guarded(() => memory.settle())
    this.#guarded(() => this.#node.tick())
    this.#tell()
    if (memory.problem === 'STATE_UNKNOWN') this.#parts.broken()
  }

  /** Runs what may fail to store: the memory says so itself. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof CodedError)) this.#parts.fault(error)
    }
  }

  #up(channel: PeerChannel): void {
    const who = this.#whoIs(channel.peer)
    if (who === null) {
      channel.hangUp()
      return
    }
    const link = this.#nextLink++
    this.#links.set(channel, link)
    this.#node.connected(link, who, { send: (message) => channel.send(message), close: () => channel.hangUp() })
    this.#tell()
  }

  #withLink(channel: PeerChannel, act: (link: number) => void): void {
    const link = this.#links.get(channel)
    if (link !== undefined) act(link)
  }

  #channelOf(link: number): PeerChannel | null {
    for (const [channel, other] of this.#links) if (other === link) return channel
    return null
  }

  /** Another roster: others are let in, or nobody, when it does not list this witness. */
  #reach(): void {
    this.#peers?.setAllowed(this.#allowed())
    this.#peers?.want(this.#wanted())
    this.#tell()
  }

  #whoIs(peer: string): PeerIdentity | null {
    return this.#others().find(({ key }) => key === peer)?.who ?? null
  }

  #allowed() {
    return { members: this.#others().map(({ key }) => key), guests: [] }
  }

  #wanted(): WantedPeer[] {
    const settings = this.#settings()
    const others = this.#others()
    return others.map(({ key, who }) => {
      const typed = settings.peers.find(({ log }) => log === who.log)?.addresses ?? []
      return {
        ...{ peer: key, addresses: typed.map(parseAddress) },
        via: others.flatMap((other) => (other.key === key ? [] : [other.key])),
        isOurRelay: settings.port === null && typed.length > 0,
      }
    })
  }

  /** Whoever the newest roster lists, as far as it lists this witness too. */
  #others(): { key: string; who: Exclude<PeerIdentity, { kind: 'guest' }> }[] {
    const { rosters, identity } = this.#parts.files
    if (rosters.witness(identity.name) === null) return []
    return rosters.roster.sites.flatMap(({ id: site, nodes, witnesses }) => [
      ...nodes.map(({ log, transportKey }) => ({
        key: toHex(transportKey),
        who: { kind: 'node', site, log } as const,
      })),
      ...witnesses
        .filter(({ name }) => name !== identity.name)
        .map(({ name, transportKey }) => ({
          key: toHex(transportKey),
          who: { kind: 'witness', site, log: name } as const,
        })),
    ])
  }

  /** Says what changed since it was said last. */
  #tell(): void {
    const { problem, nodes, connected, contested } = this.health()
    const text = JSON.stringify({ problem, nodes, connected, contested })
    if (text === this.#told) return
    this.#told = text
    this.#parts.event({ event: 'network', nodes, connected })
    this.#parts.event({ event: 'witness', problem })
    if (contested.length > 0) this.#parts.event({ event: 'evidence', proofs: this.#parts.files.memory.proofs.length })
  }
}
