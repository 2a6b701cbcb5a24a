import { describe, expect, it } from 'vitest'
import { AllowList } from '../../../src/main/peer/allow-list.ts'
import { type Libp2pLink, openLibp2pLink } from '../../../src/main/peer/libp2p-link.ts'
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'
import { type Identity, linkOf, newIdentity, newPair, portOf, tap, until } from './world.ts'

const SECRET = 'Erika Mustermann 5.4 mmol/L'

/** Sends back whatever comes, waiting for room. */
function echo(_peer: string, stream: PeerStream): void {
  stream.onData((bytes) => {
    if (stream.write(Uint8Array.from(bytes))) return
    stream.pause()
    stream.drain().then(stream.resume, () => undefined)
  })
}

/** Whoever connects is fine, until it is not. */
const connectionTo = (link: Libp2pLink, peer: string) => {
  let isUp = false
  link.onPeer((who, up) => {
    if (who === peer) isUp = up
  })
  return () => isUp
}

async function startRelay(hub: Identity, members: string[], guests: string[], listen: string[]): Promise<Libp2pLink> {
  const allow = new AllowList()
  allow.replace(members, guests)
  const settings = { trustedFronts: [], heartbeatMs: 500, handshakeMs: 5000, maxConnections: 100 }
  return openLibp2pLink({ seed: hub.seed, allow, listen, isRelay: true, ...settings })
}

describe('two members that cannot dial each other', () => {
  it('meet at a relay, which reads nothing, and again after the relay was away', async () => {
    const hub = newIdentity()
    const [a, b] = newPair()
    let relay = await startRelay(hub, [a.key, b.key], [], ['/ip4/127.0.0.1/tcp/0'])
    const { listening } = relay
    const line = await tap(portOf(listening[0]))
    const left = await linkOf(a, [hub.key, b.key], { listen: [], heartbeatMs: 500 })
    const right = await linkOf(b, [hub.key, a.key], { listen: [], heartbeatMs: 500 })
    right.onStream(echo)
    const isUp = connectionTo(left, b.key)
    left.keepConnected(hub.key, [line.address])
    right.keepConnected(hub.key, listening)
    right.keepPlacesAt([hub.key])
    left.keepConnected(b.key, [], [hub.key])

    const talk = async () => {
      await until(isUp, 'the relayed connection', 25_000)
      const stream = await left.open(b.key)
      let bytes = 0
      stream.onData((chunk) => (bytes += chunk.length))
      const text = Buffer.from(SECRET.repeat(10_000))
      if (!stream.write(text)) await stream.drain()
      await until(() => bytes === text.length, 'the echo')
      return stream
    }
    try {
      const stream = await talk()
      expect(stream.facts).toMatchObject({ isRelayed: true, isOutbound: true })
      const seen = Buffer.concat([...line.up, ...line.down])
      expect(seen.length).toBeGreaterThan(2 * SECRET.length * 10_000)
      expect(seen.includes('Mustermann')).toBe(false)

      await relay.stop()
      await until(() => !isUp(), 'the end of the relayed connection')
      relay = await startRelay(hub, [a.key, b.key], [], listening)
      await talk()
    } finally {
      await relay.stop()
    }
  }, 60_000)

  it('leave the relay when one of them can be dialled after all', async () => {
    const hub = newIdentity()
    const [a, b] = newPair()
    const relay = await startRelay(hub, [a.key, b.key], [], ['/ip4/127.0.0.1/tcp/0'])
    try {
      const left = await linkOf(a, [hub.key, b.key], { listen: [] })
      const right = await linkOf(b, [hub.key, a.key])
      right.onStream(echo)
      const isUp = connectionTo(left, b.key)
      const line = await tap(portOf(right.listening[0]))
      left.keepConnected(hub.key, relay.listening)
      right.keepConnected(hub.key, relay.listening)
      right.keepPlacesAt([hub.key])
      left.keepConnected(b.key, ['/ip4/127.0.0.1/tcp/1'], [hub.key])
      await until(isUp, 'the relayed connection')
      // Nothing changes as long as nobody answers there.
      await left.preferDirect()
      expect((await left.open(b.key)).facts.isRelayed).toBe(true)
      left.keepConnected(b.key, [line.address], [hub.key])
      await left.preferDirect()
      await until(() => isUp() && line.up.length > 0, 'the direct connection')
      const isDirect = async () => !(await left.open(b.key)).facts.isRelayed
      await until(isUp, 'the next connection')
      expect(await isDirect()).toBe(true)
    } finally {
      await relay.stop()
    }
  })

  it('are not helped by a relay when one of them is a guest', async () => {
    const hub = newIdentity()
    const [a, b] = newPair()
    const relay = await startRelay(hub, [a.key], [b.key], ['/ip4/127.0.0.1/tcp/0'])
    try {
      const left = await linkOf(a, [hub.key, b.key], { listen: [] })
      const right = await linkOf(b, [hub.key, a.key], { listen: [] })
      const isAtRelay = connectionTo(right, hub.key)
      const isUp = connectionTo(left, b.key)
      right.keepConnected(hub.key, relay.listening)
      right.keepPlacesAt([hub.key])
      left.keepConnected(hub.key, relay.listening)
      await until(isAtRelay, 'the guest at the relay')
      left.keepConnected(b.key, [], [hub.key])
      await until(() => left.lastFailure(b.key) === 'NOT_AT_RELAY', 'the refusal')
      expect(isUp()).toBe(false)
    } finally {
      await relay.stop()
    }
  })
})
