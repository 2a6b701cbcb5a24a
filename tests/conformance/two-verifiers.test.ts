import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { LedgerError } from '../../src/ledger/errors.ts'
import { nobleHasher as h, nodeHash } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
import { impliedRoot } from '../../src/verifier/path.ts'
import { ProofError } from '../../src/verifier/proof-error.ts'
import { expectCode } from '../support/expect-code.ts'
import { someLeaves } from '../support/slow-tree.ts'

const LARGEST = 130

/** A tree over `n` leaves, read through the tiles that the writer made. */
function treeOf(n: number): TileTree {
  const { tiles, ...head } = new TreeWriter(h, 0, []).append(someLeaves(h, n))
  return new TileTree(h, head, {
    tile: (level, index) => tiles.find((t) => t.level === level && t.index === index)?.bytes ?? null,
  })
}

function ledgerAccepts(root: Uint8Array, size: number, index: number, leaf: Uint8Array, path: Uint8Array[]): boolean {
  try {
    checkInclusion(h, { size, root }, index, leaf, path)
    return true
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return false
  }
}

function secondAccepts(root: Uint8Array, size: number, index: number, leaf: Uint8Array, path: Uint8Array[]): boolean {
  try {
    return equalBytes(impliedRoot(leaf, index, size, path), root)
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return false
  }
}

describe('two verifiers that share no code', () => {
  const leaves = someLeaves(h, LARGEST)
  const tree = treeOf(LARGEST)

  it('accept every inclusion proof of every tree up to 130 leaves, and only at its own index and size', () => {
    let proofs = 0
    for (let size = 1; size <= LARGEST; size++) {
      const root = tree.rootAt(size)
      for (const [index, leaf] of leaves.slice(0, size).entries()) {
        const path = tree.proveInclusion(index, size)
        const claims: [number, number][] = [
          [index, size],
          [index + 1, size],
          [index, size + 1],
        ]
        const ledger = claims.map(([i, n]) => ledgerAccepts(root, n, i, leaf, path))
        const second = claims.map(([i, n]) => secondAccepts(root, n, i, leaf, path))
        // One comparison a proof: expect() for each claim would take most of the time.
        if (second.join() !== ledger.join() || ledger[0] !== true || ledger[1] === true) {
          expect.fail(`leaf ${index} of ${size}: ledger ${ledger.join()}, second ${second.join()}`)
        }
        proofs++
      }
    }
    expect(proofs).toBe(8515)
  })

  it('the ledger accepts every consistency proof up to 130 leaves, and no other older root', () => {
    let proofs = 0
    for (let newer = 1; newer <= LARGEST; newer++) {
      const head = { size: newer, root: tree.rootAt(newer) }
      for (let older = 1; older <= newer; older++) {
        const proof = tree.proveConsistency(older, newer)
        checkConsistency(h, { size: older, root: tree.rootAt(older) }, head, proof)
        const other = { size: older, root: tree.rootAt((older % newer) + 1) }
        if (newer > 1 && acceptsConsistency(other, head, proof)) expect.fail(`${older} to ${newer}`)
        proofs++
      }
    }
    expect(proofs).toBe(8515)
  })

  it('agree on proofs that were bent in any way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: LARGEST }),
        fc.nat(),
        fc.nat({ max: 140 }),
        fc.nat({ max: 140 }),
        fc.array(fc.constantFrom('drop', 'repeat', 'flip', 'swap'), { maxLength: 3 }),
        (size, at, claimedIndex, claimedSize, bends) => {
          const index = at % size
          const path = bends.reduce(bend, tree.proveInclusion(index, size))
          const leaf = tree.leafAt(index)
          for (const [i, n] of [
            [index, size],
            [claimedIndex, claimedSize],
          ] as const) {
            const root = tree.rootAt(size)
            expect(secondAccepts(root, n, i, leaf, path)).toBe(ledgerAccepts(root, n, i, leaf, path))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('handle a tree of 2^41 leaves, where bit operators do not', () => {
    const siblings = Array.from({ length: 41 }, (_, i) => new Uint8Array(32).fill(i))
    const leaf = new Uint8Array(32).fill(0xee)
    const size = 2 ** 41
    const index = 2 ** 40 + 2 ** 33 + 5
    const root = siblings.reduce<Uint8Array>((hash, sibling, level) => {
      return Math.floor(index / 2 ** level) % 2 === 1 ? nodeHash(h, sibling, hash) : nodeHash(h, hash, sibling)
    }, leaf)
    expect(ledgerAccepts(root, size, index, leaf, siblings)).toBe(true)
    expect(secondAccepts(root, size, index, leaf, siblings)).toBe(true)
    expect(ledgerAccepts(root, size, index - 2 ** 32, leaf, siblings)).toBe(false)
    expect(secondAccepts(root, size, index - 2 ** 32, leaf, siblings)).toBe(false)
  })

  it.each([2 ** 53, 2 ** 64, -1, 1.5, NaN, Infinity])('refuse a tree of %d leaves', (size) => {
    const leaf = new Uint8Array(32)
    expect(ledgerAccepts(leaf, size, 0, leaf, [])).toBe(false)
    expect(secondAccepts(leaf, size, 0, leaf, [])).toBe(false)
    expectCode('SIZE_OUT_OF_RANGE', () => {
      checkConsistency(h, { size: 1, root: leaf }, { size, root: leaf }, [leaf])
    })
  })
})

function acceptsConsistency(
  older: { size: number; root: Uint8Array },
  newer: typeof older,
  proof: Uint8Array[],
): boolean {
  try {
    checkConsistency(h, older, newer, proof)
    return true
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return false
  }
}

function bend(path: Uint8Array[], how: string): Uint8Array[] {
  const [first, ...rest] = path
  if (first === undefined) return how === 'repeat' ? [new Uint8Array(32)] : path
  if (how === 'drop') return rest
  if (how === 'repeat') return [first, ...path]
  if (how === 'swap') return path.toReversed()
  return [first.map((byte, i) => (i === 7 ? byte ^ 0x10 : byte)), ...rest]
}
