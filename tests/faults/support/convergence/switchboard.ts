/**
 * Links between nodes of one process, in place of sockets: each direction is a queue of frames that can be held back, cut
 * in the middle, or stutter. What a link promises is what the real one promises: frames in order and whole, or a link that
 * is down.
 */
import { keyPairFromSeed } from '../../../../src/main/keystore/sodium.ts'
import type {
  PeerChannel,
  PeerNetwork,
  PeerNetworkListeners,
  PeerSettings,
  WantedPeer,
} from '../../../../src/main/peer/peer-thread.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import type { Random } from '../seeded.ts'

/** Bytes that wait from which on a sender is told to. */
const HIGH_WATER = 1024 * 1024
/** A pair that hung up calls again after so long. */
const PAUSE_MS = 60

interface Member {
  readonly key: string
  readonly listeners: PeerNetworkListeners
  members: ReadonlySet<string>
  wanted: ReadonlySet<string>
}

/** What goes from one member to another, over one link. */
class Direction {
  readonly from: Member
  readonly to: Member
  readonly frames: Uint8Array[] = []
  waiting = 0
  isHigh = false
  isBusy = false
  /** The channel that the receiver knows. */
  into: PeerChannel | null = null
  /** The channel that the sender knows. */
  outOf: PeerChannel | null = null

  constructor(from: Member, to: Member) {
    this.from = from
    this.to = to
  }
}

class Link {
  readonly there: Direction
  readonly back: Direction
  isDown = false

  constructor(a: Member, b: Member) {
    this.there = new Direction(a, b)
    this.back = new Direction(b, a)
  }
}

const pairOf = (a: string, b: string): string => [a, b].toSorted().join(' ')

/** See the module's comment. */
export class Switchboard {
  readonly #random: Random
  readonly #fault: (error: unknown) => void
  readonly #members = new Map<string, Member>()
  readonly #links = new Map<string, Link>()
  readonly #cut = new Set<string>()
  /** Directions in which nothing moves, as `from to`. */
  readonly #held = new Set<string>()
  /** Directions in which the next frame comes twice. */
  readonly #stutter = new Set<string>()
  readonly #notBefore = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #nextLink = 1
  /** Frames that were handed over. */
  delivered = 0

  constructor(random: Random, fault: (error: unknown) => void) {
    this.#random = random
    this.#fault = fault
  }

  /** Stands for `startPeerThread`. */
  readonly start = (settings: PeerSettings, listeners: PeerNetworkListeners): PeerNetwork => {
    const key = toHex(keyPairFromSeed(settings.seed).publicKey)
    const member: Member = { key, listeners, members: allowedIn(settings), wanted: wantedIn(settings.wanted) }
    this.#members.set(key, member)
    this.#soon(() => this.#isIn(member) && listeners.listening(['/ip4/127.0.0.1/tcp/4101']))
    this.#connectSoon()
    return {
      setAllowed: (allowed) => {
        member.members = allowedIn(allowed)
        for (const link of this.#linksOf(key)) if (!this.#areWelcome(link.there.from, link.there.to)) this.#down(link)
        this.#connectSoon()
      },
      want: (wanted) => {
        member.wanted = wantedIn(wanted)
        this.#connectSoon()
      },
      report: () => Promise.resolve({ listening: [], peers: [] }),
      end: () => {
        if (this.#isIn(member)) this.unplug(key, Infinity)
        return Promise.resolve()
      },
    }
  }

  /** Cuts the line between two: of what is on its way, each side still gets at most `keep` frames. */
  cut(a: string, b: string, keep: number): void {
    this.#cut.add(pairOf(a, b))
    const link = this.#links.get(pairOf(a, b))
    if (link !== undefined) this.#down(link, keep)
  }

  /** Holds back what goes from one to another. */
  hold(from: string, to: string): void {
    this.#held.add(`${from} ${to}`)
  }

  /** The next frame from one to another comes twice. */
  stutter(from: string, to: string): void {
    this.#stutter.add(`${from} ${to}`)
  }

  /** Every line works. */
  heal(): void {
    this.#cut.clear()
    this.#held.clear()
    this.#stutter.clear()
    for (const link of this.#links.values()) this.#pump(link)
    this.#connectSoon()
  }

  /** A node is gone, as by a pulled plug: of what it sent, each peer still gets at most `keep` frames. */
  unplug(key: string, keep: number): void {
    this.#members.delete(key)
    for (const link of this.#linksOf(key)) this.#down(link, keep)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#members.clear()
    for (const link of this.#links.values()) link.isDown = true
    this.#links.clear()
  }

  #isIn(member: Member): boolean {
    return this.#members.get(member.key) === member
  }

  #linksOf(key: string): Link[] {
    return [...this.#links.values()].filter(({ there: { from, to } }) => from.key === key || to.key === key)
  }

  #areWelcome(a: Member, b: Member): boolean {
    return a.members.has(b.key) && b.members.has(a.key)
  }

  #connectSoon(ms = 0): void {
    if (this.#timer !== null && ms > 0) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#connect()
    }, ms)
  }

  #connect(): void {
    const all = [...this.#members.values()]
    let isLater = false
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1)) {
        const pair = pairOf(a.key, b.key)
        if (this.#links.has(pair) || this.#cut.has(pair) || !this.#areWelcome(a, b)) continue
        if (!a.wanted.has(b.key) && !b.wanted.has(a.key)) continue
        if ((this.#notBefore.get(pair) ?? 0) > performance.now()) isLater = true
        else this.#up(pair, a, b)
      }
    if (isLater) this.#connectSoon(PAUSE_MS)
  }

  #up(pair: string, a: Member, b: Member): void {
    const link = new Link(a, b)
    this.#links.set(pair, link)
    const [one, other] = [this.#channel(link, link.there), this.#channel(link, link.back)]
    Object.assign(link.there, { outOf: one, into: other })
    Object.assign(link.back, { outOf: other, into: one })
    this.#soon(() => link.isDown || a.listeners.up(one))
    this.#soon(() => link.isDown || b.listeners.up(other))
  }

  /** The end of whoever sends in a direction. */
  #channel(link: Link, out: Direction): PeerChannel {
    return {
      link: this.#nextLink++,
      peer: out.to.key,
      facts: { address: '/ip4/127.0.0.1/tcp/4101', isOutbound: true, isRelayed: false, sinceMs: 0 },
      get waiting() {
        return out.waiting
      },
      send: (message) => {
        if (link.isDown) return true
        out.frames.push(Uint8Array.from(message))
        out.waiting += message.length
        out.isHigh ||= out.waiting >= HIGH_WATER
        this.#pump(link)
        return !out.isHigh
      },
      hangUp: () => this.#soon(() => this.#down(link, Infinity)),
    }
  }

  #pump(link: Link): void {
    for (const direction of [link.there, link.back]) {
      if (direction.isBusy || link.isDown) continue
      direction.isBusy = true
      this.#deliver(link, direction).catch(this.#fault)
    }
  }

  /** One frame after the other, each a few turns of the event loop after the one before. */
  async #deliver(link: Link, direction: Direction): Promise<void> {
    try {
      while (!link.isDown && direction.frames.length > 0) {
        for (let n = this.#random.below(4); n >= 0; n--) await new Promise((done) => setImmediate(done))
        if (this.#held.has(`${direction.from.key} ${direction.to.key}`)) return
        if (!link.isDown) await this.#handOver(direction)
      }
    } finally {
      direction.isBusy = false
    }
  }

  async #handOver(direction: Direction): Promise<void> {
    const frame = direction.frames.shift()
    if (frame === undefined || direction.into === null || direction.outOf === null) return
    direction.waiting -= frame.length
    const times = this.#stutter.delete(`${direction.from.key} ${direction.to.key}`) ? 2 : 1
    for (let n = 0; n < times; n++) {
      this.delivered += 1
      await direction.to.listeners.message(direction.into, Uint8Array.from(frame))
    }
    if (!direction.isHigh || direction.waiting > HIGH_WATER / 2) return
    direction.isHigh = false
    direction.from.listeners.drained(direction.outOf)
  }

  /** A link ends. Whoever is gone hears of it no more. */
  #down(link: Link, keep = 0): void {
    if (link.isDown) return
    link.isDown = true
    const pair = pairOf(link.there.from.key, link.there.to.key)
    this.#links.delete(pair)
    this.#notBefore.set(pair, performance.now() + PAUSE_MS)
    for (const direction of [link.there, link.back])
      this.#last(direction, keep === Infinity ? Infinity : this.#random.below(keep + 1))
    this.#connectSoon(PAUSE_MS)
  }

  /** What still gets through, and the end of the link, as the receiver sees it. */
  #last(direction: Direction, keep: number): void {
    const isHeld = this.#held.has(`${direction.from.key} ${direction.to.key}`)
    const frames = isHeld ? [] : direction.frames.slice(0, keep)
    const work = async (): Promise<void> => {
      const { into, to } = direction
      if (into === null || !this.#isIn(to)) return
      for (const frame of frames) await to.listeners.message(into, frame)
      to.listeners.down(into)
    }
    this.#soon(() => void work().catch(this.#fault))
  }

  #soon(act: () => unknown): void {
    setImmediate(() => {
      try {
        act()
      } catch (error) {
        this.#fault(error)
      }
    })
  }
}

function allowedIn({ members, guests }: Pick<PeerSettings, 'members' | 'guests'>): Set<string> {
  return new Set([...members, ...guests])
}

function wantedIn(wanted: readonly WantedPeer[]): Set<string> {
  return new Set(wanted.map(({ peer }) => peer))
}
