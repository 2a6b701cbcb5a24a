/**
 * What the thread of the sockets and the thread of the sessions say to each other.
 *
 * @remarks
 * Both are our own code in one process, so nothing is validated here. A link is the life of one stream to one peer: a
 * number that is never used again, so that what is late never reaches the next one.
 *
 * @packageDocumentation
 */
import type { DialFailure } from './dial-failure.ts'
import type { PeerErrorCode } from './errors.ts'
import type { PeerKey, StreamFacts } from './peer-link.ts'

/** A peer to be connected with. */
export interface WantedPeer {
  readonly peer: PeerKey
  /** Multiaddrs without the peer's key, as `addresses.ts` makes them. May be empty: then it must dial, or be found. */
  readonly addresses: readonly string[]
  /** Relays to try when no address answers: members that this node is connected with. */
  readonly via?: readonly PeerKey[]
  /** True for a relay through which this node is to be reached: for one that cannot be dialled. */
  readonly isOurRelay?: boolean
}

/** Who is let in. */
export interface Allowed {
  /** Transport keys of the nodes of the roster. */
  readonly members: readonly PeerKey[]
  /** One-time keys of open invitations. */
  readonly guests: readonly PeerKey[]
}

/** How the peer network of a node starts. */
export interface PeerSettings extends Allowed {
  /** Ed25519 seed of the node's transport key, or of an invitation that is being accepted; 32 bytes. Secret. */
  readonly seed: Uint8Array
  /** Multiaddrs to listen on. Empty: only dials. */
  readonly listen: readonly string[]
  readonly wanted: readonly WantedPeer[]
  /** True on an always-on node that passes on the traffic of other members. */
  readonly isRelay: boolean
  /** True to be found, and to find members, on the local network. */
  readonly isDiscoverable: boolean
  /** Networks of front servers, as `/ip4/127.0.0.1/ipcidr/32`: many peers come from their addresses. */
  readonly trustedFronts?: readonly string[]
  /** Milliseconds between signs of life; 10,000 if not said. */
  readonly heartbeatMs?: number
}

/** What is known of one peer, for whoever sets up the network. */
export interface PeerReport {
  readonly peer: PeerKey
  /** Null when not connected. */
  readonly link: (StreamFacts & { readonly bytesIn: number; readonly bytesOut: number }) | null
  /** Why the last attempt to reach it failed; null when it did not, or nobody dials it. */
  readonly lastFailure: DialFailure | null
  /** Where it was found on the local network. */
  readonly discovered: readonly string[]
}

/** What is known of the network. */
export interface NetworkReport {
  /** Multiaddrs that this node listens on. */
  readonly listening: readonly string[]
  /** Wanted, connected and discovered peers. */
  readonly peers: readonly PeerReport[]
}

/** To the thread of the sockets. */
export type ToPeers =
  | { readonly do: 'start'; readonly settings: PeerSettings }
  | { readonly do: 'allow'; readonly allowed: Allowed }
  | { readonly do: 'want'; readonly wanted: readonly WantedPeer[] }
  | { readonly do: 'send'; readonly link: number; readonly message: Uint8Array }
  | { readonly do: 'taken'; readonly link: number; readonly frames: number; readonly bytes: number }
  | { readonly do: 'hang-up'; readonly link: number }
  | { readonly do: 'report'; readonly id: number }
  | { readonly do: 'stop' }

/** From the thread of the sockets. */
export type FromPeers =
  | { readonly on: 'listening'; readonly self: PeerKey; readonly addresses: readonly string[] }
  | { readonly on: 'failed'; readonly code: PeerErrorCode | 'INTERNAL' }
  | { readonly on: 'up'; readonly link: number; readonly peer: PeerKey; readonly facts: StreamFacts }
  | { readonly on: 'message'; readonly link: number; readonly message: Uint8Array<ArrayBuffer> }
  | { readonly on: 'sent'; readonly link: number; readonly bytes: number }
  | { readonly on: 'down'; readonly link: number }
  | { readonly on: 'report'; readonly id: number; readonly report: NetworkReport }
  | { readonly on: 'stopped' }
