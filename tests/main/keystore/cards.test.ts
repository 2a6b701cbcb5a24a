import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createKeystore, openKeystore, type Keystore } from '../../../src/main/keystore/keystore.ts'
import { toHex } from '../../../src/shared/bytes.ts'
import { CHEAP, codeOf, errorOf, HANDLE as CARD, keystoreFolder, SEED, SYSTEM } from './fixtures.ts'

const PIN = '2580'
const SHARE = new Uint8Array(32).fill(9)
const OTHER_SHARE = new Uint8Array(32).fill(10)

async function withCard() {
  const folder = keystoreFolder()
  const clock = { ms: 1_800_000_000_000 }
  const options = { ...CHEAP, now: () => clock.ms }
  const keystore = await createKeystore(folder, SYSTEM, options)
  await keystore.cards.add(CARD, PIN, SHARE, SEED)
  return { folder, clock, keystore, options, file: join(folder, 'cards', `${CARD}.json`) }
}

const attempt = ({ cards }: Keystore, pin: string, share = SHARE) => codeOf(() => cards.unlock(CARD, pin, share))

it('opens with the card and its PIN together, here and nowhere else', async () => {
  const { keystore, folder, options } = await withCard()
  expect(await keystore.cards.unlock(CARD, PIN, SHARE)).toEqual(SEED)
  expect(await attempt(keystore, '9513')).toBe('WRONG_PIN')
  expect(await attempt(keystore, PIN, OTHER_SHARE)).toBe('WRONG_SHARE')
  const other = await createKeystore(keystoreFolder(), SYSTEM, options)
  expect(await attempt(other, PIN)).toBe('KEYSTORE_DAMAGED')
  expect(await attempt(await openKeystore(folder, SYSTEM, options), PIN)).toBeUndefined()
})

it('does not hold the share, nor what gives away the share without the pepper', async () => {
  const { keystore, file, options } = await withCard()
  const text = readFileSync(file, 'utf8')
  for (const secret of [SHARE, SEED]) expect(text).not.toContain(toHex(secret))
  // The same share under another pepper leaves another mark.
  const other = await createKeystore(keystoreFolder(), SYSTEM, options)
  await other.cards.add(CARD, PIN, SHARE, SEED)
  const markOf = (bytes: Uint8Array | undefined) =>
    (JSON.parse(new TextDecoder().decode(bytes)) as { content: { share: string } }).content.share
  expect(markOf(other.cards.files().get(CARD))).not.toBe(markOf(keystore.cards.files().get(CARD)))
})

it('counts wrong PINs, and no attempt that somebody makes without the card', async () => {
  const { keystore, clock } = await withCard()
  for (let n = 0; n < 20; n++) expect(await attempt(keystore, '9513', OTHER_SHARE)).toBe('WRONG_SHARE')
  for (let n = 0; n < 5; n++) expect(await attempt(keystore, '9513')).toBe('WRONG_PIN')
  const locked = await errorOf(() => keystore.cards.unlock(CARD, PIN, SHARE))
  expect([locked.code, locked.retryAfterS]).toEqual(['PIN_LOCKED', 30])
  clock.ms += 30_000
  expect(await attempt(keystore, PIN)).toBeUndefined()
})

it('is a practitioner’s file in no case, and the other way round', async () => {
  const { keystore, folder } = await withCard()
  await keystore.practitioners.add(CARD, PIN, SEED)
  const nurse = join(folder, 'practitioners', `${CARD}.json`)
  const [card, person] = [readFileSync(join(folder, 'cards', `${CARD}.json`)), readFileSync(nurse)]
  writeFileSync(nurse, card)
  writeFileSync(join(folder, 'cards', `${CARD}.json`), person)
  expect(await codeOf(() => keystore.practitioners.unlock(CARD, PIN))).toBe('KEYSTORE_DAMAGED')
  expect(await attempt(keystore, PIN)).toBe('KEYSTORE_DAMAGED')
})

it('carries files to a keystore with the same pepper, and to no other', async () => {
  const { keystore, options } = await withCard()
  const pepper = keystore.secrets.get('pin-pepper') ?? new Uint8Array()
  const restored = await createKeystore(keystoreFolder(), SYSTEM, { ...options, pepper })
  for (const [id, file] of keystore.cards.files()) await restored.cards.putFile(id, file)
  expect(await restored.cards.unlock(CARD, PIN, SHARE)).toEqual(SEED)
  const stranger = await createKeystore(keystoreFolder(), SYSTEM, options)
  const [file] = keystore.cards.files().values()
  expect(await codeOf(() => stranger.cards.putFile(CARD, file ?? new Uint8Array()))).toBe('KEYSTORE_DAMAGED')
})

it('is gone when it is removed', async () => {
  const { keystore } = await withCard()
  keystore.cards.remove(CARD)
  expect(keystore.cards.has(CARD)).toBe(false)
  expect(keystore.cards.files().size).toBe(0)
  keystore.cards.remove(CARD)
  expect(await attempt(keystore, PIN)).toBe('KEYSTORE_DAMAGED')
})

it('refuses a weak PIN', async () => {
  const { keystore } = await withCard()
  expect(await codeOf(() => keystore.cards.add('cd'.repeat(16), '1111', SHARE, SEED))).toBe('WEAK_PIN')
})

it('replaces a practitioner’s seed once it is told to, also while somebody tries the old PIN', async () => {
  const { keystore } = await withCard()
  await keystore.practitioners.add(CARD, PIN, SEED)
  const next = new Uint8Array(32).fill(3)
  expect(await codeOf(() => keystore.practitioners.prepare(CARD, '1234', next))).toBe('WEAK_PIN')
  const commit = await keystore.practitioners.prepare(CARD, '1470', next)
  expect(await keystore.practitioners.unlock(CARD, PIN)).toEqual(SEED)
  const trying = keystore.practitioners.unlock(CARD, PIN)
  await commit()
  expect(await trying).toEqual(SEED)
  expect(await codeOf(() => keystore.practitioners.unlock(CARD, PIN))).toBe('WRONG_PIN')
  expect(await keystore.practitioners.unlock(CARD, '1470')).toEqual(next)
})
