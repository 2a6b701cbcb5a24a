import { chmodSync, mkdirSync } from 'node:fs'
import { posix, win32 } from 'node:path'
import type { Surroundings } from './surroundings.ts'
import { UsageError } from './usage-error.ts'

/**
 * Where data goes when nobody says: the place each system keeps for it. A demo clinic never shares a folder with a
 * real one.
 *
 * @param around - The machine.
 * @param demo - Whether the demo clinic is asked for.
 * @returns An absolute path.
 */
export function defaultDataFolder(around: Pick<Surroundings, 'platform' | 'env' | 'home'>, demo: boolean): string {
  const name = demo ? 'chartseal-demo' : 'chartseal'
  const { platform, env, home } = around
  if (platform === 'win32') return win32.join(env.APPDATA ?? win32.join(home, 'AppData', 'Roaming'), name)
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', name)
  const xdg = env.XDG_DATA_HOME
  // The base directory specification says that a relative value is to be ignored.
  return posix.join(xdg?.startsWith('/') === true ? xdg : posix.join(home, '.local', 'share'), name)
}

/**
 * Makes sure that the folder exists and is closed to other users.
 *
 * @param folder - Absolute path.
 * @throws {@link UsageError} when it cannot be created. A read-only folder is not refused here: the core says so in
 *   the window.
 */
export function prepareDataFolder(folder: string): void {
  try {
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) === undefined) closeToOthers(folder)
  } catch (cause) {
    throw new UsageError(`cannot create the data folder ${folder}: ${reasonOf(cause)}`, { cause })
  }
}

/** An existing folder may belong to somebody else or be read-only: then its mode stays what it is. */
function closeToOthers(folder: string): void {
  try {
    chmodSync(folder, 0o700)
  } catch {
    return
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
