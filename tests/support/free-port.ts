import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what operating systems give to outgoing connections: one of those may have a port again before a test listens on it. */
const LOWEST = 10_240
const HIGHEST = 32_000

/** A port of this machine that is free now, and that nothing but another test would take. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(LOWEST, HIGHEST)
    if (await isFree(port)) return port
  }
  throw new Error('no port')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    await new Promise<void>((done) => {
      server.close(() => {
        done()
      })
    })
  }
}
