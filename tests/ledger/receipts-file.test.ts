import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeReceipt } from '../../src/ledger/receipt.ts'
import { joinReceipts, MAX_RECEIPTS, splitReceipts } from '../../src/ledger/receipts-file.ts'
import { expectCode } from '../support/expect-code.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const receipt = fc
  .record({
    extra: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 })),
    index: fc.nat(),
    path: fc.array(hash, { maxLength: 5 }),
    checkpoint: fc.constantFrom('a/1\n1\nAAAA\n\n\u2014 a/1 AAAA\n', 'a/1\n1\nAAAA\n\n\u2014 a/1 AAAA'),
  })
  .map(encodeReceipt)

it('gives back what was put together, each a receipt of its own', () => {
  fc.assert(
    fc.property(fc.array(receipt, { minLength: 1, maxLength: 8 }), (all) => {
      expect(splitReceipts(joinReceipts(all)).map((one) => one.trimEnd())).toEqual(all.map((one) => one.trimEnd()))
    }),
  )
})

it('leaves one receipt as it is, and what is none', () => {
  fc.assert(
    fc.property(receipt, (one) => {
      expect(splitReceipts(one)).toEqual([one])
    }),
  )
  for (const text of ['', 'hello', ' c2sp.org/tlog-proof@v1\n', 'hello\nc2sp.org/tlog-proof@v1\nindex 0\n'])
    expect(splitReceipts(text)).toEqual([text])
})

it('loses nothing of any text', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('c2sp.org/tlog-proof@v1\n', 'c2sp.org/tlog-proof@v1', 'x', '\n', 'index 0\n')),
      (pieces) => {
        const text = pieces.join('')
        expect(splitReceipts(text).join('')).toBe(text)
      },
    ),
  )
})

it('takes as many as anybody exports, and no more', () => {
  const one = 'c2sp.org/tlog-proof@v1\nindex 0\n\nx\n'
  expect(splitReceipts(one.repeat(MAX_RECEIPTS))).toHaveLength(MAX_RECEIPTS)
  expectCode('BAD_RECEIPT', () => splitReceipts(one.repeat(MAX_RECEIPTS + 1)))
})
