import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { closeWitness } from '../../src/main/core/witness/witness-files.ts'
import { runs } from '../support/budget.ts'
import { ForkedLog } from '../support/forked-log.ts'
import { newWitness, reopened, syncStoreOf } from '../support/witness-world.ts'
import { temporaryFolder } from './support/clinic.ts'

const PROGRAM = new URL('./support/witness-until-killed.ts', import.meta.url).pathname
const ROUNDS = runs(6, 16)

/** Lets the witness cosign until it has said so `count` times, kills it, and replies with the last size. */
async function cosignAndKill(folder: string, origin: string, count: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, folder, origin], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > count) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}

it(
  'a witness killed at any moment knows what it cosigned, and cosigns nothing that contradicts it',
  { timeout: 180_000 },
  async () => {
    const origin = 'test.local/a/n1/1'
    for (let round = 1; round <= ROUNDS; round++) {
      // What is tried at the end proves a fork, and of that log no witness takes anything more.
      const folder = temporaryFolder()
      await newWitness(folder)
      const cosigned = await cosignAndKill(folder, origin, 1 + ((round * 7) % 20))
      const files = await reopened(folder)
      const { store } = syncStoreOf(files)
      const log = new ForkedLog(origin)
      expect(files.memory.headAt(origin, cosigned)?.note).toBe(log.note(cosigned))
      const known = files.memory.read(origin)?.size ?? 0
      expect(known).toBeGreaterThanOrEqual(cosigned)
      const other = store.checkHead(log.note(known + 3, 1, cosigned - 1))
      expect(store.offerHead(other, cosigned, log.proof(cosigned, known + 3, 1, cosigned - 1)).status).not.toBe(200)
      expect(store.offerHead(other, known, log.proof(known, known + 3, 1, cosigned - 1)).status).not.toBe(200)
      closeWitness(files)
    }
  },
)
