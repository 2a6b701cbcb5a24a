import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leafHash } from '../../../../src/ledger/hash.ts'
import { TreeWriter } from '../../../../src/ledger/tree-writer.ts'
import { nodeHasher as h } from '../../../../src/main/core/hasher.ts'
import { followHead, type RowReader, trustedTree } from '../../../../src/main/core/vault/trusted-tree.ts'
import { runs } from '../../../support/budget.ts'
import { codeOf } from '../../../support/expect-code.ts'
import { MemoryTiles } from '../../../support/memory-tiles.ts'

/** A sound database of `size` entries, to be damaged. */
class Rows extends MemoryTiles implements RowReader {
  readonly entries = new Map<number, Uint8Array>()
  readonly truth: Uint8Array[] = []
  readonly writer = new TreeWriter(h, 0, [])

  constructor(size: number) {
    super()
    this.grow(size)
  }

  grow(count: number): void {
    const leaves: Uint8Array[] = []
    for (let i = 0; i < count; i++) {
      const bytes = new TextEncoder().encode(`entry ${this.truth.length}`)
      this.entries.set(this.truth.length, bytes)
      const leaf = leafHash(h, bytes)
      this.truth.push(leaf)
      leaves.push(leaf)
    }
    this.put(this.writer.append(leaves).tiles)
  }

  entry(index: number): Uint8Array | null {
    return this.entries.get(index) ?? null
  }

  get head() {
    return this.writer.head()
  }

  damageEntry(index: number): void {
    this.entries.set(index, new TextEncoder().encode('forged'))
  }

  damageSlot(level: number, index: number, slot: number): void {
    const bytes = Uint8Array.from(this.tiles.get(`${level}/${index}`) ?? [])
    bytes[slot * 32] = (bytes[slot * 32] ?? 0) ^ 1
    this.tiles.set(`${level}/${index}`, bytes)
  }
}

/** Leaves found, compared with the truth. */
function expectTruth(rows: Rows, damaged: ReadonlySet<number>): void {
  const found = trustedTree(h, rows.head, rows)
  expect(rows.truth.map((leaf, index) => Buffer.compare(found.tree.leafAt(index), leaf))).toEqual(
    rows.truth.map(() => 0),
  )
  expect(new Set(found.damagedLeaves)).toEqual(damaged)
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(255, 256, 257, 511, 512, 513, 600))

it('uses sound tiles as they are', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      expectTruth(new Rows(size), new Set())
      expect(trustedTree(h, new Rows(size).head, new Rows(size)).found).toBeNull()
    }),
    { numRuns: runs(20, 200) },
  )
})

it('finds every leaf again when some rows of tree and entries differ', () => {
  const damages = fc.uniqueArray(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 8, selector: ([at]) => at })
  fc.assert(
    fc.property(sizes, damages, (size, list) => {
      const rows = new Rows(size)
      const damaged = new Set<number>()
      const seen = new Set<number>()
      for (const [at, isTree] of list) {
        const index = at % size
        if (seen.has(index)) continue
        seen.add(index)
        if (!isTree) rows.damageEntry(index)
        else {
          rows.damageSlot(0, Math.floor(index / 256), index % 256)
          damaged.add(index)
        }
      }
      expectTruth(rows, damaged)
    }),
    { numRuns: runs(40, 1000) },
  )
})

it('finds every leaf again when twelve of a partial tile differ, in both directions', () => {
  const rows = new Rows(40)
  for (let index = 0; index < 12; index++) {
    if (index % 2 === 0) rows.damageEntry(index)
    else rows.damageSlot(0, 0, index)
  }
  expectTruth(rows, new Set([1, 3, 5, 7, 9, 11]))
})

it('finds leaves again whose entries or tiles are gone, as long as one of the two is there', () => {
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(), { maxLength: 30 }), fc.boolean(), (size, gone, isTree) => {
      const rows = new Rows(size)
      if (isTree) rows.tiles.clear()
      else for (const at of gone) rows.entries.delete(at % size)
      expectTruth(rows, new Set())
    }),
    { numRuns: runs(20, 300) },
  )
})

describe('a log of more than one full tile', () => {
  it('finds a tile again of which nothing is left to believe', () => {
    const rows = new Rows(700)
    for (let slot = 0; slot < 256; slot++) rows.damageSlot(0, 1, slot)
    expectTruth(rows, new Set(Array.from({ length: 256 }, (_, i) => 256 + i)))
  })

  it('settles each full tile on its own', () => {
    const rows = new Rows(5 * 256 + 20)
    const damaged = new Set<number>()
    for (let tile = 0; tile < 5; tile++) {
      for (let slot = 0; slot < 8; slot++) {
        const index = tile * 256 + slot * 30
        if (slot % 2 === 0) rows.damageEntry(index)
        else {
          rows.damageSlot(0, tile, slot * 30)
          damaged.add(index)
        }
      }
    }
    expectTruth(rows, damaged)
  })

  it('finds the tiles above again', () => {
    const rows = new Rows(600)
    rows.damageSlot(1, 0, 1)
    expectTruth(rows, new Set(Array.from({ length: 256 }, (_, i) => 256 + i)))
  })

  it('finds leaves again under a tile above that is damaged as well', () => {
    const rows = new Rows(600)
    rows.damageSlot(1, 0, 0)
    rows.damageSlot(0, 0, 7)
    rows.damageEntry(300)
    expectTruth(rows, new Set(Array.from({ length: 256 }, (_, i) => i)))
  })
})

it.each([
  [
    'a leaf is in neither',
    (rows: Rows) => {
      rows.entries.delete(3)
      rows.tiles.clear()
    },
  ],
  [
    'tree and entry of one leaf are both changed',
    (rows: Rows) => {
      rows.damageEntry(3)
      rows.damageSlot(0, 0, 3)
    },
  ],
  [
    'too many leaves differ, in both directions',
    (rows: Rows) => {
      for (let index = 0; index < 14; index++) {
        if (index % 2 === 0) rows.damageEntry(index)
        else rows.damageSlot(0, 0, index)
      }
    },
  ],
])('refuses a tree when %s', (_title, damage) => {
  const rows = new Rows(40)
  damage(rows)
  expect(codeOf(() => trustedTree(h, rows.head, rows))).toBe('TILE_DAMAGED')
})

it('never takes another history for this one', () => {
  fc.assert(
    fc.property(sizes, sizes, (size, other) => {
      const head = { ...new Rows(other).head, size }
      const rows = new Rows(size)
      expect(size === other ? null : codeOf(() => trustedTree(h, head, rows))).toBe(
        size === other ? null : 'TILE_DAMAGED',
      )
    }),
    { numRuns: runs(20, 200) },
  )
})

it('goes on with found tiles while the log grows over them', () => {
  const rows = new Rows(300)
  rows.damageSlot(0, 0, 9)
  rows.tiles.delete('0/1')
  let trusted = trustedTree(h, rows.head, rows)
  for (let round = 0; round < 5; round++) {
    rows.grow(100)
    trusted = followHead(trusted, rows.head, rows)
    for (const [index, leaf] of rows.truth.entries()) expect(trusted.tree.leafAt(index)).toEqual(leaf)
  }
})
