import process from 'node:process'

/** Ctrl-C reaches this process from the terminal and again from whoever started it: one request, said twice. */
const ECHO_MS = 2000

/**
 * Runs `close` once when the process is asked to stop, then exits: 0 after a clean shutdown, 1 after a failed one.
 * Asked again later while that is still running, it leaves at once.
 *
 * @param close - Releases everything. May take its time; must settle.
 * @param log - Where to say what went wrong.
 * @returns The same stop, for other reasons to end.
 */
export function stopOnSignals(close: () => Promise<void>, log: (line: string) => void): () => void {
  let since: number | null = null
  const stop = (): void => {
    if (since !== null) {
      if (performance.now() - since > ECHO_MS) process.exit(1)
      return
    }
    since = performance.now()
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log(`could not shut down cleanly: ${error instanceof Error ? error.message : String(error)}`)
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  return stop
}
