/**
 * Frames: how messages follow each other on a stream.
 *
 * @remarks
 * Four bytes of length, big endian, then that many bytes of one message, 1 to {@link MAX_FRAME}. The length is judged
 * before anything behind it is kept. Layout: `docs/protocol.md`, "Wire". Proven by `tests/sync/frames.test.ts`: however
 * a stream is cut into chunks, the same frames come out.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { SyncError } from './errors.ts'
import { MAX_FRAME } from './limits.ts'

const LENGTH_SIZE = 4

/**
 * The bytes on the wire of one frame.
 *
 * @param message - Encoded, 1 to {@link MAX_FRAME} bytes.
 */
export function encodeFrame(message: Uint8Array): Uint8Array {
  assert(message.length > 0 && message.length <= MAX_FRAME, 'a message fits in a frame')
  const frame = new Uint8Array(LENGTH_SIZE + message.length)
  new DataView(frame.buffer).setUint32(0, message.length)
  frame.set(message, LENGTH_SIZE)
  return frame
}

/** Cuts what arrives into frames. Holds at most one frame that is not complete. */
export class FrameReader {
  readonly #header = new Uint8Array(LENGTH_SIZE)
  #headerLength = 0
  /** Length of the frame being read; 0 while the length itself is being read. */
  #length = 0
  /** What is there of it. Grows with what arrives: a claimed length alone costs nothing. */
  #body = new Uint8Array(0)
  #bodyLength = 0

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk - Untrusted, of any length. Copied: the caller may use it again.
   * @returns Messages that are complete now, in order.
   * @throws {@link SyncError} `FRAME_TOO_LARGE`; the stream cannot be read on then.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#length === 0) at += this.#readLength(chunk.subarray(at))
      else at += this.#readBody(chunk.subarray(at))
      if (this.#length > 0 && this.#bodyLength === this.#length) frames.push(this.#complete())
    }
    return frames
  }

  /** Bytes held of a frame that is not complete. */
  get held(): number {
    return this.#headerLength + this.#body.length
  }

  #readLength(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, LENGTH_SIZE - this.#headerLength)
    this.#header.set(taken, this.#headerLength)
    this.#headerLength += taken.length
    if (this.#headerLength < LENGTH_SIZE) return taken.length
    const length = new DataView(this.#header.buffer).getUint32(0)
    if (length < 1 || length > MAX_FRAME) throw new SyncError('FRAME_TOO_LARGE', `${length} bytes`)
    this.#length = length
    return taken.length
  }

  #readBody(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.#length - this.#bodyLength)
    this.#reserve(this.#bodyLength + taken.length)
    this.#body.set(taken, this.#bodyLength)
    this.#bodyLength += taken.length
    return taken.length
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return
    const grown = new Uint8Array(Math.min(this.#length, Math.max(bytes, 2 * this.#body.length)))
    grown.set(this.#body.subarray(0, this.#bodyLength))
    this.#body = grown
  }

  #complete(): Uint8Array {
    const frame = this.#body
    assert(frame.length === this.#length, 'the buffer grows to exactly the frame')
    this.#body = new Uint8Array(0)
    this.#headerLength = this.#bodyLength = this.#length = 0
    return frame
  }
}
