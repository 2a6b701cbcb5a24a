// npm run -s chartseal -- ARGS: the command line, built first when it is stale. Nothing but results on standard output.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { ensureBuilt } from './lib/build.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { inProject, pinnedEnvironment, pinnedNode, runMain } from './lib/project.mjs'

await runMain(async () => {
  await ensureInstalled()
  await ensureBuilt({ quiet: true })
  const args = [inProject('out', 'main', 'cli.js'), ...process.argv.slice(2)]
  const child = spawn(pinnedNode(), args, { stdio: 'inherit', env: pinnedEnvironment() })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
})
