/**
 * The peer network as the thread of the sockets runs it: settings in, links and messages out.
 *
 * @remarks
 * Knows keys, addresses and opaque messages. What the messages mean, and whether a word of them is true, is judged by
 * the sessions in the other thread. Proven by `tests/main/peer/peer-thread.test.ts`.
 *
 * @packageDocumentation
 */
import { AllowList } from './allow-list.ts'
import { PeerError } from './errors.ts'
import type { ChannelListeners, FrameChannel } from './frame-channel.ts'
import { LanDiscovery } from './lan-discovery.ts'
import { openLibp2pLink } from './libp2p-link.ts'
import type { Allowed, FromPeers, NetworkReport, PeerReport, PeerSettings, ToPeers, WantedPeer } from './messages.ts'
import { PeerChannels } from './peer-channels.ts'
import type { PeerKey, PeerLink, PeerStream } from './peer-link.ts'

const HEARTBEAT_MS = 10_000
const HANDSHAKE_MS = 10_000
const MAX_CONNECTIONS = 500

/** Sends to the other thread; `transfer` are buffers that nobody here uses again. */
export type Post = (message: FromPeers, transfer?: ArrayBuffer[]) => void

interface OpenLink {
  readonly peer: PeerKey
  readonly channel: FrameChannel
}

/** The peer network of one node. */
export class PeerService {
  readonly #post: Post
  readonly #allow = new AllowList()
  readonly #links = new Map<number, OpenLink>()
  #nextLink = 1
  #wanted = new Map<PeerKey, WantedPeer>()
  #kept = new Map<PeerKey, 'wanted' | 'found'>()
  #link: PeerLink | null = null
  #channels: PeerChannels | null = null
  #discovery: LanDiscovery | null = null

  /** Tells what happens through `post`. */
  constructor(post: Post) {
    this.#post = post
  }

  /** Does what the other thread says. */
  handle(message: ToPeers): Promise<void> | void {
    switch (message.do) {
      case 'start':
        return this.#start(message.settings)
      case 'allow':
        return this.#setAllowed(message.allowed)
      case 'want':
        return this.#setWanted(message.wanted)
      case 'send':
        return this.#links.get(message.link)?.channel.send(message.message)
      case 'taken':
        return this.#links.get(message.link)?.channel.taken(message.frames, message.bytes)
      case 'hang-up':
        return this.#links.get(message.link)?.channel.close()
      case 'report':
        return this.#post({ on: 'report', id: message.id, report: this.#report() })
      case 'stop':
        return this.#stop()
    }
  }

  async #start(settings: PeerSettings): Promise<void> {
    this.#allow.replace(settings.members, settings.guests)
    this.#wanted = new Map(settings.wanted.map((each) => [each.peer, each]))
    this.#link = await this.#openLink(settings)
    this.#channels = new PeerChannels(this.#link, { opened: (peer, stream) => this.#opened(peer, stream) })
    const { self, listening } = this.#link
    const isAsIntended = listening.length > 0 || settings.listen.length === 0
    if (isAsIntended) this.#post({ on: 'listening', self, addresses: listening })
    if (settings.isDiscoverable) this.#discover(this.#link)
    // What was said while it started counts already.
    await this.#keep()
  }

  /** Where nobody can dial this node, it can still dial others. */
  async #openLink(settings: PeerSettings): Promise<PeerLink> {
    const open = (listen: readonly string[]) =>
      openLibp2pLink({
        seed: settings.seed,
        allow: this.#allow,
        listen,
        isRelay: settings.isRelay,
        trustedFronts: settings.trustedFronts ?? [],
        heartbeatMs: settings.heartbeatMs ?? HEARTBEAT_MS,
        handshakeMs: HANDSHAKE_MS,
        maxConnections: MAX_CONNECTIONS,
      })
    try {
      return await open(settings.listen)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.#post({ on: 'failed', code: error.code })
      return open([])
    }
  }

  #discover(link: PeerLink): void {
    this.#discovery = new LanDiscovery(
      { self: link.self, addresses: link.listening },
      { isKnown: (peer) => this.#allow.isMember(peer), found: () => void this.#keep() },
    )
  }

  async #setAllowed({ members, guests }: Allowed): Promise<void> {
    this.#allow.replace(members, guests)
    await this.#link?.enforceAllowList()
    await this.#keep()
  }

  #setWanted(wanted: readonly WantedPeer[]): Promise<void> {
    this.#wanted = new Map(wanted.map((each) => [each.peer, each]))
    return this.#keep()
  }

  /** Keeps connected who is wanted or was found here, and is let in. */
  async #keep(): Promise<void> {
    const link = this.#link
    if (link === null) return
    const discovered = this.#discovery?.peers ?? new Map<PeerKey, readonly string[]>()
    const peers = [...new Set([...this.#wanted.keys(), ...discovered.keys()])].filter((peer) => this.#allow.has(peer))
    for (const peer of peers) {
      const { addresses = [], via = [] } = this.#wanted.get(peer) ?? {}
      link.keepConnected(peer, [...new Set([...addresses, ...(discovered.get(peer) ?? [])])], via)
    }
    link.keepPlacesAt(peers.filter((peer) => this.#wanted.get(peer)?.isOurRelay))
    for (const [peer, why] of this.#kept) if (!peers.includes(peer)) await this.#let(link, peer, why)
    this.#kept = new Map(peers.map((peer) => [peer, this.#wanted.has(peer) ? 'wanted' : 'found']))
  }

  /** Nobody wants `peer` any more. A member that was found here and fell silent is not dialled, and may stay. */
  #let(link: PeerLink, peer: PeerKey, why: 'wanted' | 'found'): Promise<void> | void {
    if (why === 'wanted' || !this.#allow.has(peer)) return link.forget(peer)
    link.release(peer)
  }

  #opened(peer: PeerKey, stream: PeerStream): ChannelListeners & { began(channel: FrameChannel): void } {
    const link = this.#nextLink++
    return {
      began: (channel) => {
        this.#links.set(link, { peer, channel })
        this.#post({ on: 'up', link, peer, facts: stream.facts })
      },
      frame: (bytes) => {
        const message = bytes as Uint8Array<ArrayBuffer>
        this.#post({ on: 'message', link, message }, [message.buffer])
      },
      sent: (bytes) => this.#post({ on: 'sent', link, bytes }),
      closed: () => {
        this.#links.delete(link)
        this.#post({ on: 'down', link })
      },
    }
  }

  #report(): NetworkReport {
    const discovered = this.#discovery?.peers ?? new Map<PeerKey, readonly string[]>()
    const channels = new Map([...this.#links.values()].map(({ peer, channel }) => [peer, channel]))
    const peers = new Set([...this.#wanted.keys(), ...channels.keys(), ...discovered.keys()])
    const reportOf = (peer: PeerKey): PeerReport => {
      const channel = channels.get(peer)
      return {
        peer,
        link: channel === undefined ? null : { ...channel.stream.facts, ...channel.traffic },
        lastFailure: this.#link?.lastFailure(peer) ?? null,
        discovered: discovered.get(peer) ?? [],
      }
    }
    return { listening: this.#link?.listening ?? [], peers: [...peers].map(reportOf) }
  }

  async #stop(): Promise<void> {
    this.#discovery?.stop()
    this.#channels?.stop()
    await this.#link?.stop()
    this.#post({ on: 'stopped' })
  }
}
