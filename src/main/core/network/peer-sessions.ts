/**
 * The sessions of a node over its sockets: each connection is one link, from when it is up until it is down.
 *
 * @remarks
 * Used by whatever talks to peers: an open clinic, a witness, and a rescue. Proven by their tests, such as
 * `tests/main/core/network/two-clinics.test.ts` and `tests/main/core/network/rescue.test.ts`.
 *
 * @packageDocumentation
 */
import type { PeerIdentity, SyncStore } from '../../../sync/ports.ts'
import { SyncNode } from '../../../sync/sync-node.ts'
import type { PeerChannel } from '../../peer/peer-thread.ts'

/** See the module's comment. */
export class PeerSessions {
  readonly node: SyncNode
  readonly #links = new Map<PeerChannel, number>()
  #next = 1

  /**
   * @param store - What is told to peers and taken from them.
   * @param nowMs - A clock that nobody sets.
   */
  constructor(store: SyncStore, nowMs: () => number) {
    this.node = new SyncNode({
      store,
      clock: { nowMs },
      random: { next: () => Math.random() },
      ended: (link, why) => {
        if (why !== null) this.#channelOf(link)?.hangUp()
      },
    })
  }

  /**
   * A channel stands.
   *
   * @param who - Null for somebody who may not be connected any more: left the roster, or used the invitation, while the
   * connection was made. It is hung up on.
   */
  up(channel: PeerChannel, who: PeerIdentity | null): void {
    if (who === null) {
      channel.hangUp()
      return
    }
    const link = this.#next++
    this.#links.set(channel, link)
    this.node.connected(link, who, {
      send: (message) => channel.send(message),
      close: () => channel.hangUp(),
    })
  }

  /** A message came: untrusted. */
  received(channel: PeerChannel, message: Uint8Array): void {
    this.#withLink(channel, (link) => this.node.received(link, message))
  }

  /** There is room again. */
  drained(channel: PeerChannel): void {
    this.#withLink(channel, (link) => this.node.drained(link))
  }

  /** A channel is gone. */
  down(channel: PeerChannel): void {
    try {
      this.#withLink(channel, (link) => this.node.disconnected(link))
    } finally {
      this.#links.delete(channel)
    }
  }

  #withLink(channel: PeerChannel, act: (link: number) => void): void {
    const link = this.#links.get(channel)
    if (link !== undefined) act(link)
  }

  #channelOf(link: number): PeerChannel | null {
    for (const [channel, other] of this.#links) if (other === link) return channel
    return null
  }
}
