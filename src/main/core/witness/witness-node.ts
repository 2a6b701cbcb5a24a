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
import type { SyncNode } from '../../../sync/sync-node.ts'
import { keyPairFromSeed, sign } from '../../keystore/sodium.ts'
import type { PeerChannel } from '../../peer/peer-thread.ts'
import { CopyReports } from '../network/copy-reports.ts'
import { readSettings, writeSettings, type KeptSettings } from '../network/network-settings.ts'
import { PeerSessions } from '../network/peer-sessions.ts'
import { peersIn, type RosterPeer } from '../network/roster-peers.ts'
import { Sockets, type StartPeers } from '../network/sockets.ts'
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
  readonly startPeers: StartPeers
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
  readonly #sessions: PeerSessions
  readonly #sockets: Sockets
  readonly #copies: CopyReports
  #timer: NodeJS.Timeout | null = null
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
    this.#sessions = new PeerSessions(store, monotonicMs)
    this.#sockets = this.#socketsOf()
  }

  #socketsOf(): Sockets {
    const { files, startPeers, fault } = this.#parts
    const sessions = this.#sessions
    return new Sockets({
      ...{ startPeers, fault, settings: () => this.#settings(), peers: () => this.#others(), guests: () => [] },
      seed: () => secretOf(files.keystore, WITNESS_SECRETS.transport),
      channels: {
        up: (channel) => this.#up(channel),
        message: (channel, message) => this.#guarded(() => sessions.received(channel, message)),
        drained: (channel) => this.#guarded(() => sessions.drained(channel)),
        down: (channel) => {
          this.#guarded(() => sessions.down(channel))
          this.#tell()
        },
      },
    })
  }

  get #node(): SyncNode {
    return this.#sessions.node
  }

  /** Opens its sockets. */
  start(): void {
    this.#sockets.open()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#tell()
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#node.stop()
    await this.#sockets.close()
  }

  health(): WitnessHealth {
    const { memory, rosters } = this.#parts.files
    const facts = this.#node.facts().filter(({ hello }) => hello !== null)
    const origins = [...memory.origins]
    const standings = [...this.#node.store.standings()]
    const behind = standings.map((one) => this.#node.knownSize(one) - (memory.read(one.origin)?.size ?? 0))
    return {
      problem: this.#whyNot() ?? this.#sockets.problem,
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
    this.#sessions.up(channel, this.#others().find(({ key }) => key === channel.peer)?.who ?? null)
    this.#tell()
  }

  /** Another roster: others are let in, or nobody, when it does not list this witness. */
  #reach(): void {
    this.#sockets.update()
    this.#tell()
  }

  /** Whoever the newest roster lists, as far as it lists this witness too. */
  #others(): RosterPeer[] {
    const { rosters, identity } = this.#parts.files
    if (rosters.witness(identity.name) === null) return []
    return peersIn(rosters.roster).filter(({ who }) => who.log !== identity.name)
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
