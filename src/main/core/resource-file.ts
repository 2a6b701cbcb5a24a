import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert } from '../../shared/errors.ts'

/** A file of `resources/`, found from the sources and from the built program alike. */
export function resourceFile(...path: readonly string[]): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  let file = join(folder, 'resources', ...path)
  while (!existsSync(file)) {
    const parent = dirname(folder)
    assert(parent !== folder, `resources/${path.join('/')} ships with the program`)
    folder = parent
    file = join(folder, 'resources', ...path)
  }
  return file
}
