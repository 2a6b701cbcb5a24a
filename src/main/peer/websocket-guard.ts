/**
 * A WebSocket transport that strangers cannot make hold sockets or memory.
 *
 * @remarks
 * The listener of libp2p's websockets 10.1 waits without end for a first byte, its HTTP server never starts the timers
 * that would end a slow request, a message may have 100 MiB, and a malformed frame is an error that nobody listens to, which
 * ends the thread. So each socket gets a deadline for becoming a WebSocket, messages are limited to what Noise needs, the
 * number of sockets is bounded, and errors end the socket. Proven by `tests/main/peer/hostile.test.ts`.
 *
 * @packageDocumentation
 */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Listener, Transport } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'

/** A frame of Noise has 65,535 bytes and its length; several may be sent as one message. */
const MAX_MESSAGE = 1024 * 1024

/** The parts of the listener that need guarding. */
interface Inside {
  readonly server: Server
  readonly http?: HttpServer
  readonly wsServer: { readonly options: { maxPayload: number }; handleUpgrade: Upgrade }
}

type Upgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  done: (webSocket: EventEmitter, request: IncomingMessage) => void,
) => void

/** Limits of a listener. */
export interface WebSocketLimits {
  /** Sockets at once, upgraded or not. */
  readonly maxSockets: number
  /** Milliseconds until a socket must have become a WebSocket. */
  readonly upgradeTimeoutMs: number
}

/** The WebSocket transport, with its listeners guarded. */
export function guardedWebSockets(
  limits: WebSocketLimits,
): (components: Parameters<ReturnType<typeof webSockets>>[0]) => Transport {
  return (components) => {
    const transport = webSockets()(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => guard(createListener(options), limits)
    return transport
  }
}

function guard(listener: Listener, limits: WebSocketLimits): Listener {
  const inside = listener as unknown as Inside
  inside.wsServer.options.maxPayload = MAX_MESSAGE
  const handleUpgrade = inside.wsServer.handleUpgrade.bind(inside.wsServer)
  inside.wsServer.handleUpgrade = (request, socket, head, done) => {
    handleUpgrade(request, socket, head, (webSocket, upgraded) => {
      webSocket.on('error', () => socket.destroy())
      done(webSocket, upgraded)
    })
  }
  inside.server.maxConnections = limits.maxSockets
  const waiting = new Map<Duplex, NodeJS.Timeout>()
  const settle = (socket: Duplex) => {
    clearTimeout(waiting.get(socket))
    waiting.delete(socket)
  }
  inside.server.on('connection', (socket) => {
    waiting.set(
      socket,
      setTimeout(() => socket.destroy(), limits.upgradeTimeoutMs),
    )
    socket.once('close', () => settle(socket))
  })
  // The HTTP server is made while the listener starts.
  listener.addEventListener('listening', () => inside.http?.on('upgrade', (_request, socket) => settle(socket)))
  return listener
}
