import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The machine, as far as finding a browser depends on it. */
export interface BrowserMachine {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a path is a file that can be run. */
  isProgram(path: string): boolean
}

const LINUX_NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'microsoft-edge-stable',
  'microsoft-edge',
  'brave-browser',
]
const MAC_APPS = [
  'Google Chrome.app/Contents/MacOS/Google Chrome',
  'Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  'Chromium.app/Contents/MacOS/Chromium',
  'Brave Browser.app/Contents/MacOS/Brave Browser',
]
const WINDOWS_PROGRAMS = [
  ['Google', 'Chrome', 'Application', 'chrome.exe'],
  ['Microsoft', 'Edge', 'Application', 'msedge.exe'],
  ['Chromium', 'Application', 'chrome.exe'],
]

/**
 * Finds an installed browser that can show one page as an application window.
 *
 * @param machine - Where to look.
 * @returns Absolute path, or null.
 */
export function findAppBrowser(machine: BrowserMachine): string | null {
  return candidates(machine).find((path) => machine.isProgram(path)) ?? null
}

/** This machine. */
export function thisMachine(): BrowserMachine {
  return { platform: process.platform, env: process.env, isProgram }
}

function candidates({ platform, env }: BrowserMachine): string[] {
  if (platform === 'win32') {
    const roots = [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA]
    const known = roots.filter((root) => root !== undefined)
    return WINDOWS_PROGRAMS.flatMap((parts) => known.map((root) => join(root, ...parts)))
  }
  if (platform === 'darwin') {
    const roots = ['/Applications', join(env.HOME ?? '/', 'Applications')]
    return MAC_APPS.flatMap((app) => roots.map((root) => join(root, app)))
  }
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'))
  return LINUX_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
