/**
 * Does a directory of a log (C2SP tlog-tiles v0.1.0) hold exactly the tree that was signed?
 *
 * @remarks
 * Reads each file once, from the first entry to the last, and keeps a few tiles: memory does not grow with the log.
 * The tree is computed again from the entries and compared with every tile, partial ones that are left from smaller
 * trees included. Where a bundle and its tile differ, the tile above or the signed root says which of them is wrong.
 * Proven by `tests/ledger/check-log-files.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { decodeBundle } from './bundle.ts'
import { HASH_SIZE, type Hasher, leafHash } from './hash.ts'
import { fullTileHash, hashAt } from './tile-hashes.ts'
import { bundlePath, edgeTiles, type Tile, tilePath, tileWidth, TILE_WIDTH } from './tile-layout.ts'
import { TreeWriter } from './tree-writer.ts'
import type { TreeHead } from './tree-size.ts'

/** The files of a log. */
export interface LogFiles {
  /** Bytes of the file at a path such as `tile/0/000.p/3`, or null when there is none. Need not be trusted. */
  read(path: string): Promise<Uint8Array | null>
  /** Widths of the partial files that lie beside the full one at `path`. */
  partials(path: string): Promise<readonly number[]>
}

/** What is wrong with a file. */
export type LogFileProblem =
  | 'MISSING'
  | 'WRONG_LENGTH' // not as many hashes or entries as its place says
  | 'DIFFERS' // not what the entries and the signed root say
  | 'ROOT_MISMATCH' // the entries do not make the tree that was signed
  | 'NOT_CHECKED' // files that it builds on are missing

/** One thing that is wrong. */
export interface LogFileFinding {
  readonly path: string
  readonly problem: LogFileProblem
  /** For developers. */
  readonly detail: string
}

/** What was looked at. */
export interface LogFileTotals {
  readonly entries: number
  readonly files: number
}

/** Hashes that a file says its entries or subtrees have; null when it is missing or no such file. */
interface ReadFile {
  readonly path: string
  readonly hashes: readonly Uint8Array[] | null
  readonly finding: LogFileFinding | null
}

type Findings = AsyncGenerator<LogFileFinding, void>

/**
 * Checks every file of the tree, and yields what is wrong as it is found.
 *
 * @param h - SHA-256.
 * @param head - From a checkpoint whose signature was verified.
 * @param files - Untrusted.
 */
export async function* checkLogFiles(
  h: Hasher,
  head: TreeHead,
  files: LogFiles,
): AsyncGenerator<LogFileFinding, LogFileTotals> {
  const check = new LogCheck(h, head, files)
  yield* check.run()
  return { entries: head.size, files: check.filesRead }
}

class LogCheck {
  filesRead = 0
  readonly #h: Hasher
  readonly #head: TreeHead
  readonly #files: LogFiles
  readonly #writer: TreeWriter
  /** The newest partial tile of each level, as computed. */
  readonly #edge = new Map<number, Tile>()
  #parent: { readonly index: number; readonly file: ReadFile } | null = null
  /** Entries whose hashes nobody knows: nothing above them can be computed. */
  #isBroken = false

  constructor(h: Hasher, head: TreeHead, files: LogFiles) {
    this.#h = h
    this.#head = head
    this.#files = files
    this.#writer = new TreeWriter(h, 0, [])
  }

  async *run(): Findings {
    const { size } = this.#head
    for (let index = 0; tileWidth(size, 0, index) > 0 && !this.#isBroken; index++) yield* this.#checkLowest(index)
    if (this.#isBroken) {
      yield { path: 'tile', problem: 'NOT_CHECKED', detail: 'what builds on the missing entries was not checked' }
      return
    }
    for (const { level } of edgeTiles(size).filter((tile) => tile.level > 0)) {
      const tile = this.#edge.get(level)
      if (tile !== undefined) yield* this.#checkUpper(tile)
    }
    if (!equalBytes(this.#writer.head().root, this.#head.root)) {
      yield { path: 'checkpoint', problem: 'ROOT_MISMATCH', detail: 'the entries do not hash into the signed root' }
    }
  }

  /** A bundle, its tile, and whatever they complete above. */
  async *#checkLowest(index: number): Findings {
    const width = tileWidth(this.#head.size, 0, index)
    const bundle = await this.#readBundle(index, width)
    const tile = await this.#readTile(0, index, width)
    for (const { finding } of [bundle, tile]) if (finding !== null) yield finding
    const { leaves, wrong } = await this.#decide(index, bundle, tile)
    yield* wrong
    if (leaves === null) {
      this.#isBroken = true
      return
    }
    yield* this.#checkOlder(0, index, leaves)
    yield* this.#checkOlderBundles(index, leaves)
    for (const made of this.#append(leaves)) if (made.level > 0) yield* this.#checkUpper(made)
  }

  /** Adds leaves to the computed tree. Replies with the tiles that are full now. */
  #append(leaves: readonly Uint8Array[]): Tile[] {
    const { tiles } = this.#writer.append(leaves)
    const isFull = (tile: Tile) => tile.bytes.length === TILE_WIDTH * HASH_SIZE
    for (const tile of tiles) if (!isFull(tile)) this.#edge.set(tile.level, tile)
    return tiles.filter(isFull)
  }

  /** Which leaves are the true ones where entries and tile differ, and which file is wrong. */
  async #decide(
    index: number,
    bundle: ReadFile,
    tile: ReadFile,
  ): Promise<{ leaves: readonly Uint8Array[] | null; wrong: LogFileFinding[] }> {
    const [said, stored] = [bundle.hashes, tile.hashes]
    if (said === null || stored === null) return { leaves: said ?? stored, wrong: [] }
    const at = firstDifference(said, stored)
    if (at === null) return { leaves: said, wrong: [] }
    const entry = `entry ${index * TILE_WIDTH + at}`
    const differs = ({ path }: ReadFile): LogFileFinding => ({ path, problem: 'DIFFERS', detail: entry })
    if (await this.#fits(index, said)) return { leaves: said, wrong: [differs(tile)] }
    if (await this.#fits(index, stored)) return { leaves: stored, wrong: [differs(bundle)] }
    return { leaves: said, wrong: [differs(bundle), differs(tile)] }
  }

  /** Whether the tile above, or for the last leaves the signed root, agrees with these leaves. */
  async #fits(index: number, leaves: readonly Uint8Array[]): Promise<boolean> {
    if (leaves.length < TILE_WIDTH) {
      const edge = edgeTiles(index * TILE_WIDTH).flatMap(({ level }) => this.#edge.get(level) ?? [])
      const { root } = new TreeWriter(this.#h, index * TILE_WIDTH, edge).append(leaves)
      return equalBytes(root, this.#head.root)
    }
    const slot = (await this.#parentOf(index)).hashes?.[index % TILE_WIDTH]
    return slot !== undefined && equalBytes(fullTileHash(this.#h, join(leaves)), slot)
  }

  async #parentOf(index: number): Promise<ReadFile> {
    const at = Math.floor(index / TILE_WIDTH)
    if (this.#parent?.index !== at) {
      this.#parent = { index: at, file: await this.#readTile(1, at, tileWidth(this.#head.size, 1, at)) }
    }
    return this.#parent.file
  }

  /** A tile above the lowest, against what was computed from below. */
  async *#checkUpper({ level, index, bytes }: Tile): Findings {
    const computed = split(bytes)
    const { path, hashes, finding } = await this.#readTile(level, index, computed.length)
    if (finding !== null) yield finding
    const at = hashes === null ? null : firstDifference(computed, hashes)
    if (at !== null) yield { path, problem: 'DIFFERS', detail: `hash ${at}` }
    yield* this.#checkOlder(level, index, computed)
  }

  /** Partial tiles of smaller trees: each is the beginning of the tile that it became. */
  async *#checkOlder(level: number, index: number, hashes: readonly Uint8Array[]): Findings {
    for (const width of await this.#olderWidths(tilePath({ level, index, width: TILE_WIDTH }), hashes.length)) {
      const older = await this.#readTile(level, index, width)
      if (older.finding !== null) yield older.finding
      const at = older.hashes === null ? null : firstDifference(hashes.slice(0, width), older.hashes)
      if (at !== null) yield { path: older.path, problem: 'DIFFERS', detail: `hash ${at}` }
    }
  }

  async *#checkOlderBundles(index: number, leaves: readonly Uint8Array[]): Findings {
    for (const width of await this.#olderWidths(bundlePath(index, TILE_WIDTH), leaves.length)) {
      const older = await this.#readBundle(index, width)
      if (older.finding !== null) yield older.finding
      const at = older.hashes === null ? null : firstDifference(leaves.slice(0, width), older.hashes)
      if (at !== null) yield { path: older.path, problem: 'DIFFERS', detail: `entry ${index * TILE_WIDTH + at}` }
    }
  }

  async #olderWidths(fullPath: string, width: number): Promise<number[]> {
    return (await this.#files.partials(fullPath)).filter((older) => older < width).toSorted((a, b) => a - b)
  }

  async #readTile(level: number, index: number, width: number): Promise<ReadFile> {
    return this.#read(
      (of) => tilePath({ level, index, width: of }),
      width,
      (bytes, of) => (bytes.length === of * HASH_SIZE ? split(bytes) : null),
    )
  }

  async #readBundle(index: number, width: number): Promise<ReadFile> {
    return this.#read(
      (of) => bundlePath(index, of),
      width,
      (bytes, of) => decodeBundle(bytes, of)?.map((entry) => leafHash(this.#h, entry)) ?? null,
    )
  }

  /** A partial file may have been removed once the full one was there. */
  async #read(
    pathOf: (width: number) => string,
    width: number,
    parse: (bytes: Uint8Array, width: number) => Uint8Array[] | null,
  ): Promise<ReadFile> {
    for (const of of new Set([width, TILE_WIDTH])) {
      const path = pathOf(of)
      const bytes = await this.#files.read(path)
      if (bytes === null) continue
      this.filesRead += 1
      const hashes = parse(bytes, of)
      if (hashes !== null) return { path, hashes: hashes.slice(0, width), finding: null }
      const detail = `${bytes.length} bytes are not ${of} of them`
      return { path, hashes: null, finding: { path, problem: 'WRONG_LENGTH', detail } }
    }
    const path = pathOf(width)
    return { path, hashes: null, finding: { path, problem: 'MISSING', detail: '' } }
  }
}

function split(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length / HASH_SIZE }, (_, i) => hashAt(bytes, i))
}

function join(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_SIZE)
  for (const [i, hash] of hashes.entries()) bytes.set(hash, i * HASH_SIZE)
  return bytes
}

/** Where two lists of one length differ first, or null. */
function firstDifference(left: readonly Uint8Array[], right: readonly Uint8Array[]): number | null {
  const at = left.findIndex((hash, i) => !equalBytes(hash, right[i] ?? new Uint8Array()))
  return at < 0 ? null : at
}
