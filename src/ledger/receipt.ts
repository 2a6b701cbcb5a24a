/**
 * Receipts (C2SP tlog-proof v1): one entry's place in a log, in a file that travels.
 *
 * @remarks
 * Text: a header, optional extra data, the index, the inclusion proof, a blank line, and the checkpoint with its
 * signatures. Proven by `tests/ledger/receipt.test.ts`.
 *
 * @packageDocumentation
 */
import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import { HASH_SIZE } from './hash.ts'
import { MAX_NOTE_LENGTH } from './note.ts'

/** First line of every receipt. */
export const RECEIPT_HEADER = 'c2sp.org/tlog-proof@v1'

/** Most hashes of an inclusion proof. */
export const MAX_PATH = 63

/** Longest extra data, in base64 characters: an entry of the largest size, and what belongs to it. */
const MAX_EXTRA_LENGTH = 1_048_576

/** A receipt taken apart. Nothing is verified. */
export interface Receipt {
  /** Opaque to the format; ours is the exact entry. Null when absent. */
  readonly extra: Uint8Array | null
  readonly index: number
  /** Sibling hashes from the leaf upward, 32 bytes each. */
  readonly path: readonly Uint8Array[]
  /** The checkpoint as a signed note. */
  readonly checkpoint: string
}

/** Text of a receipt. */
export function encodeReceipt(receipt: Receipt): string {
  assert(receipt.path.length <= MAX_PATH, 'a proof has at most 63 hashes')
  const extra = receipt.extra === null ? [] : [`extra ${toBase64(receipt.extra)}`]
  const lines = [RECEIPT_HEADER, ...extra, `index ${receipt.index}`, ...receipt.path.map(toBase64)]
  return `${lines.join('\n')}\n\n${receipt.checkpoint}`
}

/**
 * Takes a receipt apart.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_RECEIPT`.
 */
export function parseReceipt(text: string): Receipt {
  if (text.length > MAX_EXTRA_LENGTH + MAX_NOTE_LENGTH + 4096) throw badReceipt('too long')
  const split = text.indexOf('\n\n')
  if (split < 0) throw badReceipt('no blank line before the checkpoint')
  const [header, ...lines] = text.slice(0, split).split('\n')
  if (header !== RECEIPT_HEADER) throw badReceipt('not a tlog-proof')
  const extra = lines[0]?.startsWith('extra ') === true ? bytesOf(lines.shift()?.slice(6) ?? '') : null
  const index = indexOf(lines.shift() ?? '')
  if (lines.length > MAX_PATH) throw badReceipt(`${lines.length} hashes`)
  return { extra, index, path: lines.map(hashOf), checkpoint: text.slice(split + 2) }
}

function indexOf(line: string): number {
  const digits = /^index (0|[1-9][0-9]{0,15})$/.exec(line)?.[1]
  const index = digits === undefined ? NaN : Number(digits)
  if (!Number.isSafeInteger(index)) throw badReceipt('index line')
  return index
}

function hashOf(line: string): Uint8Array {
  const bytes = bytesOf(line)
  if (bytes.length !== HASH_SIZE) throw badReceipt('a hash of another length')
  return bytes
}

function bytesOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new LedgerError('BAD_RECEIPT', 'not base64', { cause })
  }
}

function badReceipt(why: string): LedgerError {
  return new LedgerError('BAD_RECEIPT', why)
}
