import { join } from 'node:path'
import process from 'node:process'
import { startCore } from '../core/index.ts'
import { parseShellOptions } from '../shell/options.ts'
import { leaveWith, say } from '../shell/say.ts'
import { stopOnSignals } from '../shell/stop.ts'
import { surroundings } from '../shell/surroundings.ts'
import { runBrowserShell } from './run.ts'

try {
  const options = parseShellOptions(process.argv.slice(2), surroundings())
  const starting = runBrowserShell(options, {
    startCore,
    windowFolder: join(import.meta.dirname, '..', 'renderer'),
    say,
    print: (line) => process.stdout.write(`${line}\n`),
    input: process.stdin,
    credentials: process.env.CREDENTIALS_DIRECTORY,
  })
  // From here on, so that Ctrl-C in the middle of a start still shuts down cleanly once it is through.
  const stop = stopOnSignals(async () => (await starting)?.close(), say)
  const shell = await starting
  if (shell === null) process.exit(0)
  await shell.windowClosed
  say('the window was closed')
  stop()
} catch (error) {
  leaveWith(error)
}
