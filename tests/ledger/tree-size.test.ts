import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkIndex, checkSize, half, splitPoint } from '../../src/ledger/tree-size.ts'
import { expectCode } from '../support/expect-code.ts'

it('halves and splits past 32 bits as integers of any size do', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (n) => {
      expect(BigInt(half(n))).toBe(BigInt(n) >> 1n)
      if (n < 2) return
      const split = BigInt(splitPoint(n))
      expect(split < BigInt(n) && split * 2n >= BigInt(n)).toBe(true)
      expect(split & (split - 1n)).toBe(0n)
    }),
  )
})

it('takes sizes up to 2^53 - 1 and indexes below them', () => {
  checkIndex(2 ** 53 - 2, 2 ** 53 - 1)
  for (const size of [2 ** 53, -1, 0.5, NaN]) {
    expectCode('SIZE_OUT_OF_RANGE', () => {
      checkSize(size)
    })
  }
  for (const index of [5, -1, 0.5, NaN, 2 ** 53]) {
    expectCode('INDEX_OUT_OF_TREE', () => {
      checkIndex(index, 5)
    })
  }
})
