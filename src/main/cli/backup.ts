/**
 * `chartseal backup`: writes a backup of a clinic, without keys and also while Chartseal runs.
 *
 * @remarks
 * Proven by `tests/main/cli/backup.test.ts`.
 *
 * @packageDocumentation
 */
import { join } from 'node:path'
import { backUpDatabase } from '../core/index.ts'
import { databaseIn, dataFolderOf } from './data-folder.ts'
import { EXIT, type ExitCode, pathOf, plain, printJson, printLine, readArguments } from './command.ts'

const USAGE = 'usage: chartseal backup [--data DIR] [--to FOLDER] [--json]'

/** Runs the command. */
export function backup(args: readonly string[]): ExitCode {
  const { values } = readArguments(
    args,
    { data: { type: 'string' }, to: { type: 'string' }, json: { type: 'boolean' } },
    0,
    USAGE,
  )
  const folder = values.to === undefined ? join(dataFolderOf(values.data), 'backups') : pathOf(values.to)
  const file = backUpDatabase(databaseIn(values.data), folder, Date.now())
  if (values.json === true) printJson({ kind: 'result', command: 'backup', file })
  else printLine(plain(`written: ${file}`))
  return EXIT.valid
}
