import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { blockHash, checkSeal, sizeAfter } from '../../src/ledger/block.ts'
import type { Seal } from '../../src/ledger/fields.ts'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { expectCode } from '../support/expect-code.ts'

const seal: Seal = {
  block: 4,
  previousBlockHash: new Uint8Array(32).fill(1),
  firstIndex: 10,
  count: 3,
  rosterVersion: 1,
  contractHash: new Uint8Array(32).fill(2),
}

it('the hash of a block is that of its checkpoint text', () => {
  const text = 'c/n1/1\n14\nroot\n'
  expect(toHex(blockHash(h, text))).toBe(createHash('sha256').update(text).digest('hex'))
  expect(sizeAfter(seal)).toBe(14)
})

it('a seal that agrees passes, and one that differs in any field is refused', () => {
  checkSeal(seal, { ...seal, previousBlockHash: new Uint8Array(32).fill(1) })
  const changes: Partial<Seal>[] = [
    { block: 5 },
    { previousBlockHash: null },
    { previousBlockHash: new Uint8Array(32) },
    { firstIndex: 9 },
    { count: 4 },
    { rosterVersion: 2 },
    { contractHash: new Uint8Array(32) },
  ]
  for (const change of changes) {
    expectCode('SEAL_MISMATCH', () => {
      checkSeal(seal, { ...seal, ...change })
    })
    expectCode('SEAL_MISMATCH', () => {
      checkSeal({ ...seal, ...change }, seal)
    })
  }
})
