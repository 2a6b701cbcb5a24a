/**
 * Heads of logs as entries cite them: the state that somebody relied on.
 *
 * @remarks
 * Layout: `docs/protocol.md`, "Fields". Proven by `tests/ledger/fields.test.ts`.
 *
 * @packageDocumentation
 */
import type { CborValue } from './cbor.ts'
import { readTuple } from './fields-reader.ts'
import { HASH_SIZE } from './hash.ts'
import { splitOrigin } from './names.ts'

/** Most heads that one entry cites. */
export const MAX_HEADS = 256

/** The head of a log: how many leaves, and the hash over all of them. */
export interface LogHead {
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** Reads a head `[origin, size, root]`. `value` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function readHead(value: CborValue): LogHead {
  return readTuple(value, 'head', (f) => {
    const origin = readOrigin(f.text(0, 1, 140))
    return { origin, size: f.uint(1), root: f.bytes(2, HASH_SIZE) }
  })
}

/** The same origin when it is one. Throws `BAD_NAME`. */
export function readOrigin(origin: string): string {
  splitOrigin(origin)
  return origin
}
