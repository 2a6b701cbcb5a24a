/** Waiting for what comes by itself, and free ports. */
import { createServer } from 'node:net'

/** Waits for a condition; gives the ms that it took. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 60_000,
  everyMs = 50,
): Promise<number> {
  const started = performance.now()
  while (!(await condition())) {
    if (performance.now() - started > ms) throw new Error(`did not happen: ${what}`)
    await new Promise((done) => setTimeout(done, everyMs))
  }
  return performance.now() - started
}

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
