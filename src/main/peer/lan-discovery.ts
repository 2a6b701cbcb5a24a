/**
 * Finds members of the network on the local network, without any server: multicast DNS (RFC 6762, RFC 6763).
 *
 * @remarks
 * What is told is a port and a transport key, nothing else; what is heard is only a hint where to dial, since the
 * handshake proves the key. Heard are members, from the address the answer came from, in bounded number. Each
 * interface has a socket of its own: the system would use one of them only, or none without a default route. Proven by
 * `tests/main/peer/lan-discovery.test.ts`.
 *
 * @packageDocumentation
 */
import type { RemoteInfo } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import makeMdns from 'multicast-dns'
import type { PeerKey } from './peer-link.ts'

const SERVICE = '_chartseal._tcp.local'
const MDNS_PORT = 5353
/** How long hearsay counts, in seconds and milliseconds. */
const TTL_S = 300
const MAX_PEERS = 256
const MAX_ADDRESSES = 4
const LOOK_AROUND_MS = 15_000
const ANSWER_PAUSE_MS = 1000

/** Where this node is. */
export interface OwnPlace {
  readonly self: PeerKey
  /** Multiaddrs it listens on. */
  readonly addresses: readonly string[]
}

/** Who hears of peers. */
export interface DiscoveryListener {
  /** True for peers worth remembering. */
  isKnown(peer: PeerKey): boolean
  /** The peers or their addresses have changed. */
  found(): void
}

/** For tests: not the port and the interfaces of this machine. */
export interface DiscoveryOptions {
  readonly port?: number
  readonly interfaces?: () => readonly LocalInterface[]
}

/** An IPv4 address of this machine, and the mask of its subnet. */
export interface LocalInterface {
  readonly address: string
  readonly netmask: string
}

interface Heard {
  readonly address: string
  readonly untilMs: number
}

/** Tells and hears who is here. */
export class LanDiscovery {
  readonly #own: OwnPlace
  readonly #listener: DiscoveryListener
  readonly #port: number
  readonly #interfaces: () => readonly LocalInterface[]
  readonly #sockets = new Map<string, makeMdns.MulticastDNS>()
  readonly #heard = new Map<PeerKey, Heard[]>()
  readonly #answeredAt = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  /** Starts at once. `options` are for tests. */
  constructor(own: OwnPlace, listener: DiscoveryListener, options: DiscoveryOptions = {}) {
    this.#own = own
    this.#listener = listener
    this.#port = options.port ?? MDNS_PORT
    this.#interfaces = options.interfaces ?? localInterfaces
    this.#timer = setInterval(() => this.#lookAround(), LOOK_AROUND_MS)
    this.#lookAround()
  }

  /** Multiaddrs of the peers that are here. */
  get peers(): Map<PeerKey, readonly string[]> {
    this.#forgetOld()
    return new Map([...this.#heard].map(([peer, heard]) => [peer, heard.map(({ address }) => address)]))
  }

  /** Neither tells nor hears any more. */
  stop(): void {
    clearInterval(this.#timer)
    for (const address of [...this.#sockets.keys()]) this.#close(address)
  }

  /** Follows cables being plugged, and asks again. */
  #lookAround(): void {
    const present = this.#interfaces()
    for (const address of [...this.#sockets.keys()]) {
      if (!present.some((own) => own.address === address)) this.#close(address)
    }
    for (const own of present) if (!this.#sockets.has(own.address)) this.#open(own)
    for (const socket of this.#sockets.values()) socket.query(SERVICE, 'PTR')
  }

  #open(own: LocalInterface): void {
    const { address } = own
    const socket = makeMdns({ interface: address, bind: '0.0.0.0', port: this.#port })
    this.#sockets.set(address, socket)
    // Whoever is here already need not wait until somebody asks.
    socket.on('ready', () => this.#answer(address, socket))
    socket.on('query', ({ questions }, from: RemoteInfo) => {
      const isForUs = questions?.some((question) => question.name === SERVICE) === true
      if (isForUs && isNeighbour(from.address, own)) this.#answer(address, socket)
    })
    socket.on('response', ({ answers, additionals }, from: RemoteInfo) => {
      if (isNeighbour(from.address, own)) this.#hear([...(answers ?? []), ...(additionals ?? [])], from.address)
    })
    // Malformed packets are warnings; a socket that breaks is opened anew at the next look around.
    socket.on('error', () => this.#close(address))
  }

  #close(address: string): void {
    const socket = this.#sockets.get(address)
    this.#sockets.delete(address)
    socket?.destroy()
  }

  /** Answers go to everybody, and at most once a second: nobody can be made a target through us. */
  #answer(address: string, socket: makeMdns.MulticastDNS): void {
    const now = performance.now()
    const port = tcpPortOf(this.#own.addresses)
    if (port === null || now - (this.#answeredAt.get(address) ?? -Infinity) < ANSWER_PAUSE_MS) return
    this.#answeredAt.set(address, now)
    const host = this.#own.self.slice(0, 16)
    const name = `${host}.${SERVICE}`
    socket.respond({
      answers: [{ name: SERVICE, type: 'PTR', ttl: TTL_S, data: name }],
      additionals: [
        { name, type: 'SRV', ttl: TTL_S, data: { port, target: `${host}.local`, priority: 0, weight: 0 } },
        { name, type: 'TXT', ttl: TTL_S, data: [`k=${this.#own.self}`] },
      ],
    })
  }

  #hear(records: readonly { name: string; type: string; data?: unknown }[], from: string): void {
    for (const { name, type, data } of records) {
      if (type !== 'TXT' || !name.endsWith(`.${SERVICE}`)) continue
      const peer = keyIn(data)
      const service = records.find((record) => record.type === 'SRV' && record.name === name)
      const port = portIn(service?.data)
      if (peer !== null && port !== null && peer !== this.#own.self) this.#remember(peer, `/ip4/${from}/tcp/${port}`)
    }
  }

  #remember(peer: PeerKey, address: string): void {
    if (!this.#listener.isKnown(peer)) return
    this.#forgetOld()
    const heard = this.#heard.get(peer) ?? []
    if (heard.length === 0 && this.#heard.size >= MAX_PEERS) return
    const others = heard.filter((each) => each.address !== address)
    const isNew = others.length === heard.length
    this.#heard.set(peer, [{ address, untilMs: performance.now() + TTL_S * 1000 }, ...others].slice(0, MAX_ADDRESSES))
    if (isNew) this.#listener.found()
  }

  #forgetOld(): void {
    const now = performance.now()
    for (const [peer, heard] of this.#heard) {
      const fresh = heard.filter(({ untilMs }) => untilMs > now)
      if (fresh.length === 0) this.#heard.delete(peer)
      else this.#heard.set(peer, fresh)
    }
  }
}

function localInterfaces(): LocalInterface[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.filter(({ family, internal }) => family === 'IPv4' && !internal)
}

/** True for addresses of the same subnet: whoever is farther away is not on the local network, whatever they send. */
function isNeighbour(from: string, { address, netmask }: LocalInterface): boolean {
  const mask = numberOf(netmask)
  return (numberOf(from) & mask) === (numberOf(address) & mask)
}

function numberOf(ip4: string): number {
  return ip4.split('.').reduce((number, part) => (number << 8) | Number(part), 0)
}

function tcpPortOf(addresses: readonly string[]): number | null {
  const port = addresses
    .map((address) => /^\/ip4\/[0-9.]+\/tcp\/(\d+)$/.exec(address)?.[1])
    .find((each) => each !== undefined)
  return port === undefined ? null : Number(port)
}

function keyIn(data: unknown): PeerKey | null {
  const texts = (Array.isArray(data) ? data : [data]).map(String)
  return texts.map((text) => /^k=([0-9a-f]{64})$/.exec(text)?.[1]).find((key) => key !== undefined) ?? null
}

function portIn(data: unknown): number | null {
  const port = typeof data === 'object' && data !== null && 'port' in data ? data.port : null
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}
