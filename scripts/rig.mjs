// npm run test:rig: the devices of the driver table through a real kernel's USB, in a virtual machine. Shows what it does there.
import process from 'node:process'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedEnvironment, pinnedNode, run, runMain, say, tool } from './lib/project.mjs'
import { ensureRig } from './lib/rig-packages.mjs'

async function main() {
  await ensureInstalled()
  const why = await ensureRig()
  if (why !== null) {
    say(`no rig on this machine: ${why}`)
    return 1
  }
  const args = [tool('vitest', 'vitest.mjs'), 'run', '--project', 'rig', ...process.argv.slice(2)]
  const { code } = await run(pinnedNode(), args, { env: pinnedEnvironment({ CHARTSEAL_RIG_SHOW: '1' }) })
  return code
}

await runMain(main)
