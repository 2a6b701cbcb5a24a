/**
 * `chartseal export-log`: writes a log as a C2SP tlog-tiles directory, read-only and without keys.
 *
 * @remarks
 * Proven by `tests/main/cli/export-log.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from '../../ledger/errors.ts'
import { CodedError } from '../../shared/errors.ts'
import { exportLogOfFile } from '../core/index.ts'
import { UsageError } from '../shell/usage-error.ts'
import { databaseIn } from './data-folder.ts'
import { EXIT, type ExitCode, pathOf, plain, printJson, printLine, readArguments } from './command.ts'

const USAGE = 'usage: chartseal export-log ORIGIN DIR --data DIR|--db FILE [--json]'

/** Runs the command. */
export function exportLog(args: readonly string[]): ExitCode {
  const { values, positionals } = readArguments(
    args,
    { data: { type: 'string' }, db: { type: 'string' }, json: { type: 'boolean' } },
    2,
    USAGE,
  )
  const [origin = '', folder = ''] = positionals
  if (values.data !== undefined && values.db !== undefined) throw new UsageError(USAGE)
  const database = values.db === undefined ? databaseIn(values.data) : pathOf(values.db)
  try {
    const exported = exportLogOfFile(database, origin, pathOf(folder))
    if (values.json === true) printJson({ kind: 'result', command: 'export-log', valid: true, ...exported })
    else {
      printLine(plain(`exported: ${exported.origin}, ${exported.size} entries, ${exported.files} files`))
      printLine(plain(`key: ${exported.key}`))
    }
    return EXIT.valid
  } catch (error) {
    if (!isDamage(error)) throw error
    if (values.json === true) {
      printJson({ kind: 'result', command: 'export-log', valid: false, code: error.code, detail: error.message })
    } else printLine(plain(`invalid: ${error.code}: ${error.message}`))
    return EXIT.invalid
  }
}

/** The log is there and does not hold, as opposed to: it cannot be read, or not be written there. */
function isDamage(error: unknown): error is CodedError<string> {
  return error instanceof LedgerError || (error instanceof CodedError && error.code === 'LOG_DAMAGED')
}
