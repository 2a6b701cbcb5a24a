import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runs } from '../../support/budget.ts'
import { openStore } from '../../../src/main/store/open.ts'
import { entryBytes, newStore, ORIGIN, temporaryFolder } from './fixtures.ts'

const PROGRAM = join(import.meta.dirname, 'append-until-killed.ts')
const ROUNDS = runs(6, 60)

/** Lets the program append until it has acknowledged `blocks` of them, kills it, and replies with the last size it said. */
async function appendAndKill(file: string, blocks: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > blocks) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}

it(
  'has every acknowledged block, whole, after the process was killed at any moment',
  { timeout: 120_000 },
  async () => {
    const file = join(temporaryFolder(), 'ledger.db')
    newStore(file).close()
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await appendAndKill(file, 1 + ((round * 17) % 40))
      const store = openStore(file, { mode: 'existing' })
      const count = store.entryCount(ORIGIN)
      expect(count).toBeGreaterThanOrEqual(acknowledged)
      expect(count % 2).toBe(0)
      expect(store.newestCheckpoint(ORIGIN)).toMatchObject({ size: count, block: count / 2 - 1 })
      const entries = [...store.allEntries(ORIGIN)]
      expect(entries).toEqual(entries.map((_, index) => ({ index, bytes: entryBytes(index) })))
      expect(entries.length).toBe(count)
      expect(store.integrityCheck()).toEqual([])
      store.close()
    }
  },
)
