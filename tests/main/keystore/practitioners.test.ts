import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createKeystore, openKeystore, type Keystore } from '../../../src/main/keystore/keystore.ts'
import { CHEAP, codeOf, errorOf, HANDLE, keystoreFolder, SEED, SYSTEM } from './fixtures.ts'

const PIN = '2580'
const WRONG = '9513'
const WITHOUT_RIGHTS = join(import.meta.dirname, 'without-rights.ts')
const OTHER = 'ffeeddccbbaa99887766554433221100'

/** A keystore with one practitioner, and a clock that stands still until it is moved. */
async function withPractitioner() {
  const folder = keystoreFolder()
  const clock = { ms: 1_800_000_000_000 }
  const options = { ...CHEAP, now: () => clock.ms }
  const keystore = await createKeystore(folder, SYSTEM, options)
  await keystore.practitioners.add(HANDLE, PIN, SEED)
  return {
    folder,
    clock,
    keystore,
    file: join(folder, 'practitioners', `${HANDLE}.json`),
    reopen: () => openKeystore(folder, SYSTEM, options),
  }
}

const attempt = (keystore: Keystore, pin: string) => codeOf(() => keystore.practitioners.unlock(HANDLE, pin))

async function wrongAttempts(keystore: Keystore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect(await attempt(keystore, WRONG)).toBe('WRONG_PIN')
}

it('unlocks with the PIN and nothing else', async () => {
  const { keystore } = await withPractitioner()
  expect(keystore.practitioners.has(HANDLE)).toBe(true)
  expect(keystore.practitioners.has(OTHER)).toBe(false)
  expect(await keystore.practitioners.unlock(HANDLE, PIN)).toEqual(SEED)
  for (const pin of [WRONG, '', '258', '25800']) expect(await attempt(keystore, pin)).toBe('WRONG_PIN')
  expect(await codeOf(() => keystore.practitioners.unlock(OTHER, PIN))).toBe('KEYSTORE_DAMAGED')
})

it('keeps a file that comes while somebody types the PIN before it', async () => {
  const { keystore } = await withPractitioner()
  const before = keystore.practitioners.files().get(HANDLE)
  await keystore.practitioners.changePin(HANDLE, PIN, '74185')
  const after = keystore.practitioners.files().get(HANDLE)
  if (before === undefined || after === undefined) throw new Error('there is a file')
  await keystore.practitioners.putFile(HANDLE, before)
  const typing = keystore.practitioners.unlock(HANDLE, PIN)
  const coming = keystore.practitioners.putFile(HANDLE, after)
  expect(await typing).toEqual(SEED)
  await coming
  expect(await attempt(keystore, PIN)).toBe('WRONG_PIN')
  expect(await keystore.practitioners.unlock(HANDLE, '74185')).toEqual(SEED)
})

it('locks after five wrong PINs in a row, longer each time, for a quarter of an hour at most', async () => {
  const { keystore, clock } = await withPractitioner()
  await wrongAttempts(keystore, 5)
  for (const seconds of [30, 60, 120, 240, 480, 900, 900]) {
    const locked = await errorOf(() => keystore.practitioners.unlock(HANDLE, PIN))
    expect([locked.code, locked.retryAfterS]).toEqual(['PIN_LOCKED', seconds])
    clock.ms += seconds * 1000 - 1
    expect(await attempt(keystore, PIN)).toBe('PIN_LOCKED')
    clock.ms += 1
    await wrongAttempts(keystore, 1)
  }
  clock.ms += 900_000
  expect(await keystore.practitioners.unlock(HANDLE, PIN)).toEqual(SEED)
  await wrongAttempts(keystore, 5)
})

it('forgets wrong PINs after a right one', async () => {
  const { keystore } = await withPractitioner()
  for (let round = 0; round < 3; round++) {
    await wrongAttempts(keystore, 4)
    expect(await keystore.practitioners.unlock(HANDLE, PIN)).toEqual(SEED)
  }
})

it('remembers wrong PINs over a restart', async () => {
  const { keystore, reopen } = await withPractitioner()
  await wrongAttempts(keystore, 3)
  const second = await reopen()
  await wrongAttempts(second, 2)
  expect(await attempt(await reopen(), PIN)).toBe('PIN_LOCKED')
})

it('counts attempts made at the same time one by one', async () => {
  const { keystore } = await withPractitioner()
  const codes = await Promise.all(Array.from({ length: 8 }, () => attempt(keystore, WRONG)))
  expect(codes.filter((code) => code === 'WRONG_PIN').length).toBe(5)
  expect(codes.filter((code) => code === 'PIN_LOCKED').length).toBe(3)
})

it('counts an attempt before it is made, so that killing the process does not give it back', async () => {
  const { keystore, file } = await withPractitioner()
  const failures = () => (JSON.parse(readFileSync(file, 'utf8')) as { content: { failures: number } }).content.failures
  const running = keystore.practitioners.unlock(HANDLE, PIN)
  // No timer, no I/O: scrypt cannot have ended yet.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  expect(failures()).toBe(1)
  await running
  expect(failures()).toBe(0)
})

it('locks nobody out for a year when the clock was wrong and is set back', async () => {
  const { keystore, clock } = await withPractitioner()
  clock.ms += 365 * 86_400_000
  await wrongAttempts(keystore, 5)
  clock.ms -= 365 * 86_400_000
  expect((await errorOf(() => keystore.practitioners.unlock(HANDLE, PIN))).retryAfterS).toBe(30)
  clock.ms += 30_000
  expect(await keystore.practitioners.unlock(HANDLE, PIN)).toEqual(SEED)
})

it('changes a PIN only for who knows the old one', async () => {
  const { keystore } = await withPractitioner()
  const change = (from: string, to: string) => codeOf(() => keystore.practitioners.changePin(HANDLE, from, to))
  expect(await change(WRONG, '8642')).toBe('WRONG_PIN')
  expect(await change(PIN, '1111')).toBe('WEAK_PIN')
  expect(await keystore.practitioners.unlock(HANDLE, PIN)).toEqual(SEED)
  await keystore.practitioners.changePin(HANDLE, PIN, '8642')
  expect(await attempt(keystore, PIN)).toBe('WRONG_PIN')
  expect(await keystore.practitioners.unlock(HANDLE, '8642')).toEqual(SEED)
})

it('refuses a weak PIN and stores nothing', async () => {
  const keystore = await createKeystore(keystoreFolder(), SYSTEM, CHEAP)
  expect(await codeOf(() => keystore.practitioners.add(HANDLE, '1234', SEED))).toBe('WEAK_PIN')
  expect(keystore.practitioners.has(HANDLE)).toBe(false)
})

it('does not take a file of another practitioner, or with counters put back by hand', async () => {
  const { keystore, file, folder } = await withPractitioner()
  await keystore.practitioners.add(OTHER, PIN, SEED)
  await wrongAttempts(keystore, 4)
  const bytes = readFileSync(file, 'utf8')
  writeFileSync(file, bytes.replace('"failures": 4', '"failures": 0'))
  expect(readFileSync(file, 'utf8')).not.toBe(bytes)
  expect(await attempt(keystore, PIN)).toBe('KEYSTORE_DAMAGED')
  writeFileSync(file, readFileSync(join(folder, 'practitioners', `${OTHER}.json`)))
  expect(await attempt(keystore, PIN)).toBe('KEYSTORE_DAMAGED')
  rmSync(file)
  expect(await attempt(keystore, PIN)).toBe('KEYSTORE_DAMAGED')
})

it('is useless without the node secret, even with the PIN', async () => {
  const { file } = await withPractitioner()
  const folder = keystoreFolder()
  const other = await createKeystore(folder, { kind: 'system', nodeSecret: new Uint8Array(32) }, CHEAP)
  await other.practitioners.add(HANDLE, WRONG, SEED)
  writeFileSync(join(folder, 'practitioners', `${HANDLE}.json`), readFileSync(file))
  expect(await attempt(other, PIN)).toBe('KEYSTORE_DAMAGED')
})

// An administrator may write anywhere, so the attempt is made as an account that may not.
it.skipIf(process.platform === 'win32')(
  'takes no attempt that it cannot count, and says that the folder is read-only',
  () => {
    const said = execFileSync(process.execPath, [WITHOUT_RIGHTS, keystoreFolder()], {
      encoding: 'utf8',
    })
    expect(JSON.parse(said)).toEqual({
      unlock: 'DATA_FOLDER_READ_ONLY',
      put: 'DATA_FOLDER_READ_ONLY',
      mark: 'DATA_FOLDER_READ_ONLY',
      create: 'DATA_FOLDER_READ_ONLY',
      get: [7],
    })
  },
)
