import { join } from 'node:path'
import process from 'node:process'
import { startCore } from '../core/index.ts'
import { parseShellOptions } from '../shell/options.ts'
import { leaveWith, say, surroundings } from '../shell/say.ts'
import { stopOnSignals } from '../shell/stop.ts'
import { runBrowserShell } from './run.ts'

try {
  const options = parseShellOptions(process.argv.slice(2), surroundings())
  const shell = await runBrowserShell(options, {
    startCore,
    windowFolder: join(import.meta.dirname, '..', 'renderer'),
    say,
    print: (line) => process.stdout.write(`${line}\n`),
    input: process.stdin,
    credentials: process.env.CREDENTIALS_DIRECTORY,
  })
  if (shell === null) process.exit(0)
  stopOnSignals(() => shell.close(), say)
} catch (error) {
  leaveWith(error)
}
