// npm run experiment: networks of real processes on this machine, in full. `npm run experiment NAME...` runs only those.
import { ensureInstalled } from './lib/install.mjs'
import { inProject, pinnedEnvironment, pinnedNode, run, runMain } from './lib/project.mjs'

await runMain(async () => {
  await ensureInstalled()
  const args = [inProject('tests', 'experiments', 'main.ts'), ...process.argv.slice(2)]
  const { code } = await run(pinnedNode(), args, { env: pinnedEnvironment() })
  return code
})
