/**
 * All that the rest of Chartseal knows of the engine that connects nodes: authenticated streams of bytes to keys.
 *
 * @remarks
 * An engine is one implementation of {@link PeerLink}; exchanging it is a matter of one file. Nobody above knows
 * sockets, and nothing below knows what is said. The contract is proven by `tests/main/peer/libp2p-link.test.ts`.
 *
 * @packageDocumentation
 */

import type { DialFailure } from './dial-failure.ts'

/** Transport key of a node, Ed25519, as 64 lower-case hex digits. */
export type PeerKey = string

/** A stream of bytes to an authenticated peer. One side never waits for the other without a bound. */
export interface PeerStream {
  /** Hands bytes to the wire. False means: write no more until {@link drain} resolves. */
  write(bytes: Uint8Array): boolean
  /** Resolves when there is room again. Rejects with `STREAM_CLOSED`. */
  drain(): Promise<void>
  /** The one reader. What it throws resets this stream, and nothing else. */
  onData(read: (bytes: Uint8Array) => void): void
  /** Stops reading, so that the sender comes to a halt after at most one window. */
  pause(): void
  /** Reads on. What has waited is read before this returns. */
  resume(): void
  /** Called once, with what broke the stream if it was not closed in order. */
  onClose(closed: (cause: Error | null) => void): void
  /** Closes in order; breaks off after 5 seconds. */
  close(): Promise<void>
  /** Breaks off at once. */
  abort(cause: Error): void
  /** How the bytes get there. */
  readonly facts: StreamFacts
}

/** How a peer is reached. */
export interface StreamFacts {
  /** Address of the other end, without its key. */
  readonly address: string
  /** True when we dialled. */
  readonly isOutbound: boolean
  /** True when another node passes the bytes on, without being able to read them. */
  readonly isRelayed: boolean
  /** Unix time in milliseconds. */
  readonly sinceMs: number
}

/** Connections to the nodes of the roster, each proven to hold its transport key. */
export interface PeerLink {
  /** Our own transport key. */
  readonly self: PeerKey
  /** Called for each stream that a peer on the allow-list opens. */
  onStream(opened: (peer: PeerKey, stream: PeerStream) => void): void
  /** Opens a stream. Fails with `NOT_CONNECTED` when there is no connection; breaks connections that take none. */
  open(peer: PeerKey): Promise<PeerStream>
  /**
   * Dials now, and for ever, with growing pauses: the addresses, then through the relays that are connected. Called
   * again, it replaces both.
   */
  keepConnected(peer: PeerKey, addresses: readonly string[], via?: readonly PeerKey[]): void
  /** Hangs up, and dials no more. */
  forget(peer: PeerKey): Promise<void>
  /** Dials no more, and leaves what stands. */
  release(peer: PeerKey): void
  /** Ends all connections; a peer that is kept connected is dialled again after a pause. */
  hangUp(peer: PeerKey): Promise<void>
  /** Ends connections to `peer` that `used` does not run over, once one is chosen. */
  dropSpares(peer: PeerKey, used: PeerStream): void
  /** Hangs up on everybody who is not on the allow-list any more. */
  enforceAllowList(): Promise<void>
  /** Replaces the relays at which to be reachable for those who cannot dial us: peers that are kept connected. */
  keepPlacesAt(relays: Iterable<PeerKey>): void
  /** Multiaddrs that this node listens on, without its key. */
  readonly listening: readonly string[]
  /** Why the last attempt to reach `peer` failed; null when it did not. */
  lastFailure(peer: PeerKey): DialFailure | null
  /** Called when a connection to a peer stands that is better than any before it, and when the last is gone. */
  onPeer(changed: (peer: PeerKey, isConnected: boolean) => void): void
  /** Hangs up on everybody and stops listening. */
  stop(): Promise<void>
}
