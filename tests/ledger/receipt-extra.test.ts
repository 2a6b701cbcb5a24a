import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeReceiptExtra, encodeReceiptExtra } from '../../src/ledger/receipt-extra.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })

it('reads what it writes', () => {
  fc.assert(
    fc.property(fc.record({ entry: bytes(300), roster: bytes(300) }), (extra) => {
      expect(decodeReceiptExtra(encodeReceiptExtra(extra))).toEqual(extra)
    }),
  )
})

it('is a map of two byte strings', () => {
  expect(toHex(encodeReceiptExtra({ entry: Uint8Array.of(7), roster: Uint8Array.of(8, 9) }))).toBe(
    'a20141070242' + '0809',
  )
})

it('holds the largest entry beside the largest roster', () => {
  const extra = { entry: new Uint8Array(65_535), roster: new Uint8Array(58_000) }
  expect(decodeReceiptExtra(encodeReceiptExtra(extra))).toEqual(extra)
})

it.each([null, '', 'a1014107', 'a201410702410803', 'a30141070241080341' + '09', 'a20140024108', 'a2024108014107'])(
  'refuses %s',
  (hex) => {
    expectCode('BAD_RECEIPT', () => decodeReceiptExtra(hex === null ? null : Uint8Array.from(Buffer.from(hex, 'hex'))))
  },
)

it('gives any bytes a value or a coded error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (any) => void codeOf(() => decodeReceiptExtra(any))))
})
