import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeReceiptExtra, encodeReceiptExtra, type ReceiptExtra } from '../../src/ledger/receipt-extra.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'

const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
const hash = (n: number) => new Uint8Array(32).fill(n)
const roster = (document: Uint8Array, n = 1) => ({
  document,
  approvals: [{ publicKey: hash(n), signature: new Uint8Array(64).fill(n) }],
})

it('reads what it writes', () => {
  const parts = fc.record({
    entry: bytes(300),
    rosters: fc.array(
      bytes(300).map((document) => roster(document)),
      { minLength: 1, maxLength: 5 },
    ),
    opened: fc.option(bytes(300)),
    seal: bytes(300),
    sealPath: fc.array(fc.nat({ max: 255 }).map(hash), { maxLength: 63 }),
    disclosure: fc.option(fc.record({ plaintext: bytes(300), salt: fc.nat({ max: 255 }).map(hash) })),
  })
  fc.assert(
    fc.property(parts, (extra) => {
      expect(decodeReceiptExtra(encodeReceiptExtra(extra))).toEqual(extra)
    }),
  )
})

it('is the map of docs/protocol.md, "Receipt"', () => {
  const extra: ReceiptExtra = {
    entry: Uint8Array.of(7),
    rosters: [roster(Uint8Array.of(8, 9))],
    opened: null,
    seal: Uint8Array.of(6),
    sealPath: [hash(5)],
    disclosure: null,
  }
  const approval = `825820${'01'.repeat(32)}5840${'01'.repeat(64)}`
  const first = `a2014208090281${approval}`
  expect(toHex(encodeReceiptExtra(extra))).toBe(`a401410702` + `81${first}` + `044106` + `05815820${'05'.repeat(32)}`)
  expect(toHex(encodeReceiptExtra({ ...extra, opened: Uint8Array.of(4) }))).toContain(`${approval}034104044106`)
  const disclosure = { plaintext: Uint8Array.of(3), salt: hash(2) }
  expect(toHex(encodeReceiptExtra({ ...extra, disclosure }))).toMatch(new RegExp(`06a2014103025820${'02'.repeat(32)}$`))
})

it('holds the largest entries beside several of the largest rosters', () => {
  const extra = {
    entry: new Uint8Array(65_535),
    rosters: Array.from({ length: 8 }, () => roster(new Uint8Array(58_000))),
    opened: new Uint8Array(65_535),
    seal: new Uint8Array(65_535),
    sealPath: [],
    disclosure: null,
  }
  expect(decodeReceiptExtra(encodeReceiptExtra(extra))).toEqual(extra)
  const rosters = Array.from({ length: 14 }, () => roster(new Uint8Array(58_000)))
  expectCode('BAD_RECEIPT', () => encodeReceiptExtra({ ...extra, rosters }))
})

it.each([null, '', 'a1014107', 'a20141070241' + '08', 'a401410702800441060580', 'a4014107028102044106' + '0580'])(
  'refuses %s',
  (hex) => {
    expectCode('BAD_RECEIPT', () => decodeReceiptExtra(hex === null ? null : Uint8Array.from(Buffer.from(hex, 'hex'))))
  },
)

it('gives any bytes a value or a coded error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (any) => void codeOf(() => decodeReceiptExtra(any))))
})
