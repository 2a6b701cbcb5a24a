/**
 * Keeps this node reachable through relays: a place at each, asked for again whenever the relay is back.
 *
 * @remarks
 * libp2p asks once, and never again after a relay was away (js-libp2p issue 3601); and a relay that could not be
 * dialled once is never asked at all. So a place is asked for only over a connection that stands.
 *
 * @packageDocumentation
 */
import type { Libp2p } from 'libp2p'
import type { Reservations } from './libp2p-node.ts'
import { peerIdOf } from './peer-ids.ts'
import type { PeerKey } from './peer-link.ts'

const CHECK_MS = 5000

/** Keeps places at relays. */
export class RelayKeeper {
  readonly #node: Libp2p
  readonly #reservations: () => Reservations
  #relays: ReadonlySet<PeerKey> = new Set()
  readonly #timer: NodeJS.Timeout

  /** Keeps none yet. */
  constructor(node: Libp2p, reservations: () => Reservations) {
    this.#node = node
    this.#reservations = reservations
    this.#timer = setInterval(() => {
      for (const relay of this.#relays) void this.#ask(relay)
    }, CHECK_MS)
  }

  /** Replaces the relays. They must be among the peers that are kept connected. A place lasts as long as the connection. */
  keep(relays: Iterable<PeerKey>): void {
    this.#relays = new Set(relays)
    for (const relay of this.#relays) void this.#ask(relay)
  }

  /** Tells that a connection to `peer` stands. */
  connected(peer: PeerKey): void {
    if (this.#relays.has(peer)) void this.#ask(peer)
  }

  /** Asks no more. */
  stop(): void {
    clearInterval(this.#timer)
  }

  async #ask(relay: PeerKey): Promise<void> {
    const id = peerIdOf(relay)
    const isDirect = this.#node.getConnections(id).some(({ direct, status }) => direct && status === 'open')
    if (!isDirect || this.#reservations().hasReservation(id)) return
    // A refusal is nothing to act on: asked again in a while.
    await this.#reservations()
      .addRelay(id, 'configured')
      .catch(() => undefined)
  }
}
