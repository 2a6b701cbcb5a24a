import { homedir } from 'node:os'
import process from 'node:process'

/** Everything that the command line depends on, so that tests need no real machine. */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** Folder against which relative paths are meant. */
  readonly cwd: string
}

/** The real machine. npm runs scripts in the project's folder and keeps the caller's in INIT_CWD. */
export function surroundings(): Surroundings {
  return {
    platform: process.platform,
    env: process.env,
    home: homedir(),
    cwd: process.env.INIT_CWD ?? process.cwd(),
  }
}
