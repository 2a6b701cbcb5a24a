import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { WindowServer } from './http-server.ts'

const PATH = '/api'
const MAX_WINDOWS = 8
/** Largest request: a capture with twenty typed values is below 32 KiB. */
const MAX_REQUEST_BYTES = 1024 * 1024
/** A window that stopped reading is cut off before it costs memory; it reconnects when it wakes. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024
const PING_EVERY_MS = 15_000

/** The API over WebSocket. */
export interface ApiSocket {
  /** Windows connected now. */
  windows(): number
  /** Whether any window ever connected. */
  wasUsed(): boolean
  close(): void
}

/**
 * Serves the API at `/api` to windows that the server admits.
 *
 * @param http - The window server, whose upgrades are taken over.
 * @param serve - Attaches the API to one connected window.
 */
export function serveApi(http: WindowServer, serve: (socket: WebSocket) => void): ApiSocket {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_REQUEST_BYTES,
    perMessageDeflate: false,
    clientTracking: true,
  })
  let used = false
  http.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy())
    if (request.url !== PATH || !http.admits(request, true)) return refuse(stream, '401 Unauthorized')
    if (sockets.clients.size >= MAX_WINDOWS) return refuse(stream, '503 Service Unavailable')
    sockets.handleUpgrade(request, stream, head, (socket) => {
      used = true
      keepAlive(socket)
      serve(socket)
    })
  })
  return {
    windows: () => sockets.clients.size,
    wasUsed: () => used,
    close: () => {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
    },
  }
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** Ends a connection that is gone without saying so, or that no longer reads what is sent. */
function keepAlive(socket: WebSocket): void {
  let answered = true
  socket.on('pong', () => (answered = true))
  socket.on('error', () => socket.terminate())
  const timer = setInterval(() => {
    if (!answered || socket.bufferedAmount > MAX_UNREAD_BYTES) return socket.terminate()
    answered = false
    socket.ping()
  }, PING_EVERY_MS)
  socket.on('close', () => clearInterval(timer))
}
