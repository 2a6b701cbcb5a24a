import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { erasedDigest, openErasureStatement, signErasureStatement } from '../../src/ledger/erasure-statement.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { nobleHasher } from '../../src/ledger/hash.ts'
import { parseNote } from '../../src/ledger/note.ts'
import { keyPairFromSeed, sign, verifier } from '../../src/main/keystore/sodium.ts'
import { toHex } from '../../src/shared/bytes.ts'

const seed = new Uint8Array(32).fill(5)
const { publicKey } = keyPairFromSeed(seed)
const key = { name: 'chartseal.test/a/n1/1', publicKey }
const records = [
  { origin: key.name, index: 4, ciphertextHash: new Uint8Array(32).fill(1) },
  { origin: key.name, index: 9, ciphertextHash: new Uint8Array(32).fill(2) },
]
const statement = {
  network: toHex(new Uint8Array(32).fill(7)),
  origin: key.name,
  index: 12,
  entryId: toHex(new Uint8Array(16).fill(3)),
  count: records.length,
  digest: erasedDigest(nobleHasher, records),
  timeS: 1_767_139_200,
}
const note = signErasureStatement(statement, key, (message) => sign(seed, message))

it('says what the protocol says, and reads it back', () => {
  expect(parseNote(note).text).toBe(
    `chartseal/erasure/v1\n${'07'.repeat(32)}\n${key.name}\n12\n${'03'.repeat(16)}\n2 ${statement.digest}\n1767139200\n`,
  )
  expect(openErasureStatement(note, key, verifier)).toEqual(statement)
})

it('names each record, in order', () => {
  expect(erasedDigest(nobleHasher, records)).not.toBe(erasedDigest(nobleHasher, records.toReversed()))
  expect(erasedDigest(nobleHasher, [])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

it('is never a checkpoint', () => {
  expect(() => parseCheckpoint(parseNote(note).text)).toThrow(LedgerError)
})

it('refuses another log, another key and every other text', () => {
  const other = { name: 'chartseal.test/a/n2/1', publicKey }
  expect(() => openErasureStatement(note, other, verifier)).toThrow(LedgerError)
  const stranger = { ...key, publicKey: keyPairFromSeed(new Uint8Array(32).fill(6)).publicKey }
  expect(() => openErasureStatement(note, stranger, verifier)).toThrow(LedgerError)
  fc.assert(
    fc.property(fc.nat(note.length - 1), fc.constantFrom('0', '1', 'x', '\n', ' '), (at, character) => {
      const changed = note.slice(0, at) + character + note.slice(at + 1)
      if (changed === note) return
      expect(() => openErasureStatement(changed, key, verifier)).toThrow(LedgerError)
    }),
  )
})
