// What the tests need from the operating system: a browser, a display server for Electron, and the USB libraries.
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { run, say, ScriptError } from './project.mjs'

const LIBRARY_FOLDERS = ['/lib', '/usr/lib', '/usr/local/lib', '/lib64', '/usr/lib64'].flatMap((folder) => [
  folder,
  ...['x86_64', 'aarch64', 'arm'].map(
    (machine) => `${folder}/${machine}-linux-gnu${machine === 'arm' ? 'eabihf' : ''}`,
  ),
])
const hasLibrary = (file) => LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, file)))

/** Debian package, how to see that what it brings is there, and whether tests that miss it say so and go on. */
const NEEDED = [
  { debian: 'chromium', what: 'Chromium, Chrome or Edge', isThere: () => findBrowser() !== null },
  { debian: 'xvfb', what: 'Xvfb', isThere: () => onPath('Xvfb') !== null },
  { debian: 'libusb-1.0-0', what: 'libusb 1.0', isThere: () => hasLibrary('libusb-1.0.so.0') },
  { debian: 'libudev1', what: 'libudev', isThere: () => hasLibrary('libudev.so.1') },
  { debian: 'strace', what: 'strace', isThere: () => onPath('strace') !== null, isOptional: true },
]

/** Path of a browser that playwright can drive, or null. */
export function findBrowser() {
  if (process.env.CHARTSEAL_BROWSER) return process.env.CHARTSEAL_BROWSER
  if (process.platform === 'darwin') {
    const chrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
    return existsSync(chrome) ? chrome : null
  }
  if (process.platform === 'win32') {
    const edge = join(process.env['PROGRAMFILES(X86)'] ?? '', 'Microsoft', 'Edge', 'Application', 'msedge.exe')
    return existsSync(edge) ? edge : null
  }
  return (
    ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge']
      .map(onPath)
      .find(Boolean) ?? null
  )
}

/** Installs what is missing on Debian as root; says what to install elsewhere. */
export async function ensureSystemPackages() {
  const needed = process.platform === 'linux' ? NEEDED : NEEDED.slice(0, 1)
  const missing = needed.filter(({ isThere }) => !isThere())
  if (missing.length === 0) return
  const required = () => missing.filter(({ isThere, isOptional }) => isOptional !== true && !isThere())
  if (process.getuid?.() === 0 && onPath('apt-get') !== null) {
    await installPackages(missing.map(({ debian }) => debian)).catch((error) => {
      if (required().length > 0) throw error
    })
  }
  if (required().length > 0) throw new ScriptError(advice(required()))
}

function advice(missing) {
  const whats = missing.map(({ what }) => what).join(', ')
  const debian = missing.map(({ debian: name }) => name).join(' ')
  return `the tests need ${whats}; install it and run again (on Debian: sudo apt-get install ${debian})`
}

/**
 * Installs Debian packages. Only root can.
 *
 * @throws ScriptError when apt-get fails.
 */
export async function installPackages(names) {
  say(`installing ${names.join(', ')}`)
  await apt(['update', '-qq'])
  await apt(['install', '-y', '-qq', '--no-install-recommends', ...names])
}

async function apt(args) {
  const { code, output } = await run('apt-get', args, {
    quiet: true,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (code !== 0) throw new ScriptError(`apt-get ${args.join(' ')} failed\n${output}`)
}

/** Path of a program, or null. */
export function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      continue
    }
  }
  return null
}
