import { expect, it } from 'vitest'
import { allTiles, bundlePath, edgeTiles, tilePath, tileWidth } from '../../src/ledger/tiles.ts'

it('names tiles as C2SP tlog-tiles does', () => {
  expect(tilePath({ level: 0, index: 0, width: 256 })).toBe('tile/0/000')
  expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067')
  expect(tilePath({ level: 0, index: 123_456_789, width: 256 })).toBe('tile/0/x123/x456/789')
  expect(tilePath({ level: 15, index: 455_667, width: 256 })).toBe('tile/15/x455/667')
  expect(tilePath({ level: 1, index: 1, width: 17 })).toBe('tile/1/001.p/17')
  expect(bundlePath(0, 15)).toBe('tile/entries/000.p/15')
  expect(bundlePath(1000, 256)).toBe('tile/entries/x001/000')
})

it('lays 70,000 leaves out as the specification says', () => {
  const tiles = [...allTiles(70_000)]
  expect(tiles.filter((t) => t.level === 0 && t.width === 256)).toHaveLength(273)
  expect(tiles.filter((t) => t.level === 1 && t.width === 256)).toHaveLength(1)
  expect(edgeTiles(70_000)).toEqual([
    { level: 0, index: 273, width: 112 },
    { level: 1, index: 1, width: 17 },
    { level: 2, index: 0, width: 1 },
  ])
  expect([...allTiles(256)]).toEqual([
    { level: 0, index: 0, width: 256 },
    { level: 1, index: 0, width: 1 },
  ])
  expect([...allTiles(0)]).toEqual([])
})

it('covers exactly the leaves of the tree with its right edge, up to the largest', () => {
  for (const size of [0, 1, 255, 256, 257, 65_535, 65_536, 2 ** 41 + 3, 2 ** 53 - 1]) {
    const covered = edgeTiles(size).reduce((sum, { level, width }) => sum + BigInt(width) * 256n ** BigInt(level), 0n)
    expect(covered).toBe(BigInt(size))
  }
  expect(tileWidth(300, 0, 1)).toBe(44)
  expect(tileWidth(300, 0, 2)).toBe(0)
})
