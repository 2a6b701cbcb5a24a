import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export * from './values.ts'

/** A folder for a keystore, not there yet, and gone after the test. */
export function keystoreFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return join(folder, 'keystore')
}
