/**
 * Deterministic CBOR (RFC 8949 section 4.2.1), of the few kinds of value that entries hold.
 *
 * @remarks
 * Unsigned safe integers, byte strings, text, arrays, and maps with unsigned integer keys. No floats, tags,
 * negative numbers, booleans, null, or indefinite lengths. Whatever decodes is encoded again and compared, so one
 * value has one encoding. Proven by `tests/ledger/cbor.test.ts`.
 *
 * @packageDocumentation
 */
import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import { equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'

/** A value an entry can hold. */
export type CborValue = number | string | Uint8Array | readonly CborValue[] | CborMap

/** A map with unsigned integer keys. */
export type CborMap = ReadonlyMap<number, CborValue>

/** Values nest at most this deep: every format of ours needs less than half. */
export const MAX_DEPTH = 16

const DECODE_OPTIONS = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
}

/** A map without the pairs whose value is undefined: how optional fields are left out. */
export function mapOf(pairs: Iterable<readonly [number, CborValue | undefined]>): CborMap {
  const map = new Map<number, CborValue>()
  for (const [key, value] of pairs) if (value !== undefined) map.set(key, value)
  return map
}

/**
 * The one encoding of `value`.
 *
 * @param value - Ours: anything that is not a {@link CborValue} is a bug.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  assert(isCborValue(value, MAX_DEPTH), 'only values that the decoder would accept are encoded')
  // A copy: on Node cborg may return a Buffer, whose slices are views of memory it shares.
  return Uint8Array.from(encode(value, rfc8949EncodeOptions))
}

/**
 * The value that `bytes` encode.
 *
 * @param bytes - Untrusted. The value holds copies, never views.
 * @param maxBytes - Longest input accepted.
 * @throws {@link LedgerError} `TOO_LARGE`, `NOT_CBOR`, `BAD_VALUE` or `NOT_CANONICAL`.
 */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): CborValue {
  if (bytes.length > maxBytes) throw new LedgerError('TOO_LARGE', `${bytes.length} bytes, limit ${maxBytes}`)
  const value = decodeAny(bytes)
  if (!isCborValue(value, MAX_DEPTH)) throw new LedgerError('BAD_VALUE', 'a kind of value that entries never hold')
  if (!equalBytes(encode(value, rfc8949EncodeOptions), bytes)) {
    throw new LedgerError('NOT_CANONICAL', 'not the deterministic encoding')
  }
  return value
}

function decodeAny(bytes: Uint8Array): unknown {
  try {
    // A plain view: slices of a Node Buffer, as SQLite returns them, would be views of the row.
    return decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), DECODE_OPTIONS) as unknown
  } catch (cause) {
    throw new LedgerError('NOT_CBOR', 'not one well-formed item', { cause })
  }
}

function isCborValue(value: unknown, depth: number): value is CborValue {
  if (typeof value === 'number') return isUint(value)
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\ufeff')
  if (value instanceof Uint8Array) return true
  if (depth === 0) return false
  if (Array.isArray(value)) return value.every((item) => isCborValue(item, depth - 1))
  if (!(value instanceof Map)) return false
  return [...value].every(([key, item]) => isUint(key) && isCborValue(item, depth - 1))
}

/** True for an unsigned safe integer. Negative zero is not one: it has no encoding of its own. */
function isUint(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
}
