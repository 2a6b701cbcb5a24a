import fc from 'fast-check'
import { expect, it } from 'vitest'
import { disclosureProblem, hmacSha256 } from '../../src/ledger/disclosure.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { isCommittedTo } from '../../src/verifier/disclosure.ts'
import { handle, somePayload, TestLog } from '../support/ledger-world.ts'

const log = new TestLog().found()

function entryWith(commitment: Uint8Array): Uint8Array {
  const payload = { ...somePayload, commitment }
  const body = log.body('reading', { subject: handle('patient'), payload, fields: new Map([[1, 1]]) })
  return log.entry(body, [['practitioner', log.nurse]])
}

it('comes to the same as the first, whatever is disclosed', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 })
  const salts = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(bytes, salts, fc.boolean(), bytes, (plaintext, salt, isTrue, other) => {
      const entry = entryWith(hmacSha256(h, salt, isTrue ? plaintext : other))
      const first = disclosureProblem(h, decodeEntry(entry), { plaintext, salt }) === null
      expect(isCommittedTo(entry, plaintext, salt)).toBe(first)
      if (isTrue) expect(first).toBe(true)
    }),
  )
})

it('is not content of an entry without any, of no entry, or under half a salt', () => {
  const [plaintext, salt] = [Uint8Array.of(1), new Uint8Array(32)]
  const entry = entryWith(hmacSha256(h, salt, plaintext))
  expect(isCommittedTo(entry, plaintext, salt)).toBe(true)
  expect(isCommittedTo(entry, plaintext, salt.subarray(0, 31))).toBe(false)
  expect(isCommittedTo(log.sealEntry(), plaintext, salt)).toBe(false)
  expect(isCommittedTo(Uint8Array.of(1, 2, 3), plaintext, salt)).toBe(false)
})
