import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { FrameChannel } from '../../../src/main/peer/frame-channel.ts'
import { PeerChannels } from '../../../src/main/peer/peer-channels.ts'
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'
import { FakeStream } from './fake-stream.ts'

/** A link as the channels see it: `a` is below us, `z` above. */
function world(self = 'm') {
  let accept: (peer: string, stream: PeerStream) => void = () => undefined
  let change: (peer: string, isConnected: boolean) => void = () => undefined
  const opens: { peer: string; resolve: (stream: PeerStream) => void; reject: (error: Error) => void }[] = []
  const log: string[] = []
  const open = new Map<FrameChannel, string>()
  const channels = new PeerChannels(
    {
      self,
      onStream: (listener) => (accept = listener),
      onPeer: (listener) => (change = listener),
      open: (peer) => new Promise((resolve, reject) => opens.push({ peer, resolve, reject })),
      hangUp: (peer) => {
        log.push(`hang up ${peer}`)
        return Promise.resolve()
      },
      dropSpares: (peer) => void log.push(`drop spares of ${peer}`),
    },
    {
      opened: (peer) => {
        let mine: FrameChannel
        return {
          began: (channel) => {
            mine = channel
            open.set(channel, peer)
          },
          frame: (bytes) => void log.push(`${peer}: ${Buffer.from(bytes).toString()}`),
          sent: () => undefined,
          closed: () => void open.delete(mine),
        }
      },
    },
  )
  onTestFinished(() => channels.stop())
  return {
    opens,
    log,
    open: () => [...open.values()],
    accept: (peer: string, stream: PeerStream) => accept(peer, stream),
    change: (peer: string, isConnected: boolean) => change(peer, isConnected),
  }
}

describe('the end with the lower key', () => {
  it('opens the stream, once, and closes the connections beside it', async () => {
    const { opens, open, log, change } = world()
    change('z', true)
    change('z', true)
    expect(opens).toHaveLength(1)
    opens[0]!.resolve(new FakeStream())
    await vi.waitFor(() => expect(open()).toEqual(['z']))
    expect(log).toEqual(['drop spares of z'])
  })

  it('opens another when the connection came anew while it tried', async () => {
    const { opens, open, change } = world()
    change('z', true)
    change('z', false)
    change('z', true)
    opens[0]!.reject(new Error('gone'))
    await vi.waitFor(() => expect(opens).toHaveLength(2))
    opens[1]!.resolve(new FakeStream())
    await vi.waitFor(() => expect(open()).toEqual(['z']))
  })

  it('opens another over a connection that comes when one stands: the other end may have lost that', async () => {
    const { opens, open, log, change } = world()
    const [first, second] = [new FakeStream(), new FakeStream()]
    change('z', true)
    opens[0]!.resolve(first)
    await vi.waitFor(() => expect(open()).toEqual(['z']))
    change('z', true)
    opens[1]!.resolve(second)
    await vi.waitFor(() => expect(first.aborted).not.toBeNull())
    expect([open(), log]).toEqual([['z'], ['drop spares of z', 'drop spares of z']])
  })

  it('opens no more for a peer that connects again and again', async () => {
    const { opens, open, change } = world()
    for (let n = 0; n < 20; n++) {
      change('z', true)
      opens.at(-1)!.resolve(new FakeStream())
      await vi.waitFor(() => expect(open()).toEqual(['z']))
    }
    expect(opens.length).toBeLessThanOrEqual(9)
  })

  it('takes no stream from the other end', () => {
    const { open, log, accept } = world()
    const stream = new FakeStream()
    accept('z', stream)
    expect([stream.aborted === null, open(), log]).toEqual([false, [], ['hang up z']])
  })
})

describe('the end with the higher key', () => {
  it('takes the stream it is offered, and the newest when there are two', () => {
    const { opens, open, change, accept } = world()
    change('a', true)
    const [first, second] = [new FakeStream(), new FakeStream()]
    accept('a', first)
    accept('a', second)
    expect([opens.length, open(), first.aborted === null, second.aborted]).toEqual([0, ['a'], false, null])
  })

  it('hangs up when none is offered', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { log, change } = world()
    change('a', true)
    vi.advanceTimersByTime(19_999)
    expect(log).toEqual([])
    vi.advanceTimersByTime(1)
    expect(log).toEqual(['hang up a'])
  })

  it('keeps a channel that stands when another connection comes and no stream on it', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { open, log, change, accept } = world()
    change('a', true)
    accept('a', new FakeStream())
    change('a', true)
    vi.advanceTimersByTime(60_000)
    expect([open(), log]).toEqual([['a'], []])
  })

  it('does not hang up when one was offered in time, or the peer is gone', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { log, change, accept } = world()
    change('a', true)
    change('b', true)
    accept('a', new FakeStream())
    change('b', false)
    vi.advanceTimersByTime(60_000)
    expect(log).toEqual([])
  })

  it('hangs up on a peer that opens one stream after the other', () => {
    const { open, log, accept } = world()
    const streams = Array.from({ length: 9 }, () => new FakeStream())
    for (const stream of streams) accept('a', stream)
    expect([streams.at(-1)!.aborted === null, open(), log]).toEqual([false, ['a'], ['hang up a']])
  })
})

describe('a channel that ends', () => {
  it('takes its connection along; one that was replaced does not', async () => {
    const { open, log, accept } = world()
    const [first, second] = [new FakeStream(), new FakeStream()]
    accept('a', first)
    accept('a', second)
    expect(log).toEqual([])
    await second.close()
    expect([open(), log]).toEqual([[], ['hang up a']])
  })
})
