/**
 * {@link PeerLink} over libp2p.
 *
 * @remarks
 * Guards of our own around what libp2p does differently: see `supervisor.ts`, `relay-keeper.ts`, `libp2p-stream.ts`
 * and `websocket-guard.ts`. Proven with real sockets and killed processes by `tests/main/peer/libp2p-link.test.ts`.
 *
 * @packageDocumentation
 */
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import type { AllowList } from './allow-list.ts'
import type { DialFailure } from './dial-failure.ts'
import { PeerError } from './errors.ts'
import { createNode, type NodeSettings } from './libp2p-node.ts'
import { wrapStream } from './libp2p-stream.ts'
import { keyOf, peerIdOf } from './peer-ids.ts'
import type { PeerKey, PeerLink, PeerStream } from './peer-link.ts'
import { RelayKeeper } from './relay-keeper.ts'
import { type Route, Supervisor } from './supervisor.ts'

/** The one protocol of ours. */
export const PROTOCOL = '/chartseal/sync/1'

const DIAL_TIMEOUT_MS = 15_000
const OPEN_TIMEOUT_MS = 10_000
const PREFER_DIRECT_MS = 300_000
const HANG_UP_TIMEOUT_MS = 2000

/** Opens links over libp2p. */
export async function openLibp2pLink(settings: NodeSettings): Promise<Libp2pLink> {
  const { node, reservations } = await createNode(settings)
  const link = new Libp2pLink(node, settings.allow, new RelayKeeper(node, reservations))
  await link.start(settings.listen.length > 0)
  return link
}

/** Connections over libp2p. */
export class Libp2pLink implements PeerLink {
  readonly self: PeerKey
  readonly #node: Libp2p
  readonly #allow: AllowList
  readonly #relays: RelayKeeper
  readonly #supervisor: Supervisor
  readonly #streamListeners: ((peer: PeerKey, stream: PeerStream) => void)[] = []
  readonly #peerListeners: ((peer: PeerKey, isConnected: boolean) => void)[] = []

  readonly #carriers = new WeakMap<PeerStream, Connection>()

  readonly #directTimer: NodeJS.Timeout

  /** Use {@link openLibp2pLink}. */
  constructor(node: Libp2p, allow: AllowList, relays: RelayKeeper) {
    this.#node = node
    this.#allow = allow
    this.#relays = relays
    this.#directTimer = setInterval(() => void this.preferDirect(), PREFER_DIRECT_MS)
    const self = keyOf(node.peerId)
    if (self === null) throw new Error('bug: a node is made from an Ed25519 seed')
    this.self = self
    this.#supervisor = new Supervisor({
      dial: (peer, route) => this.#dial(peer, route),
      isConnected: (peer) => this.#connections(peer).length > 0,
      now: () => performance.now(),
      random: Math.random,
      after: (ms, act) => {
        const timer = setTimeout(act, ms)
        return () => clearTimeout(timer)
      },
    })
  }

  /** Listens. Fails with `CANNOT_LISTEN` when it should and nowhere can. */
  async start(mustListen: boolean): Promise<void> {
    const limits = { maxInboundStreams: 4, maxOutboundStreams: 4, runOnLimitedConnection: true }
    await this.#node.handle(
      PROTOCOL,
      (stream, connection) => this.#accept(this.#wrap(stream, connection), connection),
      limits,
    )
    this.#node.addEventListener('peer:connect', ({ detail }) => this.#changed(keyOf(detail), true))
    this.#node.addEventListener('connection:open', ({ detail }) => this.#another(detail))
    this.#node.addEventListener('peer:disconnect', ({ detail }) => this.#changed(keyOf(detail), false))
    await this.#node.start()
    if (mustListen && this.listening.length === 0) {
      await this.stop()
      throw new PeerError('CANNOT_LISTEN', 'no address can be listened on')
    }
  }

  /** Multiaddrs that this node listens on, without its key. */
  get listening(): string[] {
    const transports = this.#node.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/[^/]+$/, ''))
    return transports.filter((address) => !address.includes('/p2p-circuit'))
  }

  onStream(opened: (peer: PeerKey, stream: PeerStream) => void): void {
    this.#streamListeners.push(opened)
  }

  onPeer(changed: (peer: PeerKey, isConnected: boolean) => void): void {
    this.#peerListeners.push(changed)
  }

  /** Opens a stream, over a direct connection where there is one. */
  async open(peer: PeerKey): Promise<PeerStream> {
    for (const connection of this.#connections(peer)) {
      try {
        const signal = AbortSignal.timeout(OPEN_TIMEOUT_MS)
        const stream = await connection.newStream(PROTOCOL, { signal, runOnLimitedConnection: true })
        this.#supervisor.confirmed(peer)
        return this.#wrap(stream, connection)
      } catch (cause) {
        // It stands, and takes no stream: whatever it is good for, it is not for us.
        connection.abort(new PeerError('NOT_CONNECTED', 'the connection takes no stream', { cause }))
      }
    }
    throw new PeerError('NOT_CONNECTED', 'no connection takes a stream')
  }

  /** Connections to `peer` that stand: direct ones first, then the newest, which was proven to work last. */
  #connections(peer: PeerKey): Connection[] {
    const open = this.#node.getConnections(peerIdOf(peer)).filter(({ status }) => status === 'open')
    return open.sort((a, b) => Number(b.direct) - Number(a.direct) || b.timeline.open - a.timeline.open)
  }

  keepConnected(peer: PeerKey, addresses: readonly string[], via: readonly PeerKey[] = []): void {
    if (peer !== this.self) this.#supervisor.want(peer, { addresses, via })
  }

  /** Replaces the relays at which to be reachable for those who cannot dial us: peers that are kept connected. */
  keepPlacesAt(relays: Iterable<PeerKey>): void {
    this.#relays.keep(relays)
  }

  /** Why the last attempt to reach `peer` failed; null when it did not. */
  lastFailure(peer: PeerKey): DialFailure | null {
    return this.#supervisor.lastFailure(peer)
  }

  /** Dials `peer` no more, and leaves what stands. */
  release(peer: PeerKey): void {
    this.#supervisor.drop(peer)
  }

  async forget(peer: PeerKey): Promise<void> {
    this.#supervisor.drop(peer)
    await this.hangUp(peer)
  }

  /** Ends all connections to `peer`; a wanted one is dialled again after a pause. */
  async hangUp(peer: PeerKey): Promise<void> {
    try {
      await this.#node.hangUp(peerIdOf(peer), { signal: AbortSignal.timeout(HANG_UP_TIMEOUT_MS) })
    } catch (cause) {
      for (const connection of this.#node.getConnections(peerIdOf(peer))) {
        connection.abort(new PeerError('STREAM_CLOSED', 'hung up', { cause }))
      }
    }
  }

  /** Hangs up on everybody who is not on the allow-list any more. */
  async enforceAllowList(): Promise<void> {
    const strangers = this.#node.getPeers().flatMap((id) => {
      const peer = keyOf(id)
      return peer !== null && !this.#allow.has(peer) ? [peer] : []
    })
    await Promise.all(strangers.map((peer) => this.forget(peer)))
  }

  /** Ends connections to `peer` that `used` does not run over, once one is chosen. */
  dropSpares(peer: PeerKey, used: PeerStream): void {
    for (const connection of this.#connections(peer)) {
      if (connection !== this.#carriers.get(used)) void connection.close().catch(() => undefined)
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#directTimer)
    this.#supervisor.stop()
    this.#relays.stop()
    await this.#node.stop()
  }

  #wrap(stream: Stream, connection: Connection): PeerStream {
    const wrapped = wrapStream(stream, connection)
    this.#carriers.set(wrapped, connection)
    return wrapped
  }

  #accept(stream: PeerStream, connection: Connection): void {
    const peer = keyOf(connection.remotePeer)
    // The list may have changed since the handshake.
    if (peer === null || !this.#allow.has(peer)) stream.abort(new PeerError('NOT_CONNECTED', 'not on the list'))
    else {
      this.#supervisor.confirmed(peer)
      for (const opened of this.#streamListeners) opened(peer, stream)
    }
  }

  /** A connection stands beside others to the same peer. */
  #another(connection: Connection): void {
    const peer = keyOf(connection.remotePeer)
    if (peer === null || this.#connections(peer).length < 2) return
    const isBest = this.#connections(peer)[0] === connection
    if (isBest) for (const changed of this.#peerListeners) changed(peer, true)
  }

  #changed(peer: PeerKey | null, isConnected: boolean): void {
    if (peer === null) return
    if (isConnected) {
      this.#supervisor.connected(peer)
      this.#supervisor.relayConnected(peer)
      this.#relays.connected(peer)
    } else this.#supervisor.lost(peer)
    for (const changed of this.#peerListeners) changed(peer, isConnected)
  }

  /**
   * Leaves the relay where a peer answers at an address of its own by now. The connection made to find out is not kept:
   * hanging up makes both ends start over, with the addresses first.
   */
  async preferDirect(): Promise<void> {
    for (const [peer, addresses] of this.#supervisor.dialable) {
      const open = this.#connections(peer)
      if (open.length === 0 || open.some(({ direct }) => direct)) continue
      const id = peerIdOf(peer).toString()
      const targets = addresses.map((address) => multiaddr(`${address}/p2p/${id}`))
      const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
      const isThere = await this.#node.dial(targets, { signal, force: true }).then(
        () => true,
        () => false,
      )
      if (isThere) await this.hangUp(peer)
    }
  }

  /** The addresses first, and only when none answers the relays. */
  async #dial(peer: PeerKey, { addresses, via }: Route): Promise<void> {
    const id = peerIdOf(peer).toString()
    const direct = addresses.map((address) => `${address}/p2p/${id}`)
    const relayed = via
      .flatMap((relay) => this.#connections(relay).filter((connection) => connection.direct))
      .map((connection) => `${connection.remoteAddr.toString()}/p2p-circuit/p2p/${id}`)
    const ways = [direct, relayed].filter((targets) => targets.length > 0)
    if (ways.length === 0) throw new PeerError('NOT_CONNECTED', 'no relay to it is connected')
    const failures: unknown[] = []
    for (const targets of ways) {
      const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
      try {
        await this.#node.dial(
          targets.map((target) => multiaddr(target)),
          { signal },
        )
        return
      } catch (error) {
        failures.push(error)
      }
    }
    throw new AggregateError(failures, 'no way leads to the peer')
  }
}
