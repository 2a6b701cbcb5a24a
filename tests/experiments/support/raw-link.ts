/** The keys of a member, and bytes of any kind below the messages: what no program of ours would put on a stream. */
import { AllowList } from '../../../src/main/peer/allow-list.ts'
import { type Libp2pLink, openLibp2pLink } from '../../../src/main/peer/libp2p-link.ts'
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'
import type { Loot } from './rogue.ts'
import type { Site } from './site.ts'

/** See the file's comment. */
export class RawLink {
  /** How often somebody broke off a stream. */
  cuts = 0
  readonly #link: Libp2pLink
  readonly #streams = new Set<PeerStream>()

  private constructor(link: Libp2pLink) {
    this.#link = link
    link.onStream((_peer, stream) => this.#take(stream))
    link.onPeer((peer, isConnected) => {
      // The end with the lower key opens the stream.
      if (!isConnected || link.self > peer) return
      link.open(peer).then(
        (stream) => this.#take(stream),
        () => undefined,
      )
    })
  }

  /** @param others - Sites that are up. */
  static async open({ seeds, members }: Loot, others: readonly Site[]): Promise<RawLink> {
    const allow = new AllowList()
    allow.replace(members, [])
    const link = await openLibp2pLink({
      ...{ seed: seeds.transport, allow, listen: [], isRelay: false, trustedFronts: [] },
      ...{ heartbeatMs: 10_000, handshakeMs: 10_000, maxConnections: 50 },
    })
    const raw = new RawLink(link)
    const addresses = others.map((site) => `/ip4/${site.place.host}/tcp/${site.port}`)
    for (const member of members) link.keepConnected(member, addresses)
    return raw
  }

  get open(): number {
    return this.#streams.size
  }

  /** Writes to everybody. */
  write(bytes: Uint8Array): void {
    for (const stream of this.#streams) stream.write(bytes)
  }

  end(): Promise<void> {
    return this.#link.stop()
  }

  #take(stream: PeerStream): void {
    this.#streams.add(stream)
    stream.onData(() => undefined)
    stream.onClose(() => {
      this.cuts += 1
      this.#streams.delete(stream)
    })
  }
}
