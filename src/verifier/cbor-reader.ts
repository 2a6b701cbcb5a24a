/**
 * A strict reader of deterministic CBOR, small enough to check by eye.
 *
 * @remarks
 * RFC 8949 section 4.2.1, and only unsigned integers, byte strings, text, arrays and maps with ascending unsigned
 * keys. Written apart from the ledger's decoder on purpose. Proven by `tests/verifier/cbor-reader.test.ts`, which
 * runs the two against each other.
 *
 * @packageDocumentation
 */
import { ProofError } from './proof-error.ts'
import { readUtf8 } from './utf8.ts'

/** What an entry or a roster is made of. */
export type Item = number | string | Uint8Array | readonly Item[] | ReadonlyMap<number, Item>

const MAX_DEPTH = 16
/** Bytes that follow the first for each value of its low five bits, from 24 on. */
const ARGUMENT_SIZES = [1, 2, 4, 8]

/**
 * The one item that `bytes` are.
 *
 * @param bytes - Untrusted.
 * @throws {@link ProofError} `BAD_CBOR`.
 */
export function readCbor(bytes: Uint8Array): Item {
  const cursor = { bytes, at: 0 }
  const item = readItem(cursor, MAX_DEPTH)
  if (cursor.at !== bytes.length) throw bad('bytes after the end')
  return item
}

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

function readItem(cursor: Cursor, depth: number): Item {
  const first = take(cursor, 1)[0] ?? 0
  const argument = readArgument(cursor, first % 32)
  switch (first >> 5) {
    case 0:
      return argument
    case 2:
      return Uint8Array.from(take(cursor, argument))
    case 3:
      return readText(take(cursor, argument))
    case 4:
      return readArray(cursor, argument, depth)
    case 5:
      return readPairs(cursor, argument, depth)
    default:
      throw bad('a kind of value that is not used')
  }
}

/** The number that goes with the first byte, in the fewest bytes that hold it. */
function readArgument(cursor: Cursor, low: number): number {
  if (low < 24) return low
  const size = ARGUMENT_SIZES[low - 24]
  if (size === undefined) throw bad('indefinite or reserved length')
  const value = take(cursor, size).reduce((sum, byte) => sum * 256 + byte, 0)
  if (!Number.isSafeInteger(value)) throw bad('past 2^53')
  const least = size === 1 ? 24 : 256 ** (size / 2)
  if (value < least) throw bad('longer than it need be')
  return value
}

function readText(bytes: Uint8Array): string {
  const text = readUtf8(bytes)
  if (text === null || text.includes('\ufeff')) throw bad('not UTF-8, or a byte order mark')
  return text
}

function readArray(cursor: Cursor, length: number, depth: number): Item[] {
  checkNesting(cursor, length, depth)
  const items: Item[] = []
  for (let i = 0; i < length; i++) items.push(readItem(cursor, depth - 1))
  return items
}

function readPairs(cursor: Cursor, length: number, depth: number): Map<number, Item> {
  checkNesting(cursor, length, depth)
  const pairs = new Map<number, Item>()
  let before = -1
  for (let i = 0; i < length; i++) {
    const key = readItem(cursor, 0)
    // Ascending numbers are ascending bytes, because numbers come in their shortest form.
    if (typeof key !== 'number' || key <= before) throw bad('keys are not ascending numbers')
    before = key
    pairs.set(key, readItem(cursor, depth - 1))
  }
  return pairs
}

/** Every item takes at least a byte, so a length past the rest is refused before anything is read. */
function checkNesting(cursor: Cursor, length: number, depth: number): void {
  if (depth === 0) throw bad('nested too deep')
  if (length > cursor.bytes.length - cursor.at) throw bad('ends early')
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw bad('ends early')
  const part = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return part
}

function bad(why: string): ProofError {
  return new ProofError('BAD_CBOR', why)
}
