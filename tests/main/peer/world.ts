/** Nodes of a peer network on loopback, for tests. */
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { onTestFinished } from 'vitest'
import { AllowList } from '../../../src/main/peer/allow-list.ts'
import { type Libp2pLink, openLibp2pLink } from '../../../src/main/peer/libp2p-link.ts'
import type { NodeSettings } from '../../../src/main/peer/libp2p-node.ts'
import type { PeerKey } from '../../../src/main/peer/peer-link.ts'

export interface Identity {
  readonly seed: Uint8Array
  readonly key: PeerKey
}

/** Ed25519 in PKCS #8 is this and the seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

export function identityOf(seed: Uint8Array): Identity {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
  return { seed, key: createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex') }
}

export const newIdentity = () => identityOf(new Uint8Array(randomBytes(32)))

/** Two identities in ascending order of their keys: the first opens streams to the second. */
export const newPair = () =>
  [newIdentity(), newIdentity()].sort((a, b) => (a.key < b.key ? -1 : 1)) as [Identity, Identity]

/** Waits for a condition, never for a time. */
export async function until(condition: () => unknown, what: string, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A link that lets in `others`, stopped when the test ends. */
export async function linkOf(
  self: Identity,
  others: readonly PeerKey[],
  settings: Partial<NodeSettings> = {},
): Promise<Libp2pLink & { allow: AllowList }> {
  const allow = new AllowList()
  allow.replace(others, [])
  const link = await openLibp2pLink({
    seed: self.seed,
    allow,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    isRelay: false,
    trustedFronts: [],
    heartbeatMs: 10_000,
    handshakeMs: 10_000,
    maxConnections: 100,
    ...settings,
  })
  onTestFinished(() => link.stop())
  return Object.assign(link, { allow })
}

/** A tap on a line: passes everything on to `port` of loopback, and keeps what it saw. */
export async function tap(port: number): Promise<{ address: string; up: Buffer[]; down: Buffer[]; cut: () => void }> {
  const up: Buffer[] = []
  const down: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to, seen] of [
      [near, far, up],
      [far, near, down],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes: Buffer) => void seen.push(bytes))
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    server.close()
    cut()
  })
  return { address: `/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}`, up, down, cut }
}

export const portOf = (address: string | undefined): number => Number(/\/tcp\/(\d+)/.exec(address ?? '')?.[1])

/** True when a packet to the multicast group comes back on the interface with `address`. */
export async function hasMulticast(address: string | undefined): Promise<boolean> {
  if (address === undefined) return false
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.bind(0, '0.0.0.0', resolve)
    })
    socket.addMembership('224.0.0.251', address)
    socket.setMulticastInterface(address)
    let isBack = false
    socket.on('message', () => (isBack = true))
    socket.send('x', socket.address().port, '224.0.0.251')
    await until(() => isBack, 'the packet', 1000)
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

/** The first address of this machine that others can reach. */
export const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
