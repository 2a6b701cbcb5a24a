/**
 * Where a node without people leaves its recovery key until somebody prints it.
 *
 * @remarks
 * Nothing else knows the key: a file of an attempt before must not keep the new one from being written. Proven by
 * `tests/main/cli/recovery-key-file.test.ts`.
 *
 * @packageDocumentation
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes the key where nobody else reads it.
 *
 * @param dataFolder - Locked by this process.
 * @returns The file.
 */
export function keepRecoveryKey(dataFolder: string, text: string): string {
  const file = freeFile(dataFolder)
  writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  return file
}

function freeFile(folder: string): string {
  for (let number = 1; ; number++) {
    const file = join(folder, number === 1 ? 'recovery-key.txt' : `recovery-key-${number}.txt`)
    if (!existsSync(file)) return file
  }
}
