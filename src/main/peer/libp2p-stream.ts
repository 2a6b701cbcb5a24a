/**
 * A libp2p stream as a {@link PeerStream}.
 *
 * @remarks
 * Guards against what libp2p's utils 7.4 do: the promise of `onDrain()` is not renewed after the first drain, so the
 * event is waited for; and an error thrown by a listener ends the process, so it resets the stream instead.
 *
 * @packageDocumentation
 */
import type { Connection, Stream } from '@libp2p/interface'
import { PeerError } from './errors.ts'
import type { PeerStream, StreamFacts } from './peer-link.ts'

const CLOSE_TIMEOUT_MS = 5000

/** Wraps `stream` of `connection`. */
export function wrapStream(stream: Stream, connection: Connection): PeerStream {
  return {
    facts: factsOf(connection),
    write: (bytes) => stream.send(bytes),
    drain: () => drained(stream),
    onData: (read) => stream.addEventListener('message', (event) => deliver(stream, event.data, read)),
    pause: () => {
      if (stream.readStatus === 'readable') stream.pause()
    },
    resume: () => resume(stream),
    onClose: (closed) => {
      if (stream.status !== 'open' && stream.status !== 'closing') {
        queueMicrotask(() => closed(new PeerError('STREAM_CLOSED', 'closed before anybody listened')))
        return
      }
      stream.addEventListener('close', (event) => closed(event.error ?? null), { once: true })
      // Half a conversation is none: whoever stops talking has ended it.
      stream.addEventListener('remoteCloseWrite', () => void closeOrBreak(stream), { once: true })
    },
    close: () => closeOrBreak(stream),
    abort: (cause) => stream.abort(cause),
  }
}

function deliver(stream: Stream, data: Uint8Array | Iterable<Uint8Array>, read: (bytes: Uint8Array) => void): void {
  try {
    if (data instanceof Uint8Array) read(data)
    else for (const bytes of data) read(bytes)
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error('the reader failed', { cause: error }))
  }
}

/** Tells the peer that there is room, which fails when the connection is just ending. */
function resume(stream: Stream): void {
  if (stream.readStatus !== 'paused') return
  try {
    stream.resume()
  } catch (cause) {
    stream.abort(new PeerError('STREAM_CLOSED', 'nobody to be told of room', { cause }))
  }
}

function drained(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const isOver = stream.writeStatus !== 'writable'
    if (isOver) reject(new PeerError('STREAM_CLOSED', 'not writable'))
    if (isOver || !stream.writableNeedsDrain) {
      resolve()
      return
    }
    const onDrain = () => {
      stream.removeEventListener('close', onClose)
      resolve()
    }
    const onClose = () => {
      stream.removeEventListener('drain', onDrain)
      reject(new PeerError('STREAM_CLOSED', 'closed while waiting for room'))
    }
    stream.addEventListener('drain', onDrain, { once: true })
    stream.addEventListener('close', onClose, { once: true })
  })
}

async function closeOrBreak(stream: Stream): Promise<void> {
  try {
    await stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
  } catch (cause) {
    stream.abort(new PeerError('STREAM_CLOSED', 'closing took too long', { cause }))
  }
}

function factsOf(connection: Connection): StreamFacts {
  return {
    address: connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, ''),
    isOutbound: connection.direction === 'outbound',
    isRelayed: !connection.direct,
    sinceMs: connection.timeline.open,
  }
}
