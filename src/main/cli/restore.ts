/**
 * `chartseal restore`: opens a clinic in a data folder from a backup, or from any copy of its database.
 *
 * @remarks
 * The recovery key and the new start passphrase come as two lines on standard input: arguments can be read by every
 * program of the computer. Proven by `tests/main/cli/backup.test.ts`.
 *
 * @packageDocumentation
 */
import { restoreOffline } from '../core/index.ts'
import { UsageError } from '../shell/usage-error.ts'
import { dataFolderOf } from './data-folder.ts'
import { EXIT, type ExitCode, pathOf, plain, printJson, printLine, readArguments, readText } from './command.ts'

const USAGE = `usage: chartseal restore FILE [--data DIR] [--json]
standard input: the printed recovery key, and the new start passphrase, each on a line`
const MAX_INPUT = 4096

/** Runs the command. */
export async function restore(args: readonly string[]): Promise<ExitCode> {
  const { values, positionals } = readArguments(args, { data: { type: 'string' }, json: { type: 'boolean' } }, 1, USAGE)
  const [recoveryKey = '', passphrase = ''] = readText('-', MAX_INPUT).split(/\r?\n/)
  if (recoveryKey === '' || passphrase === '') throw new UsageError(USAGE)
  const dataFolder = dataFolderOf(values.data)
  await restoreOffline({ file: pathOf(positionals[0] ?? ''), dataFolder, recoveryKey, passphrase })
  if (values.json === true) printJson({ kind: 'result', command: 'restore', dataFolder })
  else printLine(plain(`restored into ${dataFolder}; start Chartseal there and enter the new passphrase`))
  return EXIT.valid
}
