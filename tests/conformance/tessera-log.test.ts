import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeCheckpoint, openCheckpoint, signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { checkConsistency } from '../../src/ledger/consistency.ts'
import { leafHash, nobleHasher, utf8 } from '../../src/ledger/hash.ts'
import { checkInclusion } from '../../src/ledger/inclusion.ts'
import { bundlePath, edgeTiles, tilePath, TileTree } from '../../src/ledger/tiles.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import { encodeVkey, parseVkey } from '../../src/ledger/vkey.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { readSignedHead } from '../../src/verifier/signed-head.ts'
import { testKey, verifier } from '../support/ledger-world.ts'
import { sharedData } from '../support/shared-data.ts'

// transparency-dev/tessera, testdata/log (Apache-2.0): a log of 15 entries written by another implementation.
const folder = sharedData('tessera-log/log')
const VKEY = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'
const SEED = 'eca663f499017d2365c27c7a7679158d43cfec1330bdb259290afbd0d21777a0'
const WORDS = 'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(' ')
const SIZES = Array.from({ length: 16 }, (_, size) => size)
const leaves = WORDS.map((word) => leafHash(nobleHasher, utf8(word)))
const key = parseVkey(VKEY)

const note = (size: number): string => readFileSync(`${folder ?? ''}/checkpoint.${size}`, 'utf8')
const file = (path: string): Uint8Array => new Uint8Array(readFileSync(`${folder ?? ''}/${path}`))
const head = (size: number) => openCheckpoint(note(size), key, verifier)

describe.skipIf(folder === null)('needs ../shared/data: a log written by Tessera', () => {
  it.each(SIZES)('checkpoint %i opens, and is what we would have signed', (size) => {
    const opened = head(size)
    expect(opened).toMatchObject({ origin: 'example.com/log/testdata', size })
    expect(encodeCheckpoint(opened)).toBe(opened.text)
    const signer = testKey(fromHex(SEED))
    expect(encodeVkey({ ...key, publicKey: signer.publicKey })).toBe(VKEY)
    expect(signCheckpoint(opened, key, signer.sign)).toBe(note(size))
    expect(readSignedHead(note(size), key.name, key.publicKey)).toEqual({
      origin: opened.origin,
      size,
      root: opened.root,
    })
  })

  it.each(SIZES.slice(1))('writing %i entries gives its root and its tiles', (size) => {
    const writer = new TreeWriter(nobleHasher, 0, [])
    const { root, tiles } = writer.append(leaves.slice(0, size))
    expect(toHex(root)).toBe(toHex(head(size).root))
    expect(tiles).toHaveLength(1)
    for (const tile of tiles) {
      const path = tilePath({ level: tile.level, index: tile.index, width: tile.bytes.length / 32 })
      expect(toHex(tile.bytes)).toBe(toHex(file(path)))
    }
  })

  it('bundles hold the entries under the paths we give them', () => {
    const bundle = file(bundlePath(0, 15))
    const expected = WORDS.flatMap((word) => [0, word.length, ...utf8(word)])
    expect([...bundle]).toEqual(expected)
  })

  it.each(SIZES.slice(1))('read through its tiles, all proofs within %i entries check', (size) => {
    const [edge] = edgeTiles(size)
    const tree = new TileTree(nobleHasher, head(size), {
      tile: () => (edge === undefined ? null : file(tilePath(edge))),
    })
    for (let index = 0; index < size; index++) {
      const leaf = tree.leafAt(index)
      expect(toHex(leaf)).toBe(toHex(leaves[index] ?? leaf.slice(1)))
      checkInclusion(nobleHasher, tree.head, index, leaf, tree.proveInclusion(index))
      checkConsistency(nobleHasher, head(index + 1), tree.head, tree.proveConsistency(index + 1))
    }
  })
})
