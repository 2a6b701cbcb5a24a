/**
 * Deterministic CBOR of the few kinds that {@link readCbor} reads: needed where a hash is over a part of a document.
 *
 * @remarks
 * RFC 8949 section 4.2.1. Written apart from the ledger's encoder on purpose. Proven by
 * `tests/verifier/cbor-writer.test.ts`, which runs the two against each other.
 *
 * @packageDocumentation
 */
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { concatBytes } from '../shared/bytes.ts'
import type { Item } from './cbor-reader.ts'

/** The one encoding of an item that was read. */
export function writeCbor(item: Item): Uint8Array {
  if (typeof item === 'number') return head(0, item)
  if (item instanceof Uint8Array) return concatBytes(head(2, item.length), item)
  if (typeof item === 'string') {
    const bytes = utf8ToBytes(item)
    return concatBytes(head(3, bytes.length), bytes)
  }
  if (item instanceof Map) {
    const map = item as ReadonlyMap<number, Item>
    const pairs = [...map].sort(([a], [b]) => a - b).flatMap(([key, value]) => [head(0, key), writeCbor(value)])
    return concatBytes(head(5, map.size), ...pairs)
  }
  const items = item as readonly Item[]
  return concatBytes(head(4, items.length), ...items.map(writeCbor))
}

/** Kind and argument, in the shortest form. */
function head(kind: number, value: number): Uint8Array {
  const first = kind * 32
  if (value < 24) return Uint8Array.of(first + value)
  const size = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8
  const bytes = [first + 24 + Math.log2(size)]
  for (let at = size - 1; at >= 0; at--) bytes.push(Math.floor(value / 256 ** at) % 256)
  return Uint8Array.from(bytes)
}
