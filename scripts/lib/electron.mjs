// Finds Electron's binary, or tries once a day to get it.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { inProject, pinnedEnvironment, pinnedNode, run, say } from './project.mjs'

const FAILED = inProject('.cache', 'electron-unavailable')
const DAY_MS = 24 * 60 * 60 * 1000
const INSTALL_TIMEOUT_MS = 60_000

/** Path of the binary, or null. */
export function electronBinary() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  const folder = override ?? inProject('node_modules', 'electron', 'dist')
  const file = join(folder, executableName())
  return existsSync(file) ? file : null
}

/** The binary, installed if it can be; null with the reason otherwise. */
export async function obtainElectron() {
  const present = electronBinary()
  if (present !== null) return { binary: present, why: 'its binary is installed' }
  if (failedLately()) return { binary: null, why: 'no Electron binary, and it could not be downloaded today' }
  say('looking for the Electron binary (tried once a day)')
  const { code } = await run(pinnedNode(), [inProject('node_modules', 'electron', 'install.js')], {
    quiet: true,
    env: pinnedEnvironment(),
    timeoutMs: INSTALL_TIMEOUT_MS,
  })
  const binary = code === 0 ? electronBinary() : null
  if (binary !== null) return { binary, why: 'its binary was installed just now' }
  mkdirSync(inProject('.cache'), { recursive: true })
  writeFileSync(FAILED, electronVersion())
  return { binary: null, why: 'no Electron binary, and it could not be downloaded' }
}

function failedLately() {
  if (!existsSync(FAILED)) return false
  return Date.now() - statSync(FAILED).mtimeMs < DAY_MS && readFileSync(FAILED, 'utf8') === electronVersion()
}

function electronVersion() {
  return JSON.parse(readFileSync(inProject('node_modules', 'electron', 'package.json'), 'utf8')).version
}

function executableName() {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return process.platform === 'win32' ? 'electron.exe' : 'electron'
}
