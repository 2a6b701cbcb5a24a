/**
 * Where hashes live in tiles, and what tiles are called (C2SP tlog-tiles v0.1.0).
 *
 * @remarks
 * A tile is up to 256 hashes of one level; level `l` counts in steps of `256^l` leaves, and only full tiles feed
 * the level above. Proven by `tests/ledger/tile-layout.test.ts` with the published paths.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'

/** Hashes of a full tile. */
export const TILE_WIDTH = 256

/** Levels of tiles that trees below 2^53 leaves can have. */
export const TILE_LEVELS = 7

/** One tile of a tree of some size. */
export interface TileCoordinates {
  /** 0 for leaf hashes. */
  readonly level: number
  readonly index: number
  /** Hashes in it, 1 to {@link TILE_WIDTH}; fewer than all only at the right edge. */
  readonly width: number
}

/** A tile and its hashes, `width * 32` bytes. */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly bytes: Uint8Array
}

/** Leaves under one hash of `level`. */
export function leavesPerHash(level: number): number {
  return TILE_WIDTH ** level
}

/** Hashes that a tree of `size` leaves has on `level`. */
export function hashesOnLevel(size: number, level: number): number {
  return Math.floor(size / leavesPerHash(level))
}

/** Width of tile `index` of `level` in a tree of `size` leaves; 0 when the tree has no such tile. */
export function tileWidth(size: number, level: number, index: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, hashesOnLevel(size, level) - index * TILE_WIDTH))
}

/** The partial tiles of a tree of `size` leaves, from the lowest level up: together they hash to its root. */
export function edgeTiles(size: number): TileCoordinates[] {
  const tiles: TileCoordinates[] = []
  for (let level = 0; level < TILE_LEVELS; level++) {
    const hashes = hashesOnLevel(size, level)
    const width = hashes % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_WIDTH), width })
  }
  return tiles
}

/** All tiles of a tree of `size` leaves, level by level: what a directory of the log must hold. */
export function* allTiles(size: number): Generator<TileCoordinates> {
  for (let level = 0; hashesOnLevel(size, level) > 0; level++) {
    for (let index = 0; tileWidth(size, level, index) > 0; index++) {
      yield { level, index, width: tileWidth(size, level, index) }
    }
  }
}

/** Path of a tile of hashes, such as `tile/0/x001/x234/067.p/12`. */
export function tilePath({ level, index, width }: TileCoordinates): string {
  return `tile/${level}/${indexPath(index, width)}`
}

/** Path of a bundle of `width` entries from entry `index * 256` on, such as `tile/entries/000`. */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${indexPath(index, width)}`
}

/** Three digits a folder, all but the last marked with an x; a partial tile adds its width. */
function indexPath(index: number, width: number): string {
  assert(Number.isSafeInteger(index) && index >= 0, 'a tile index')
  assert(width >= 1 && width <= TILE_WIDTH, 'a tile width')
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.../g) ?? []
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
  return width < TILE_WIDTH ? `${path}.p/${width}` : path
}
