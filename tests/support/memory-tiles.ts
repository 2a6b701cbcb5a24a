import type { Tile, TileReader } from '../../src/ledger/tiles.ts'

/** Tiles in memory, as a store keeps them: the newest of each place. */
export class MemoryTiles implements TileReader {
  readonly tiles = new Map<string, Uint8Array>()
  reads = 0

  put(tiles: readonly Tile[]): void {
    for (const { level, index, bytes } of tiles) this.tiles.set(`${level}/${index}`, bytes)
  }

  tile(level: number, index: number): Uint8Array | null {
    this.reads++
    return this.tiles.get(`${level}/${index}`) ?? null
  }
}
