/**
 * Frames over the stream of one peer, with bounds in both directions.
 *
 * @remarks
 * In: what was delivered and not yet taken is the peer's budget; when it is spent, reading pauses and the peer comes to
 * a halt at the other end of the wire. Out: frames wait here while the wire is full, and whoever sends is told what has
 * left; a queue that grows beyond its bound ends the channel. Proven by `tests/main/peer/frame-channel.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeFrame, FrameReader } from '../../sync/frames.ts'
import { PeerError } from './errors.ts'
import type { PeerStream } from './peer-link.ts'

/** Bytes of one peer that may be delivered and not yet taken. One frame may go beyond. */
export const INBOUND_BUDGET = 1024 * 1024

/** Frames of one peer that may be delivered and not yet taken: small ones cost more than their bytes. */
export const INBOUND_FRAMES = 256

/** Bytes that may wait for the wire. Whoever sends should have stopped long before. */
export const OUTBOUND_LIMIT = 8 * 1024 * 1024

/** Milliseconds for what was sent to leave once the channel is being closed. */
const CLOSE_TIMEOUT_MS = 5000

/** What a channel tells. */
export interface ChannelListeners {
  /** A frame came. Its bytes are the listener's. */
  frame(bytes: Uint8Array): void
  /** So many bytes of messages have been handed to the wire since the last call. */
  sent(bytes: number): void
  /** Called once: nothing comes any more. */
  closed(cause: Error | null): void
}

/** Frames to and from one peer. */
export class FrameChannel {
  readonly stream: PeerStream
  readonly #listeners: ChannelListeners
  readonly #reader = new FrameReader()
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #isWriting = false
  #isClosing = false
  #isClosed = false
  #untakenBytes = 0
  #untakenFrames = 0
  #isPaused = false
  #deadline: NodeJS.Timeout | undefined
  #bytesIn = 0
  #bytesOut = 0

  /** Reads `stream` from now on. */
  constructor(stream: PeerStream, listeners: ChannelListeners) {
    this.stream = stream
    this.#listeners = listeners
    stream.onClose((cause) => this.#close(cause))
    stream.onData((bytes) => this.#read(bytes))
  }

  /** Bytes of messages received and sent. */
  get traffic(): { bytesIn: number; bytesOut: number } {
    return { bytesIn: this.#bytesIn, bytesOut: this.#bytesOut }
  }

  /** Sends one message, 1 byte to the limit of a frame. Nothing happens once the channel is closed. */
  send(message: Uint8Array): void {
    if (this.#isClosed || this.#isClosing) return
    this.#queue.push(message)
    this.#queuedBytes += message.length
    if (this.#queuedBytes > OUTBOUND_LIMIT) {
      this.stream.abort(tooSlow('more than may wait'))
      return
    }
    if (!this.#isWriting) void this.#write()
  }

  /** Closes after what was sent, or breaks off when that takes too long. */
  close(): void {
    if (this.#isClosing || this.#isClosed) return
    this.#isClosing = true
    if (!this.#isWriting) void this.stream.close()
    else this.#deadline = setTimeout(() => this.stream.abort(tooSlow('the rest to leave')), CLOSE_TIMEOUT_MS)
  }

  /** Says that `frames` frames of `bytes` bytes together are dealt with. */
  taken(frames: number, bytes: number): void {
    this.#untakenFrames = Math.max(0, this.#untakenFrames - frames)
    this.#untakenBytes = Math.max(0, this.#untakenBytes - bytes)
    const isRoomy = this.#untakenBytes <= INBOUND_BUDGET / 2 && this.#untakenFrames <= INBOUND_FRAMES / 2
    if (!this.#isPaused || !isRoomy || this.#isClosed) return
    this.#isPaused = false
    this.stream.resume()
  }

  #read(bytes: Uint8Array): void {
    for (const frame of this.#reader.push(bytes)) {
      this.#untakenBytes += frame.length
      this.#untakenFrames += 1
      this.#bytesIn += frame.length
      this.#listeners.frame(frame)
    }
    if (this.#untakenBytes < INBOUND_BUDGET && this.#untakenFrames < INBOUND_FRAMES) return
    this.#isPaused = true
    this.stream.pause()
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    try {
      for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
        const hasRoom = this.stream.write(encodeFrame(message))
        if (!hasRoom) await this.stream.drain()
        this.#queuedBytes -= message.length
        this.#bytesOut += message.length
        this.#listeners.sent(message.length)
      }
    } catch (cause) {
      this.stream.abort(new PeerError('STREAM_CLOSED', 'the wire takes no more', { cause }))
    }
    this.#isWriting = false
    if (this.#isClosing) void this.stream.close()
  }

  #close(cause: Error | null): void {
    this.#isClosed = true
    clearTimeout(this.#deadline)
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#listeners.closed(cause)
  }
}

const tooSlow = (what: string) => new PeerError('STREAM_CLOSED', `too slow for ${what}`)
