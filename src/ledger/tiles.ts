/**
 * Reading a tree through its tiles: nothing a tile says is used before it hashes into the signed root.
 *
 * @remarks
 * The partial tiles at the right edge are checked against the root once; after that a full tile is checked against
 * the hash its parent holds, and a leaf costs one comparison. Of a checked tile that is no longer kept a fingerprint
 * stays: reading it again costs one hash instead of 255. All of it is in memory only. Proven by
 * `tests/ledger/tiles.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import { emptyRoot, HASH_SIZE, type Hasher, nodeHash } from './hash.ts'
import { fullTileHash, innerRows, rootOfEdge } from './tile-hashes.ts'
import { edgeTiles, type TileCoordinates, tileWidth, TILE_WIDTH } from './tile-layout.ts'
import { checkIndex, checkSize, splitPoint, type TreeHead } from './tree-size.ts'

export * from './tile-layout.ts'

/** Where tiles are kept. */
export interface TileReader {
  /**
   * Bytes of a tile, or null when there is none. They may be of a wider tile, from a later and larger tree: its
   * beginning is the same. Need not be trusted.
   */
  tile(level: number, index: number): Uint8Array | null
}

/** Hashes of a checked tile; see `innerRows`. */
type Rows = readonly (readonly Uint8Array[])[]

const DEFAULT_CACHED_TILES = 256
/** Fingerprints of checked tiles that are remembered: of 16 million leaves, in about 6 MB. */
const MAX_FINGERPRINTS = 65_536

/** A tree behind a verified head. All results are authenticated against that head. */
export class TileTree {
  readonly head: TreeHead
  readonly #h: Hasher
  readonly #reader: TileReader
  readonly #cachedTiles: number
  readonly #edge = new Map<string, Rows>()
  readonly #cache = new Map<string, Rows>()
  /** Bytes of checked full tiles. */
  readonly #bytes = new Map<string, Uint8Array>()
  /** SHA-256 of the bytes of checked full tiles. */
  #fingerprints = new Map<string, Uint8Array>()

  /**
   * Reads the right edge and checks it.
   *
   * @param h - SHA-256.
   * @param head - From a checkpoint whose signature was verified.
   * @param reader - Untrusted.
   * @param cachedTiles - Most full tiles kept, about 40 KB each.
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `TILE_MISSING` or `TILE_DAMAGED`.
   */
  constructor(h: Hasher, head: TreeHead, reader: TileReader, cachedTiles = DEFAULT_CACHED_TILES) {
    checkSize(head.size)
    this.head = head
    this.#h = h
    this.#reader = reader
    this.#cachedTiles = cachedTiles
    this.#authenticateEdge()
  }

  #authenticateEdge(): void {
    const edge = edgeTiles(this.head.size).map((at) => ({ ...at, bytes: this.#read(at) }))
    if (!equalBytes(rootOfEdge(this.#h, edge), this.head.root)) {
      throw new LedgerError('TILE_DAMAGED', 'the right edge does not hash into the root')
    }
    for (const tile of edge) this.#edge.set(keyOf(tile.level, tile.index), innerRows(this.#h, tile.bytes))
  }

  /**
   * The tree of a later head of the same log. What was checked stays checked, because the later tree is shown to begin
   * with this one.
   *
   * @param head - From a checkpoint whose signature was verified, of no smaller size.
   * @param reader - Untrusted.
   * @throws {@link LedgerError} as the constructor, or `TILE_DAMAGED` when this tree is not its beginning.
   */
  grownTo(head: TreeHead, reader: TileReader): TileTree {
    const grown = new TileTree(this.#h, head, reader, this.#cachedTiles)
    if (!equalBytes(grown.rootAt(this.head.size), this.head.root)) {
      throw new LedgerError('TILE_DAMAGED', 'the later tree does not begin with this one')
    }
    grown.#fingerprints = this.#fingerprints
    for (const [key, rows] of this.#cache) grown.#cache.set(key, rows)
    for (const [key, bytes] of this.#bytes) grown.#bytes.set(key, bytes)
    return grown
  }

  /**
   * Leaf hash at `index`: an entry is in the tree exactly when it hashes to this.
   *
   * @throws {@link LedgerError} `INDEX_OUT_OF_TREE`, `TILE_MISSING` or `TILE_DAMAGED`.
   */
  leafAt(index: number): Uint8Array {
    checkIndex(index, this.head.size)
    const [tile, slot] = [Math.floor(index / TILE_WIDTH), index % TILE_WIDTH]
    if (this.#edge.has(keyOf(0, tile))) return Uint8Array.from(this.#hash(0, 0, index))
    return this.#checkedBytes(0, tile).slice(slot * HASH_SIZE, (slot + 1) * HASH_SIZE)
  }

  /**
   * Root of the first `size` leaves.
   *
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `TILE_MISSING` or `TILE_DAMAGED`.
   */
  rootAt(size: number): Uint8Array {
    this.#checkWithin(size)
    return size === 0 ? emptyRoot(this.#h) : Uint8Array.from(this.#range(0, size))
  }

  /**
   * Sibling hashes from leaf `index` up, in the tree of the first `size` leaves (RFC 6962 section 2.1.1).
   *
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `INDEX_OUT_OF_TREE`, `TILE_MISSING` or `TILE_DAMAGED`.
   */
  proveInclusion(index: number, size: number = this.head.size): Uint8Array[] {
    this.#checkWithin(size)
    checkIndex(index, size)
    const path: Uint8Array[] = []
    let [lo, hi] = [0, size]
    while (hi - lo > 1) {
      const mid = lo + splitPoint(hi - lo)
      path.push(index < mid ? this.#range(mid, hi) : this.#range(lo, mid))
      if (index < mid) hi = mid
      else lo = mid
    }
    return path.reverse().map((hash) => Uint8Array.from(hash))
  }

  /**
   * Proof that the first `older` leaves are the beginning of the first `newer` (RFC 6962 section 2.1.2).
   *
   * @param older - 1 or more.
   * @throws {@link LedgerError} `SIZE_OUT_OF_RANGE`, `TILE_MISSING` or `TILE_DAMAGED`.
   */
  proveConsistency(older: number, newer: number = this.head.size): Uint8Array[] {
    this.#checkWithin(newer)
    checkSize(older)
    if (older < 1 || older > newer) throw new LedgerError('SIZE_OUT_OF_RANGE', `from ${older} to ${newer}`)
    const path: Uint8Array[] = []
    let [lo, hi] = [0, newer]
    while (hi !== older) {
      const mid = lo + splitPoint(hi - lo)
      path.push(older <= mid ? this.#range(mid, hi) : this.#range(lo, mid))
      if (older <= mid) hi = mid
      else lo = mid
    }
    // What is left is the last complete part of the older tree; when it is all of it, the verifier knows it.
    if (lo > 0) path.push(this.#range(lo, hi))
    return path.reverse().map((hash) => Uint8Array.from(hash))
  }

  #checkWithin(size: number): void {
    checkSize(size)
    if (size > this.head.size) throw new LedgerError('SIZE_OUT_OF_RANGE', `${size} of ${this.head.size} leaves`)
  }

  /** Hash over the leaves `[lo, hi)`, a range that occurs when a tree is split. */
  #range(lo: number, hi: number): Uint8Array {
    const width = hi - lo
    const mid = lo + (width === 1 ? 1 : splitPoint(width))
    if ((mid - lo) * 2 === width || width === 1) return this.#complete(lo, width)
    return nodeHash(this.#h, this.#range(lo, mid), this.#range(mid, hi))
  }

  /** Hash over `width` leaves from `lo` on, where `width` is a power of two that divides `lo`. */
  #complete(lo: number, width: number): Uint8Array {
    let level = 0
    while (TILE_WIDTH ** (level + 1) <= width) level++
    const perHash = TILE_WIDTH ** level
    const row = Math.round(Math.log2(width / perHash))
    return this.#hash(level, row, lo / width)
  }

  /** Hash `i` of row `row` above tile level `level`. */
  #hash(level: number, row: number, i: number): Uint8Array {
    const perTile = TILE_WIDTH / 2 ** row
    const hash = this.#rows(level, Math.floor(i / perTile))[row]?.[i % perTile]
    assert(hash !== undefined, `tile level ${level} row ${row} has no hash ${i}`)
    return hash
  }

  /** Checked hashes of a tile. */
  #rows(level: number, index: number): Rows {
    const key = keyOf(level, index)
    const known = this.#edge.get(key) ?? this.#cache.get(key)
    return known ?? this.#authenticate(level, index, key)
  }

  /** Hashes of a full tile, checked against its parent and kept. */
  #authenticate(level: number, index: number, key: string): Rows {
    const rows = innerRows(this.#h, this.#checkedBytes(level, index))
    keep(this.#cache, key, rows, this.#cachedTiles)
    return rows
  }

  /** Bytes of a full tile, as they were when they hashed into its parent. */
  #checkedBytes(level: number, index: number): Uint8Array {
    const key = keyOf(level, index)
    const known = this.#bytes.get(key)
    if (known !== undefined) return known
    assert(tileWidth(this.head.size, level, index) === TILE_WIDTH, 'partial tiles were checked at the start')
    const bytes = this.#read({ level, index, width: TILE_WIDTH })
    const print = this.#h.sha256(bytes)
    const seen = this.#fingerprints.get(key)
    if (seen === undefined || !equalBytes(seen, print)) this.#checkParent(level, index, bytes)
    keep(this.#fingerprints, key, print, MAX_FINGERPRINTS)
    keep(this.#bytes, key, bytes, this.#cachedTiles)
    return bytes
  }

  #checkParent(level: number, index: number, bytes: Uint8Array): void {
    if (!equalBytes(fullTileHash(this.#h, bytes), this.#hash(level + 1, 0, index))) {
      throw new LedgerError('TILE_DAMAGED', `level ${level} tile ${index} does not hash into its parent`)
    }
  }

  /** Exactly the hashes of a tile, copied: whoever gave the bytes may change them later. */
  #read({ level, index, width }: TileCoordinates): Uint8Array {
    const bytes = this.#reader.tile(level, index)
    if (bytes === null || bytes.length < width * HASH_SIZE || bytes.length % HASH_SIZE !== 0) {
      throw new LedgerError('TILE_MISSING', `level ${level} tile ${index}: need ${width} hashes`)
    }
    return Uint8Array.from(bytes.subarray(0, width * HASH_SIZE))
  }
}

/** Adds to a map of at most `most`, in place of the oldest. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= most && !map.has(key)) map.delete(oldest)
  map.set(key, value)
}

function keyOf(level: number, index: number): string {
  return `${level}/${index}`
}
