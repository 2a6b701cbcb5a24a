/**
 * A Yamux that keeps no more of one frame than any frame may have.
 *
 * @remarks
 * Yamux 8.0 believes the length that a frame claims, up to 4 GiB, and keeps what comes until it is complete; the window
 * is judged after that. A member, or a guest, could fill the memory of the process. So what is kept is bounded, and
 * the connection ends beyond. Proven by `tests/main/peer/hostile.test.ts`.
 *
 * @packageDocumentation
 */
import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux, type YamuxMuxerInit } from '@libp2p/yamux'
import { PeerError } from './errors.ts'

/** The part of the muxer that needs guarding. */
interface Inside {
  readonly decoder: {
    readonly buffer: { readonly byteLength: number }
    emitFrames(bytes: unknown): Iterable<unknown>
  }
}

/** Yamux with `init`, keeping at most `maxHeld` bytes of a frame that is not complete. */
export function guardedYamux(init: YamuxMuxerInit, maxHeld: number): () => StreamMuxerFactory {
  return () => {
    const factory = yamux(init)()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      const muxer = createStreamMuxer(connection)
      const { decoder } = muxer as unknown as Inside
      const emitFrames = decoder.emitFrames.bind(decoder)
      decoder.emitFrames = function* (bytes) {
        yield* emitFrames(bytes)
        if (decoder.buffer.byteLength > maxHeld) throw new PeerError('STREAM_CLOSED', 'a frame that nobody may send')
      }
      return muxer
    }
    return factory
  }
}
