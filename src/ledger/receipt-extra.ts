/**
 * What our receipts carry in their `extra` line: enough to go from a network id to one entry.
 *
 * @remarks
 * `{ 1: entry, 2: roster }` in deterministic CBOR: the exact bytes of the entry, and the document of the first roster,
 * whose hash is the network id. Layout: `docs/protocol.md`, "Receipt". Proven by `tests/ledger/receipt-extra.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from './body.ts'
import { decodeCbor, encodeCbor, mapOf } from './cbor.ts'
import { LedgerError } from './errors.ts'
import { readMap } from './fields-reader.ts'
import { MAX_ROSTER_SIZE } from './roster.ts'

/** The extra data of a receipt, taken apart. Nothing is verified. */
export interface ReceiptExtra {
  /** Exact bytes of the entry, 1 to {@link MAX_ENTRY_SIZE}. */
  readonly entry: Uint8Array
  /** Exact bytes of the document of roster version 1. */
  readonly roster: Uint8Array
}

/** Both parts at their longest, and the bytes around them. */
const MAX_SIZE = MAX_ENTRY_SIZE + MAX_ROSTER_SIZE + 16

/** The one encoding of `extra`. */
export function encodeReceiptExtra(extra: ReceiptExtra): Uint8Array {
  return encodeCbor(
    mapOf([
      [1, extra.entry],
      [2, extra.roster],
    ]),
  )
}

/**
 * Takes the extra data of a receipt apart.
 *
 * @param bytes - Untrusted; null when the receipt has no such line.
 * @throws {@link LedgerError} `BAD_RECEIPT`: a receipt of another kind, or a damaged one.
 */
export function decodeReceiptExtra(bytes: Uint8Array | null): ReceiptExtra {
  if (bytes === null) throw new LedgerError('BAD_RECEIPT', 'no extra line: it does not say which entry it is about')
  try {
    return readMap(decodeCbor(bytes, MAX_SIZE), 'receipt', (f) => ({
      entry: f.blob(1, 1, MAX_ENTRY_SIZE),
      roster: f.blob(2, 1, MAX_ROSTER_SIZE),
    }))
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new LedgerError('BAD_RECEIPT', 'the extra line is not one of ours', { cause })
  }
}
