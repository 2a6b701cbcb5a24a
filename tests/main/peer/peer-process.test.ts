import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type PeerChannel, startPeerThread } from '../../../src/main/peer/peer-thread.ts'
import { type Identity, newPair, until } from './world.ts'

const PROGRAM = join(import.meta.dirname, 'peer-until-killed.ts')
const BASE = { guests: [], relays: [], isRelay: false, isDiscoverable: false, heartbeatMs: 500 }

interface Node {
  readonly process: ChildProcess
  readonly events: Record<string, unknown>[]
  listening: () => string[]
}

function node(self: Identity, settings: object): Node {
  const events: Record<string, unknown>[] = []
  const argument = JSON.stringify({ ...BASE, wanted: [], ...settings, seed: Buffer.from(self.seed).toString('hex') })
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
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
async function pair() {
  const [a, b] = newPair()
  const there = node(b, { members: [a.key], listen: ['/ip4/127.0.0.1/tcp/0'] })
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
