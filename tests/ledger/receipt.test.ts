import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeReceipt, parseReceipt } from '../../src/ledger/receipt.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

const HASH = Buffer.alloc(32, 5).toString('base64')
const NOTE = 'c/n1/1\n2\nroot\n\n— c/n1/1 AAAA\n'
const HEAD = 'c2sp.org/tlog-proof@v1\n'

it('reads what it writes', () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const receipt = fc.record({
    extra: fc.option(fc.uint8Array({ maxLength: 200 })),
    index: fc.maxSafeNat(),
    path: fc.array(hash, { maxLength: 63 }),
    checkpoint: fc.constant(NOTE),
  })
  fc.assert(
    fc.property(receipt, (value) => {
      expect(parseReceipt(encodeReceipt(value))).toEqual(value)
    }),
  )
})

it('is the text of C2SP tlog-proof', () => {
  const path = [new Uint8Array(32).fill(5)]
  const text = `${HEAD}index 1\n${HASH}\n\n${NOTE}`
  expect(encodeReceipt({ extra: null, index: 1, path, checkpoint: NOTE })).toBe(text)
  expect(encodeReceipt({ extra: Uint8Array.of(1), index: 1, path: [], checkpoint: NOTE })).toBe(
    `${HEAD}extra AQ==\nindex 1\n\n${NOTE}`,
  )
})

it.each([
  '',
  HEAD,
  `${HEAD}index 1\n${HASH}\n`,
  `c2sp.org/tlog-proof@v2\nindex 1\n\n${NOTE}`,
  `${HEAD}\n${NOTE}`,
  `${HEAD}index\n\n${NOTE}`,
  `${HEAD}index 01\n\n${NOTE}`,
  `${HEAD}index -1\n\n${NOTE}`,
  `${HEAD}index 9007199254740992\n\n${NOTE}`,
  `${HEAD}index 1\nextra AQ==\n\n${NOTE}`,
  `${HEAD}extra AQ==\nextra AQ==\nindex 1\n\n${NOTE}`,
  `${HEAD}extra A\nindex 1\n\n${NOTE}`,
  `${HEAD}index 1\nAQ==\n\n${NOTE}`,
  `${HEAD}index 1\n${HASH} \n\n${NOTE}`,
  `${HEAD}index 1\n${`${HASH}\n`.repeat(64)}\n${NOTE}`,
  `${HEAD}extra ${'A'.repeat(2_000_000)}\nindex 1\n\n${NOTE}`,
])('refuses case %#', (text) => {
  expectCode('BAD_RECEIPT', () => parseReceipt(text))
})

it('gives any text a receipt or a coded error', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom('', 'index 1', 'extra AQ==', HASH, HEAD.trim()))
  fc.assert(fc.property(fc.array(line), (lines) => void codeOf(() => parseReceipt(lines.join('\n')))))
  fc.assert(fc.property(fc.array(line), (lines) => void codeOf(() => parseReceipt(HEAD + lines.join('\n')))))
})
