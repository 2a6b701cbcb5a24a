/**
 * What our receipts carry in their `extra` line: enough to go from a network id to one entry, and to a grade.
 *
 * @remarks
 * One map in deterministic CBOR: the entry, every roster from the first to the one that the seal of the checkpoint
 * names with its approvals, the entry that opened the incarnation, the seal with its own inclusion proof, and, where it is
 * meant to be read, the content of the record. Layout:
 * `docs/protocol.md`, "Receipt". Proven by `tests/ledger/receipt-extra.test.ts`.
 *
 * @packageDocumentation
 */
import { MAX_ENTRY_SIZE } from './body.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from './cbor.ts'
import { decodeDisclosure, type Disclosure, encodeDisclosure } from './disclosure.ts'
import { LedgerError } from './errors.ts'
import { type FieldReader, readMap } from './fields-reader.ts'
import { decodeRosterFields, encodeRosterFields } from './fields.ts'
import type { SignedRoster } from './governance.ts'
import { HASH_SIZE } from './hash.ts'

/** The extra data of a receipt, taken apart. Nothing is verified. */
export interface ReceiptExtra {
  /** Exact bytes of the entry, 1 to {@link MAX_ENTRY_SIZE}. */
  readonly entry: Uint8Array
  /** Versions 1 to that of the seal, in order, with their approvals; 1 to {@link MAX_ROSTERS}. */
  readonly rosters: readonly SignedRoster[]
  /** Exact bytes of the log's first entry; null exactly in a first incarnation. */
  readonly opened: Uint8Array | null
  /** Exact bytes of the entry at the index `size - 1` of the checkpoint. */
  readonly seal: Uint8Array
  /** Sibling hashes of the seal from the leaf upward, 32 bytes each. */
  readonly sealPath: readonly Uint8Array[]
  /** The content of the record, for whom it is meant; null when it stays closed. */
  readonly disclosure: Disclosure | null
}

/** Most roster versions that a receipt carries. */
export const MAX_ROSTERS = 512

/** Longest extra data: what the line of a receipt can hold. */
const MAX_SIZE = 786_432

/** Most hashes of a path. */
const MAX_PATH = 63

/**
 * The one encoding of `extra`.
 *
 * @throws {@link LedgerError} `BAD_RECEIPT` for what is too long to travel.
 */
export function encodeReceiptExtra(extra: ReceiptExtra): Uint8Array {
  const bytes = encodeCbor(
    mapOf([
      [1, extra.entry],
      [2, extra.rosters.map(encodeRosterFields)],
      [3, extra.opened ?? undefined],
      [4, extra.seal],
      [5, extra.sealPath],
      [6, extra.disclosure === null ? undefined : encodeDisclosure(extra.disclosure)],
    ]),
  )
  if (bytes.length > MAX_SIZE) throw new LedgerError('BAD_RECEIPT', `${bytes.length} bytes are too long to travel`)
  return bytes
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
    return readMap(decodeCbor(bytes, MAX_SIZE), 'receipt', readExtra)
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new LedgerError('BAD_RECEIPT', 'the extra line is not one of ours', { cause })
  }
}

function readExtra(f: FieldReader): ReceiptExtra {
  return {
    entry: f.blob(1, 1, MAX_ENTRY_SIZE),
    rosters: f.array(2, 1, MAX_ROSTERS).map(readRosterFields),
    opened: f.optional(3, (key) => f.blob(key, 1, MAX_ENTRY_SIZE)),
    seal: f.blob(4, 1, MAX_ENTRY_SIZE),
    sealPath: f.array(5, 0, MAX_PATH).map(readHash),
    disclosure: f.optional(6, (key) => decodeDisclosure(f.map(key))),
  }
}

function readRosterFields(value: CborValue): SignedRoster {
  return readMap(new Map([[0, value]]), 'receipt', (f) => decodeRosterFields(f.map(0)))
}

function readHash(value: CborValue): Uint8Array {
  return readMap(new Map([[0, value]]), 'receipt', (f) => f.bytes(0, HASH_SIZE))
}
