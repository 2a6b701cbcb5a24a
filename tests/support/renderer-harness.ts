/**
 * Serves the window's sources with the fake API, to look at it without a core:
 *
 *   node tests/support/renderer-harness.ts [--port 5199] [--state first-run] [--signed-in 1]
 *
 * `startHarness` is what the tools that take pictures call.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { RPCHandler } from '@orpc/server/ws'
import vue from '@vitejs/plugin-vue'
import { createServer, type Plugin } from 'vite'
import { WebSocketServer } from 'ws'
import { FakeCore, fakeRouter, type FakeOptions } from './fake-api.ts'

const ROOT = fileURLToPath(new URL('../../src/renderer', import.meta.url))

/** The development server writes styles into the page, which the page's own policy refuses. */
const withoutPolicy: Plugin = {
  name: 'without-policy',
  transformIndexHtml: (html) => html.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, ''),
}

/** A running harness. */
export interface Harness {
  readonly url: string
  readonly core: FakeCore
  close(): Promise<void>
}

/** Starts vite on `port` (0: any free one) and answers `/api` from a fake core. */
export async function startHarness(options: FakeOptions = {}, port = 0): Promise<Harness> {
  const core = new FakeCore(options)
  const handler = new RPCHandler(fakeRouter(core))
  const sockets = new WebSocketServer({ noServer: true })
  sockets.on('connection', (socket) => void handler.upgrade(socket))
  const server = await createServer({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    cacheDir: fileURLToPath(new URL('../../node_modules/.vite-harness', import.meta.url)),
    plugins: [vue(), withoutPolicy],
    server: { port, host: '127.0.0.1', hmr: false, watch: null },
  })
  await server.listen()
  server.httpServer?.on('upgrade', (request, socket, head) => {
    if (request.url === '/api')
      sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request))
  })
  const url = server.resolvedUrls?.local[0] ?? ''
  return {
    url,
    core,
    async close() {
      sockets.close()
      await server.close()
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '5199' }, state: { type: 'string' }, 'signed-in': { type: 'string' } },
  })
  const state = values.state as FakeCore['status']['state'] | undefined
  const { url } = await startHarness(
    {
      ...(state ? { status: { state } } : {}),
      signedInAs: values['signed-in'] === undefined ? null : Number(values['signed-in']),
    },
    Number(values.port),
  )
  process.stdout.write(`${url}\n`)
}
