import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { acquireFolderLock } from '../../../src/main/store/folder-lock.ts'
import { codeOf, temporaryFolder } from './fixtures.ts'

const HOLD = `
  import { acquireFolderLock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/main/store/folder-lock.ts'))}
  try { acquireFolderLock(process.argv[1]); console.log('held') } catch (error) { console.log(error.code) }
  process.stdin.resume()
`

/** Another process that tries to hold the lock, and what it says. */
async function anotherProcess(folder: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString().trim() }
}

async function end(child: ReturnType<typeof spawn>): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

it('is held once, and free again after release', () => {
  const folder = temporaryFolder()
  const lock = acquireFolderLock(folder)
  expect(codeOf(() => acquireFolderLock(folder))).toBe('DATA_FOLDER_IN_USE')
  lock.release()
  lock.release()
  acquireFolderLock(folder).release()
})

it('keeps other processes out, and survives none that is killed', async () => {
  const folder = temporaryFolder()
  const first = await anotherProcess(folder)
  expect(first.said).toBe('held')
  const second = await anotherProcess(folder)
  expect(second.said).toBe('DATA_FOLDER_IN_USE')
  expect(codeOf(() => acquireFolderLock(folder))).toBe('DATA_FOLDER_IN_USE')
  await end(second.child)
  await end(first.child)
  acquireFolderLock(folder).release()
})

it('says when there is no folder to lock', () => {
  expect(codeOf(() => acquireFolderLock(join(temporaryFolder(), 'missing')))).toBeInstanceOf(Error)
})
