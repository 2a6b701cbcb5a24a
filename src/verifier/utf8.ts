/**
 * Strict UTF-8 (RFC 3629), by its table.
 *
 * @remarks
 * Written apart from the ledger's on purpose. Proven by `tests/verifier/utf8.test.ts`.
 *
 * @packageDocumentation
 */

/** For each length of a sequence: mask of the first byte, its fixed bits, least code point. */
const FORMS = [
  { length: 1, mask: 0x80, fixed: 0x00, least: 0 },
  { length: 2, mask: 0xe0, fixed: 0xc0, least: 0x80 },
  { length: 3, mask: 0xf0, fixed: 0xe0, least: 0x800 },
  { length: 4, mask: 0xf8, fixed: 0xf0, least: 0x10000 },
]

/**
 * The text, or null when `bytes` are not well-formed UTF-8.
 *
 * @param bytes - Untrusted.
 */
export function readUtf8(bytes: Uint8Array): string | null {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0
    const form = FORMS.find(({ mask, fixed }) => (first & mask) === fixed)
    const rest = bytes.subarray(at + 1, at + (form?.length ?? 1))
    if (form === undefined || rest.length !== form.length - 1) return null
    const point = codePointOf(first & ~form.mask, rest)
    if (point === null || point < form.least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null
    text += String.fromCodePoint(point)
    at += form.length
  }
  return text
}

function codePointOf(high: number, rest: Uint8Array): number | null {
  let point = high
  for (const byte of rest) {
    if ((byte & 0xc0) !== 0x80) return null
    point = point * 64 + (byte & 0x3f)
  }
  return point
}
