/**
 * Base32 (RFC 4648 section 6) without padding: what QR codes hold densely, and people can type.
 *
 * @remarks
 * One text for one sequence of bytes. Proven by `tests/sync/base32.test.ts` with the vectors of the RFC.
 *
 * @packageDocumentation
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 of `bytes`, upper case, not padded. */
export function toBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET.charAt((held >> (bits - 5)) & 31)
    held &= 31
  }
  return bits === 0 ? text : text + ALPHABET.charAt((held << (5 - bits)) & 31)
}

/**
 * Bytes of a canonical base32 text, upper case and not padded; null when it is none.
 *
 * @param text - Untrusted.
 */
export function fromBase32(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let at = 0
  let bits = 0
  let held = 0
  for (const character of text) {
    const code = ALPHABET.indexOf(character)
    if (code < 0) return null
    held = ((held & 0xff) << 5) | code
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (held >> bits) & 0xff
  }
  // Stray bits, and lengths that no bytes have.
  return toBase32(bytes) === text ? bytes : null
}
