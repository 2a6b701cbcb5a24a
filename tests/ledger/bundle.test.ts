import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeBundle, encodeBundle } from '../../src/ledger/bundle.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { toHex } from '../../src/shared/bytes.ts'

const entries = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 256 })

it('puts the length of each entry before it', () => {
  expect(toHex(encodeBundle([utf8('one'), utf8('two')]))).toBe('00036f6e65000374776f')
})

it('reads what it writes, and nothing longer or shorter', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const bytes = encodeBundle(list)
      expect(decodeBundle(bytes, list.length)).toEqual(list)
      expect(decodeBundle(bytes, list.length + 1)).toBeNull()
      expect(decodeBundle(bytes, list.length - 1)).toBeNull()
      expect(decodeBundle(bytes.subarray(0, -1), list.length)).toBeNull()
      expect(decodeBundle(Uint8Array.of(...bytes, 0), list.length)).toBeNull()
    }),
  )
})

it('holds entries of 65,535 bytes', () => {
  const entry = new Uint8Array(65_535).fill(3)
  expect(decodeBundle(encodeBundle([entry, entry]), 2)).toEqual([entry, entry])
})

it('gives any bytes entries that are those bytes, or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (bytes, width) => {
      const list = decodeBundle(bytes, width)
      if (list !== null) expect(encodeBundle(list)).toEqual(bytes)
    }),
  )
})
