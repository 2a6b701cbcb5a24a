import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type PeerChannel,
  type PeerNetwork,
  type PeerNetworkListeners,
  type PeerSettings,
  startPeerThread,
} from '../../../src/main/peer/peer-thread.ts'
import { encodeFrame } from '../../../src/sync/frames.ts'
import { hasMulticast, type Identity, linkOf, newIdentity, newPair, ownAddress, until } from './world.ts'

const text = (message: Uint8Array) => Buffer.from(message).toString()
const bytes = (message: string) => Uint8Array.from(Buffer.from(message))

interface Node {
  readonly network: PeerNetwork
  readonly channels: PeerChannel[]
  readonly messages: string[]
  readonly faults: unknown[]
  readonly listening: () => readonly string[]
  readonly hasListened: () => boolean
  /** Channels so far, and at once. */
  readonly ups: () => number
  readonly most: () => number
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
  let hasListened = false
  let ups = 0
  let most = 0
  const network = startPeerThread(
    {
      seed: self.seed,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      members: [],
      guests: [],
      wanted: [],
      isRelay: false,
      isDiscoverable: false,
      ...settings,
    },
    {
      up: (channel) => {
        channels.push(channel)
        ups += 1
        most = Math.max(most, channels.length)
      },
      message: (_channel, message) => void messages.push(text(message)),
      drained: () => undefined,
      down: (channel) => void channels.splice(channels.indexOf(channel), 1),
      listening: (addresses) => {
        listening = addresses
        hasListened = true
      },
      failed: (code) => void faults.push(code),
      fault: (error) => void faults.push(error),
      ...listeners,
    },
    ...(file === undefined ? [] : [file]),
  )
  onTestFinished(() => network.end())
  return {
    network,
    channels,
    messages,
    faults,
    listening: () => listening,
    hasListened: () => hasListened,
    ups: () => ups,
    most: () => most,
  }
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

  it('lose nothing of order or content over a thousand messages of all sizes', async () => {
    const heard: Uint8Array[] = []
    const message = (_channel: PeerChannel, received: Uint8Array) => void heard.push(received)
    let pump = () => {}
    const { one } = await pair({ drained: () => pump() }, { message })
    const sent = Array.from({ length: 1000 }, (_, i) => new Uint8Array(1 + ((i * 7919) % 20_000)).fill(i))
    let next = 0
    pump = () => {
      while (next < sent.length && one.channels[0]!.send(sent[next++]!));
    }
    pump()
    await until(() => heard.length === sent.length, 'all messages')
    expect(heard).toEqual(sent)
  })

  it('wait for a slow reader without filling memory, and go on when it is ready', async () => {
    let release: () => void = () => undefined
    const ready = new Promise<void>((resolve) => (release = resolve))
    let begun = 0
    let done = 0
    let drained = 0
    const slow = async () => {
      begun += 1
      await ready
      done += 1
    }
    const { one, other } = await pair({ drained: () => void (drained += 1) }, { message: slow })
    const channel = one.channels[0]!
    const message = new Uint8Array(100_000)
    let sent = 0
    // A sender that keeps to the rules: it stops when told, and goes on when told.
    const pump = () => {
      while (sent < 100 && channel.send(message)) sent += 1
    }
    const total = 100
    pump()
    let before = -1
    await until(() => {
      const isStill = before === begun
      before = begun
      return isStill && begun > 0
    }, 'the reader to be full')
    // One budget, one window and what was cut off with the last chunk: far from all of it.
    expect(begun * message.length).toBeLessThan(4 * 1024 * 1024)
    expect(channel.waiting).toBeLessThanOrEqual(1024 * 1024 + message.length)
    release()
    await until(() => {
      if (drained > 0) pump()
      return sent >= total
    }, 'the rest to leave')
    await until(() => done >= total, 'the rest to arrive')
    expect(other.faults).toEqual([])
  })

  it('say who is connected and how', async () => {
    const { a, b, one, other } = await pair()
    one.channels[0]!.send(bytes('12345'))
    await until(() => other.messages.length === 1, 'the message')
    const [seen] = (await other.network.report()).peers
    expect(seen).toMatchObject({ peer: a.key, lastFailure: null, discovered: [] })
    expect(seen!.link).toMatchObject({ address: one.listening()[0], isOutbound: true, isRelayed: false, bytesIn: 5 })
    const report = await one.network.report()
    expect(report.listening).toEqual(one.listening())
    expect(report.peers[0]).toMatchObject({ peer: b.key, link: { isOutbound: false, bytesOut: 5 } })
  })

  it('part when one leaves the list, and meet again when it is back', async () => {
    const { b, one, other } = await pair()
    one.network.setAllowed({ members: [], guests: [] })
    await until(() => one.channels.length + other.channels.length === 0, 'the end')
    one.network.setAllowed({ members: [], guests: [b.key] })
    await until(() => one.channels.length === 1 && other.channels.length === 1, 'the channel')
  })

  it('part when one wants the other no more, and when it hangs up meet again', async () => {
    const { a, one, other } = await pair()
    const [channel] = other.channels
    channel!.send(bytes('a last word'))
    channel!.hangUp()
    await until(() => one.channels.length === 0, 'the end')
    expect(one.messages).toEqual(['a last word'])
    await until(() => one.channels.length === 1, 'the channel')
    other.network.want([])
    await until(() => one.channels.length === 0 && other.channels.length === 0, 'the end')
    expect((await other.network.report()).peers).toEqual([])
    other.network.want([{ peer: a.key, addresses: one.listening() }])
    await until(() => one.channels.length === 1, 'the channel')
  })
})

describe('three threads of sockets', () => {
  it('connect two that listen nowhere through the one that is a relay, which others are not', async () => {
    const hub = newIdentity()
    const [a, b] = newPair()
    const members = [hub.key, a.key, b.key]
    const relay = start(hub, { members, isRelay: true })
    await until(() => relay.listening().length > 0, 'the relay to listen')
    const toHub = { peer: hub.key, addresses: relay.listening() }
    const one = start(a, { members, listen: [], wanted: [toHub, { peer: b.key, addresses: [], via: [hub.key] }] })
    const other = start(b, { members, listen: [], wanted: [toHub] })
    await until(() => other.channels.length === 1, 'the relay')
    const reported = async () => (await one.network.report()).peers.find(({ peer }) => peer === b.key)!
    let report = await reported()
    while (report.lastFailure !== 'NOT_AT_RELAY') report = await reported()
    other.network.want([{ ...toHub, isOurRelay: true }])
    await until(() => one.channels.length === 2 && other.channels.length === 2, 'the relayed channel')
    const channel = one.channels.find(({ peer }) => peer === b.key)!
    expect([channel.facts.isRelayed, (await reported()).lastFailure]).toEqual([true, null])
    channel.send(bytes('through the relay'))
    await until(() => other.messages.length === 1, 'the message')
    expect([other.messages, relay.messages]).toEqual([['through the relay'], []])
  }, 40_000)
})

describe.skipIf(!(await hasMulticast(ownAddress())))('needs multicast on an interface: two threads of sockets', () => {
  it('find each other without any address, and report where', async () => {
    const [a, b] = newPair()
    const settings = { listen: ['/ip4/0.0.0.0/tcp/0'], isDiscoverable: true }
    const one = start(a, { ...settings, members: [b.key] })
    const other = start(b, { ...settings, members: [a.key] })
    await until(() => one.channels.length === 1 && other.channels.length === 1, 'the channel', 20_000)
    const reports = await Promise.all([one, other].map(async ({ network }) => (await network.report()).peers[0]!))
    expect(reports.map(({ link }) => link !== null)).toEqual([true, true])
    expect(reports.flatMap(({ discovered }) => discovered).length).toBeGreaterThan(0)
  }, 30_000)
})

describe('a member that does not keep to the rules', () => {
  /** A node, and a member that speaks to it in bytes of its own. */
  async function hostile() {
    const [low, high] = newPair()
    const node = start(high, { members: [low.key] })
    await until(() => node.listening().length > 0, 'the node to listen')
    const member = await linkOf(low, [high.key])
    let isUp = false
    member.onPeer((_peer, up) => (isUp = up))
    member.keepConnected(high.key, node.listening())
    await until(() => isUp, 'the connection')
    return { node, member, peer: high.key }
  }

  it.each([
    ['a frame that is too large', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['an empty frame', Buffer.alloc(4)],
    ['what is no frame', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('and sends %s is hung up on before anything is kept', async (_what, sent) => {
    const { node, member, peer } = await hostile()
    const stream = await member.open(peer)
    await until(() => node.channels.length === 1, 'the channel')
    let isClosed = false
    stream.onClose(() => (isClosed = true))
    stream.write(sent)
    await until(() => isClosed && node.channels.length === 0, 'the end')
    expect([node.messages, node.faults]).toEqual([[], []])
  })

  it('and opens streams without end gets one at a time, and is hung up on', async () => {
    const { node, member, peer } = await hostile()
    let wasHungUpOn = false
    member.onPeer((_peer, up) => (wasHungUpOn ||= !up))
    // All at once, as many as libp2p takes, and then one after the other.
    const open = () => member.open(peer).catch(() => null)
    await Promise.all(Array.from({ length: 60 }, open))
    while (!wasHungUpOn) await open()
    await until(() => node.ups() > 0, 'word of it')
    expect(node.most()).toBe(1)
    expect(node.ups()).toBeLessThanOrEqual(8)
  })

  it('and sends without end to a reader that is busy fills one budget, not the memory', async () => {
    const [low, high] = newPair()
    const node = start(high, { members: [low.key] }, { message: () => new Promise(() => undefined) })
    await until(() => node.listening().length > 0, 'the node to listen')
    const member = await linkOf(low, [high.key])
    let isUp = false
    member.onPeer((_peer, up) => (isUp = up))
    member.keepConnected(high.key, node.listening())
    await until(() => isUp, 'the connection')
    const stream = await member.open(high.key)
    const message = encodeFrame(new Uint8Array(200_000))
    let sent = 0
    const flood = async () => {
      for (; sent < 1000; sent++) if (!stream.write(message)) await stream.drain()
    }
    const flooding = flood().catch(() => undefined)
    const bytesIn = async () => (await node.network.report()).peers[0]?.link?.bytesIn ?? 0
    while ((await bytesIn()) < 1024 * 1024);
    // A hundred questions and answers later it is still where it was: the sender waits.
    for (let i = 0; i < 100; i++) await bytesIn()
    expect(await bytesIn()).toBeLessThan(3 * 1024 * 1024)
    expect(sent * message.length).toBeLessThan(8 * 1024 * 1024)
    stream.abort(new Error('enough'))
    await flooding
  })
})

describe('a thread of sockets', () => {
  it('that cannot listen says so, and dials nevertheless', async () => {
    const [a, b] = newPair()
    const first = start(a, { members: [b.key] })
    await until(() => first.listening().length > 0, 'the first to listen')
    const wanted = [{ peer: a.key, addresses: first.listening() }]
    const second = start(b, { members: [a.key], listen: first.listening(), wanted })
    await until(() => second.channels.length === 1, 'the channel')
    expect([second.faults, second.hasListened()]).toEqual([['CANNOT_LISTEN'], false])
  })

  it('that ends by itself takes its channels down, and is started again as things are then', async () => {
    const program = `
      import { parentPort } from 'node:worker_threads'
      parentPort.on('message', (message) => {
        if (message.do === 'start') {
          parentPort.postMessage({ on: 'listening', self: 'x', addresses: message.settings.members })
          parentPort.postMessage({ on: 'up', link: 1, peer: 'p', facts: {} })
        }
        if (message.do === 'want') throw new Error('broken')
        if (message.do === 'stop') parentPort.postMessage({ on: 'stopped' })
      })`
    const [a] = newPair()
    const file = new URL(`data:text/javascript,${encodeURIComponent(program)}`)
    const node = start(a, { members: ['first'] }, {}, file)
    await until(() => node.channels.length === 1, 'the channel')
    const [gone] = node.channels
    const report = node.network.report()
    node.network.setAllowed({ members: ['second'], guests: [] })
    node.network.want([])
    await until(() => node.faults.length === 1, 'the fault')
    expect([gone!.send(bytes('to nobody')), await report]).toEqual([true, { listening: [], peers: [] }])
    await until(() => node.listening()[0] === 'second' && node.channels.length === 1, 'the restart')
    expect(node.channels[0]!.link).not.toBe(gone!.link)
    await node.network.end()
    expect(node.faults).toHaveLength(1)
  })

  it('survives listeners that throw', async () => {
    const { one, other } = await pair(
      {},
      {
        message: () => {
          throw new Error('a bug of ours')
        },
      },
    )
    one.channels[0]!.send(bytes('x'))
    one.channels[0]!.send(bytes('y'))
    await until(() => other.faults.length === 2, 'the faults')
    expect(other.channels).toHaveLength(1)
  })
})
