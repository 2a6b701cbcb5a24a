import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeCbor } from '../../src/ledger/cbor.ts'
import { readCbor } from '../../src/verifier/cbor-reader.ts'
import { writeCbor } from '../../src/verifier/cbor-writer.ts'
import { cborValue } from '../support/cbor-value.ts'

it('writes what the ledger writes, and what the reader reads', () => {
  fc.assert(
    fc.property(cborValue, (value) => {
      const bytes = encodeCbor(value)
      expect(writeCbor(readCbor(bytes))).toEqual(bytes)
    }),
  )
})

it.each([0, 23, 24, 255, 256, 65_535, 65_536, 0xffffffff, 0x100000000, Number.MAX_SAFE_INTEGER])('writes %i', (n) => {
  expect(writeCbor(n)).toEqual(encodeCbor(n))
})
