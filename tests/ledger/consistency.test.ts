import fc from 'fast-check'
import { expect, it } from 'vitest'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { nobleHasher as h, nodeHash } from '../../src/ledger/hash.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { slowConsistency, slowRoot, someLeaves } from '../support/slow-tree.ts'

const leaves = someLeaves(h, 70)
const head = (size: number) => ({ size, root: slowRoot(h, leaves.slice(0, size)) })
const check = (older: number, newer: number, proof: Uint8Array[]) => () => {
  checkConsistency(h, head(older), head(newer), proof)
}

it('accepts every honest proof, and refuses it with any hash changed, dropped or added', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (newer, at, k) => {
      const older = (at % newer) + 1
      const proof = slowConsistency(h, older, leaves.slice(0, newer))
      expect(codeOf(check(older, newer, proof))).toBeNull()
      const i = k % Math.max(1, proof.length)
      expect(codeOf(check(older, newer, proof.toSpliced(i, 0, new Uint8Array(32))))).not.toBeNull()
      if (proof.length === 0) return
      expect(codeOf(check(older, newer, proof.toSpliced(i, 1)))).not.toBeNull()
      expectCode('ROOT_MISMATCH', check(older, newer, proof.with(i, new Uint8Array(32))))
    }),
  )
})

it('refuses what no proof can show', () => {
  expectCode('SIZE_OUT_OF_RANGE', check(0, 5, []))
  expectCode('SIZE_OUT_OF_RANGE', check(5, 4, []))
  expectCode('PROOF_SIZE', check(3, 5, []))
  expectCode('PROOF_SIZE', check(5, 5, [new Uint8Array(32)]))
  expectCode('ROOT_MISMATCH', () => {
    checkConsistency(h, head(5), { size: 5, root: head(4).root }, [])
  })
  expectCode('HASH_SIZE', check(3, 5, [new Uint8Array(31)]))
})

it('connects trees of 2^40 and 2^41 leaves, and of a million more', () => {
  const [left, right] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  checkConsistency(h, { size: 2 ** 40, root: left }, { size: 2 ** 41, root: nodeHash(h, left, right) }, [right])
  const grown = { size: 2 ** 40 + 2 ** 20, root: nodeHash(h, left, right) }
  checkConsistency(h, { size: 2 ** 40, root: left }, grown, [right])
  expectCode('ROOT_MISMATCH', () => {
    checkConsistency(h, { size: 2 ** 40, root: right }, grown, [right])
  })
})
