/**
 * The health of a node for whatever watches it: loopback only, one question, numbers and codes.
 *
 * @remarks
 * Proven by `tests/main/cli/node.test.ts`.
 *
 * @packageDocumentation
 */
import { createServer } from 'node:http'

/** What is told. */
export interface Health {
  /** It does its work. */
  readonly ok: boolean
  /** Nothing of a person, a patient or a value. */
  readonly facts: Readonly<Record<string, unknown>>
}

/**
 * Answers `GET /health` on 127.0.0.1: 200 when the node does its work, else 503, with the same facts in either case.
 *
 * @param port - 1 to 65,535.
 * @returns What stops it.
 */
export async function serveHealth(port: number, health: () => Promise<Health>): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/health') {
      response.writeHead(404).end()
      return
    }
    health().then(
      ({ ok, facts }) => {
        response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        response.end(`${JSON.stringify({ ok, ...facts })}\n`)
      },
      () => response.writeHead(503).end(),
    )
  })
  server.headersTimeout = 5000
  server.requestTimeout = 5000
  server.maxConnections = 16
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
}
