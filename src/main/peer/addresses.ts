/**
 * Addresses as people write them, and as the network dials them.
 *
 * @remarks
 * People write `clinic.example`, `192.168.1.20:4101`, `[2001:db8::5]:4101`, `ws://…`, `wss://…`, or a multiaddr of one of
 * those kinds; all become one form of multiaddr, without a key. `wss` is for nodes behind a front server on port 443.
 * Proven by `tests/main/peer/addresses.test.ts`.
 *
 * @packageDocumentation
 */
import { isIPv4, isIPv6 } from 'node:net'
import { PeerError } from './errors.ts'

/** Where nodes listen if nobody says otherwise. */
export const DEFAULT_PORT = 4101

/** Longest text that is looked at. */
const MAX_LENGTH = 300

const TRANSPORTS = { tcp: '', ws: '/ws', wss: '/tls/ws' }
type Transport = keyof typeof TRANSPORTS
const PORTS = { tcp: DEFAULT_PORT, ws: 80, wss: 443 } satisfies Record<Transport, number>

const URL_FORM = /^(wss?):\/\/([^/?#@]+)\/?$/i
const MULTIADDR = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/([^/]+)(|\/ws|\/wss|\/tls\/ws)$/
const HOST_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]+))?$/
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/**
 * The multiaddr of an address.
 *
 * @param text - Untrusted; white space around it is ignored.
 * @throws {@link PeerError} `BAD_ADDRESS`.
 */
export function parseAddress(text: string): string {
  const trimmed = text.trim()
  if (trimmed.length === 0 || trimmed.length > MAX_LENGTH) throw bad('empty or too long')
  return trimmed.startsWith('/') ? fromMultiaddr(trimmed) : fromHostAndPort(trimmed)
}

/** How people read a multiaddr that {@link parseAddress} made; anything else as it is. */
export function formatAddress(multiaddr: string): string {
  const [, kind, host, port, suffix] = MULTIADDR.exec(multiaddr) ?? []
  if (kind === undefined || host === undefined || port === undefined) return multiaddr
  const where = `${kind === 'ip6' ? `[${host}]` : host}:${port}`
  if (suffix === '') return where
  return suffix === '/ws' ? `ws://${where}` : `wss://${where}`
}

/**
 * Multiaddrs to listen on for an address of this machine: `0.0.0.0:4101`, `[::]:4101`, `ws://127.0.0.1:4102`.
 *
 * @throws {@link PeerError} `BAD_ADDRESS`, also for names and `wss`: certificates are the front server's.
 */
export function parseListenAddress(text: string): string {
  const multiaddr = parseAddress(text)
  if (multiaddr.startsWith('/dns') || multiaddr.includes('/tls/')) throw bad('not an address of this machine')
  return multiaddr
}

function fromMultiaddr(text: string): string {
  const [, kind, host, port, suffix] = MULTIADDR.exec(text) ?? []
  if (kind === undefined || host === undefined || port === undefined) throw bad('not a kind of multiaddr that is used')
  const transport: Transport = suffix === '' ? 'tcp' : suffix === '/ws' ? 'ws' : 'wss'
  const place = placeOf(host)
  if (
    kind.startsWith('ip') !== !place.startsWith('/dns') ||
    (kind.startsWith('ip') && !place.startsWith(`/${kind}/`))
  ) {
    throw bad('not the kind of host that it says')
  }
  return `${kind.startsWith('dns') ? place.replace('/dns/', `/${kind}/`) : place}/tcp/${portOf(port)}${TRANSPORTS[transport]}`
}

function fromHostAndPort(text: string): string {
  const [, scheme = 'tcp', rest = text] = URL_FORM.exec(text) ?? []
  const transport = scheme.toLowerCase() as Transport
  if (isIPv6(rest) && !rest.includes('%')) return join(placeOf(rest), PORTS[transport], transport)
  const [, bracketed, plain, port] = HOST_PORT.exec(rest) ?? []
  const host = bracketed ?? plain
  if (host === undefined || (bracketed !== undefined && !isIPv6(bracketed))) throw bad('not host and port')
  return join(placeOf(host), port === undefined ? PORTS[transport] : portOf(port), transport)
}

function join(place: string, port: number, transport: Transport): string {
  return `${place}/tcp/${port}${TRANSPORTS[transport]}`
}

function placeOf(host: string): string {
  if (isIPv4(host)) return `/ip4/${host}`
  // One form for one address; a zone means something on one machine only.
  if (isIPv6(host) && !host.includes('%')) return `/ip6/${new URL(`http://[${host}]/`).hostname.slice(1, -1)}`
  return `/dns/${nameOf(host)}`
}

function nameOf(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  // A last label of digits is an address that somebody mistyped.
  const isName =
    name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^[0-9]+$/.test(labels.at(-1) ?? '')
  if (!isName) throw bad('neither an address nor a name')
  return name
}

function portOf(text: string): number {
  const port = /^(0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw bad('not a port')
  return port
}

function bad(why: string): PeerError {
  return new PeerError('BAD_ADDRESS', why)
}
