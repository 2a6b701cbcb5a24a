import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { formatNote } from '../../src/ledger/note.ts'
import { keyIdOf } from '../../src/ledger/vkey.ts'
import { expectCode } from '../support/expect-code.ts'
import { testKey, verifier } from '../support/ledger-world.ts'

const log = testKey('log')
const key = { name: 'c/n1/1', publicKey: log.publicKey }
const root = new Uint8Array(32).fill(5)
const ROOT = 'BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU='

it('writes and reads every head', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, hash) => {
      const head = { origin: 'c/n1/1', size, root: hash }
      expect(parseCheckpoint(encodeCheckpoint(head))).toMatchObject(head)
    }),
  )
})

it('opens what the log signed, and nothing else', () => {
  const note = signCheckpoint({ origin: 'c/n1/1', size: 7, root }, key, log.sign)
  expect(openCheckpoint(note, key, verifier)).toEqual({ origin: 'c/n1/1', size: 7, root, text: `c/n1/1\n7\n${ROOT}\n` })
  expectCode('NOTE_SIGNATURE', () => openCheckpoint(note.replace('\n7\n', '\n8\n'), key, verifier))
  expectCode('NOTE_UNSIGNED', () => openCheckpoint(note, { ...key, name: 'c/n2/1' }, verifier))
  expectCode('NOTE_UNSIGNED', () => openCheckpoint(note, { ...key, publicKey: testKey('other').publicKey }, verifier))
})

it('refuses a checkpoint that a log signed for another log', () => {
  const text = encodeCheckpoint({ origin: 'c/n2/1', size: 7, root })
  const line = { name: key.name, keyId: keyIdOf({ ...key, type: 1 }), signature: log.sign(utf8(text)) }
  expectCode('WRONG_ORIGIN', () => openCheckpoint(formatNote(text, [line]), key, verifier))
})

it.each([
  'Head\n9944\n',
  `\n9944\n${ROOT}\n`,
  `Head\n9944\n${ROOT}`,
  `Head\nbananas\n${ROOT}\n`,
  `Head\n-34\n${ROOT}\n`,
  `Head\n+34\n${ROOT}\n`,
  `Head\n034\n${ROOT}\n`,
  `Head\n\n${ROOT}\n`,
  `Head\n1e3\n${ROOT}\n`,
  `Head\n0xabcdef\n${ROOT}\n`,
  `Head\n3438945738945739845734895735\n${ROOT}\n`,
  `Head\n9007199254740992\n${ROOT}\n`,
  'Head\n9944\nbananas\n',
  `Head\n9944\n${ROOT.slice(0, 40)}\n`,
  `Head\n9944\n${ROOT.slice(0, 42)}V=\n`,
  `Head\n9944\n${ROOT}\nextension\n`,
  `Head\n9944\n${ROOT} \n`,
])('refuses %j', (text) => {
  expectCode('BAD_CHECKPOINT', () => parseCheckpoint(text))
})
