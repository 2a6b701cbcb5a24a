/**
 * Dials wanted peers until they are there, and again when they are lost, with growing and scattered pauses.
 *
 * @remarks
 * The reconnecting of libp2p gives up after five attempts and forgets the peer. Pauses double from half a second to a
 * minute; they start over only after a connection has held, so that a peer which hangs up at once is not pestered.
 * Proven by `tests/main/peer/supervisor.test.ts`.
 *
 * @packageDocumentation
 */
import { type DialFailure, dialFailureOf } from './dial-failure.ts'
import type { PeerKey } from './peer-link.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
/** Between two rounds of calls to whoever did not answer before. */
const UNREACHED_MS = 5000
/** A connection that held this long counts as a success. */
const HELD_MS = 30_000

/** How to get to a peer. */
export interface Route {
  /** Multiaddrs. */
  readonly addresses: readonly string[]
  /** Relays, for when no address answers. */
  readonly via: readonly PeerKey[]
}

/** What the supervisor needs of the world. */
export interface SupervisorPorts {
  dial(peer: PeerKey, route: Route): Promise<unknown>
  isConnected(peer: PeerKey): boolean
  now(): number
  /** From 0 up to, not including, 1. */
  random(): number
  /** Calls back after a while; the result takes the call back. */
  after(ms: number, act: () => void): () => void
}

interface Wanted {
  route: Route
  failures: number
  isDialling: boolean
  lastFailure: DialFailure | null
  /** When the connection came to stand; null while there is none. */
  upSince: number | null
  isConfirmed: boolean
  cancel: () => void
}

/** Keeps wanted peers connected. */
export class Supervisor {
  readonly #wanted = new Map<PeerKey, Wanted>()
  readonly #ports: SupervisorPorts
  #isStopped = false
  #unreachedAtMs = -Infinity

  /** `ports` are the clock, chance and the wire. */
  constructor(ports: SupervisorPorts) {
    this.#ports = ports
  }

  /** Wants `peer`. A way that is new is tried at once. */
  want(peer: PeerKey, route: Route): void {
    const known = this.#wanted.get(peer)
    if (known !== undefined) {
      const isNews = [...route.addresses, ...route.via].some((way) => !waysOf(known.route).includes(way))
      known.route = route
      if (isNews) this.#dialAfter(peer, known, 0)
      return
    }
    const wanted: Wanted = {
      route,
      failures: 0,
      isDialling: false,
      lastFailure: null,
      upSince: this.#ports.isConnected(peer) ? this.#ports.now() : null,
      isConfirmed: false,
      cancel: () => undefined,
    }
    this.#wanted.set(peer, wanted)
    this.#dialAfter(peer, wanted, 0)
  }

  /** Wants `peer` no more. */
  drop(peer: PeerKey): void {
    this.#wanted.get(peer)?.cancel()
    this.#wanted.delete(peer)
  }

  /** Tells that a connection to `peer` stands. */
  connected(peer: PeerKey): void {
    this.#tryUnreached()
    const wanted = this.#wanted.get(peer)
    if (wanted === undefined) return
    wanted.upSince = this.#ports.now()
    wanted.isConfirmed = false
  }

  /** Tells that `peer` has answered: until then it may still refuse us, since it is the last to see a key. */
  confirmed(peer: PeerKey): void {
    const wanted = this.#wanted.get(peer)
    if (wanted === undefined) return
    wanted.isConfirmed = true
    wanted.lastFailure = null
  }

  /** Tells that `relay` is connected: whoever is reached through it is tried at once. */
  relayConnected(relay: PeerKey): void {
    for (const [peer, wanted] of this.#wanted) if (wanted.route.via.includes(relay)) this.#dialAfter(peer, wanted, 0)
  }

  /** Tells that the last connection to `peer` is gone. */
  lost(peer: PeerKey): void {
    const wanted = this.#wanted.get(peer)
    if (wanted === undefined) return
    const heldMs = wanted.upSince === null ? 0 : this.#ports.now() - wanted.upSince
    if (!wanted.isConfirmed) wanted.lastFailure = 'HUNG_UP'
    wanted.upSince = null
    wanted.isConfirmed = false
    wanted.failures = heldMs >= HELD_MS ? 0 : wanted.failures + 1
    this.#dialAfter(peer, wanted, this.#pause(wanted))
  }

  /** Where one line is back, others may be: whoever did not answer is not left to the longest pause. */
  #tryUnreached(): void {
    const nowMs = this.#ports.now()
    if (nowMs < this.#unreachedAtMs + UNREACHED_MS) return
    this.#unreachedAtMs = nowMs
    for (const [peer, wanted] of this.#wanted) {
      const isSilent = wanted.lastFailure === 'TIMEOUT' || wanted.lastFailure === 'UNREACHABLE'
      if (isSilent && !wanted.isDialling) this.#dialAfter(peer, wanted, FIRST_PAUSE_MS * this.#ports.random())
    }
  }

  /** Wanted peers that have addresses of their own. */
  get dialable(): [peer: PeerKey, addresses: readonly string[]][] {
    return [...this.#wanted]
      .filter(([, { route }]) => route.addresses.length > 0)
      .map(([peer, { route }]) => [peer, route.addresses])
  }

  /** Why the last attempt to reach `peer` failed; null when it did not, or is not wanted. */
  lastFailure(peer: PeerKey): DialFailure | null {
    return this.#wanted.get(peer)?.lastFailure ?? null
  }

  /** Dials nobody any more. */
  stop(): void {
    this.#isStopped = true
    for (const peer of [...this.#wanted.keys()]) this.drop(peer)
  }

  #dialAfter(peer: PeerKey, wanted: Wanted, ms: number): void {
    wanted.cancel()
    wanted.cancel = this.#ports.after(ms, () => void this.#dial(peer, wanted))
  }

  async #dial(peer: PeerKey, wanted: Wanted): Promise<void> {
    const isIdle = !wanted.isDialling && waysOf(wanted.route).length > 0 && !this.#ports.isConnected(peer)
    if (!isIdle || this.#isStopped) return
    wanted.isDialling = true
    try {
      await this.#ports.dial(peer, wanted.route)
    } catch (error) {
      wanted.lastFailure = dialFailureOf(error)
      wanted.failures += 1
    }
    wanted.isDialling = false
    if (this.#wanted.get(peer) === wanted && !this.#ports.isConnected(peer)) {
      this.#dialAfter(peer, wanted, this.#pause(wanted))
    }
  }

  /** The `failures`th pause: at least half of the whole, so that peers that lost each other do not meet in step. */
  #pause({ failures }: Wanted): number {
    const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(Math.max(0, failures - 1), 10))
    return whole * (0.5 + this.#ports.random() / 2)
  }
}

const waysOf = ({ addresses, via }: Route): string[] => [...addresses, ...via]
