import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FrameChannel, INBOUND_BUDGET, INBOUND_FRAMES, OUTBOUND_LIMIT } from '../../../src/main/peer/frame-channel.ts'
import { encodeFrame } from '../../../src/sync/frames.ts'
import { MAX_FRAME } from '../../../src/sync/limits.ts'
import { FakeStream } from './fake-stream.ts'

function channel() {
  const stream = new FakeStream()
  const frames: Uint8Array[] = []
  const ends: (Error | null)[] = []
  let sent = 0
  const it = new FrameChannel(stream, {
    frame: (bytes) => void frames.push(bytes),
    sent: (bytes) => (sent += bytes),
    closed: (cause) => void ends.push(cause),
  })
  return { stream, frames, ends, channel: it, sent: () => sent }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('frames that come', () => {
  it('are cut out of the stream, however it arrives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
        (messages, sizes) => {
          const { stream, frames } = channel()
          let bytes = Buffer.concat(messages.map(encodeFrame))
          for (const size of sizes) {
            if (bytes.length === 0) break
            stream.arrive(bytes.subarray(0, size))
            bytes = bytes.subarray(size)
          }
          expect(frames).toEqual(messages)
        },
      ),
    )
  })

  it('stop coming when the budget of bytes is spent, and go on when half of it is dealt with', () => {
    const { stream, frames, channel: it } = channel()
    const frame = encodeFrame(new Uint8Array(MAX_FRAME))
    for (let i = 0; i < INBOUND_BUDGET / MAX_FRAME; i++) {
      expect(stream.isPaused).toBe(false)
      stream.arrive(frame)
    }
    expect([stream.isPaused, frames.length]).toEqual([true, 4])
    it.taken(1, MAX_FRAME)
    expect(stream.isPaused).toBe(true)
    it.taken(1, MAX_FRAME)
    expect(stream.isPaused).toBe(false)
  })

  it('stop coming when there are too many, however small', () => {
    const { stream, channel: it } = channel()
    const one = encodeFrame(Uint8Array.of(1))
    for (let i = 1; i < INBOUND_FRAMES; i++) stream.arrive(one)
    expect(stream.isPaused).toBe(false)
    stream.arrive(one)
    expect(stream.isPaused).toBe(true)
    it.taken(INBOUND_FRAMES, INBOUND_FRAMES)
    expect(stream.isPaused).toBe(false)
  })

  it.each([
    ['larger than a frame may be', Buffer.from([0, 4, 0, 1])],
    ['empty', Buffer.from([0, 0, 0, 0])],
    ['absurd', Buffer.from('GET / HTTP/1.1')],
  ])('that are %s end the stream before anything is kept', (_what, bytes) => {
    const { stream, frames, ends } = channel()
    stream.arrive(bytes)
    expect(stream.aborted).toMatchObject({ code: 'FRAME_TOO_LARGE' })
    expect([frames.length, ends.length]).toEqual([0, 1])
  })
})

describe('frames that go', () => {
  it('wait for room in the wire, in order, and say when they have left', async () => {
    const { stream, channel: it, sent } = channel()
    stream.room = 1
    for (const message of [1, 2, 3]) it.send(Uint8Array.of(message))
    await settle()
    expect([stream.written.length, sent()]).toEqual([1, 0])
    stream.makeRoom(2)
    await settle()
    expect([stream.written.length, sent()]).toEqual([3, 2])
    stream.makeRoom(-1)
    await settle()
    expect(sent()).toBe(3)
    expect(stream.written.map((bytes) => bytes.at(-1))).toEqual([1, 2, 3])
    expect(it.traffic).toEqual({ bytesIn: 0, bytesOut: 3 })
  })

  it('end the stream when more waits than may', async () => {
    const { stream, channel: it, ends } = channel()
    stream.room = 1
    const message = new Uint8Array(MAX_FRAME)
    for (let i = 0; i <= OUTBOUND_LIMIT / MAX_FRAME; i++) it.send(message)
    expect(stream.aborted).toMatchObject({ code: 'STREAM_CLOSED' })
    expect(ends).toHaveLength(1)
    it.send(message)
    await settle()
    expect(stream.written).toHaveLength(1)
  })

  it('are forgotten when the stream ends while they wait', async () => {
    const { stream, channel: it, ends } = channel()
    stream.room = 1
    it.send(Uint8Array.of(1))
    it.send(Uint8Array.of(2))
    stream.abort(new Error('the line was cut'))
    await settle()
    expect([stream.written.length, ends.length]).toEqual([1, 1])
    it.taken(1, 1)
  })

  it('all leave before the channel closes, and none comes after', async () => {
    const { stream, channel: it, ends } = channel()
    stream.room = 1
    it.send(Uint8Array.of(1))
    it.send(Uint8Array.of(2))
    it.close()
    it.send(Uint8Array.of(3))
    await settle()
    expect([stream.written.length, ends.length]).toEqual([1, 0])
    stream.makeRoom(-1)
    await settle()
    expect([stream.written.map((bytes) => bytes.at(-1)), ends]).toEqual([[1, 2], [null]])
  })

  it('do not keep a closing channel open when they cannot leave', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { stream, channel: it, ends } = channel()
    stream.room = 1
    it.send(Uint8Array.of(1))
    it.close()
    vi.advanceTimersByTime(4999)
    expect(ends).toEqual([])
    vi.advanceTimersByTime(1)
    expect([stream.aborted, ends.length]).toEqual([expect.objectContaining({ code: 'STREAM_CLOSED' }), 1])
  })

  it('close at once a channel on which nothing waits', () => {
    const { channel: it, ends } = channel()
    it.close()
    expect(ends).toEqual([null])
  })
})
