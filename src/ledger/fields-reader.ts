/**
 * Reads a CBOR map field by field, and refuses what nobody asked for.
 *
 * @remarks
 * Every typed map of the ledger goes through {@link readMap}: a field that is missing, of the wrong kind, out of
 * range, or unknown is one `BAD_FIELD`. Proven by the tests of each codec.
 *
 * @packageDocumentation
 */
import type { CborMap, CborValue } from './cbor.ts'
import { LedgerError } from './errors.ts'

/** One map being read. Keys that were not asked for until the end are refused. */
export interface FieldReader {
  /** True when the map has `key`; does not count as reading it. */
  has(key: number): boolean
  /** Unsigned integer, at most `max`. */
  uint(key: number, max?: number): number
  /** Byte string of exactly `length` bytes. */
  bytes(key: number, length: number): Uint8Array
  /** Byte string of `min` to `max` bytes. */
  blob(key: number, min: number, max: number): Uint8Array
  /** Text of `min` to `max` UTF-16 units. */
  text(key: number, min: number, max: number): string
  /** Array of `min` to `max` items. */
  array(key: number, min: number, max: number): readonly CborValue[]
  /** Map with unsigned keys, not looked into. */
  map(key: number): CborMap
  /** `read(key)` when the map has `key`, else null. */
  optional<Value>(key: number, read: (key: number) => Value): Value | null
}

/** Refuses a field, by the name of the format and the key. */
export function badField(what: string, key: number | string, why: string): LedgerError {
  return new LedgerError('BAD_FIELD', `${what} field ${key}: ${why}`)
}

/**
 * Reads a map.
 *
 * @param value - Decoded and untrusted.
 * @param what - Name of the format, for the message.
 * @param read - Takes the fields. What it leaves is refused.
 * @throws {@link LedgerError} `BAD_FIELD`.
 */
export function readMap<Value>(value: CborValue, what: string, read: (fields: FieldReader) => Value): Value {
  if (!(value instanceof Map)) throw badField(what, 'itself', 'not a map')
  const map = value as CborMap
  const seen = new Set<number>()
  const result = read(readerOf(map, what, seen))
  for (const key of map.keys()) if (!seen.has(key)) throw badField(what, key, 'unknown')
  return result
}

function readerOf(map: CborMap, what: string, seen: Set<number>): FieldReader {
  const take = (key: number): CborValue => {
    const value = map.get(key)
    if (value === undefined) throw badField(what, key, 'missing')
    seen.add(key)
    return value
  }
  const need = <Value extends CborValue>(key: number, is: (value: CborValue) => value is Value): Value => {
    const value = take(key)
    if (!is(value)) throw badField(what, key, 'wrong kind or length')
    return value
  }
  const within = (length: number, min: number, max: number): boolean => length >= min && length <= max
  const reader: FieldReader = {
    has: (key) => map.has(key),
    uint: (key, max = Number.MAX_SAFE_INTEGER) => need(key, (v): v is number => typeof v === 'number' && v <= max),
    bytes: (key, length) => reader.blob(key, length, length),
    blob: (key, min, max) => need(key, (v): v is Uint8Array => v instanceof Uint8Array && within(v.length, min, max)),
    text: (key, min, max) => need(key, (v): v is string => typeof v === 'string' && within(v.length, min, max)),
    array: (key, min, max) =>
      need(key, (v): v is readonly CborValue[] => Array.isArray(v) && within(v.length, min, max)),
    map: (key) => need(key, (v): v is CborMap => v instanceof Map),
    optional: (key, read) => (map.has(key) ? read(key) : null),
  }
  return reader
}

/**
 * Reads an array of fixed length as if it were a map with the keys 0, 1 and so on.
 *
 * @param value - Decoded and untrusted.
 * @param what - Name of the format, for the message.
 * @param read - Takes every item.
 * @throws {@link LedgerError} `BAD_FIELD`.
 */
export function readTuple<Value>(value: CborValue, what: string, read: (items: FieldReader) => Value): Value {
  if (!Array.isArray(value)) throw badField(what, 'itself', 'not an array')
  return readMap(new Map((value as readonly CborValue[]).map((item, i) => [i, item])), what, read)
}
