import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Where a file of the shared test data is; null when this machine does not have it. The data is other people's and
 * is kept beside the project, not in it.
 */
export function sharedData(path: string): string | null {
  const file = fileURLToPath(new URL(`../../../shared/data/${path}`, import.meta.url))
  return existsSync(file) ? file : null
}
