/**
 * Several receipts in one text, one after the other: each part is a C2SP tlog-proof of its own.
 *
 * @remarks
 * A receipt begins with a line that stands nowhere else in it: the lines of a receipt are words and base64, and those of
 * its checkpoint are an origin, a number, a hash and signatures. Proven by `tests/ledger/receipts-file.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from './errors.ts'
import { RECEIPT_HEADER } from './receipt.ts'

/** Most receipts of one text. */
export const MAX_RECEIPTS = 20_000

/** One text of several receipts, which may be none. */
export function joinReceipts(receipts: readonly string[]): string {
  return receipts.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('')
}

/**
 * The receipts of a text, in their order. A text that is none comes back as its only part.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_RECEIPT` for more than {@link MAX_RECEIPTS}.
 */
export function splitReceipts(text: string): string[] {
  const starts: number[] = []
  for (let at = 0; at >= 0 && at < text.length;) {
    const isLine = at === 0 || text[at - 1] === '\n'
    if (isLine && text.startsWith(`${RECEIPT_HEADER}\n`, at)) starts.push(at)
    if (starts.length > MAX_RECEIPTS) throw new LedgerError('BAD_RECEIPT', `more than ${MAX_RECEIPTS} receipts`)
    at = text.indexOf(RECEIPT_HEADER, at + 1)
  }
  // What stands before the first is not quietly left out.
  if (starts[0] !== 0) return [text]
  return starts.map((start, i) => text.slice(start, starts[i + 1]))
}
