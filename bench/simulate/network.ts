/** Nodes, links and a clock that all stand still until they are told to run: the sessions are the product's own. */
import { SyncNode } from '../../src/sync/sync-node.ts'
import type { SyncErrorCode } from '../../src/sync/errors.ts'
import type { PeerIdentity } from '../../src/sync/ports.ts'
import type { MemoryStore } from './memory-store.ts'

/** How links behave. */
export interface LinkRules {
  /** Milliseconds from one end to the other. */
  readonly latencyMs: number
  /** Bytes on their way at which a sender has to wait. */
  readonly windowBytes: number
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** One end of a link. */
interface End {
  readonly node: number
  readonly link: number
}

/** What went over all links. */
export interface Traffic {
  messages: number
  bytes: number
}

/** A network in simulated time. */
export class Network {
  readonly stores: readonly MemoryStore[]
  readonly traffic: Traffic = { messages: 0, bytes: 0 }
  /** Why links were cut by a node that had enough of the other. */
  readonly complaints: SyncErrorCode[] = []
  nowMs = 0
  /** Looks at every message before it arrives: may change it, or give null to lose the link. */
  tamper: (from: number, to: number, message: Uint8Array) => Uint8Array | null = (_from, _to, message) => message
  readonly #nodes: (SyncNode | null)[]
  readonly #rules: LinkRules
  readonly #random: () => number
  readonly #events = new Heap()
  /** Ends of links that are up, by end. */
  readonly #other = new Map<string, End>()
  readonly #links = new Map<string, readonly [End, End]>()
  #order = 0
  #nextLink = 1

  constructor(stores: readonly MemoryStore[], rules: LinkRules, random: () => number) {
    this.stores = stores
    this.#rules = rules
    this.#random = random
    this.#nodes = stores.map(() => null)
    for (const i of stores.keys()) this.start(i)
  }

  /** A node that is on, or null. */
  node(i: number): SyncNode | null {
    return this.#nodes[i] ?? null
  }

  /** Runs something later. */
  after(delayMs: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + delayMs, order: this.#order++, run })
  }

  /** Switches a node on: with what is stored, and nothing else. */
  start(i: number): void {
    const store = this.stores[i]
    if (store === undefined || this.#nodes[i] !== null) return
    const node = new SyncNode({
      store,
      clock: { nowMs: () => this.nowMs },
      random: { next: this.#random },
      ended: (link, why) => {
        if (why !== null) this.complaints.push(why)
        this.#unlink({ node: i, link })
      },
    })
    this.#nodes[i] = node
  }

  /** Switches a node off in the middle of whatever it does. */
  kill(i: number): void {
    this.#nodes[i] = null
    for (const [key, [a, b]] of this.#links) if (a.node === i || b.node === i) this.#cut(key)
  }

  isLinked(a: number, b: number): boolean {
    return this.#links.has(keyOf(a, b))
  }

  /** Links two nodes that are on. */
  link(a: number, b: number): void {
    const [left, right] = [this.#nodes[a], this.#nodes[b]]
    if (left == null || right == null || a === b || this.isLinked(a, b)) return
    const ends = [
      { node: a, link: this.#nextLink++ },
      { node: b, link: this.#nextLink++ },
    ] as const
    this.#links.set(keyOf(a, b), ends)
    this.#other.set(nameOf(ends[0]), ends[1])
    this.#other.set(nameOf(ends[1]), ends[0])
    left.connected(ends[0].link, this.#identityOf(b), this.#wire(ends[0]))
    right.connected(ends[1].link, this.#identityOf(a), this.#wire(ends[1]))
  }

  /** Cuts a link: what is on its way is lost. */
  cut(a: number, b: number): void {
    this.#cut(keyOf(a, b))
  }

  /** Lets time pass, with ticks of all nodes. */
  run(forMs: number, tickMs = 250): void {
    const endMs = this.nowMs + forMs
    for (;;) {
      const nextTick = Math.floor(this.nowMs / tickMs) * tickMs + tickMs
      this.#runEvents(Math.min(nextTick, endMs))
      this.nowMs = Math.min(nextTick, endMs)
      if (this.nowMs === nextTick) {
        for (const node of this.#nodes) {
          node?.tick()
          work(node)
        }
      }
      if (this.nowMs >= endMs) return
    }
  }

  /** Lets time pass until something is true, or for as long as given. */
  runUntil(isDone: () => boolean, forMs: number, tickMs = 250): boolean {
    const endMs = this.nowMs + forMs
    while (this.nowMs < endMs && !isDone()) this.run(Math.min(tickMs, endMs - this.nowMs), tickMs)
    return isDone()
  }

  #runEvents(untilMs: number): void {
    for (;;) {
      const next = this.#events.peek()
      if (next === undefined || next.atMs > untilMs) return
      this.#events.pop()
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
  }

  #wire(from: End) {
    let onTheWay = 0
    return {
      send: (message: Uint8Array): boolean => {
        const to = this.#other.get(nameOf(from))
        if (to === undefined) return true
        this.traffic.messages++
        this.traffic.bytes += message.length + 4
        onTheWay += message.length
        this.after(this.#rules.latencyMs, () => {
          const wasFull = onTheWay >= this.#rules.windowBytes
          onTheWay -= message.length
          this.#deliver(from, to, message)
          if (!wasFull || onTheWay >= this.#rules.windowBytes) return
          this.#nodes[from.node]?.drained(from.link)
          work(this.#nodes[from.node])
        })
        return onTheWay < this.#rules.windowBytes
      },
      // What was sent before still arrives: the link goes when the other side has it.
      close: () => {
        this.after(this.#rules.latencyMs, () => {
          this.#unlink(from)
        })
      },
    }
  }

  #deliver(from: End, to: End, message: Uint8Array): void {
    if (this.#other.get(nameOf(from)) !== to) return
    const changed = this.tamper(from.node, to.node, message)
    if (changed === null) {
      this.#unlink(from)
      return
    }
    this.#nodes[to.node]?.received(to.link, changed)
    work(this.#nodes[to.node])
  }

  #unlink(end: End): void {
    const other = this.#other.get(nameOf(end))
    if (other !== undefined) this.#cut(keyOf(end.node, other.node))
  }

  #cut(key: string): void {
    const ends = this.#links.get(key)
    if (ends === undefined) return
    this.#links.delete(key)
    for (const end of ends) this.#other.delete(nameOf(end))
    for (const end of ends) this.#nodes[end.node]?.disconnected(end.link)
  }

  #identityOf(i: number): PeerIdentity {
    const { site, log, role } = this.stores[i]?.identity ?? { site: '', log: '', role: 'node' }
    return { kind: role === 'witness' ? 'witness' : 'node', site, log }
  }
}

/** Does all that a node would do before the next event. */
function work(node: SyncNode | null | undefined): void {
  while (node?.hasWork === true) node.work()
}

function keyOf(a: number, b: number): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

function nameOf({ node, link }: End): string {
  return `${node}/${link}`
}

/** Events in order of time, and of coming for one time. */
class Heap {
  readonly #items: Event[] = []

  peek(): Event | undefined {
    return this.#items[0]
  }

  push(event: Event): void {
    const items = this.#items
    let at = items.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above]
      if (parent === undefined || isBefore(parent, event)) break
      items[at] = parent
      at = above
    }
    items[at] = event
  }

  pop(): void {
    const items = this.#items
    const last = items.pop()
    if (last === undefined || items.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [a, b] = [items[left], items[left + 1]]
      const child = b !== undefined && a !== undefined && isBefore(b, a) ? left + 1 : left
      const below = items[child]
      if (below === undefined || isBefore(last, below)) break
      items[at] = below
      at = child
    }
    items[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
