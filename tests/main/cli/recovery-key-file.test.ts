import { readFileSync, statSync } from 'node:fs'
import { expect, it } from 'vitest'
import { keepRecoveryKey } from '../../../src/main/cli/recovery-key-file.ts'
import { temporaryFolder } from '../../faults/support/clinic.ts'

it('keeps every recovery key, also where one of an attempt before still lies', () => {
  const folder = temporaryFolder()
  const files = ['first', 'second', 'third'].map((text) => keepRecoveryKey(folder, text))
  expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(['first\n', 'second\n', 'third\n'])
  expect(files[0]?.endsWith('/recovery-key.txt')).toBe(true)
  expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600, 0o600])
})
