/**
 * Tree, proofs, signatures and re-reading beside named baselines, in one run: part of `npm run bench`.
 *
 * @remarks
 * Baselines: one `crypto.hash` per node (root), one row per node in SQLite (proofs), `node:crypto` one by one
 * (signatures), a plain SQLite get (verified read), reading and hashing every row (scrub). The last lines say how memory
 * and time grow with the size of the log.
 */
import Database from 'better-sqlite3'
import { createPublicKey, generateKeyPairSync, hash, randomBytes, sign, verify } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { leafHash } from '../src/ledger/hash.ts'
import { fullTileHash } from '../src/ledger/tile-hashes.ts'
import { TILE_WIDTH, TileTree, type TileReader } from '../src/ledger/tiles.ts'
import { TreeWriter } from '../src/ledger/tree-writer.ts'
import { nodeHasher as h } from '../src/main/core/hasher.ts'
import { keyPairFromSeed, sign as sodiumSign, verifier } from '../src/main/keystore/sodium.ts'
import { concatBytes, equalBytes } from '../src/shared/bytes.ts'
import { measure, type Measured } from './measure.ts'

const ENTRY_BYTES = 400
const HASH = 32
const BATCH = 4096

/** Root of leaves given one after the other, by our tree writer: leaves a second. */
function rootByWriter(count: number): Uint8Array {
  const writer = new TreeWriter(h, 0, [])
  for (const batch of batches(count)) writer.append(batch)
  return writer.head().root
}

/** The same root, one `crypto.hash` per node, in memory that grows with the height only. */
function rootByHash(count: number): Uint8Array {
  const stack: { level: number; value: Uint8Array }[] = []
  for (const batch of batches(count))
    for (const leaf of batch) {
      let [level, value] = [0, leaf]
      for (let top = stack.at(-1); top?.level === level; top = stack.at(-1)) {
        stack.pop()
        value = node(top.value, value)
        level += 1
      }
      stack.push({ level, value })
    }
  return (
    stack.reduceRight<Uint8Array | null>((right, { value }) => (right === null ? value : node(value, right)), null) ??
    new Uint8Array()
  )
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', concatBytes(new Uint8Array([1]), left, right), 'buffer'))
}

/** Leaf hashes that cost nothing to make: 32 bytes that count. */
function* batches(count: number): Generator<Uint8Array[]> {
  for (let from = 0; from < count; from += BATCH) {
    yield Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => {
      const leaf = new Uint8Array(HASH)
      new DataView(leaf.buffer).setUint32(0, from + i)
      return leaf
    })
  }
}

/** Roots of large trees. */
export async function benchRoots(): Promise<Record<string, Measured[]>> {
  const results: Record<string, Measured[]> = {}
  if (!equalBytes(rootByHash(70_000), rootByWriter(70_000))) throw new Error('the two ways give two roots')
  for (const [count, rounds] of [
    [1_000_000, 3],
    [10_000_000, 1],
  ] as const) {
    const before = process.memoryUsage().rss
    results[`root-${count}`] = await measure(
      `Root of ${count} leaf hashes (leaves a second)`,
      [
        { name: 'one crypto.hash per node', count, run: () => void rootByHash(count) },
        { name: 'Chartseal tree writer, tiles of 256', count, run: () => void rootByWriter(count) },
      ],
      rounds,
    )
    const grown = Math.max(0, process.memoryUsage().rss - before)
    process.stdout.write(`  memory grew by ${(grown / 2 ** 20).toFixed(0)} MiB\n\n`)
  }
  return results
}

/** A log of `size` entries in SQLite: entries, tiles, and for the baseline a row for each node of the tree. */
function storedLog(folder: string, size: number) {
  const db = new Database(join(folder, `log-${size}.db`))
  db.pragma('page_size = 8192')
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(`
    CREATE TABLE entry (idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE tile (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;
    CREATE TABLE node (level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;`)
  const entry = db.prepare('INSERT INTO entry VALUES (?, ?)')
  const tile = db.prepare('INSERT OR REPLACE INTO tile VALUES (?, ?, ?)')
  const nodeRow = db.prepare('INSERT OR REPLACE INTO node VALUES (?, ?, ?)')
  const writer = new TreeWriter(h, 0, [])
  const levels: Uint8Array[][] = [[]]
  const fill = db.transaction((from: number, to: number) => {
    const leaves: Uint8Array[] = []
    for (let i = from; i < to; i++) {
      const bytes = randomBytes(ENTRY_BYTES)
      entry.run(i, bytes)
      leaves.push(leafHash(h, new Uint8Array(bytes)))
    }
    levels[0]?.push(...leaves)
    for (const { level, index, bytes } of writer.append(leaves).tiles) tile.run(level, index, bytes)
  })
  for (let from = 0; from < size; from += BATCH) fill(from, Math.min(size, from + BATCH))
  db.transaction(() => {
    for (let level = 0; (levels[level]?.length ?? 0) > 0; level++) {
      const row = levels[level] ?? []
      row.forEach((value, i) => nodeRow.run(level, i, value))
      if (row.length > 1)
        levels.push(
          Array.from({ length: Math.floor(row.length / 2) }, (_, i) =>
            node(row[2 * i] ?? row[0]!, row[2 * i + 1] ?? row[0]!),
          ),
        )
    }
  })()
  const getTile = db.prepare<[number, number], { hashes: Buffer }>(
    'SELECT hashes FROM tile WHERE level = ? AND idx = ?',
  )
  const getNode = db.prepare<[number, number], { hash: Buffer }>('SELECT hash FROM node WHERE level = ? AND idx = ?')
  const getEntry = db.prepare<[number], { bytes: Buffer }>('SELECT bytes FROM entry WHERE idx = ?')
  const pages = db.prepare<[], { idx: number; bytes: Buffer }>('SELECT idx, bytes FROM entry ORDER BY idx')
  const reader: TileReader = { tile: (level, index) => getTile.get(level, index)?.hashes ?? null }
  return { db, head: writer.head(), reader, getNode, getEntry, pages }
}

/** Proofs, verified reads and scrubbing over a stored log. */
export async function benchStored(size: number): Promise<Record<string, Measured[]>> {
  mkdirSync('out/bench', { recursive: true })
  const folder = mkdtempSync(join('out', 'bench', 'tree-'))
  const log = storedLog(folder, size)
  const height = Math.floor(Math.log2(size))
  const places = Array.from({ length: 2000 }, (_, i) => (i * 7919) % (1 << height))
  const tree = new TileTree(h, log.head, log.reader)
  const proofs = await measure(`Inclusion proofs of random leaves of ${size} (proofs a second)`, [
    {
      name: 'baseline: one row per node in SQLite',
      count: places.length,
      run: () => {
        for (const place of places)
          for (let level = 0, i = place; level < height; level++, i >>= 1) log.getNode.get(level, i ^ 1)
      },
    },
    {
      name: 'Chartseal tile tree, tiles kept, every hash authenticated',
      count: places.length,
      run: () => {
        for (const place of places) tree.proveInclusion(place)
      },
    },
    {
      name: 'Chartseal tile tree, opened anew',
      count: places.length,
      run: () => {
        const fresh = new TileTree(h, log.head, log.reader)
        for (const place of places) fresh.proveInclusion(place)
      },
    },
  ])
  const reads = await measure(`Random reads of ${size} entries (entries a second)`, [
    {
      name: 'baseline: SQLite get, unverified',
      count: places.length,
      run: () => {
        for (const place of places) log.getEntry.get(place)
      },
    },
    {
      name: 'Chartseal: get, hash, compare with the authenticated leaf',
      count: places.length,
      run: () => {
        for (const place of places) {
          const bytes = log.getEntry.get(place)?.bytes
          if (bytes === undefined || !equalBytes(leafHash(h, bytes), tree.leafAt(place))) throw new Error('not proven')
        }
      },
    },
  ])
  const scrub = await measure(
    `Reading all ${size} entries again (entries a second)`,
    [
      {
        name: 'baseline: read, crypto.hash of the leaf and of one node',
        count: size,
        run: () => {
          for (const { bytes } of log.pages.iterate()) {
            const leaf = hash('sha256', bytes, 'buffer')
            hash('sha256', Buffer.concat([leaf, leaf]), 'buffer')
          }
        },
      },
      {
        name: 'Chartseal: read, leaf, tile, root',
        count: size,
        run: () => {
          const writer = new TreeWriter(h, 0, [])
          let leaves: Uint8Array[] = []
          for (const { bytes } of log.pages.iterate()) {
            leaves.push(leafHash(h, bytes))
            if (leaves.length === BATCH) leaves = (writer.append(leaves), [])
          }
          writer.append(leaves)
          if (!equalBytes(writer.head().root, log.head.root)) throw new Error('another root')
        },
      },
      {
        name: 'Chartseal: read, leaf, compare with the authenticated tile',
        count: size,
        run: () => {
          const fresh = new TileTree(h, log.head, log.reader)
          for (const { idx, bytes } of log.pages.iterate())
            if (!equalBytes(leafHash(h, bytes), fresh.leafAt(idx))) throw new Error('not proven')
        },
      },
    ],
    3,
  )
  log.db.close()
  rmSync(folder, { recursive: true, force: true })
  return { [`proofs-${size}`]: proofs, [`reads-${size}`]: reads, [`scrub-${size}`]: scrub }
}

/** Signatures, one by one: what everything that the ledger accepts goes through, and the platform's own. */
export async function benchSignatures(): Promise<Record<string, Measured[]>> {
  const count = 1000
  const message = new Uint8Array(randomBytes(ENTRY_BYTES))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
  const platform = sign(null, message, privateKey)
  const seed = new Uint8Array(randomBytes(32))
  const ours = { signature: sodiumSign(seed, message), publicKey: keyPairFromSeed(seed).publicKey }
  const full = concatBytes(...Array.from({ length: TILE_WIDTH }, () => new Uint8Array(randomBytes(HASH))))
  const signatures = await measure('Verifying Ed25519 signatures (signatures a second)', [
    {
      name: 'baseline: node:crypto, one by one',
      count,
      run: () => {
        for (let i = 0; i < count; i++) verify(null, message, key, platform)
      },
    },
    {
      name: 'Chartseal: libsodium WASM, one by one, the same on every shell',
      count,
      run: () => {
        for (let i = 0; i < count; i++)
          if (!verifier.verify(ours.signature, message, ours.publicKey)) throw new Error('does not verify')
      },
    },
  ])
  const tiles = await measure('Hashing full tiles (tiles a second)', [
    {
      name: 'baseline: 255 crypto.hash of 65 bytes',
      count,
      run: () => {
        const pair = new Uint8Array(65)
        for (let i = 0; i < count; i++) for (let n = 0; n < TILE_WIDTH - 1; n++) hash('sha256', pair, 'buffer')
      },
    },
    {
      name: 'Chartseal full tile',
      count,
      run: () => {
        for (let i = 0; i < count; i++) fullTileHash(h, full)
      },
    },
  ])
  return { signatures, tiles }
}
