import { UsageError } from './usage-error.ts'

/** Says one line to the person at the terminal. Standard output is for addresses and results alone. */
export function say(line: string): void {
  process.stderr.write(`chartseal: ${line}\n`)
}

/**
 * Ends a start that failed: usage errors with 2, everything else with 1.
 *
 * @param error - What was thrown.
 */
export function leaveWith(error: unknown): never {
  say(error instanceof Error ? error.message : String(error))
  process.exit(error instanceof UsageError ? 2 : 1)
}

/**
 * The sentence for a core that did not start.
 *
 * @param error - From `startCore`.
 * @param dataFolder - Absolute path.
 */
export function startFailure(error: unknown, dataFolder: string): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  if (code !== 'DATA_FOLDER_IN_USE') return error instanceof Error ? error : new Error(String(error))
  return new Error(
    `another Chartseal holds ${dataFolder} and does not answer; close its window or end its process, then start again`,
    { cause: error },
  )
}
