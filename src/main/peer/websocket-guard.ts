/**
 * A WebSocket transport that strangers cannot make hold sockets or memory.
 *
 * @remarks
 * The listener of libp2p's websockets 10.1 waits without end for a first byte, its HTTP server never starts the timers
 * that would end a slow request, and a message may have 100 MiB. So each socket gets a deadline for becoming a
 * WebSocket, messages are limited to what Noise needs, and the number of sockets is bounded.
 *
 * @packageDocumentation
 */
import type { Server as HttpServer } from 'node:http'
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
  readonly wsServer: { readonly options: { maxPayload: number } }
}

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
