import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { leafHash, nobleHasher as h } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { MemoryTiles } from '../support/memory-tiles.ts'
import { slowConsistency, slowPath, slowRoot, someLeaves } from '../support/slow-tree.ts'

const SIZE = 70_000
const leaves = someLeaves(h, SIZE)
const store = new MemoryTiles()
const { tiles, ...head } = new TreeWriter(h, 0, []).append(leaves)
store.put(tiles)
const tree = new TileTree(h, head, store)
const hex = (hashes: readonly Uint8Array[]) => hashes.map(toHex)

describe('a tree of 70,000 leaves read through its tiles', () => {
  it('gives every leaf', () => {
    for (const [index, leaf] of leaves.entries()) {
      if (toHex(tree.leafAt(index)) !== toHex(leaf)) expect.fail(`leaf ${index}`)
    }
  })

  it('proves any leaf in any of its trees, as the slow tree does', () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 600 }),
      fc.constantFrom(255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, SIZE),
    )
    fc.assert(
      fc.property(size, fc.nat(), (n, at) => {
        const index = at % n
        const older = index + 1
        const path = tree.proveInclusion(index, n)
        const proof = tree.proveConsistency(older, n)
        const newer = { size: n, root: tree.rootAt(n) }
        checkInclusion(h, newer, index, tree.leafAt(index), path)
        checkConsistency(h, { size: older, root: tree.rootAt(older) }, newer, proof)
        if (n > 600) return
        const slice = leaves.slice(0, n)
        expect(toHex(newer.root)).toBe(toHex(slowRoot(h, slice)))
        expect(hex(path)).toEqual(hex(slowPath(h, index, slice)))
        expect(hex(proof)).toEqual(hex(slowConsistency(h, older, slice)))
      }),
      { numRuns: 150 },
    )
  })

  it('opens at an older head with the tiles of a newer tree', () => {
    for (const size of [1, 255, 256, 300, 65_536, 66_000]) {
      const older = new TileTree(h, { size, root: tree.rootAt(size) }, store)
      expect(toHex(older.leafAt(size - 1))).toBe(toHex(leaves[size - 1] ?? new Uint8Array()))
      expectCode('INDEX_OUT_OF_TREE', () => older.leafAt(size))
    }
    expect(new TileTree(h, { size: 0, root: tree.rootAt(0) }, store).rootAt(0)).toEqual(tree.rootAt(0))
  })

  it('reads a tile once, and forgets when the cache is full', () => {
    const cached = new TileTree(h, head, store)
    cached.leafAt(5)
    const before = store.reads
    for (let i = 0; i < 256; i++) cached.leafAt(i)
    expect(store.reads).toBe(before)
    const small = new TileTree(h, head, store, 2)
    for (const index of [0, 256, 512, 0]) small.leafAt(index)
    expect(store.reads - before).toBeGreaterThan(6)
    expect(toHex(small.leafAt(0))).toBe(toHex(leaves[0] ?? new Uint8Array()))
  })
})

describe('tiles that were damaged', () => {
  const places = [...store.tiles.keys()]
  const damaged = (place: string, change: (bytes: Uint8Array) => Uint8Array | null): MemoryTiles => {
    const copy = new MemoryTiles()
    for (const [key, bytes] of store.tiles) {
      const now = key === place ? change(bytes) : bytes
      if (now !== null) copy.tiles.set(key, now)
    }
    return copy
  }
  /** Reads every 97th leaf, and leaf hashes must be the true ones. */
  const readAll = (reader: MemoryTiles) => {
    const damagedTree = new TileTree(h, head, reader)
    for (let i = 0; i < SIZE; i += 97) expect(toHex(damagedTree.leafAt(i))).toBe(toHex(leaves[i] ?? new Uint8Array()))
  }

  it('never give a wrong hash: any flipped bit is found when its tile is read', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.nat(), (place, flip) => {
        const reader = damaged(place, (bytes) => {
          const at = flip % (bytes.length * 8)
          return bytes.map((byte, i) => (i === at >> 3 ? byte ^ (1 << (at & 7)) : byte))
        })
        expectCode('TILE_DAMAGED', () => {
          readAll(reader)
        })
      }),
      { numRuns: 20 },
    )
  })

  it('or deleted, or cut, are missing', () => {
    for (const place of ['0/273', '0/7', '1/0', '1/1', '2/0']) {
      for (const change of [
        () => null,
        (bytes: Uint8Array) => bytes.slice(0, -1),
        (bytes: Uint8Array) => bytes.slice(32),
      ]) {
        expectCode('TILE_MISSING', () => {
          readAll(damaged(place, change))
        })
      }
    }
  })

  it('leave every other tile readable', () => {
    const reader = damaged('0/7', () => null)
    const partly = new TileTree(h, head, reader)
    expect(codeOf(() => partly.leafAt(7 * 256))).toBe('TILE_MISSING')
    expect(toHex(partly.leafAt(8 * 256))).toBe(toHex(leaves[8 * 256] ?? new Uint8Array()))
  })

  it('may be changed after they were checked without changing what is shown', () => {
    const reader = damaged('none', (bytes) => bytes)
    for (const [key, bytes] of reader.tiles) reader.tiles.set(key, bytes.slice())
    const open = new TileTree(h, head, reader)
    open.leafAt(3)
    for (const bytes of reader.tiles.values()) bytes.fill(0)
    expect(toHex(open.leafAt(3))).toBe(toHex(leaves[3] ?? new Uint8Array()))
  })

  it('do not open under another root', () => {
    expectCode('TILE_DAMAGED', () => new TileTree(h, { size: SIZE, root: leafHash(h, new Uint8Array()) }, store))
  })
})

describe('a tree that grows', () => {
  const world = (size: number) => {
    const leaves = Array.from({ length: size }, (_, i) => h.sha256(Uint8Array.of(i >> 8, i & 255)))
    const writer = new TreeWriter(h, 0, [])
    const stored = new Map<string, Uint8Array>()
    const reads: string[] = []
    const store = (tiles: readonly { level: number; index: number; bytes: Uint8Array }[]) => {
      for (const { level, index, bytes } of tiles) stored.set(`${level}/${index}`, bytes)
    }
    const reader = {
      tile: (level: number, index: number) => {
        reads.push(`${level}/${index}`)
        return stored.get(`${level}/${index}`) ?? null
      },
    }
    return { leaves, writer, stored, store, reader, reads }
  }

  it('keeps what was checked, and checks what is new', () => {
    const { leaves, writer, store, reader } = world(1200)
    store(writer.append(leaves.slice(0, 700)).tiles)
    const before = new TileTree(h, writer.head(), reader)
    for (let i = 0; i < 700; i++) expect(before.leafAt(i)).toEqual(leaves[i])
    store(writer.append(leaves.slice(700)).tiles)
    const after = before.grownTo(writer.head(), reader)
    for (let i = 0; i < 1200; i++) expect(after.leafAt(i)).toEqual(leaves[i])
  })

  it('is refused when the later tree does not begin with it', () => {
    const [mine, other] = [world(600), world(900)]
    mine.store(mine.writer.append(mine.leaves).tiles)
    const before = new TileTree(h, mine.writer.head(), mine.reader)
    other.store(other.writer.append([...other.leaves].reverse()).tiles)
    expect(() => before.grownTo(other.writer.head(), other.reader)).toThrow('does not begin')
  })

  it('reads a tile that is no longer kept again, and notices when it has changed meanwhile', () => {
    const { leaves, writer, stored, store, reader, reads } = world(256 * 4)
    store(writer.append(leaves).tiles)
    const tree = new TileTree(h, writer.head(), reader, 1)
    for (const i of [0, 300, 600, 900, 0]) expect(tree.leafAt(i)).toEqual(leaves[i])
    expect(reads.filter((name) => name === '0/0').length).toBe(2)
    tree.leafAt(300)
    const bytes = Uint8Array.from(stored.get('0/0') ?? [])
    bytes[5] = (bytes[5] ?? 0) ^ 1
    stored.set('0/0', bytes)
    expect(() => tree.leafAt(0)).toThrow('does not hash into its parent')
  })
})
