import { describe, expect, it } from 'vitest'
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'
import { linkOf, newIdentities, newIdentity, until } from './world.ts'

/** Sends back whatever comes. */
const echo = (_peer: string, stream: PeerStream) => stream.onData((bytes) => void stream.write(Uint8Array.from(bytes)))

function received(stream: PeerStream): { text: () => string } {
  const chunks: Uint8Array[] = []
  stream.onData((bytes) => chunks.push(Uint8Array.from(bytes)))
  return { text: () => Buffer.concat(chunks).toString() }
}

describe('two members', () => {
  it('connect, know each other by key, and exchange bytes', async () => {
    const [a, b] = newIdentities(2) as [never, never] as ReturnType<typeof newIdentities>
    const left = await linkOf(a!, [b!.key])
    const right = await linkOf(b!, [a!.key])
    const met: string[] = []
    right.onStream((peer, stream) => {
      met.push(peer)
      echo(peer, stream)
    })
    const changes: [string, boolean][] = []
    left.onPeer((...change) => changes.push(change))
    left.keepConnected(b!.key, right.listening)
    await until(() => changes.length > 0, 'the connection')
    const stream = await left.open(b!.key)
    const answer = received(stream)
    stream.write(Buffer.from('hello'))
    await until(() => answer.text() === 'hello', 'the echo')
    expect([met, changes]).toEqual([[a!.key], [[b!.key, true]]])
    expect(stream.facts).toMatchObject({ isOutbound: true, isRelayed: false, address: right.listening[0] })
  })
})
