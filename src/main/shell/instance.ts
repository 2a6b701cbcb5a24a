import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** File in the data folder that tells a second start where the first one listens. */
export const INSTANCE_FILE = 'instance.json'

const LAUNCH_ADDRESS = /^http:\/\/127\.0\.0\.1:[0-9]{1,5}\/launch\/[\w-]{43}$/

interface InstanceRecord {
  readonly port: number
  readonly secret: string
  readonly pid: number
}

/** What a running Chartseal answers to a second start. */
export interface InstanceReply {
  /** Windows that were told to come to the front. */
  readonly windows: number
  /** A fresh one-time address, or null where windows are not opened by address. */
  readonly url: string | null
}

/** The outcome of looking for a running Chartseal. */
export type InstanceCall =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly pid: number; readonly reply: InstanceReply }
  | { readonly kind: 'silent'; readonly pid: number }

/**
 * Lets later starts on this data folder find this one. The endpoint listens on loopback only and answers nobody who
 * cannot read the file (mode 0600).
 *
 * @param dataFolder - Absolute path of the data folder, already ours.
 * @param focus - Comes to the front and says what there is.
 * @returns A function that stops listening and removes the file.
 */
export async function announceInstance(dataFolder: string, focus: () => InstanceReply): Promise<() => Promise<void>> {
  const secret = randomBytes(32).toString('hex')
  const server = createServer((request, response) => {
    request.resume()
    if (!isCall(request, secret)) return void response.writeHead(403).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(focus()))
  })
  const port = await listen(server)
  const file = join(dataFolder, INSTANCE_FILE)
  writeRecord(file, { port, secret, pid: process.pid })
  return async () => {
    removeOwn(file, secret)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/**
 * Asks a running Chartseal on this data folder to come to the front.
 *
 * @param dataFolder - Absolute path.
 * @param timeoutMs - How long to wait for its answer.
 * @returns `none` when nobody listens (a stale file counts as nobody), `silent` when a listener does not answer.
 */
export async function callInstance(dataFolder: string, timeoutMs = 5000): Promise<InstanceCall> {
  const record = readRecord(join(dataFolder, INSTANCE_FILE))
  if (record === null) return { kind: 'none' }
  try {
    const response = await fetch(`http://127.0.0.1:${record.port}/focus`, {
      method: 'POST',
      headers: { authorization: `Bearer ${record.secret}` },
      signal: AbortSignal.timeout(timeoutMs),
    })
    // Another program may have been given the port of an instance that crashed.
    if (!response.ok) return { kind: 'none' }
    return { kind: 'running', pid: record.pid, reply: replyIn(await response.json()) }
  } catch (error) {
    return error instanceof DOMException && error.name === 'TimeoutError'
      ? { kind: 'silent', pid: record.pid }
      : { kind: 'none' }
  }
}

function isCall(request: IncomingMessage, secret: string): boolean {
  const given = request.headers.authorization ?? ''
  return request.method === 'POST' && request.url === '/focus' && sameText(given, `Bearer ${secret}`)
}

/** Compares in a time that tells nothing about how far two secrets agree. */
function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

/** On a read-only or full disk there is no file, and a second start cannot find us; the window says what is wrong. */
function writeRecord(file: string, record: InstanceRecord): void {
  const fresh = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(fresh, JSON.stringify(record), { mode: 0o600 })
    renameSync(fresh, file)
  } catch {
    rmSync(fresh, { force: true })
  }
}

/** A later instance may have replaced the file already; then it is not ours to remove. */
function removeOwn(file: string, secret: string): void {
  if (readRecord(file)?.secret === secret) rmSync(file, { force: true })
}

function readRecord(file: string): InstanceRecord | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is InstanceRecord {
  if (typeof value !== 'object' || value === null) return false
  const { port, secret, pid } = value as Record<string, unknown>
  return isPort(port) && typeof secret === 'string' && /^[0-9a-f]{64}$/.test(secret) && Number.isSafeInteger(pid)
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536
}

/** Only what we would have sent ourselves is used: the address is handed to a browser. */
function replyIn(body: unknown): InstanceReply {
  const { windows, url } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  return {
    windows: typeof windows === 'number' ? windows : 0,
    url: typeof url === 'string' && LAUNCH_ADDRESS.test(url) ? url : null,
  }
}
