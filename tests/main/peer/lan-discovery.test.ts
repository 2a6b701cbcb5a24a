import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import makeMdns from 'multicast-dns'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LanDiscovery, type LocalInterface } from '../../../src/main/peer/lan-discovery.ts'
import { hasMulticast, newIdentity, until } from './world.ts'

const here: LocalInterface[] = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .slice(0, 1)

const isPossible = await hasMulticast(here[0]?.address)
let nextPort = 20_000 + (process.pid % 20_000)

function discovery(port: number, self: string, listen: string[], isKnown: (peer: string) => boolean = () => true) {
  let founds = 0
  const it = new LanDiscovery(
    { self, addresses: listen },
    { isKnown, found: () => void (founds += 1) },
    { port, interfaces: () => here },
  )
  onTestFinished(() => it.stop())
  return { it, founds: () => founds }
}

describe.skipIf(!isPossible)('needs multicast on an interface: nodes on one local network', () => {
  it('find each other, by the address the answer came from', async () => {
    const port = nextPort++
    const [a, b] = [newIdentity().key, newIdentity().key]
    const one = discovery(port, a, ['/ip4/127.0.0.1/tcp/4101'])
    const other = discovery(port, b, ['/ip4/127.0.0.1/tcp/4102', '/ip4/127.0.0.1/tcp/4103/ws'])
    await until(() => one.it.peers.size > 0, 'the other')
    expect([...one.it.peers]).toEqual([[b, [`/ip4/${here[0]!.address}/tcp/4102`]]])
    expect(one.founds()).toBe(1)
    expect(other.it.peers.has(b)).toBe(false)
  })

  it('remember nobody who is no member', async () => {
    const port = nextPort++
    const [a, b, stranger] = [newIdentity().key, newIdentity().key, newIdentity().key]
    const one = discovery(port, a, [], (peer) => peer === b)
    discovery(port, stranger, ['/ip4/127.0.0.1/tcp/1'])
    discovery(port, b, ['/ip4/127.0.0.1/tcp/2'])
    await until(() => one.it.peers.size > 0, 'the member')
    expect([...one.it.peers.keys()]).toEqual([b])
  })

  it('tell a port and a key, and nothing else', async () => {
    const port = nextPort++
    const key = newIdentity().key
    const told: { name: string; type: string; data: unknown }[] = []
    const ear = makeMdns({ interface: here[0]!.address, bind: '0.0.0.0', port })
    onTestFinished(() => ear.destroy())
    ear.on(
      'response',
      ({ answers, additionals }) => void told.push(...([...(answers ?? []), ...(additionals ?? [])] as never[])),
    )
    await new Promise<void>((resolve) => ear.once('ready', resolve))
    discovery(port, key, ['/ip4/127.0.0.1/tcp/4101'])
    ear.query('_chartseal._tcp.local', 'PTR')
    await until(() => told.length >= 3, 'the answer')
    const name = `${key.slice(0, 16)}._chartseal._tcp.local`
    expect(told.slice(0, 3).map(({ type, data }) => [type, data])).toEqual([
      ['PTR', name],
      ['SRV', { port: 4101, target: `${key.slice(0, 16)}.local`, priority: 0, weight: 0 }],
      ['TXT', [Buffer.from(`k=${key}`)]],
    ])
  })

  it('are not misled by what makes no sense, and keep few addresses of one peer', async () => {
    const port = nextPort++
    const [self, peer] = [newIdentity().key, newIdentity().key]
    const one = discovery(port, self, ['/ip4/127.0.0.1/tcp/4101'])
    const mouth = makeMdns({ interface: here[0]!.address, bind: '0.0.0.0', port })
    onTestFinished(() => mouth.destroy())
    await new Promise<void>((resolve) => mouth.once('ready', resolve))
    const say = (key: string, srvPort: number, type = 'SRV') => {
      const name = `x${srvPort}._chartseal._tcp.local`
      const srv = { name, type, data: { port: srvPort, target: 'x.local' } } as never
      mouth.respond({ answers: [srv, { name, type: 'TXT', data: [`k=${key}`] }] })
    }
    const raw = createSocket('udp4')
    onTestFinished(() => void raw.close())
    for (const junk of ['', 'junk', '\xff'.repeat(500)]) raw.send(Buffer.from(junk, 'latin1'), port, here[0]!.address)
    say('not a key', 1)
    say(peer.toUpperCase(), 1)
    say(self, 1)
    say(peer, 0)
    mouth.respond({ answers: [{ name: 'y._chartseal._tcp.local', type: 'TXT', data: [`k=${peer}`] }] })
    for (let p = 1; p <= 20; p++) say(peer, p)
    await until(() => one.it.peers.get(peer)?.[0]?.endsWith('/tcp/20'), 'the last')
    expect([...one.it.peers.keys()]).toEqual([peer])
    expect(one.it.peers.get(peer)).toHaveLength(4)
  })

  it('are silent once they are told to stop', async () => {
    const port = nextPort++
    const gone = discovery(port, newIdentity().key, ['/ip4/127.0.0.1/tcp/1'])
    const stays = newIdentity().key
    gone.it.stop()
    const one = discovery(port, newIdentity().key, [])
    discovery(port, stays, ['/ip4/127.0.0.1/tcp/2'])
    await until(() => one.it.peers.size > 0, 'the one that stays')
    expect([...one.it.peers.keys()]).toEqual([stays])
  })
})

describe('a machine without any network', () => {
  it('finds nobody, and does not mind', () => {
    const alone = new LanDiscovery(
      { self: newIdentity().key, addresses: ['/ip4/127.0.0.1/tcp/4101'] },
      { isKnown: () => true, found: () => expect.fail('found somebody') },
      { interfaces: () => [] },
    )
    expect(alone.peers.size).toBe(0)
    alone.stop()
  })
})
