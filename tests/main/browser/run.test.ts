import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { os } from '@orpc/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { runBrowserShell, type BrowserShell, type BrowserShellParts } from '../../../src/main/browser/run.ts'
import type { Core, CoreOptions } from '../../../src/main/core/index.ts'
import type { ShellOptions } from '../../../src/main/shell/options.ts'
import { UsageError } from '../../../src/main/shell/usage-error.ts'

/** The browser shell with its real server and sockets, around a core that only answers `ping`. */
let folder: string
let said: string[]
let printed: string[]
let cores: ReturnType<typeof makeCore>[]
const running: BrowserShell[] = []

function makeCore(options: CoreOptions) {
  return {
    options,
    router: { ping: os.handler(() => 'pong') },
    unlock: vi.fn((_passphrase: string) => Promise.resolve({ ok: false, code: 'WRONG_PASSPHRASE' })),
    lockSession: vi.fn(),
    focus: vi.fn(),
    close: vi.fn(() => Promise.resolve()),
  }
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-browser-'))
  mkdirSync(join(folder, 'window', 'assets'), { recursive: true })
  writeFileSync(join(folder, 'window', 'index.html'), '<!doctype html><title>Chartseal</title>')
  writeFileSync(join(folder, 'window', 'assets', 'main.js'), 'export {}')
  writeFileSync(join(folder, 'outside.html'), 'must not be served')
  said = []
  printed = []
  cores = []
})

afterEach(async () => {
  for (const shell of running.splice(0)) await shell.close()
  rmSync(folder, { recursive: true, force: true })
})

const parts = (changes: Partial<BrowserShellParts> = {}): BrowserShellParts => ({
  startCore: (options) => {
    const core = makeCore(options)
    cores.push(core)
    return Promise.resolve(core as unknown as Core)
  },
  windowFolder: join(folder, 'window'),
  say: (line) => said.push(line),
  print: (line) => printed.push(line),
  input: null,
  credentials: undefined,
  ...changes,
})

const options = (changes: Partial<ShellOptions> = {}): ShellOptions => ({
  dataFolder: join(folder, 'data'),
  demo: false,
  headless: true,
  replays: [],
  passphraseFile: null,
  port: 0,
  ...changes,
})

async function start(changes: Partial<ShellOptions> = {}, more: Partial<BrowserShellParts> = {}) {
  const shell = await runBrowserShell(options(changes), parts(more))
  if (shell !== null) running.push(shell)
  return shell
}

/** Signs a client in with the newest printed address. */
async function signIn(url = printed.at(-1)!) {
  const response = await fetch(url)
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const { origin, host } = new URL(url)
  return { response, cookie, origin, host }
}

/** A request as a program would make it that sets every header and path itself. */
function raw(
  url: string,
  { path, headers = {}, method = 'GET' }: { path?: string; headers?: Record<string, string>; method?: string },
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const { hostname, port, pathname } = new URL(url)
    const call = request({ host: hostname, port, path: path ?? pathname, method, headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    call.on('error', reject).end()
  })
}

/** Opens a WebSocket; resolves to it, or to the status it was refused with. */
function openSocket(url: string, headers: Record<string, string>): Promise<WebSocket | number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers })
    socket.once('open', () => resolve(socket))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.once('error', () => resolve(0))
  })
}

describe('the address', () => {
  it('is printed once, works once, and gives a session that pages cannot read', async () => {
    await start()
    expect(printed).toHaveLength(1)
    expect(printed[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/launch\/[\w-]{43}$/)
    const { response } = await signIn()
    expect(response.status).toBe(200)
    expect(response.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(await response.text()).toContain('http-equiv="refresh"')
    expect((await fetch(printed[0]!)).status).toBe(401)
  })

  it('is not used up by looking at it, nor by guesses', async () => {
    await start()
    const url = printed[0]!
    expect((await raw(url, { method: 'HEAD' })).status).toBe(401)
    expect((await raw(url, { path: `/launch/${'x'.repeat(43)}` })).status).toBe(401)
    expect((await raw(url, { headers: { host: 'evil.example' } })).status).toBe(403)
    expect((await signIn()).response.status).toBe(200)
  })

  it('uses the port that was asked for, and says when it is taken', async () => {
    const taken: Server = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    await expect(start({ port })).rejects.toThrow(`port ${port} is in use`)
    expect(cores[0]!.close).toHaveBeenCalledOnce()
    await new Promise((resolve) => taken.close(resolve))
    await start({ port })
    expect(new URL(printed[0]!).port).toBe(String(port))
  })

  it.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
    'is of no use to another user who saw it (needs root, to become one)',
    async () => {
      await start()
      const ask = `process.setuid(65534); fetch(${JSON.stringify(printed[0])}).then((answer) => console.log(answer.status))`
      const { stdout } = await promisify(execFile)(process.execPath, ['-e', ask])
      expect(stdout.trim()).toBe('403')
      expect((await signIn()).response.status).toBe(200)
    },
  )

  it('is on loopback only', async () => {
    await start()
    const { port } = new URL(printed[0]!)
    const outcome = await new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.2')
      socket.once('connect', () => resolve('connected'))
      socket.once('error', () => resolve('refused'))
    })
    expect(outcome).toBe('refused')
  })
})

describe('files', () => {
  it('are served to a session with every security header', async () => {
    await start()
    const { cookie, origin } = await signIn()
    const page = await fetch(`${origin}/`, { headers: { cookie } })
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<title>Chartseal</title>')
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'; script-src 'self'"),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect((await fetch(`${origin}/assets/main.js`, { headers: { cookie } })).headers.get('content-type')).toContain(
      'javascript',
    )
  })

  it('are closed to everybody else', async () => {
    await start()
    const { cookie, origin } = await signIn()
    const page = `${origin}/`
    expect((await fetch(page)).status).toBe(401)
    expect((await fetch(page, { headers: { cookie: cookie.slice(0, -1) + '!' } })).status).toBe(401)
    expect((await raw(page, { headers: { cookie, host: 'localhost' } })).status).toBe(403)
    expect((await raw(page, { headers: { cookie, origin: 'https://evil.example' } })).status).toBe(403)
    expect((await raw(page, { headers: { cookie, 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
  })

  it.each([
    '/../outside.html',
    '/assets/../../outside.html',
    '/%2e%2e/outside.html',
    '/..%2foutside.html',
    '//etc/passwd',
    '/assets/main.js/',
    '/assets',
    '/index.html?x',
    '/INDEX.HTML',
  ])('have no %s', async (path) => {
    await start()
    const { cookie, origin } = await signIn()
    const { status, body } = await raw(origin, { path, headers: { cookie } })
    expect({ status, body }).toEqual({ status: 404, body: '' })
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('cannot be asked for with %s', async (method) => {
    await start()
    const { cookie, origin } = await signIn()
    const { status, headers } = await raw(origin, { method, headers: { cookie, origin } })
    expect(status).toBe(405)
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  })
})

describe('the API', () => {
  it('answers our page over a WebSocket', async () => {
    await start()
    const { cookie, origin, host } = await signIn()
    const socket = await openSocket(`ws://${host}/api`, { cookie, origin })
    expect(socket).toBeInstanceOf(WebSocket)
    const client = createORPCClient<{ ping: () => Promise<string> }>(new RPCLink({ websocket: socket as never }))
    await expect(client.ping()).resolves.toBe('pong')
  })

  it.each([
    ['no session', {}, '/api'],
    ['no origin', { origin: undefined }, '/api'],
    ['another origin', { origin: 'https://evil.example' }, '/api'],
    ['another host', { host: 'evil.example' }, '/api'],
    ['another path', {}, '/api/'],
  ])('refuses %s', async (what, changes: { origin?: string | undefined; host?: string }, path) => {
    await start()
    const { cookie, origin, host } = await signIn()
    const merged = { ...(what === 'no session' ? {} : { cookie }), origin, ...changes }
    const headers = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >
    expect(await openSocket(`ws://${host}${path}`, headers)).toBe(401)
  })

  it('cuts off a request that is too large, and goes on', async () => {
    await start()
    const { cookie, origin, host } = await signIn()
    const socket = (await openSocket(`ws://${host}/api`, { cookie, origin })) as WebSocket
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.send('x'.repeat(1024 * 1024 + 1))
    expect(await closed).toBe(1009)
    expect(await openSocket(`ws://${host}/api`, { cookie, origin })).toBeInstanceOf(WebSocket)
  })

  it('survives bytes that are no request', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await start()
    const { cookie, origin, host } = await signIn()
    const socket = (await openSocket(`ws://${host}/api`, { cookie, origin })) as WebSocket
    for (const bytes of ['', '{', 'null', Buffer.from([0xff, 0x00, 0x80])]) socket.send(bytes)
    const client = createORPCClient<{ ping: () => Promise<string> }>(new RPCLink({ websocket: socket as never }))
    await expect(client.ping()).resolves.toBe('pong')
    complaints.mockRestore()
  })

  it('serves eight windows and no ninth', async () => {
    await start()
    const { cookie, origin, host } = await signIn()
    const open = () => openSocket(`ws://${host}/api`, { cookie, origin })
    for (let count = 0; count < 8; count += 1) expect(await open()).toBeInstanceOf(WebSocket)
    expect(await open()).toBe(503)
  })
})

describe('the core', () => {
  it('is started with what was asked for', async () => {
    const replays = [{ family: 'omron', file: '/x' }]
    await start({ demo: true, replays })
    expect(cores[0]!.options).toMatchObject({
      dataFolder: join(folder, 'data'),
      demo: true,
      shell: 'headless',
      nodeSecret: null,
      replays,
      virtualDevices: true,
    })
  })

  it('never has virtual devices in a real clinic', async () => {
    await start()
    expect(cores[0]!.options.virtualDevices).toBe(false)
  })

  it('is unlocked from a file', async () => {
    const passphraseFile = join(folder, 'passphrase')
    writeFileSync(passphraseFile, 'correct horse battery\n', { mode: 0o600 })
    await start({ passphraseFile })
    expect(cores[0]!.unlock).toHaveBeenCalledExactlyOnceWith('correct horse battery')
    expect(said.join()).toContain('WRONG_PASSPHRASE')
    expect(said.join()).not.toContain('correct horse')
  })

  it('is unlocked from standard input whenever the line comes, without waiting for it', async () => {
    const input = new Readable({ read: () => undefined })
    await start({}, { input })
    expect(printed).toHaveLength(1)
    expect(cores[0]!.unlock).not.toHaveBeenCalled()
    input.push('correct horse battery\n')
    await vi.waitFor(() => expect(cores[0]!.unlock).toHaveBeenCalledExactlyOnceWith('correct horse battery'))
  })

  it('is not started with a passphrase file that others can read', async () => {
    const passphraseFile = join(folder, 'passphrase')
    writeFileSync(passphraseFile, 'secret\n', { mode: 0o644 })
    await expect(start({ passphraseFile })).rejects.toThrow(UsageError)
    expect(cores).toEqual([])
  })

  it('is shut down with the shell', async () => {
    const shell = (await start())!
    await shell.close()
    running.length = 0
    expect(cores[0]!.close).toHaveBeenCalledOnce()
    await expect(fetch(printed[0]!)).rejects.toThrow('fetch failed')
  })

  it('that finds its folder held by somebody silent says what to do', async () => {
    const inUse = Object.assign(new Error('locked'), { code: 'DATA_FOLDER_IN_USE' })
    await expect(start({}, { startCore: () => Promise.reject(inUse) })).rejects.toThrow(
      /another Chartseal holds .*data/,
    )
  })
})

describe('a second start', () => {
  it('brings the first to the front, prints a fresh address, and starts nothing', async () => {
    await start()
    expect(await start()).toBeNull()
    expect(cores).toHaveLength(1)
    expect(cores[0]!.focus).toHaveBeenCalledOnce()
    expect(said.join()).toContain('already running')
    expect(printed).toHaveLength(2)
    expect((await signIn()).response.status).toBe(200)
  })
})
