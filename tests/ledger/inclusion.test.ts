import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { slowPath, slowRoot, someLeaves } from '../support/slow-tree.ts'

const leaves = someLeaves(h, 70)
const head = (size: number) => ({ size, root: slowRoot(h, leaves.slice(0, size)) })
const check = (size: number, index: number, leaf: Uint8Array, proof: Uint8Array[]) => () => {
  checkInclusion(h, head(size), index, leaf, proof)
}

it('accepts every honest proof, and refuses it with any one bit flipped', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (size, at, flip) => {
      const index = at % size
      const leaf = leaves[index] ?? new Uint8Array()
      const proof = slowPath(h, index, leaves.slice(0, size))
      expect(codeOf(check(size, index, leaf, proof))).toBeNull()
      if (proof.length === 0) return
      const bit = flip % (proof.length * 256)
      const bent = proof.map((hash, k) =>
        hash.map((byte, j) => (k === bit >> 8 && j === (bit & 255) >> 3 ? byte ^ (1 << (bit & 7)) : byte)),
      )
      expectCode('ROOT_MISMATCH', check(size, index, leaf, bent))
    }),
  )
})

it('refuses the leaf of another index', () => {
  for (let index = 0; index < 13; index++) {
    const proof = slowPath(h, index, leaves.slice(0, 13))
    for (const [other, leaf] of leaves.slice(0, 13).entries()) {
      if (other !== index) expectCode('ROOT_MISMATCH', check(13, index, leaf, proof))
    }
  }
})

it('refuses proofs that are too short, too long, or not of hashes', () => {
  const leaf = leaves[4] ?? new Uint8Array()
  const proof = slowPath(h, 4, leaves.slice(0, 11))
  expectCode('PROOF_SIZE', check(11, 4, leaf, proof.slice(0, -1)))
  expectCode('PROOF_SIZE', check(11, 4, leaf, [...proof, leaf]))
  expectCode('PROOF_SIZE', check(1, 0, leaves[0] ?? leaf, [leaf]))
  expectCode('HASH_SIZE', check(11, 4, leaf, [...proof.slice(0, -1), leaf.slice(1)]))
  expectCode('HASH_SIZE', check(11, 4, leaf.slice(1), proof))
  expectCode('INDEX_OUT_OF_TREE', check(11, 11, leaf, proof))
  expectCode('INDEX_OUT_OF_TREE', check(0, 0, leaf, []))
})
