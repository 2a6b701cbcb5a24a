import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  checkHashes,
  emptyRoot,
  leafHash,
  nobleHasher as h,
  nodeHash,
  textOfUtf8,
  utf8,
} from '../../src/ledger/hash.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { expectCode } from '../support/expect-code.ts'
import { slowConsistency, slowPath, slowRoot } from '../support/slow-tree.ts'

// The worked example that RFC 6962 implementations share (certificate-transparency test data).
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const leaves = INPUTS.map((hex) => leafHash(h, fromHex(hex)))

it('hashes leaves and nodes as published', () => {
  expect(toHex(leafHash(h, utf8('L123456')))).toBe('395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56')
  const node = h.sha256(Uint8Array.of(1, ...utf8('N123'), ...utf8('N456')))
  expect(toHex(node)).toBe('aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb')
  const [left, right] = [leaves[0] ?? node, leaves[1] ?? node]
  expect(toHex(nodeHash(h, left, right))).toBe(ROOTS[1])
  expect(toHex(emptyRoot(h))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

it('the slow tree that other tests compare with gives the published roots and proofs', () => {
  for (const [i, root] of ROOTS.entries()) expect(toHex(slowRoot(h, leaves.slice(0, i + 1)))).toBe(root)
  const hex = (hashes: Uint8Array[]) => hashes.map((hash) => toHex(hash).slice(0, 8))
  expect(hex(slowPath(h, 0, leaves))).toEqual(['96a296d2', '5f083f0a', '6b47aaf2'])
  expect(hex(slowPath(h, 5, leaves))).toEqual(['bc1a0643', 'ca854ea1', 'd37ee418'])
  expect(hex(slowConsistency(h, 3, leaves.slice(0, 7)))).toEqual(['0298d122', '07506a85', 'fac54203', '837dbb15'])
  expect(hex(slowConsistency(h, 6, leaves))).toEqual(['0ebc5d34', 'ca854ea1', 'd37ee418'])
})

it('has the same SHA-256 as node:crypto', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(toHex(h.sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
    }),
  )
})

it('refuses anything that is not 32 bytes', () => {
  checkHashes(new Uint8Array(32), new Uint8Array(32))
  expectCode('HASH_SIZE', () => {
    checkHashes(new Uint8Array(32), new Uint8Array(31))
  })
})

it('reads UTF-8 as a fatal decoder does, and keeps a byte order mark', () => {
  const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const slow = (bytes: Uint8Array) => {
    try {
      return fatal.decode(bytes)
    } catch {
      return null
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => textOfUtf8(bytes) === slow(bytes)))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => textOfUtf8(utf8(text)) === text))
})
