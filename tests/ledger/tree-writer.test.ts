import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { allTiles, tilePath, TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { expectCode } from '../support/expect-code.ts'
import { MemoryTiles } from '../support/memory-tiles.ts'
import { slowRoot, someLeaves } from '../support/slow-tree.ts'

const leaves = someLeaves(h, 1200)

it('gives the root of the slow tree at every size', () => {
  const writer = new TreeWriter(h, 0, [])
  for (let size = 1; size <= 300; size++) {
    const { root } = writer.append(leaves.slice(size - 1, size))
    expect(toHex(root)).toBe(toHex(slowRoot(h, leaves.slice(0, size))))
  }
})

it('writes the same tree in any batches, and resumed at any point', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 }), (batches) => {
      const store = new MemoryTiles()
      let head = new TreeWriter(h, 0, []).head()
      for (const count of batches) {
        const batch = leaves.slice(head.size, head.size + count)
        const { tiles, ...next } = TreeWriter.resume(h, head, store).append(batch)
        store.put(tiles)
        head = next
      }
      expect(toHex(head.root)).toBe(toHex(slowRoot(h, leaves.slice(0, head.size))))
      const expected = [...allTiles(head.size)].map((at) => [`${at.level}/${at.index}`, at.width * 32, tilePath(at)])
      const found = [...store.tiles].map(([key, bytes]) => [key, bytes.length])
      expect(found.toSorted()).toEqual(expected.map(([key, length]) => [key, length]).toSorted())
      new TileTree(h, head, store)
    }),
    { numRuns: 40 },
  )
})

it('reports only tiles that changed', () => {
  const writer = new TreeWriter(h, 0, [])
  writer.append(leaves.slice(0, 256))
  expect(writer.append(leaves.slice(256, 258)).tiles.map((t) => [t.level, t.index, t.bytes.length / 32])).toEqual([
    [0, 1, 2],
  ])
  expect(writer.append(leaves.slice(258, 512)).tiles.map((t) => [t.level, t.index, t.bytes.length / 32])).toEqual([
    [0, 1, 256],
    [1, 0, 2],
  ])
  expect(writer.append([]).tiles).toEqual([])
})

it('goes on from a tree of 2^41 leaves', () => {
  const peak = new Uint8Array(32).fill(9)
  const bytes = new Uint8Array(64).map((_, i) => (i < 32 ? 9 : 7))
  const writer = new TreeWriter(h, 2 ** 41, [{ level: 5, index: 0, bytes }])
  const before = writer.head()
  const after = writer.append([peak])
  expect(after.size).toBe(2 ** 41 + 1)
  expect(after.tiles).toEqual([{ level: 0, index: 2 ** 33, bytes: peak }])
  expect(toHex(after.root)).toBe(toHex(slowRoot(h, [before.root, peak])))
})

it('refuses tiles that do not fit, and leaves that are no hashes', () => {
  const writer = new TreeWriter(h, 0, [])
  const { tiles, ...head } = writer.append(leaves.slice(0, 300))
  const [, partial] = tiles
  expectCode('TILE_MISSING', () => new TreeWriter(h, 300, []))
  expectCode(
    'TILE_MISSING',
    () => new TreeWriter(h, 300, partial === undefined ? [] : [{ ...partial, bytes: leaves[0] ?? partial.bytes }]),
  )
  expectCode('TILE_DAMAGED', () =>
    TreeWriter.resume(
      h,
      { ...head, root: leaves[0] ?? head.root },
      { tile: (level, index) => tiles.find((t) => t.level === level && t.index === index)?.bytes ?? null },
    ),
  )
  expectCode('TILE_MISSING', () => TreeWriter.resume(h, head, { tile: () => null }))
  expectCode('HASH_SIZE', () => writer.append([new Uint8Array(31)]))
  expect(writer.head()).toEqual(head)
})
