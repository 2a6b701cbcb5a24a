import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAppBrowser, thisMachine } from './find-browser.ts'

/** A window that was opened. */
export interface OpenedWindow {
  /** For the one line that says so. */
  readonly how: string
  /** The browser, when it is one of our own that ends with its window; null when it is the person's. */
  readonly own: ChildProcess | null
}

/** Flags that keep a browser quiet: no first-run pages, no traffic of its own. */
const QUIET = [
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--disable-translate',
  // The browser ends with its last window, and Chartseal with it.
  '--disable-background-mode',
  '--disable-features=Translate,AutofillServerCommunication,OptimizationHints,MediaRouter',
  '--password-store=basic',
]

/**
 * Arguments for an application window of a Chromium-like browser, in a profile of its own so that no extension or
 * cookie of the person's browsing meets patient data, and in private mode because a browser otherwise keeps typed
 * text and page titles on the disk for restoring its session.
 *
 * @param program - Path of the browser; Edge has its own word for private mode.
 * @param url - Launch address.
 * @param profile - Absolute path of the profile folder.
 * @param root - Whether we run as root, under which Chromium has no sandbox.
 */
export function appWindowArguments(program: string, url: string, profile: string, root: boolean): string[] {
  const isPrivate = /edge/i.test(program) ? '--inprivate' : '--incognito'
  const sandbox = root ? ['--no-sandbox'] : []
  return [`--app=${url}`, `--user-data-dir=${profile}`, isPrivate, '--window-size=1280,860', ...QUIET, ...sandbox]
}

/**
 * Opens the address in an installed Chromium, Chrome or Edge as an application window, else in the default browser.
 *
 * @param url - Launch address, ours.
 * @param dataFolder - Absolute path; the browser's profile goes below it.
 * @returns How, or null when there is nothing to open it with: then the address must be shown.
 */
export async function openWindow(url: string, dataFolder: string): Promise<OpenedWindow | null> {
  if (!hasDisplay()) return null
  const program = findAppBrowser(thisMachine())
  const root = process.getuid?.() === 0
  if (program !== null) {
    const own = await start(program, appWindowArguments(program, url, profileFolder(dataFolder), root))
    if (own !== null) return { how: `${program}${root ? ', without its sandbox because this is root' : ''}`, own }
  }
  const [opener, ...args] = defaultOpener(url)
  return (await start(opener, args)) === null ? null : { how: 'the default browser', own: null }
}

/** Below the data folder, or a temporary one when nothing can be written there: the window must open to say so. */
function profileFolder(dataFolder: string): string {
  try {
    const profile = join(dataFolder, 'browser-profile')
    mkdirSync(profile, { recursive: true, mode: 0o700 })
    accessSync(profile, constants.W_OK)
    return profile
  } catch {
    return mkdtempSync(join(tmpdir(), 'chartseal-browser-'))
  }
}

/** Without a display a browser would only fail, after a while and in its own words. */
function hasDisplay(): boolean {
  if (process.platform === 'win32' || process.platform === 'darwin') return true
  return Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY)
}

function defaultOpener(url: string): [string, ...string[]] {
  if (process.platform === 'darwin') return ['open', url]
  // rundll32 takes the address as it is; `start` would give `&` and `^` a meaning.
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  return ['xdg-open', url]
}

/** Resolves to the running program, or null when it cannot be started. Ctrl-C in the terminal does not reach it. */
function start(program: string, args: string[]): Promise<ChildProcess | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(null))
    child.once('spawn', () => {
      child.unref()
      resolve(child)
    })
  })
}
