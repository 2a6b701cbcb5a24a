import { connect } from 'node:net'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AllowList } from '../../../src/main/peer/allow-list.ts'
import { createNode } from '../../../src/main/peer/libp2p-node.ts'
import { peerIdOf } from '../../../src/main/peer/peer-ids.ts'
import { startPeerThread } from '../../../src/main/peer/peer-thread.ts'
import { multiaddr } from '@multiformats/multiaddr'
import { type Identity, newIdentity, newPair, portOf, until } from './world.ts'

const MULTISTREAM = '\x13/multistream/1.0.0\n'
const NOISE = '\x07/noise\n'
const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
/** Frames that no client may send: unmasked, of an unknown kind, huge, text, a broken close, a ping that is too long. */
const BAD_FRAMES = [
  '\x82\x05hello',
  '\x8f\x80aaaa',
  '\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffaaaa',
  '\x81\x81aaaa\x00',
  '\x88\x81aaaab',
  '\x89\xfe\x01\x00aaaa',
]
const OPENINGS = [
  '',
  MULTISTREAM,
  MULTISTREAM + NOISE,
  UPGRADE,
  `${UPGRADE}\x82\x7f`,
  'GET / HTTP/1.1\r\n\r\n',
  '\x16\x03\x01',
]

/** A relay that listens on everything, and lets `members` in. */
async function node(self: Identity, members: string[]) {
  const faults: unknown[] = []
  let listening: readonly string[] = []
  const heard: string[] = []
  const network = startPeerThread(
    {
      seed: self.seed,
      listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'],
      members,
      guests: [],
      wanted: [],
      isRelay: true,
      isDiscoverable: false,
      // Or the limit on connections of one host would turn most of them away before anything is read.
      trustedFronts: ['/ip4/127.0.0.1/ipcidr/32'],
    },
    {
      up: ({ peer }) => void heard.push(`up ${peer}`),
      down: () => undefined,
      message: (_channel, message) => void heard.push(`message of ${message.length}`),
      drained: () => undefined,
      listening: (addresses) => (listening = addresses),
      failed: (code) => void faults.push(code),
      fault: (error) => void faults.push(error),
    },
  )
  onTestFinished(() => network.end())
  await until(() => listening.length === 2, 'the node to listen')
  return { network, faults, heard, listening }
}

/** Sends `bytes` from nowhere, and waits until the answer, if any, has come or the line is cut. */
function throwAt(port: number, bytes: Buffer, ends: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (ends) socket.end(bytes)
      else socket.write(bytes, () => setImmediate(() => socket.destroy()))
    })
    socket.on('data', () => undefined)
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
}

describe('a stranger', () => {
  it('can send anything to a listener, and nothing comes of it', async () => {
    const [a, b] = newPair()
    const { faults, heard, listening, network } = await node(b, [a.key])
    const opening = fc.constantFrom(...OPENINGS)
    const rest = fc.uint8Array({ maxLength: 2000 })
    await fc.assert(
      fc.asyncProperty(opening, rest, fc.boolean(), async (first, bytes, ends) => {
        const sent = Buffer.concat([Buffer.from(first, 'latin1'), bytes])
        await Promise.all(listening.map((address) => throwAt(portOf(address), sent, ends)))
      }),
      { numRuns: 150, examples: BAD_FRAMES.map((frame) => [UPGRADE + frame, new Uint8Array(), false]) },
    )
    expect([faults, heard]).toEqual([[], []])
    expect((await network.report()).listening).toEqual(listening)
  }, 60_000)
})

/** A muxer that lets `say` speak instead of muxing: how a member speaks that keeps to the handshake alone. */
function lying(say: (connection: MessageStream) => void): () => StreamMuxerFactory {
  return () => ({
    protocol: '/yamux/1.0.0',
    createStreamMuxer: (connection: MessageStream) => {
      connection.addEventListener('message', () => undefined)
      queueMicrotask(() => say(connection))
      return Object.assign(new EventTarget() as unknown as StreamMuxer, {
        protocol: '/yamux/1.0.0',
        streams: [],
        status: 'open' as const,
        createStream: () => Promise.reject(new Error('no streams here')),
        close: () => Promise.resolve(),
        abort: () => undefined,
      })
    },
  })
}

/** Connects as `self`, lets `say` speak, and hands the connection to `then`. */
async function lie(
  self: Identity,
  address: string,
  say: (connection: MessageStream) => void,
  then: (connection: Connection) => Promise<void>,
): Promise<void> {
  const member = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', self.seed),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [lying(say)],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
  })
  try {
    await then(await member.dial(multiaddr(address), { signal: AbortSignal.timeout(10_000) }))
  } finally {
    await member.stop()
  }
}

/** A header of Yamux. */
function header(version: number, type: number, flags: number, stream: number, length: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt8(version, 0)
  bytes.writeUInt8(type, 1)
  bytes.writeUInt16BE(flags, 2)
  bytes.writeUInt32BE(stream, 4)
  bytes.writeUInt32BE(length, 8)
  return bytes
}

describe('a member that says something else than streams', () => {
  async function world() {
    const [low, high] = newPair()
    const there = await node(high, [low.key])
    return { low, there, address: `${there.listening[0]!}/p2p/${peerIdOf(high.key).toString()}` }
  }

  it('costs at most its own link, whatever it says', async () => {
    const { low, there, address } = await world()
    // Frames that are nearly right: version, type, flags, stream, length, and what follows.
    const nearly = fc
      .tuple(fc.nat({ max: 1 }), fc.nat({ max: 4 }), fc.nat({ max: 15 }), fc.nat({ max: 5 }), fc.nat({ max: 200 }))
      .map((fields) => header(...fields))
    const frames = fc.array(fc.oneof(nearly, fc.uint8Array({ maxLength: 100 })), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(frames, async (said) => {
        const say = (connection: MessageStream) => void connection.send(Buffer.concat(said))
        await lie(low, address, say, (connection) => connection.close()).catch(() => undefined)
      }),
      { numRuns: 50 },
    )
    expect(there.faults).toEqual([])
    expect((await there.network.report()).listening).toEqual(there.listening)
  }, 60_000)

  it('is hung up on at the first frame that makes no sense', async () => {
    const { low, there, address } = await world()
    await lie(
      low,
      address,
      (connection) => void connection.send(header(9, 9, 9, 9, 9)),
      (connection) => until(() => connection.status !== 'open', 'being hung up on'),
    )
    expect(there.faults).toEqual([])
  })

  it('cannot make anybody keep a frame of gigabytes', async () => {
    const { low, there, address } = await world()
    let sent = 0
    let isOver = false
    const flood = (connection: MessageStream) => {
      const more = () => {
        try {
          while (!isOver && connection.send(new Uint8Array(60_000))) sent += 60_000
        } catch {
          isOver = true
        }
      }
      connection.addEventListener('drain', () => setImmediate(more))
      connection.addEventListener('close', () => (isOver = true))
      connection.send(header(0, 0, 1, 1, 0x7fff_ffff))
      more()
    }
    await lie(low, address, flood, (connection) => until(() => connection.status !== 'open', 'being hung up on'))
    expect(sent).toBeLessThan(32 * 1024 * 1024)
    expect(there.faults).toEqual([])
  })
})

describe('a member', () => {
  it('can send anything on any protocol, and costs at most its own link', async () => {
    const [low, high] = newPair()
    const friend = newIdentity()
    const there = await node(high, [low.key, friend.key])
    const allow = new AllowList()
    allow.replace([high.key], [])
    const settings = { listen: [], isRelay: false, trustedFronts: [], heartbeatMs: 60_000, handshakeMs: 5000 }
    const { node: member } = await createNode({ seed: low.seed, allow, maxConnections: 10, ...settings })
    onTestFinished(() => member.stop())
    await member.start()
    const target = multiaddr(`${there.listening[0]!}/p2p/${peerIdOf(high.key).toString()}`)
    const protocol = fc.constantFrom(
      '/ipfs/ping/1.0.0',
      '/ipfs/id/1.0.0',
      '/libp2p/circuit/relay/0.2.0/hop',
      '/libp2p/circuit/relay/0.2.0/stop',
      '/chartseal/sync/1',
      '/no/such/protocol',
    )
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3000 })
    await fc.assert(
      fc.asyncProperty(protocol, bytes, fc.boolean(), async (name, data, aborts) => {
        try {
          const signal = AbortSignal.timeout(5000)
          const connection = await member.dial(target, { signal })
          const stream = await connection.newStream(name, { signal })
          stream.send(data)
          if (aborts) stream.abort(new Error('enough'))
          else await stream.close({ signal })
        } catch {
          // Hung up on, or not spoken there: either is fine.
        }
      }),
      { numRuns: 150 },
    )
    expect(there.faults).toEqual([])
    expect((await there.network.report()).listening).toEqual(there.listening)
  }, 60_000)
})
