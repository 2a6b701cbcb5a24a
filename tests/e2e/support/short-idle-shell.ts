/**
 * The browser shell with a session that locks after seconds: the real parts, composed as `src/main/browser/main.ts`
 * does. Not an option of the product, where a longer limit would be a way to weaken it.
 */
import { join } from 'node:path'
import process from 'node:process'
import { runBrowserShell } from '../../../src/main/browser/run.ts'
import { startCore } from '../../../src/main/core/index.ts'
import { parseShellOptions } from '../../../src/main/shell/options.ts'
import { say } from '../../../src/main/shell/say.ts'
import { stopOnSignals } from '../../../src/main/shell/stop.ts'
import { surroundings } from '../../../src/main/shell/surroundings.ts'

const IDLE_LIMIT_S = 22
const shell = await runBrowserShell(parseShellOptions(process.argv.slice(2), surroundings()), {
  startCore: (options) => startCore({ ...options, idleLimitS: IDLE_LIMIT_S }),
  windowFolder: join(import.meta.dirname, '..', '..', '..', 'out', 'renderer'),
  say,
  print: (line) => process.stdout.write(`${line}\n`),
  input: null,
  credentials: undefined,
})
stopOnSignals(async () => shell?.close(), say)
