import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type PeerChannel, startPeerThread } from '../../../src/main/peer/peer-thread.ts'
import { type Identity, newPair, portOf, tap, until } from './world.ts'

const PROGRAM = join(import.meta.dirname, 'peer-until-killed.ts')
const BASE = { guests: [], isRelay: false, isDiscoverable: false, heartbeatMs: 500 }

interface Node {
  readonly process: ChildProcess
  readonly events: Record<string, unknown>[]
  listening: () => string[]
}

function node(self: Identity, settings: object, env: Record<string, string> = {}): Node {
  const events: Record<string, unknown>[] = []
  const argument = JSON.stringify({ ...BASE, wanted: [], ...settings, seed: Buffer.from(self.seed).toString('hex') })
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  createInterface({ input: child.stdout }).on('line', (line) => void events.push(JSON.parse(line) as never))
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    process: child,
    events,
    listening: () => (events.find((e) => 'listening' in e)?.listening ?? []) as string[],
  }
}

/** A node here that keeps connected with a node in another process. */
async function pair(env: Record<string, string> = {}) {
  const [a, b] = newPair()
  const there = node(b, { members: [a.key], listen: ['/ip4/127.0.0.1/tcp/0'] }, env)
  await until(() => there.listening().length > 0, 'the other process')
  const address = there.listening()[0]!
  const channels: PeerChannel[] = []
  const heard: string[] = []
  let ups = 0
  const network = startPeerThread(
    { ...BASE, seed: a.seed, members: [b.key], listen: [], wanted: [{ peer: b.key, addresses: [address] }] },
    {
      up: (channel) => {
        ups += 1
        channels.push(channel)
      },
      down: (channel) => void channels.splice(channels.indexOf(channel), 1),
      message: (_channel, message) => void heard.push(Buffer.from(message).toString()),
      drained: () => undefined,
      listening: () => undefined,
      failed: (code) => expect.fail(code),
      fault: (error) => expect.fail(String(error)),
    },
  )
  onTestFinished(() => network.end())
  const talks = async (text: string) => {
    await until(() => channels.length === 1, 'the channel', 20_000)
    channels[0]!.send(Buffer.from(text))
    await until(() => heard.includes(text), `the echo of "${text}"`, 20_000)
  }
  await talks('first')
  return { b, a, there, address, network, channels, talks, ups: () => ups }
}

describe('a peer in another process', () => {
  it('that is killed is gone at once, reported, and found again when it is back', async () => {
    const { a, b, there, address, network, channels, talks } = await pair()
    const before = Date.now()
    there.process.kill('SIGKILL')
    await until(() => channels.length === 0, 'the end of the channel')
    expect(Date.now() - before).toBeLessThan(2000)
    const reported = async () => (await network.report()).peers[0]
    await until(() => there.process.signalCode !== null, 'its death')
    let report = await reported()
    while (report?.lastFailure !== 'REFUSED') report = await reported()
    expect(report).toMatchObject({ peer: b.key, link: null })
    node(b, { members: [a.key], listen: [address] })
    await talks('again')
    const { link } = (await reported())!
    expect(link).toMatchObject({ address, isOutbound: true, isRelayed: false, bytesIn: 5, bytesOut: 5 })
  }, 40_000)

  it('that hangs is noticed by its missing heartbeat, and found again when it goes on', async () => {
    const { there, channels, talks, ups } = await pair()
    there.process.kill('SIGSTOP')
    await until(() => channels.length === 0, 'the end of the channel', 20_000)
    there.process.kill('SIGCONT')
    await talks('again')
    expect(ups()).toBeGreaterThanOrEqual(2)
  }, 60_000)
})

describe('a peer in Electron, whose crypto lacks a cipher', () => {
  it('speaks the same handshake with another implementation', async () => {
    const electron = 'Object.defineProperty(process.versions,"electron",{value:"45.0.0",enumerable:true})'
    const { talks, there } = await pair({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(electron)}`,
    })
    await talks('more')
    expect(there.events[0]).toEqual({ electron: '45.0.0' })
    expect(there.events.some((event) => 'fault' in event)).toBe(false)
  }, 30_000)
})

describe('a peer behind a firewall that lets only its proxy out', () => {
  it('gets through by WebSocket, with nothing for the proxy to read', async () => {
    const [a, b] = newPair()
    const heard: string[] = []
    let address = ''
    const network = startPeerThread(
      { ...BASE, seed: a.seed, members: [b.key], listen: ['/ip4/127.0.0.1/tcp/0/ws'], wanted: [] },
      {
        up: (channel) => void channel.send(Buffer.from('Erika Mustermann')),
        down: () => undefined,
        message: (_channel, message) => void heard.push(Buffer.from(message).toString()),
        drained: () => undefined,
        listening: (addresses) => void (address = addresses[0] ?? ''),
        failed: (code) => expect.fail(code),
        fault: (error) => expect.fail(String(error)),
      },
    )
    onTestFinished(() => network.end())
    await until(() => address !== '', 'the address')
    const line = await tap(portOf(address))
    const asked: string[] = []
    const proxy = createServer().on('connect', (request, near: Socket, head) => {
      asked.push(request.url ?? '')
      const far = connect(portOf(line.address), '127.0.0.1', () => {
        near.write('HTTP/1.1 200 OK\r\n\r\n')
        far.write(head)
        near.pipe(far).pipe(near)
      })
      for (const socket of [near, far]) socket.on('error', () => near.destroy())
      onTestFinished(() => void far.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      proxy.closeAllConnections()
      proxy.close()
    })
    const url = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`
    node(
      b,
      { members: [a.key], listen: [], wanted: [{ peer: a.key, addresses: ['/dns/hub.invalid/tcp/443/ws'] }] },
      { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: '' },
    )
    await until(() => heard.includes('Erika Mustermann'), 'the echo', 20_000)
    expect(asked[0]).toBe('hub.invalid:443')
    expect(Buffer.concat([...line.up, ...line.down]).includes('Mustermann')).toBe(false)
  }, 30_000)
})
