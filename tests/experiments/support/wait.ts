/** Waiting for what comes by itself, and free ports. */

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
