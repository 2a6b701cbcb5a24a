/**
 * The sockets of a node: opened when there is somebody to talk to, with whom the roster lets in and calls.
 *
 * @remarks
 * Used by an open clinic and by a witness. Proven by `tests/main/core/network/two-clinics.test.ts`, and over real sockets
 * by `tests/main/cli/witness.test.ts`.
 *
 * @packageDocumentation
 */
import type { NetworkReport, PeerNetwork, PeerNetworkListeners, PeerSettings } from '../../peer/peer-thread.ts'
import type { KeptSettings } from './network-settings.ts'
import { type RosterPeer, wantedOf } from './roster-peers.ts'

/** Opens sockets: a thread of them, or whatever a test puts there. */
export type StartPeers = (settings: PeerSettings, listeners: PeerNetworkListeners) => PeerNetwork

/** What sockets are opened with. */
export interface SocketParts {
  readonly startPeers: StartPeers
  /** Seed of the transport key; asked when they are opened. */
  readonly seed: () => Uint8Array
  readonly settings: () => KeptSettings
  /** Who may be connected now, and is called. */
  readonly peers: () => readonly RosterPeer[]
  /** One-time keys that may be connected now. */
  readonly guests: () => string[]
  /** Told of what the channels do. */
  readonly channels: Pick<PeerNetworkListeners, 'up' | 'message' | 'drained' | 'down'>
  readonly fault: (error: unknown) => void
}

const NOTHING: NetworkReport = { listening: [], peers: [] }

/** See the module's comment. */
export class Sockets {
  readonly #parts: SocketParts
  #peers: PeerNetwork | null = null
  #listening: readonly string[] = []
  #problem: string | null = null

  constructor(parts: SocketParts) {
    this.#parts = parts
  }

  get isOpen(): boolean {
    return this.#peers !== null
  }

  /** Multiaddrs it listens at, as it said last. */
  get listening(): readonly string[] {
    return this.#listening
  }

  /** Why it does not listen; null when it does, or was not told to. */
  get problem(): string | null {
    return this.#problem
  }

  /** Opens them, unless they are. */
  open(): void {
    if (this.#peers !== null) return
    const { startPeers, seed, settings, channels, fault } = this.#parts
    const { port, discovery, relay } = settings()
    this.#peers = startPeers(
      {
        ...{ seed: seed(), ...this.#allowed(), wanted: this.#wanted(), isRelay: relay, isDiscoverable: discovery },
        listen: port === null ? [] : [`/ip4/0.0.0.0/tcp/${port}`],
      },
      {
        ...channels,
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
  }

  /** Says again who is let in and whom to call. */
  update(): void {
    this.#peers?.setAllowed(this.#allowed())
    this.#peers?.want(this.#wanted())
  }

  async close(): Promise<void> {
    const before = this.#peers
    this.#peers = null
    this.#listening = []
    this.#problem = null
    await before?.end()
  }

  /** What is known of the connections now. */
  async report(): Promise<NetworkReport> {
    return (await this.#peers?.report()) ?? NOTHING
  }

  /** A thread that was just started says a moment later where it listens. */
  async untilListening(): Promise<void> {
    for (let n = 0; n < 40 && this.#listening.length === 0 && this.#problem === null; n++)
      await new Promise((resume) => setTimeout(resume, 50))
  }

  #allowed() {
    return { members: this.#parts.peers().map(({ key }) => key), guests: this.#parts.guests() }
  }

  #wanted() {
    return wantedOf(this.#parts.peers(), this.#parts.settings())
  }
}
