import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** One thing that was tried in the guest. */
export interface CheckResult {
  name: string
  /** Null when it went as it should. */
  error: string | null
  /** What was seen; bytes as hex. */
  seen: unknown
  seconds: number
}

const FILE = '/run/rig/out/results.json'
const CHECK_LIMIT_MS = 40_000
const results: CheckResult[] = []

/** Tries something and writes down how it went. A failure does not keep the next from being tried. */
export async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now()
  const end = (error: string | null, seen: unknown): void => {
    const seconds = Math.round(performance.now() - startMs) / 1000
    results.push({ name, error, seen, seconds })
    writeFileSync(FILE, JSON.stringify(results, bytesAsHex))
    process.stdout.write(
      `RIG ${error === null ? 'ok' : 'NOT OK'} ${name} (${seconds} s)${error === null ? '' : `: ${error}`}\n`,
    )
  }
  await Promise.race([work(), tooLong()]).then(
    (seen) => end(null, seen ?? null),
    (error: unknown) => end(error instanceof Error ? (error.stack ?? error.message) : String(error), null),
  )
}

/** A check that hangs must not keep the next from being tried. */
async function tooLong(): Promise<never> {
  await delay(CHECK_LIMIT_MS, undefined, { ref: false })
  throw new Error(`not within ${CHECK_LIMIT_MS} ms`)
}

/** Resolves with what `probe` gives as soon as it gives something. */
export async function until<Value>(
  probe: () => Value | null | undefined | false | Promise<Value | false>,
  limitMs = 15_000,
): Promise<Value> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const value = await probe()
    if (value !== null && value !== undefined && value !== false) return value
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms`)
    await delay(5)
  }
}

function bytesAsHex(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
