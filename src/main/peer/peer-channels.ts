/**
 * One channel to each connected peer, however many connections there are.
 *
 * @remarks
 * Both ends may dial at once, so two connections can stand. The end with the lower transport key opens the stream, over
 * the best connection, and closes the others; the other end takes the newest stream it is offered, and hangs up when
 * none comes. Whoever connects anew has lost what was there, even if nobody has told this end yet: so the newest counts on
 * both sides. A channel that ends takes its connection along: there is nothing else to say on it. Proven by
 * `tests/main/peer/peer-channels.test.ts`.
 *
 * @packageDocumentation
 */
import { PeerError } from './errors.ts'
import { type ChannelListeners, FrameChannel } from './frame-channel.ts'
import type { PeerKey, PeerLink, PeerStream } from './peer-link.ts'

/** Milliseconds within which the end with the lower key opens a stream. */
const STREAM_TIMEOUT_MS = 20_000

/** Streams to one peer within {@link CHURN_MS}, by whichever end; one connection needs one. */
const MAX_CHURN = 8
const CHURN_MS = 10_000

/** What the channels are made over. */
export type ChannelLink = Pick<PeerLink, 'self' | 'onStream' | 'onPeer' | 'open' | 'hangUp' | 'dropSpares'>

/** Who hears of channels. */
export interface ChannelOwner {
  /** A channel stands: what listens on it? */
  opened(peer: PeerKey, stream: PeerStream): ChannelListeners & { began(channel: FrameChannel): void }
}

/** The channels of a link. */
export class PeerChannels {
  readonly #link: ChannelLink
  readonly #owner: ChannelOwner
  readonly #current = new Map<PeerKey, FrameChannel>()
  readonly #deadlines = new Map<PeerKey, NodeJS.Timeout>()
  readonly #opening = new Set<PeerKey>()
  readonly #again = new Set<PeerKey>()
  readonly #openedAt = new Map<PeerKey, readonly number[]>()

  /** Follows `link` from now on. */
  constructor(link: ChannelLink, owner: ChannelOwner) {
    this.#link = link
    this.#owner = owner
    link.onStream((peer, stream) => this.#accept(peer, stream))
    link.onPeer((peer, isConnected) => this.#changed(peer, isConnected))
  }

  /** Ends all waiting. */
  stop(): void {
    for (const peer of [...this.#deadlines.keys()]) this.#settle(peer)
  }

  #changed(peer: PeerKey, isConnected: boolean): void {
    this.#settle(peer)
    if (!isConnected) return
    if (this.#link.self < peer) this.#openAnew(peer)
    else if (!this.#current.has(peer))
      this.#deadlines.set(
        peer,
        setTimeout(() => void this.#link.hangUp(peer), STREAM_TIMEOUT_MS),
      )
  }

  #openAnew(peer: PeerKey): void {
    if (!this.#current.has(peer) || !this.#isChurning(peer)) void this.#open(peer)
  }

  async #open(peer: PeerKey): Promise<void> {
    if (this.#opening.has(peer)) {
      this.#again.add(peer)
      return
    }
    this.#opening.add(peer)
    this.#again.delete(peer)
    try {
      const stream = await this.#link.open(peer)
      this.#begin(peer, stream)
      this.#link.dropSpares(peer, stream)
    } catch {
      // No connection is left, or none that is good for anything: the link dials again by itself.
    }
    this.#opening.delete(peer)
    // Lost and connected again meanwhile.
    if (this.#again.delete(peer) && !this.#current.has(peer)) void this.#open(peer)
  }

  #accept(peer: PeerKey, stream: PeerStream): void {
    if (peer < this.#link.self && !this.#isChurning(peer)) {
      this.#begin(peer, stream)
      return
    }
    stream.abort(new PeerError('STREAM_CLOSED', 'a stream that is not for this peer to open'))
    void this.#link.hangUp(peer)
  }

  /** True when `peer` causes one stream after the other: each costs a session. */
  #isChurning(peer: PeerKey): boolean {
    const now = performance.now()
    const recent = (this.#openedAt.get(peer) ?? []).filter((at) => now - at < CHURN_MS)
    this.#openedAt.set(peer, [...recent, now].slice(-MAX_CHURN))
    return recent.length >= MAX_CHURN
  }

  #begin(peer: PeerKey, stream: PeerStream): void {
    this.#settle(peer)
    // Down before the next is up: nobody ever has two sessions with one peer.
    const replaced = this.#current.get(peer)
    this.#current.delete(peer)
    replaced?.stream.abort(new PeerError('STREAM_CLOSED', 'replaced by a newer stream'))
    const listeners = this.#owner.opened(peer, stream)
    const channel = new FrameChannel(stream, {
      frame: (bytes) => listeners.frame(bytes),
      sent: (bytes) => listeners.sent(bytes),
      closed: (cause) => {
        listeners.closed(cause)
        if (this.#current.get(peer) === channel) this.#ended(peer)
      },
    })
    this.#current.set(peer, channel)
    listeners.began(channel)
  }

  #ended(peer: PeerKey): void {
    this.#current.delete(peer)
    void this.#link.hangUp(peer)
  }

  #settle(peer: PeerKey): void {
    clearTimeout(this.#deadlines.get(peer))
    this.#deadlines.delete(peer)
  }
}
