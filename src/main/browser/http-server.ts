import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Asset } from '../shell/assets.ts'
import { SECURITY_HEADERS } from '../shell/headers.ts'
import { addressOf, cookieIn, isOurs, type Address } from './guard.ts'
import { CLOSED_PAGE, LAUNCHED_PAGE } from './pages.ts'
import { isForeignUser } from './peer-user.ts'
import type { Tickets } from './tickets.ts'

const HTML = 'text/html; charset=utf-8'

/** A loopback server of the built window. It answers GET for a fixed list of paths and nothing else. */
export interface WindowServer {
  readonly server: Server
  readonly address: Address
  /** Whether the request carries a session and comes from our own page. For upgrades too. */
  admits(request: IncomingMessage, needsOrigin: boolean): boolean
  close(): Promise<void>
}

/**
 * Starts serving on 127.0.0.1.
 *
 * @param assets - The built window.
 * @param tickets - Who may use it.
 * @param port - 0 lets the system choose.
 * @throws The system's error when the port cannot be had (`EADDRINUSE`, `EACCES`).
 */
export async function serveWindow(
  assets: ReadonlyMap<string, Asset>,
  tickets: Tickets,
  port: number,
): Promise<WindowServer> {
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 10_000 })
  const address = addressOf(await listen(server, port))
  const admits = (request: IncomingMessage, needsOrigin: boolean): boolean =>
    isOurs(request.headers, address, needsOrigin) && hasSession(request, tickets, address)
  const isForeign = ({ socket }: IncomingMessage): boolean =>
    isForeignUser(socket.remotePort ?? 0, socket.localPort ?? 0)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, '')
    const path = request.url ?? ''
    if (path.startsWith('/launch/')) return launch(request, response, path.slice('/launch/'.length))
    if (!isOurs(request.headers, address, false)) return send(response, 403, '')
    if (!admits(request, false)) return send(response, 401, CLOSED_PAGE)
    const asset = assets.get(path)
    if (asset === undefined) return send(response, 404, '')
    send(response, 200, asset.bytes, asset.type)
  })

  /** Opening the address from elsewhere is what it is for, so only the Host is checked; the token decides. */
  function launch(request: IncomingMessage, response: ServerResponse, token: string): void {
    if (request.headers.host !== address.host || isForeign(request)) return send(response, 403, '')
    // HEAD must not use up a token.
    const session = request.method === 'GET' ? tickets.redeem(token) : null
    if (session === null) return send(response, 401, CLOSED_PAGE)
    response.setHeader('set-cookie', `${address.cookie}=${session}; HttpOnly; SameSite=Strict; Path=/`)
    send(response, 200, LAUNCHED_PAGE)
  }

  return { server, address, admits, close: () => close(server) }
}

function hasSession(request: IncomingMessage, tickets: Tickets, address: Address): boolean {
  const secret = cookieIn(request.headers.cookie, address.cookie)
  return secret !== null && tickets.holds(secret)
}

function send(response: ServerResponse, status: number, body: string | Uint8Array, type = HTML): void {
  response.writeHead(status, { ...SECURITY_HEADERS, 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}
