import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type PeerChannel,
  type PeerNetwork,
  type PeerNetworkListeners,
  type PeerSettings,
  startPeerThread,
} from '../../../src/main/peer/peer-thread.ts'
import { type Identity, newPair, until } from './world.ts'

const text = (message: Uint8Array) => Buffer.from(message).toString()
const bytes = (message: string) => Uint8Array.from(Buffer.from(message))

interface Node {
  readonly network: PeerNetwork
  readonly channels: PeerChannel[]
  readonly messages: string[]
  readonly faults: unknown[]
  readonly listening: () => readonly string[]
}

function start(
  self: Identity,
  settings: Partial<PeerSettings>,
  listeners: Partial<PeerNetworkListeners> = {},
  file?: URL,
): Node {
  const channels: PeerChannel[] = []
  const messages: string[] = []
  const faults: unknown[] = []
  let listening: readonly string[] = []
  const network = startPeerThread(
    {
      seed: self.seed,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      members: [],
      guests: [],
      wanted: [],
      relays: [],
      isRelay: false,
      isDiscoverable: false,
      ...settings,
    },
    {
      up: (channel) => void channels.push(channel),
      message: (_channel, message) => void messages.push(text(message)),
      drained: () => undefined,
      down: (channel) => void channels.splice(channels.indexOf(channel), 1),
      listening: (addresses) => (listening = addresses),
      failed: (code) => void faults.push(code),
      fault: (error) => void faults.push(error),
      ...listeners,
    },
    ...(file === undefined ? [] : [file]),
  )
  onTestFinished(() => network.end())
  return { network, channels, messages, faults, listening: () => listening }
}

async function pair(left: Partial<PeerNetworkListeners> = {}, right: Partial<PeerNetworkListeners> = {}) {
  const [a, b] = newPair()
  const one = start(a, { members: [b.key] }, left)
  await until(() => one.listening().length > 0, 'the first to listen')
  const other = start(b, { members: [a.key], wanted: [{ peer: a.key, addresses: one.listening() }] }, right)
  await until(() => one.channels.length === 1 && other.channels.length === 1, 'the channel')
  return { a: a, b: b, one, other }
}

describe('two threads of sockets', () => {
  it('exchange messages over one channel, whichever side dials', async () => {
    const { a, b, one, other } = await pair()
    expect([one.channels[0]!.peer, other.channels[0]!.peer]).toEqual([b.key, a.key])
    one.channels[0]!.send(bytes('to the other'))
    other.channels[0]!.send(bytes('to the one'))
    await until(() => one.messages.length + other.messages.length === 2, 'both messages')
    expect([one.messages, other.messages]).toEqual([['to the one'], ['to the other']])
  })
})
