import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '../../../src/main/store/open.ts'
import type { Store } from '../../../src/main/store/store.ts'
import { LOG_KEY, ORIGIN } from './blocks.ts'

export * from './blocks.ts'

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** A new store with one log, closed after the test. */
export function newStore(file = join(temporaryFolder(), 'ledger.db'), options: { maxPages?: number } = {}): Store {
  const store = openStore(file, { mode: 'create', ...options })
  onTestFinished(() => {
    store.close()
  })
  store.addLog(ORIGIN, LOG_KEY)
  return store
}
