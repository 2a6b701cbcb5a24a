/**
 * One line on standard error about a fault of ours, for whoever looks into it.
 *
 * @packageDocumentation
 */
import process from 'node:process'

/** A stack says where, never what: messages of ours hold no patient data and no secret. */
export function reportFault(error: unknown, where = 'vault'): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown fault'
  process.stderr.write(`chartseal ${where}: ${text}\n`)
}
