import { connect } from 'node:net'
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
      relays: [],
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
