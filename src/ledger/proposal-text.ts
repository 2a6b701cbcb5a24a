/**
 * Proposals as text: a first line that says what it is, then canonical CBOR in lines of base64.
 *
 * @remarks
 * Carried between nodes, and by hand in a file. Proven by `tests/ledger/roster-proposal.test.ts` and
 * `tests/ledger/contract-proposal.test.ts`.
 *
 * @packageDocumentation
 */
import { BytesError, fromBase64, toBase64 } from '../shared/bytes.ts'
import { type CborMap, type CborValue, decodeCbor, encodeCbor } from './cbor.ts'
import { LedgerError } from './errors.ts'
import { badField } from './fields-reader.ts'

/**
 * Writes content as text.
 *
 * @param header - First line, with its end.
 */
export function encodeText(header: string, content: CborMap): string {
  const lines = toBase64(encodeCbor(content)).match(/.{1,76}/g) ?? []
  return header + lines.map((line) => `${line}\n`).join('')
}

/**
 * Reads {@link encodeText}. That it is the only spelling is for whoever encodes it again.
 *
 * @param header - First line, with its end.
 * @param text - Untrusted.
 * @param maxSize - Longest content, in bytes.
 * @throws {@link LedgerError} `BAD_FIELD`, `TOO_LARGE`, `NOT_CBOR` and what `decodeCbor` throws.
 */
export function decodeText(header: string, text: string, maxSize: number): CborValue {
  if (!text.startsWith(header)) throw badField('proposal', 'header', 'not what it should be')
  if (text.length > maxSize * 2) throw new LedgerError('TOO_LARGE', `${text.length} characters`)
  return decodeCbor(contentOf(text.slice(header.length)), maxSize)
}

function contentOf(lines: string): Uint8Array {
  try {
    return fromBase64(lines.replaceAll('\n', ''))
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause
    throw new LedgerError('NOT_CBOR', 'not base64', { cause })
  }
}
