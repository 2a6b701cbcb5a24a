import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Libp2pLink } from '../../../src/main/peer/libp2p-link.ts'
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'
import { type Identity, linkOf, newIdentity, newPair, portOf, tap, until } from './world.ts'

const SECRET = 'Erika Mustermann 5.4 mmol/L'

/** Sends back whatever comes. */
const echo = (_peer: string, stream: PeerStream) => stream.onData((bytes) => void stream.write(Uint8Array.from(bytes)))

function received(stream: PeerStream): () => string {
  const chunks: Uint8Array[] = []
  stream.onData((bytes) => chunks.push(Uint8Array.from(bytes)))
  return () => Buffer.concat(chunks).toString()
}

function changesOf(link: Libp2pLink): [string, boolean][] {
  const changes: [string, boolean][] = []
  link.onPeer((...change) => changes.push(change))
  return changes
}

const isConnected = (changes: [string, boolean][]) => changes.at(-1)?.[1] === true

async function connected(settings = {}): Promise<{ a: Identity; b: Identity; left: Libp2pLink; right: Libp2pLink }> {
  const [a, b] = newPair()
  const right = await linkOf(b, [a.key], settings)
  const left = await linkOf(a, [b.key])
  right.onStream(echo)
  const changes = changesOf(left)
  left.keepConnected(b.key, right.listening)
  await until(() => isConnected(changes), 'the connection')
  return { a, b, left, right }
}

async function saysBack(left: Libp2pLink, peer: string, text: string): Promise<PeerStream> {
  const stream = await left.open(peer)
  const answer = received(stream)
  stream.write(Buffer.from(text))
  await until(() => answer() === text, 'the echo')
  return stream
}

describe('two members', () => {
  it('connect, know each other by key, and exchange bytes', async () => {
    const { a, b, left, right } = await connected()
    const met: string[] = []
    right.onStream((peer) => void met.push(peer))
    const stream = await saysBack(left, b.key, 'hello')
    expect(met).toEqual([a.key])
    expect(stream.facts).toMatchObject({ isOutbound: true, isRelayed: false, address: right.listening[0] })
  })

  it.each([
    ['WebSocket', '/ip4/127.0.0.1/tcp/0/ws'],
    ['IPv6', '/ip6/::1/tcp/0'],
  ])('connect over %s too', async (_what, listen) => {
    const { b, left, right } = await connected({ listen: [listen] })
    const stream = await saysBack(left, b.key, 'hello')
    expect(stream.facts.address).toBe(right.listening[0])
  })

  it('say nothing that can be read on the wire', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key])
    const left = await linkOf(a, [b.key])
    right.onStream(echo)
    const line = await tap(portOf(right.listening[0]))
    const changes = changesOf(left)
    left.keepConnected(b.key, [line.address])
    await until(() => isConnected(changes), 'the connection')
    await saysBack(left, b.key, SECRET.repeat(1000))
    const seen = Buffer.concat([...line.up, ...line.down])
    expect(seen.length).toBeGreaterThan(2 * SECRET.length * 1000)
    for (const text of ['Mustermann', '/chartseal/', a.key, b.key]) expect(seen.includes(text)).toBe(false)
    for (const { key } of [a, b]) expect(seen.includes(Buffer.from(key, 'hex'))).toBe(false)
  })

  it('find each other again when the line was cut', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key])
    const left = await linkOf(a, [b.key])
    right.onStream(echo)
    const line = await tap(portOf(right.listening[0]))
    const changes = changesOf(left)
    left.keepConnected(b.key, [line.address])
    await until(() => isConnected(changes), 'the connection')
    line.cut()
    await until(() => changes.length === 3 && isConnected(changes), 'the second connection')
    await saysBack(left, b.key, 'again')
  })

  it('part for good when one forgets the other', async () => {
    const { b, left, right } = await connected()
    const changes = changesOf(right)
    await left.forget(b.key)
    await until(() => changes.length > 0, 'the end')
    await expect(left.open(b.key)).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
  })
})

describe('a stranger', () => {
  it('is refused before any byte of ours, and is told nothing but the handshake', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key])
    const noticed: string[] = []
    right.onPeer((peer) => noticed.push(peer))
    right.onStream((peer) => noticed.push(peer))
    const line = await tap(portOf(right.listening[0]))
    const stranger = await linkOf(newIdentity(), [b.key])
    stranger.keepConnected(b.key, [line.address])
    await until(() => stranger.lastFailure(b.key) !== null, 'the refusal')
    expect(stranger.lastFailure(b.key)).toBe('HUNG_UP')
    expect(noticed).toEqual([])
    await expect(stranger.open(b.key)).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
    // What was said to it: which handshake is spoken, and that handshake's one answer.
    const told = Buffer.concat(line.down)
    expect(told.subarray(0, 20).toString()).toBe('\x13/multistream/1.0.0\n')
    expect(told.length).toBeLessThan(400)
    for (const text of ['/chartseal/', 'chartseal', 'yamux', 'identify']) expect(told.includes(text)).toBe(false)
  })

  it('with only a socket learns that something listens, and is hung up on', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key], { handshakeMs: 500 })
    for (const opening of [
      '',
      'GET / HTTP/1.1\r\n\r\n',
      '\x13/multistream/1.0.0\n\x0d/yamux/1.0.0\n',
      '\xff'.repeat(5000),
    ]) {
      const told: Buffer[] = []
      let isClosed = false
      const socket = connect(portOf(right.listening[0]), '127.0.0.1', () => socket.write(opening, 'latin1'))
      socket.on('data', (bytes: Buffer) => void told.push(bytes))
      socket.on('error', () => undefined)
      socket.on('close', () => (isClosed = true))
      await until(() => isClosed, 'the end')
      expect(
        Buffer.concat(told)
          .toString()
          .replaceAll(/[\x00-\x1f]/g, ''),
      ).toMatch(/^(\/multistream\/1.0.0)?(na)?$/)
    }
  })

  it('cannot keep members out with many sockets, on either kind of listener', async () => {
    const [a, b] = newPair()
    const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws']
    const right = await linkOf(b, [a.key], { handshakeMs: 1500, listen })
    const left = await linkOf(a, [b.key])
    let open = 0
    const sockets = right.listening.flatMap((address) =>
      Array.from({ length: 150 }, () => {
        const socket = connect(portOf(address), '127.0.0.1', () => (open += 1))
        let isOpen = true
        const gone = () => {
          if (isOpen) open -= 1
          isOpen = false
        }
        socket.on('error', () => undefined)
        socket.on('close', gone)
        return socket
      }),
    )
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
    await until(() => open > 0, 'the flood')
    const changes = changesOf(left)
    left.keepConnected(b.key, right.listening)
    await until(() => isConnected(changes), 'the member')
    await until(() => sockets.every((socket) => socket.closed), 'all of the flood to be hung up on')
  })

  it('cannot keep members out by never letting off', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key])
    const left = await linkOf(a, [b.key])
    const open = new Map<Socket, number>()
    let isOver = false
    const flood = () => {
      const socket = connect({ port: portOf(right.listening[0]), host: '127.0.0.1', localAddress: '127.0.0.2' })
      socket.on('connect', () => open.set(socket, performance.now()))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        if (!isOver) setImmediate(flood)
      })
    }
    for (let i = 0; i < 150; i++) flood()
    onTestFinished(() => {
      isOver = true
      for (const socket of open.keys()) socket.destroy()
    })
    // Those beyond the limit of one host are hung up on at once; the others wait until their time is over.
    const waiting = () => [...open.values()].filter((since) => performance.now() - since > 500).length
    await until(() => waiting() >= 60, 'a waiting room full of strangers', 20_000)
    const changes = changesOf(left)
    left.keepConnected(b.key, right.listening)
    await until(() => isConnected(changes), 'the member', 5000)
  }, 40_000)

  it('is what a member becomes when it leaves the list', async () => {
    const [a, b] = newPair()
    const right = await linkOf(b, [a.key])
    const left = await linkOf(a, [b.key])
    const changes = changesOf(left)
    left.keepConnected(b.key, right.listening)
    await until(() => isConnected(changes), 'the connection')
    right.allow.replace([], [])
    await right.enforceAllowList()
    await until(() => !isConnected(changes), 'the end')
    await until(() => left.lastFailure(b.key) === 'HUNG_UP', 'the refusal of the next attempt')
    right.allow.replace([], [a.key])
    await until(() => isConnected(changes), 'the guest')
  })
})

describe('a peer that cannot be reached', () => {
  it.each([
    ['REFUSED', '/ip4/127.0.0.1/tcp/1'],
    ['UNKNOWN_HOST', '/dns/no-such-host.invalid/tcp/4101'],
  ])('is reported as %s at %s', async (failure, address) => {
    const [a, b] = newPair()
    const left = await linkOf(a, [b.key])
    left.keepConnected(b.key, [address])
    await until(() => left.lastFailure(b.key) !== null, 'the failure')
    expect(left.lastFailure(b.key)).toBe(failure)
  })

  it('is reported as OTHER_KEY when another member answers', async () => {
    const [a, b] = newPair()
    const c = newIdentity()
    const other = await linkOf(c, [a.key])
    const left = await linkOf(a, [b.key, c.key])
    left.keepConnected(b.key, other.listening)
    await until(() => left.lastFailure(b.key) !== null, 'the failure')
    expect(left.lastFailure(b.key)).toBe('OTHER_KEY')
  })
})

describe('an address that is taken', () => {
  it('is no address to listen on', async () => {
    const [a, b] = newPair()
    const first = await linkOf(a, [])
    await expect(linkOf(b, [], { listen: first.listening })).rejects.toMatchObject({ code: 'CANNOT_LISTEN' })
  })
})
