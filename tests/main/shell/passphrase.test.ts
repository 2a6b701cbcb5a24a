import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { passphraseFromInput, storedPassphrase } from '../../../src/main/shell/passphrase.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-passphrase-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(text: string, mode = 0o600): string {
  const file = join(folder, 'chartseal-passphrase')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

describe('storedPassphrase', () => {
  it.each([
    ['correct horse', 'correct horse'],
    ['correct horse\n', 'correct horse'],
    ['correct horse\r\nsecond line', 'correct horse'],
    [' spaces stay \n', ' spaces stay '],
  ])('reads the first line of %j', (text, expected) => {
    expect(storedPassphrase(put(text), undefined)).toBe(expected)
  })

  it.skipIf(process.platform === 'win32').each([0o644, 0o640, 0o604, 0o660, 0o601])('refuses mode %o', (mode) => {
    expect(() => storedPassphrase(put('secret\n', mode), undefined)).toThrow('chmod 600')
  })

  it('refuses what is missing, empty, too large or no file, and never repeats the content', () => {
    expect(() => storedPassphrase(join(folder, 'missing'), undefined)).toThrow('cannot read')
    expect(() => storedPassphrase(put('\n'), undefined)).toThrow('empty')
    expect(() => storedPassphrase(put('x'.repeat(1025)), undefined)).toThrow('not a passphrase file')
    expect(() => storedPassphrase(folder, undefined)).toThrow('not a passphrase file')
    expect(() => storedPassphrase(put('hunter2', 0o644), undefined)).not.toThrow('hunter2')
  })

  it('takes a systemd credential when no file is named', () => {
    put('from systemd\n', 0o440)
    expect(storedPassphrase(null, folder)).toBe('from systemd')
  })

  it('has none without either', () => {
    expect(storedPassphrase(null, undefined)).toBeNull()
    expect(storedPassphrase(null, '')).toBeNull()
    expect(storedPassphrase(null, folder)).toBeNull()
  })
})

describe('passphraseFromInput', () => {
  it('takes the first line, however it arrives, and does not wait for the end', async () => {
    const open = new Readable({ read: () => undefined })
    open.push('corr')
    open.push('ect\nrest')
    await expect(passphraseFromInput(open)).resolves.toBe('correct')
  })

  it('has none when the input ends without one, or is a terminal', async () => {
    await expect(passphraseFromInput(Readable.from([]))).resolves.toBeNull()
    await expect(passphraseFromInput(Object.assign(Readable.from(['x\n']), { isTTY: true }))).resolves.toBeNull()
  })

  it('takes a last line without an end', async () => {
    await expect(passphraseFromInput(Readable.from(['correct']))).resolves.toBe('correct')
  })

  it('refuses more than 1 KiB', async () => {
    await expect(passphraseFromInput(Readable.from(['x'.repeat(1025)]))).rejects.toThrow('too long')
  })
})
