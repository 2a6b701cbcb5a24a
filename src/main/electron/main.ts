import { join } from 'node:path'
import process from 'node:process'
import { app } from 'electron'
import { parseShellOptions } from '../shell/options.ts'
import { say } from '../shell/say.ts'
import { surroundings } from '../shell/surroundings.ts'
import { UsageError } from '../shell/usage-error.ts'
import { runElectronShell } from './shell.ts'

const outFolder = join(import.meta.dirname, '..')

/** Arguments of ours: those after the application's folder, which a packaged application does not have. */
function ownArguments(): string[] {
  const after = app.isPackaged ? 1 : process.argv.findIndex((arg, at) => at > 0 && !arg.startsWith('-')) + 1
  return process.argv.slice(after)
}

function leave(error: unknown): void {
  say(error instanceof Error ? error.message : String(error))
  app.exit(error instanceof UsageError ? 2 : 1)
}

// Not awaited: Electron becomes ready only after this module has finished loading.
try {
  runElectronShell(parseShellOptions(ownArguments(), surroundings()), {
    outFolder,
    iconFolder: join(outFolder, '..', 'resources', 'icons'),
    say,
    credentials: process.env.CREDENTIALS_DIRECTORY,
  }).catch(leave)
} catch (error) {
  leave(error)
}
