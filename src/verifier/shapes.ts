/**
 * Takes what was read from CBOR apart, and refuses any other shape.
 *
 * @packageDocumentation
 */
import type { Item } from './cbor-reader.ts'
import { ProofError } from './proof-error.ts'

/** A map with all of `required`, perhaps `optional`, and nothing else. Throws `BAD_SHAPE`. */
export function mapWith(
  value: Item | undefined,
  required: readonly number[],
  optional: readonly number[],
): ReadonlyMap<number, Item> {
  if (!(value instanceof Map)) throw shape('not a map')
  const map = value as ReadonlyMap<number, Item>
  const known = [...required, ...optional]
  if (!required.every((key) => map.has(key)) || ![...map.keys()].every((key) => known.includes(key))) {
    throw shape('keys')
  }
  return map
}

/** Bytes, of `length` when it is given. Throws `BAD_SHAPE`. */
export function bytesOf(value: Item | undefined, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw shape('byte string')
  return value
}

/** Text. Throws `BAD_SHAPE`. */
export function textOf(value: Item | undefined): string {
  if (typeof value !== 'string') throw shape('text')
  return value
}

/** A number. Throws `BAD_SHAPE`. */
export function numberOf(value: Item | undefined): number {
  if (typeof value !== 'number') throw shape('number')
  return value
}

/** An array. Throws `BAD_SHAPE`. */
export function listOf(value: Item | undefined): readonly Item[] {
  if (!Array.isArray(value)) throw shape('list')
  return value as readonly Item[]
}

/** A shape that is refused. */
export function shape(why: string): ProofError {
  return new ProofError('BAD_SHAPE', why)
}
