import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { toHex } from '../../../src/shared/bytes.ts'
import { createKeystore, keystoreState, openKeystore } from '../../../src/main/keystore/keystore.ts'
import { CHEAP, codeOf, errorOf, HANDLE, keystoreFolder, PASSPHRASE, SEED, SYSTEM } from './fixtures.ts'

const SECRET = new TextEncoder().encode('a secret of the log')

it.each([PASSPHRASE, SYSTEM])('keeps everything over a restart ($kind)', async (unlock) => {
  const folder = keystoreFolder()
  expect(keystoreState(folder)).toBe('missing')
  const made = await createKeystore(folder, unlock, CHEAP)
  await made.secrets.put('log-seed', SECRET)
  await made.practitioners.add(HANDLE, '2580', SEED)
  made.highWater.write({ note: 'note\n', size: 3 })
  made.close()
  expect(keystoreState(folder)).toBe(unlock.kind)
  const opened = await openKeystore(folder, unlock, CHEAP)
  expect(opened.secrets.get('log-seed')).toEqual(SECRET)
  expect(opened.secrets.get('other')).toBeNull()
  expect(await opened.practitioners.unlock(HANDLE, '2580')).toEqual(SEED)
  expect(opened.highWater.read()).toEqual({ note: 'note\n', size: 3 })
  opened.close()
})

it('refuses a wrong passphrase, a weak one, and the wrong kind of unlocking', async () => {
  const folder = keystoreFolder()
  const weak = { kind: 'passphrase', passphrase: 'elevenchars' } as const
  expect(await codeOf(() => createKeystore(folder, weak, CHEAP))).toBe('WEAK_PASSPHRASE')
  expect(keystoreState(folder)).toBe('missing')
  ;(await createKeystore(folder, PASSPHRASE, CHEAP)).close()
  const wrong = { kind: 'passphrase', passphrase: 'correct horse batterx' } as const
  expect(await codeOf(() => openKeystore(folder, wrong, CHEAP))).toBe('WRONG_PASSPHRASE')
  expect(await codeOf(() => openKeystore(folder, SYSTEM, CHEAP))).toBe('KEYSTORE_DAMAGED')
})

it('refuses another system secret', async () => {
  const folder = keystoreFolder()
  ;(await createKeystore(folder, SYSTEM, CHEAP)).close()
  const other = { kind: 'system', nodeSecret: new Uint8Array(32) } as const
  expect(await codeOf(() => openKeystore(folder, other, CHEAP))).toBe('KEYSTORE_DAMAGED')
})

it('takes one passphrase however the keyboard composes its letters', async () => {
  const folder = keystoreFolder()
  ;(await createKeystore(folder, { kind: 'passphrase', passphrase: 'Gr\u00fc\u00dfe aus Basel' }, CHEAP)).close()
  const decomposed = { kind: 'passphrase', passphrase: 'Gru\u0308\u00dfe aus Basel' } as const
  ;(await openKeystore(folder, decomposed, CHEAP)).close()
})

it('refuses a cheaper scrypt than it would use itself', async () => {
  const folder = keystoreFolder()
  ;(await createKeystore(folder, PASSPHRASE, CHEAP)).close()
  expect(await codeOf(() => openKeystore(folder, PASSPHRASE, { scryptLogN: 11 }))).toBe('KEYSTORE_DAMAGED')
  expect(await codeOf(() => openKeystore(folder, PASSPHRASE))).toBe('KEYSTORE_DAMAGED')
})

it('never takes a keystore without its node secret for a fresh start', async () => {
  const folder = keystoreFolder()
  const made = await createKeystore(folder, SYSTEM, CHEAP)
  await made.secrets.put('log-seed', SECRET)
  made.close()
  rmSync(join(folder, 'node-secret.json'))
  expect(await codeOf(() => keystoreState(folder))).toBe('KEYSTORE_DAMAGED')
  expect(await codeOf(() => createKeystore(folder, SYSTEM, CHEAP))).toBe('KEYSTORE_DAMAGED')
})

it('gives a coded error, or the right answer, whichever byte of whichever file is changed', async () => {
  const folder = keystoreFolder()
  const made = await createKeystore(folder, PASSPHRASE, CHEAP)
  await made.secrets.put('log-seed', SECRET)
  await made.practitioners.add(HANDLE, '2580', SEED)
  made.close()
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'))
  expect(files.length).toBe(4)
  for (const name of files) {
    const file = join(folder, name)
    const good = readFileSync(file)
    for (let at = 0; at < good.length; at += 7) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 1
      writeFileSync(file, bad)
      const error = await errorOf(async () => {
        const opened = await openKeystore(folder, PASSPHRASE, CHEAP)
        expect(opened.secrets.get('log-seed')).toEqual(SECRET)
        expect(await opened.practitioners.unlock(HANDLE, '2580')).toEqual(SEED)
        opened.close()
      })
      if (error.message !== 'nothing was thrown') expect(error.code, `${name} at ${at}`).toBe('KEYSTORE_DAMAGED')
      writeFileSync(file, good)
    }
  }
})

it('removes a secret for good, and leaves its neighbours', async () => {
  const { secrets } = await createKeystore(keystoreFolder(), SYSTEM, CHEAP)
  await secrets.put('device-a', SECRET)
  await secrets.put('device-b', SECRET)
  secrets.remove('device-a')
  secrets.remove('device-a')
  expect([secrets.get('device-a'), secrets.get('device-b')]).toEqual([null, SECRET])
  expect(secrets.names()).not.toContain('device-a')
})

it('does not open a secret under another name, or of another node', async () => {
  const [folder, other] = [keystoreFolder(), keystoreFolder()]
  const keystore = await createKeystore(folder, PASSPHRASE, CHEAP)
  await keystore.secrets.put('a', SECRET)
  const sealed = readFileSync(join(folder, 'secrets', 'a.sealed'))
  writeFileSync(join(folder, 'secrets', 'b.sealed'), sealed)
  expect(await codeOf(() => keystore.secrets.get('b'))).toBe('KEYSTORE_DAMAGED')
  const stranger = await createKeystore(other, PASSPHRASE, CHEAP)
  await stranger.secrets.put('a', new Uint8Array(1))
  writeFileSync(join(other, 'secrets', 'a.sealed'), sealed)
  expect(await codeOf(() => stranger.secrets.get('a'))).toBe('KEYSTORE_DAMAGED')
})

it('names no file outside its folder', async () => {
  const keystore = await createKeystore(keystoreFolder(), SYSTEM, CHEAP)
  for (const name of ['../x', '', '.hidden', 'a/b', 'A']) {
    expect((await errorOf(() => keystore.secrets.get(name))).message).toContain('bug')
  }
})

it('answers nothing after it was closed', async () => {
  const keystore = await createKeystore(keystoreFolder(), SYSTEM, CHEAP)
  await keystore.secrets.put('a', SECRET)
  keystore.close()
  expect((await errorOf(() => keystore.secrets.get('a'))).message).toContain('closed')
})

it('writes no secret in the clear, into no file and no error', async () => {
  const folder = keystoreFolder()
  const keystore = await createKeystore(folder, PASSPHRASE, CHEAP)
  await keystore.secrets.put('log-seed', SECRET)
  await keystore.practitioners.add(HANDLE, '2580', SEED)
  const errors = [
    await errorOf(() => openKeystore(folder, { kind: 'passphrase', passphrase: 'not this secret phrase' }, CHEAP)),
    await errorOf(() => keystore.practitioners.unlock(HANDLE, '9513')),
    await errorOf(() => keystore.practitioners.changePin(HANDLE, '2580', '7777')),
  ]
  const said = errors.map((error) => `${error.message} ${String(error.stack)} ${String(error.cause)}`).join('\n')
  for (const secret of ['correct horse', 'not this secret', '2580', '9513', '7777']) {
    expect(said.replaceAll(/:\d+:\d+/g, '')).not.toContain(secret)
  }
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name)
    if (statSync(file).isDirectory()) continue
    const content = readFileSync(file)
    for (const secret of [SECRET, SEED, new TextEncoder().encode(toHex(SEED))]) {
      expect(content.includes(Buffer.from(secret)), name).toBe(false)
    }
  }
})

it.skipIf(process.platform === 'win32')('lets no other account read it', async () => {
  const folder = keystoreFolder()
  const keystore = await createKeystore(folder, PASSPHRASE, CHEAP)
  await keystore.secrets.put('log-seed', SECRET)
  await keystore.practitioners.add(HANDLE, '2580', SEED)
  keystore.highWater.write({ note: 'note\n', size: 3 })
  const modes = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(folder, name)))
  expect([statSync(folder), ...modes].map((stat) => stat.mode & 0o077)).toEqual(Array(8).fill(0))
})
