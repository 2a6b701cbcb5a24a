import fc from 'fast-check'
import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { decodeDisclosure, encodeDisclosure, hmacSha256, MAX_DISCLOSED } from '../../src/ledger/disclosure.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { expectCode } from '../support/expect-code.ts'

const text = (words: string) => new TextEncoder().encode(words)

// RFC 4231, sections 4.2 to 4.5.
it.each([
  ['0b'.repeat(20), text('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    toHex(text('Jefe')),
    text('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), new Uint8Array(50).fill(0xdd), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    new Uint8Array(50).fill(0xcd),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
])('is HMAC-SHA256 of RFC 4231 under %s', (key, message, mac) => {
  expect(toHex(hmacSha256(h, fromHex(key), message))).toBe(mac)
})

it('is what Node makes of any key and any message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 300 }), (key, message) => {
      expect(toHex(hmacSha256(h, key, message))).toBe(createHmac('sha256', key).update(message).digest('hex'))
    }),
  )
})

it('reads what it writes, and refuses anything else', () => {
  const disclosure = { plaintext: text('x'), salt: new Uint8Array(32) }
  expect(decodeDisclosure(encodeDisclosure(disclosure))).toEqual(disclosure)
  for (const bad of [
    { ...disclosure, plaintext: new Uint8Array(0) },
    { ...disclosure, plaintext: new Uint8Array(MAX_DISCLOSED + 1) },
    { ...disclosure, salt: new Uint8Array(31) },
  ])
    expectCode('BAD_FIELD', () => decodeDisclosure(encodeDisclosure(bad)))
  expectCode('BAD_FIELD', () => decodeDisclosure(new Map(encodeDisclosure(disclosure)).set(3, 1)))
})
