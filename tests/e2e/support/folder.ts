import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A data folder that outlives one start. Made when first asked for, so that skipped suites make none. */
export function freshFolder(name: string): { path(): string; remove(): void } {
  let path: string | null = null
  return {
    path: () => (path ??= mkdtempSync(join(tmpdir(), `chartseal-${name}-`))),
    remove: () => {
      if (path !== null) rmSync(path, { recursive: true, force: true })
    },
  }
}
