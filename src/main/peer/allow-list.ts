/**
 * Who may connect: the nodes of the roster, and whoever holds the one-time key of an open invitation.
 *
 * @remarks
 * Everybody else is refused as soon as the handshake has shown the key, before any byte of ours. A guest may use no
 * relay and offers none.
 *
 * @packageDocumentation
 */
import type { PeerKey } from './peer-link.ts'

/** The keys that are let in. Judged anew at each connection, so a change holds from the next one on. */
export class AllowList {
  #members: ReadonlySet<PeerKey> = new Set()
  #guests: ReadonlySet<PeerKey> = new Set()

  /** True for nodes of the roster. */
  isMember(peer: PeerKey): boolean {
    return this.#members.has(peer)
  }

  /** True for everybody who is let in. */
  has(peer: PeerKey): boolean {
    return this.isMember(peer) || this.#guests.has(peer)
  }

  /** Replaces both lists. */
  replace(members: Iterable<PeerKey>, guests: Iterable<PeerKey>): void {
    this.#members = new Set(members)
    this.#guests = new Set(guests)
  }
}
