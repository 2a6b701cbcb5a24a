// npm start: installs what is missing, builds what is stale, opens the application.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { ensureBuilt } from './lib/build.mjs'
import { obtainElectron } from './lib/electron.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { inProject, shellEnvironment, pinnedNode, runMain, say, ScriptError } from './lib/project.mjs'

const HELP = `npm start -- [OPTIONS]

  --demo                    open a demonstration clinic with virtual devices
  --data DIR                folder for everything Chartseal keeps
  --shell electron|browser  instead of choosing by what is installed
  --headless                print the address instead of opening a window
  --port N                  loopback port of the browser shell (default: any free one)
  --replay FAMILY=FILE      play a captured exchange as if the device were plugged in; may be repeated
  --passphrase-file FILE    start passphrase, in a file that only you can read (mode 0600)

A headless start also takes the passphrase from standard input or from the systemd credential chartseal-passphrase.
`

async function main() {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    process.stdout.write(HELP)
    return 0
  }
  refuseBadArguments(args)
  await ensureInstalled()
  await ensureBuilt()
  const shell = await chooseShell(args)
  say(`${shell.name} shell, because ${shell.why}`)
  return runShell(shell.program, [...shell.args, ...args])
}

/** Said before minutes are spent on installing; the shell checks everything again. */
function refuseBadArguments(args) {
  if (args.some((arg) => arg === '--passphrase' || arg.startsWith('--passphrase='))) {
    throw new ScriptError(
      'a passphrase on the command line can be read by every user of this machine; ' +
        'use --passphrase-file FILE (mode 0600), standard input, or a systemd credential',
    )
  }
  const wanted = wantedShell(args)
  if (wanted !== null && !['electron', 'browser'].includes(wanted)) {
    throw new ScriptError(`--shell takes electron or browser, not "${wanted}"`)
  }
}

function wantedShell(args) {
  const at = args.indexOf('--shell')
  if (at !== -1) return args[at + 1] ?? ''
  return args.find((arg) => arg.startsWith('--shell='))?.slice('--shell='.length) ?? null
}

async function chooseShell(args) {
  const wanted = wantedShell(args)
  if (args.includes('--headless')) return browserShell('--headless was given')
  if (wanted === 'browser') return browserShell('--shell browser was given')
  if (wanted === null && !hasDisplay()) return browserShell('there is no display for Electron')
  const { binary, why } = await obtainElectron()
  if (binary !== null) return electronShell(binary, wanted === null ? why : '--shell electron was given')
  if (wanted === 'electron') throw new ScriptError(`--shell electron was given, but there is ${why}`)
  return browserShell(`there is ${why}`)
}

const browserShell = (why) => ({
  name: 'browser',
  why,
  program: pinnedNode(),
  args: [inProject('out', 'main', 'browser.js')],
})

function electronShell(program, why) {
  const root = process.getuid?.() === 0
  const switches = root ? ['--no-sandbox'] : []
  return {
    name: 'Electron',
    why: root ? `${why} (without sandbox: this is root)` : why,
    program,
    args: [...switches, inProject('.')],
  }
}

function hasDisplay() {
  if (process.platform !== 'linux') return true
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/** Stays until the shell ends and leaves with its exit code. The shell alone decides what a signal means. */
function runShell(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: shellEnvironment() })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

await runMain(main)
