/**
 * Starts the thread of the sockets, from whichever thread the sessions run in, and speaks to it.
 *
 * @remarks
 * Loads no library of the network. The thread holds no state that matters: when it ends by itself, every channel is
 * down, and it is started again after a growing pause with the settings as they are then. Memory is bounded: a peer
 * that makes it run out of memory ends the thread, not the process. Proven by `tests/main/peer/peer-thread.test.ts`.
 *
 * @packageDocumentation
 */
import { Worker } from 'node:worker_threads'
import type { PeerErrorCode } from './errors.ts'
import type { Allowed, FromPeers, NetworkReport, PeerSettings, ToPeers, WantedPeer } from './messages.ts'
import type { PeerKey, StreamFacts } from './peer-link.ts'

export type { Allowed, NetworkReport, PeerSettings, WantedPeer } from './messages.ts'

/** Bytes on their way to the wire from which on a sender should wait. */
const HIGH_WATER = 1024 * 1024
/** Below this it may go on. */
const LOW_WATER = HIGH_WATER / 2
const MAX_MEMORY_MB = 512
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
const HELD_MS = 60_000
const STOP_TIMEOUT_MS = 8000

/** Messages to and from one connected peer, for as long as its link lives. */
export interface PeerChannel {
  /** Tells links apart, also those of one peer one after the other. */
  readonly link: number
  /** Transport key, proven by the handshake. */
  readonly peer: PeerKey
  readonly facts: StreamFacts
  /**
   * Sends one message, 1 byte to the limit of a frame. Nothing happens once the channel is down.
   *
   * @returns False when the sender should wait for `drained`.
   */
  send(message: Uint8Array): boolean
  /** Bytes that were sent and are not on the wire yet. */
  readonly waiting: number
  /** Hangs up, after what was sent, but within five seconds. A wanted peer is connected again after a pause. */
  hangUp(): void
}

/** What the peer network tells. */
export interface PeerNetworkListeners {
  /** A channel stands. */
  up(channel: PeerChannel): void
  /**
   * A message came, opaque and unverified. The peer may send on once the result is there: slow work slows it down.
   */
  message(channel: PeerChannel, message: Uint8Array): void | Promise<void>
  /** There is room again, after `send` has returned false. */
  drained(channel: PeerChannel): void
  /** Nothing comes from or goes to this channel any more. */
  down(channel: PeerChannel): void
  /** It listens, at these multiaddrs, as it was told to. Called again after a restart. */
  listening(addresses: readonly string[]): void
  /** `CANNOT_LISTEN`, in place of `listening`: another program has the port. It dials others nevertheless; end and start it to try again. */
  failed(code: PeerErrorCode | 'INTERNAL'): void
  /** Something ended the thread, or a listener threw; for the log. */
  fault(error: unknown): void
}

/** The peer network of one node. */
export interface PeerNetwork {
  /** Replaces who is let in; whoever is not any more is hung up on. */
  setAllowed(allowed: Allowed): void
  /** Replaces who is to be connected with. */
  want(wanted: readonly WantedPeer[]): void
  /** What is known of the network now; empty while the thread is away. */
  report(): Promise<NetworkReport>
  /** Hangs up on everybody and ends the thread. */
  end(): Promise<void>
}

/** Beside the bundle when built, beside this file when running from sources. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './peer-worker.ts' : './peer-worker.js', import.meta.url)
}

/**
 * Starts the peer network.
 *
 * @param settings - As at the start; the seed is handed to the thread and kept for restarts.
 * @param listeners - Who hears of it.
 * @param file - The thread's program; tests hand in their own.
 */
export function startPeerThread(
  settings: PeerSettings,
  listeners: PeerNetworkListeners,
  file: URL = workerUrl(),
): PeerNetwork {
  return new PeerThread(settings, listeners, file)
}

class Channel implements PeerChannel {
  readonly link: number
  readonly peer: PeerKey
  readonly facts: StreamFacts
  /** Number of the link in the thread, which starts over with it. */
  readonly #inThread: number
  readonly #post: (message: ToPeers) => void
  #waiting = 0
  #isHigh = false

  constructor(link: number, up: FromPeers & { on: 'up' }, post: (message: ToPeers) => void) {
    this.link = link
    this.peer = up.peer
    this.facts = up.facts
    this.#inThread = up.link
    this.#post = post
  }

  get waiting(): number {
    return this.#waiting
  }

  send(message: Uint8Array): boolean {
    this.#waiting += message.length
    this.#post({ do: 'send', link: this.#inThread, message })
    this.#isHigh ||= this.#waiting >= HIGH_WATER
    return !this.#isHigh
  }

  hangUp(): void {
    this.#post({ do: 'hang-up', link: this.#inThread })
  }

  /** True when a sender that was told to wait may go on. */
  sent(bytes: number): boolean {
    this.#waiting -= bytes
    if (!this.#isHigh || this.#waiting > LOW_WATER) return false
    this.#isHigh = false
    return true
  }

  taken(bytes: number): void {
    this.#post({ do: 'taken', link: this.#inThread, frames: 1, bytes })
  }
}

class PeerThread implements PeerNetwork {
  #settings: PeerSettings
  readonly #listeners: PeerNetworkListeners
  readonly #file: URL
  readonly #channels = new Map<number, Channel>()
  readonly #reports = new Map<number, (report: NetworkReport) => void>()
  #nextLink = 1
  #nextReport = 1
  #worker: Worker | null = null
  #pauseMs = FIRST_PAUSE_MS
  #restart: NodeJS.Timeout | null = null
  #isEnding = false
  #stopped: () => void = () => undefined

  constructor(settings: PeerSettings, listeners: PeerNetworkListeners, file: URL) {
    this.#settings = settings
    this.#listeners = listeners
    this.#file = file
    this.#start()
  }

  setAllowed(allowed: Allowed): void {
    this.#settings = { ...this.#settings, ...allowed }
    this.#post({ do: 'allow', allowed })
  }

  want(wanted: readonly WantedPeer[]): void {
    this.#settings = { ...this.#settings, wanted }
    this.#post({ do: 'want', wanted })
  }

  report(): Promise<NetworkReport> {
    if (this.#worker === null) return Promise.resolve(NOTHING)
    const id = this.#nextReport++
    return new Promise((resolve) => {
      this.#reports.set(id, resolve)
      this.#post({ do: 'report', id })
    })
  }

  async end(): Promise<void> {
    this.#isEnding = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === null) return
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve))
    const timeout = setTimeout(() => this.#stopped(), STOP_TIMEOUT_MS)
    this.#post({ do: 'stop' })
    await stopped
    clearTimeout(timeout)
    await worker.terminate()
  }

  #post(message: ToPeers): void {
    this.#worker?.postMessage(message)
  }

  #start(): void {
    const startedAt = performance.now()
    const worker = new Worker(this.#file, { name: 'peers', resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB } })
    this.#worker = worker
    let cause: unknown = null
    worker.on('message', (message: FromPeers) => this.#guard(() => this.#receive(message)))
    worker.on('error', (error: unknown) => (cause = error))
    worker.on('exit', (code) => this.#gone(cause ?? new Error(`exit code ${code}`), performance.now() - startedAt))
    this.#post({ do: 'start', settings: this.#settings })
  }

  /** The thread has ended. */
  #gone(cause: unknown, heldMs: number): void {
    this.#worker = null
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    for (const resolve of this.#reports.values()) resolve(NOTHING)
    this.#reports.clear()
    for (const channel of channels) this.#guard(() => this.#listeners.down(channel))
    this.#stopped()
    if (this.#isEnding) return
    this.#listeners.fault(new Error('the thread of the sockets ended', { cause }))
    if (heldMs >= HELD_MS) this.#pauseMs = FIRST_PAUSE_MS
    this.#restart = setTimeout(() => this.#start(), this.#pauseMs)
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2)
  }

  #receive(message: FromPeers): void {
    switch (message.on) {
      case 'listening':
        return this.#listeners.listening(message.addresses)
      case 'failed':
        return this.#listeners.failed(message.code)
      case 'up': {
        const channel = new Channel(this.#nextLink++, message, (out) => this.#post(out))
        this.#channels.set(message.link, channel)
        return this.#listeners.up(channel)
      }
      case 'message':
        return this.#deliver(message.link, message.message)
      case 'sent': {
        const channel = this.#channels.get(message.link)
        if (channel?.sent(message.bytes) === true) this.#listeners.drained(channel)
        return
      }
      case 'down': {
        const channel = this.#channels.get(message.link)
        this.#channels.delete(message.link)
        if (channel !== undefined) this.#listeners.down(channel)
        return
      }
      case 'report':
        this.#reports.get(message.id)?.(message.report)
        this.#reports.delete(message.id)
        return
      case 'stopped':
        return this.#stopped()
    }
  }

  #deliver(link: number, message: Uint8Array): void {
    const channel = this.#channels.get(link)
    if (channel === undefined) return
    const bytes = message.length
    const deal = async () => {
      try {
        await this.#listeners.message(channel, message)
      } finally {
        channel.taken(bytes)
      }
    }
    deal().catch((error: unknown) => this.#listeners.fault(error))
  }

  /** A listener that throws is a fault of ours, and no reason to lose the others. */
  #guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#listeners.fault(error)
    }
  }
}

const NOTHING: NetworkReport = { listening: [], peers: [] }
