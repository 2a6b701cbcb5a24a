import { concatBytes } from '../../../src/shared/bytes.ts'
import { decodeMessage, encodeMessage } from '../../../src/sync/codec.ts'
import type { SyncErrorCode } from '../../../src/sync/errors.ts'
import type { Hello, Message } from '../../../src/sync/messages.ts'
import type { PeerIdentity } from '../../../src/sync/ports.ts'
import { SyncNode } from '../../../src/sync/sync-node.ts'
import { realSignatures } from '../../../bench/simulate/keys.ts'
import type { MemoryStore } from '../../../bench/simulate/memory-store.ts'
import { buildWorld, seededRandom } from '../../../bench/simulate/world.ts'

const NOON_S = 1_767_225_660

/** A real node, and a peer that says whatever a test likes: site 0 is the node, the others are the test's. */
export class RawWorld {
  readonly stores: MemoryStore[]
  readonly store: MemoryStore
  readonly node: SyncNode
  readonly ended: (readonly [number, SyncErrorCode | null])[] = []
  nowMs = 1000

  constructor(sites = 3, seed = 1, roleOf?: Parameters<typeof buildWorld>[0]['roleOf']) {
    const { stores } = buildWorld({
      sites,
      voters: sites,
      signatures: realSignatures(),
      nowS: () => NOON_S + Math.floor(this.nowMs / 1000),
      ...(roleOf === undefined ? {} : { roleOf }),
    })
    this.stores = stores
    this.store = stores[0]!
    this.node = new SyncNode({
      store: this.store,
      clock: { nowMs: () => this.nowMs },
      random: { next: seededRandom(seed) },
      ended: (link, why) => this.ended.push([link, why]),
    })
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const end = this.nowMs + ms
    while (this.nowMs < end) {
      this.nowMs = Math.min(end, this.nowMs + 250)
      this.node.tick()
      this.work()
    }
  }

  /** Lets the node finish what waits for nobody. */
  work(): void {
    while (this.node.hasWork) this.node.work()
  }
}

/** The peer's side of a link. */
export class RawPeer {
  readonly sent: Message[] = []
  readonly #world: RawWorld
  readonly link: number
  readonly site: number
  isReading = true
  isCut = false

  constructor(world: RawWorld, link: number, site = 1, who?: PeerIdentity) {
    this.#world = world
    this.link = link
    this.site = site
    const { identity } = world.stores[site]!
    world.node.connected(link, who ?? { kind: 'node', site: identity.site, log: identity.log }, {
      send: (bytes) => {
        this.sent.push(decodeMessage(Uint8Array.from(bytes)))
        return this.isReading
      },
      close: () => {
        this.isCut = true
      },
    })
  }

  /** What the node should hear first. */
  hello(over: Partial<Hello> = {}): Hello {
    return { kind: 'hello', version: 1, ...this.#world.stores[this.site]!.self(), ...over }
  }

  say(message: Message): void {
    this.raw(encodeMessage(message))
  }

  raw(bytes: Uint8Array): void {
    this.#world.node.received(this.link, concatBytes(bytes))
    this.#world.work()
  }

  /** Greets as the node of its site, with nothing to offer. */
  greet(over: Partial<Hello> = {}): this {
    this.say(this.hello(over))
    this.say({ kind: 'have', logs: [] })
    return this
  }

  /** Why the node ended the session: null for no reason, undefined while it goes on. */
  get end(): SyncErrorCode | null | undefined {
    return this.#world.ended.find(([link]) => link === this.link)?.[1]
  }

  /** Messages of one kind that the node sent. */
  of<Kind extends Message['kind']>(kind: Kind): Extract<Message, { kind: Kind }>[] {
    return this.sent.filter((message): message is Extract<Message, { kind: Kind }> => message.kind === kind)
  }
}
