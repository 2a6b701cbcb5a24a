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
import { concatBytes } from '../shared/bytes.ts'
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
  /** Bytes that the frame being read still needs; null while its length is being read. */
  #missing: number | null = null
  #parts: Uint8Array[] = []

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
      if (this.#missing === null) at += this.#readLength(chunk.subarray(at))
      else at += this.#readBody(chunk.subarray(at), this.#missing, frames)
    }
    return frames
  }

  /** Bytes held of a frame that is not complete. */
  get held(): number {
    return this.#headerLength + this.#parts.reduce((sum, part) => sum + part.length, 0)
  }

  #readLength(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, LENGTH_SIZE - this.#headerLength)
    this.#header.set(taken, this.#headerLength)
    this.#headerLength += taken.length
    if (this.#headerLength === LENGTH_SIZE) {
      const length = new DataView(this.#header.buffer).getUint32(0)
      if (length < 1 || length > MAX_FRAME) throw new SyncError('FRAME_TOO_LARGE', `${length} bytes`)
      this.#missing = length
    }
    return taken.length
  }

  #readBody(bytes: Uint8Array, missing: number, frames: Uint8Array[]): number {
    const taken = Uint8Array.from(bytes.subarray(0, missing))
    this.#parts.push(taken)
    this.#missing = missing - taken.length
    if (this.#missing === 0) frames.push(this.#complete())
    return taken.length
  }

  #complete(): Uint8Array {
    const [first, ...rest] = this.#parts
    assert(first !== undefined, 'a complete frame has a byte')
    this.#parts = []
    this.#headerLength = 0
    this.#missing = null
    return rest.length === 0 ? first : concatBytes(first, ...rest)
  }
}
