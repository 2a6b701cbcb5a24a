// Installs the locked packages when node_modules is missing or belongs to another lockfile.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { exclusively } from './lock.mjs'
import { inProject, run, say, ScriptError } from './project.mjs'

const STAMP = inProject('node_modules', '.chartseal-stamp')

/** Makes node_modules match package-lock.json. */
export async function ensureInstalled() {
  checkVersion()
  if (isInstalled()) return
  await exclusively(async () => {
    if (!isInstalled()) await install()
  })
}

async function install() {
  say('installing packages (once per version)')
  // A shell is how Windows runs npm.cmd; the arguments are constants.
  const [program, args] =
    process.platform === 'win32' ? ['cmd.exe', ['/d', '/s', '/c', 'npm ci']] : ['npm', ['ci', '--loglevel=error']]
  const { code, output } = await run(program, args, {
    quiet: true,
    env: { ...process.env, npm_config_ignore_scripts: 'true' },
  })
  if (code !== 0) throw new ScriptError(`npm ci failed; is the package registry reachable?\n${output}`)
  writeFileSync(STAMP, expectedStamp())
}

function isInstalled() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === expectedStamp()
}

function expectedStamp() {
  const lock = createHash('sha256')
    .update(readFileSync(inProject('package-lock.json')))
    .digest('hex')
  return `${lock} ${process.platform}-${process.arch}\n`
}

function checkVersion() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20) throw new ScriptError(`Node 20 or newer is needed to start; this is ${process.version}`)
}
