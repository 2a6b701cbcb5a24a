// npm test: installs what is missing, then runs every check and test there is and ends with one line of counts.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import process from 'node:process'
import { ensureBuilt } from './lib/build.mjs'
import { electronBinary } from './lib/electron.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { inProject, pinnedEnvironment, pinnedNode, run, runMain, say, tool } from './lib/project.mjs'
import { ensureRig } from './lib/rig-packages.mjs'
import { ensureSystemPackages, findBrowser } from './lib/system.mjs'
import { countCheck, countVitest, emptyTally, summary } from './lib/tally.mjs'

const vueTsc = tool('vue-tsc', 'bin', 'vue-tsc.js')
const tsc = tool('typescript', 'bin', 'tsc')
const CHECKS = [
  { title: 'types: pure folders', args: [tsc, '-p', 'tsconfig.pure.json'] },
  { title: 'types: main', args: [tsc, '-p', 'tsconfig.main.json'] },
  { title: 'types: preload', args: [tsc, '-p', 'tsconfig.preload.json'] },
  { title: 'types: window', args: [vueTsc, '-p', 'tsconfig.web.json'] },
  { title: 'types: tests', args: [vueTsc, '-p', 'tsconfig.tests.json'] },
  { title: 'lint', args: [tool('eslint', 'bin', 'eslint.js'), '.', '--max-warnings', '0'] },
  {
    title: 'import graph',
    args: [tool('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'), '--config', '.dependency-cruiser.cjs', 'src'],
  },
  { title: 'dead code', args: [tool('knip', 'bin', 'knip.js'), '--no-progress'] },
  { title: 'format', args: [tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
]
/** Checks that run side by side: each is one thread, and small machines have two. */
const SIDE_BY_SIDE = 2

async function main() {
  const long = process.argv.includes('--long')
  await ensureInstalled()
  await ensureSystemPackages()
  const rigMissing = await ensureRig()
  const env = pinnedEnvironment({
    CHARTSEAL_BROWSER: findBrowser(),
    CHARTSEAL_ELECTRON: electronBinary() ?? '',
    ...(rigMissing === null ? {} : { CHARTSEAL_RIG_MISSING: rigMissing }),
    ...(long ? { CHARTSEAL_LONG: '1' } : {}),
  })
  const tally = emptyTally()
  await runChecks(tally, env)
  await runVitest(tally, 'unit, property and conformance tests', ['node', 'window'], env)
  await runVitest(tally, 'devices in a virtual machine', ['rig'], env)
  if (await build(tally)) await runVitest(tally, 'end-to-end tests', ['e2e'], env)
  for (const line of summary(tally)) process.stdout.write(`${line}\n`)
  return tally.failed.length === 0 ? 0 : 1
}

async function runChecks(tally, env) {
  const waiting = [...CHECKS]
  const worker = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) await runCheck(tally, check, env)
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
}

async function runCheck(tally, { title, args }, env) {
  const { code, output } = await run(pinnedNode(), args, { quiet: true, env })
  say(`${code === 0 ? 'passed' : 'FAILED'}: ${title}`)
  if (code !== 0) process.stderr.write(output)
  countCheck(tally, title, code === 0)
}

async function runVitest(tally, suite, projects, env) {
  const file = inProject('test-results', `${projects.join('-')}.json`)
  mkdirSync(inProject('test-results'), { recursive: true })
  rmSync(file, { force: true })
  say(`running ${suite}`)
  const { code } = await run(
    pinnedNode(),
    [
      tool('vitest', 'vitest.mjs'),
      'run',
      ...projects.flatMap((name) => ['--project', name]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ],
    { env },
  )
  countVitest(tally, suite, existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null, code)
}

async function build(tally) {
  const title = 'build'
  try {
    await ensureBuilt()
    countCheck(tally, title, true)
    return true
  } catch (error) {
    say(error.message)
    countCheck(tally, title, false)
    return false
  }
}

await runMain(main)
