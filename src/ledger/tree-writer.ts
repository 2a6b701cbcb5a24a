/**
 * Appending to a tree: which tiles change, and what the new root is.
 *
 * @remarks
 * Keeps the partial tiles of the right edge and nothing else, so a log of any length is written from at most seven
 * tiles. Proven by `tests/ledger/tree-writer.test.ts` against a tree computed the slow obvious way.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import { checkHashes, HASH_SIZE, type Hasher } from './hash.ts'
import { fullTileHash, hashAt, rootOfEdge } from './tile-hashes.ts'
import { edgeTiles, hashesOnLevel, type Tile, TILE_WIDTH } from './tile-layout.ts'
import type { TileReader } from './tiles.ts'
import { checkSize, type TreeHead } from './tree-size.ts'

/** A tree after an append. */
export interface Appended extends TreeHead {
  /** Every tile that is new or wider than before, partial ones included; each replaces what was stored. */
  readonly tiles: Tile[]
}

/**
 * Grows one tree in memory. When what it returned could not be committed, the writer is ahead of the store: drop it
 * and {@link TreeWriter.resume} from the newest checkpoint.
 */
export class TreeWriter {
  readonly #h: Hasher
  #size: number
  /** Hashes of the partial tile of each level. */
  readonly #edge: Uint8Array[][]

  /**
   * @param h - SHA-256.
   * @param size - Leaves so far.
   * @param edge - The partial tiles of a tree of that size (`edgeTiles`), not wider. Use {@link TreeWriter.resume}
   *   for tiles that were stored: this does not check them against a root.
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE` or `TILE_MISSING`.
   */
  constructor(h: Hasher, size: number, edge: readonly Tile[]) {
    checkSize(size)
    this.#h = h
    this.#size = size
    this.#edge = []
    for (const want of edgeTiles(size)) {
      const tile = edge.find((t) => t.level === want.level && t.index === want.index)
      if (tile?.bytes.length !== want.width * HASH_SIZE) {
        throw new LedgerError('TILE_MISSING', `level ${want.level} tile ${want.index}: need ${want.width} hashes`)
      }
      const { bytes } = tile
      this.#edge[want.level] = Array.from({ length: want.width }, (_, i) => Uint8Array.from(hashAt(bytes, i)))
    }
  }

  /**
   * A writer that goes on from a signed head.
   *
   * @param h - SHA-256.
   * @param head - From a verified checkpoint.
   * @param reader - Untrusted.
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `TILE_MISSING`, or `TILE_DAMAGED` when the tiles do not hash
   *   into the head's root.
   */
  static resume(h: Hasher, head: TreeHead, reader: TileReader): TreeWriter {
    const edge = edgeTiles(head.size).flatMap(({ level, index, width }) => {
      const bytes = reader.tile(level, index)
      return bytes === null ? [] : [{ level, index, bytes: bytes.subarray(0, width * HASH_SIZE) }]
    })
    const writer = new TreeWriter(h, head.size, edge)
    if (!equalBytes(writer.head().root, head.root)) {
      throw new LedgerError('TILE_DAMAGED', 'the right edge does not hash into the root')
    }
    return writer
  }

  /** The tree as it is now. */
  head(): TreeHead {
    return { size: this.#size, root: rootOfEdge(this.#h, this.#partials()) }
  }

  /**
   * Appends leaves.
   *
   * @param leaves - Leaf hashes, 32 bytes each, of bytes read back from the store.
   * @throws {@link LedgerError} `HASH_SIZE` or `SIZE_OUT_OF_RANGE`; nothing is appended then.
   */
  append(leaves: readonly Uint8Array[]): Appended {
    checkHashes(...leaves)
    checkSize(this.#size + leaves.length)
    const full: Tile[] = []
    const touched = new Set<number>()
    for (const leaf of leaves) {
      this.#size += 1
      this.#push(0, Uint8Array.from(leaf), full, touched)
    }
    const partial = this.#partials().filter((tile) => touched.has(tile.level))
    return { ...this.head(), tiles: [...full, ...partial] }
  }

  #push(level: number, hash: Uint8Array, full: Tile[], touched: Set<number>): void {
    const row = (this.#edge[level] ??= [])
    row.push(hash)
    touched.add(level)
    if (row.length < TILE_WIDTH) return
    const bytes = concatBytes(...row)
    full.push({ level, index: hashesOnLevel(this.#size, level) / TILE_WIDTH - 1, bytes })
    this.#edge[level] = []
    this.#push(level + 1, fullTileHash(this.#h, bytes), full, touched)
  }

  /** The partial tiles, from the lowest level up. */
  #partials(): Tile[] {
    return edgeTiles(this.#size).map(({ level, index, width }) => {
      const row = this.#edge[level] ?? []
      assert(row.length === width, `level ${level} holds ${row.length} hashes, want ${width}`)
      return { level, index, bytes: concatBytes(...row) }
    })
  }
}
