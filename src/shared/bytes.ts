/**
 * Bytes and their text forms, parsed by grammar: a text that is not exactly one encoding is refused.
 *
 * @remarks
 * The platform decoders skip garbage (`Buffer.from(text, 'base64')`) or are missing where this runs, so wire
 * text is parsed here. Proven by `tests/shared/bytes.test.ts`.
 *
 * @packageDocumentation
 */
import { CodedError } from './errors.ts'

/** Why a text is not bytes. */
export type BytesErrorCode =
  | 'NOT_HEX' // a character that is not lower-case hex, or an odd number of them
  | 'NOT_BASE64' // not canonical RFC 4648 section 4 base64 with padding

/** A text that claimed to encode bytes, and does not. */
export class BytesError extends CodedError<BytesErrorCode> {}

const HEX = /^(?:[0-9a-f]{2})*$/
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const CODE_OF = new Map([...ALPHABET].map((character, code) => [character, code]))

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX_OF[byte] ?? ''
  return text
}

/** Hex of each byte: keys are looked up by their hex, several times for each entry of a log. */
const HEX_OF = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * Bytes of a lower-case hex text.
 *
 * @param text - Untrusted.
 * @throws {@link BytesError} `NOT_HEX`.
 */
export function fromHex(text: string): Uint8Array {
  if (!HEX.test(text)) throw new BytesError('NOT_HEX', `${text.length} characters`)
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** RFC 4648 section 4 base64 of `bytes`, padded. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63)
    text += left > 1 ? ALPHABET.charAt((group >> 6) & 63) : '='
    text += left > 2 ? ALPHABET.charAt(group & 63) : '='
  }
  return text
}

/**
 * Bytes of a canonical base64 text: padded, no white space, and no stray bits after the last byte.
 *
 * @param text - Untrusted.
 * @throws {@link BytesError} `NOT_BASE64`.
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new BytesError('NOT_BASE64', `${text.length} characters`)
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  for (let i = 0; i < text.length; i += 4) {
    let group = 0
    for (let k = 0; k < 4; k++) {
      const isPadding = i + k >= text.length - padding
      const code = isPadding ? 0 : CODE_OF.get(text.charAt(i + k))
      if (code === undefined) throw new BytesError('NOT_BASE64', `character ${i + k}`)
      group = (group << 6) | code
    }
    for (let k = 16; k >= 0 && at < bytes.length; k -= 8) bytes[at++] = (group >> k) & 0xff
  }
  if (toBase64(bytes) !== text) throw new BytesError('NOT_BASE64', 'stray bits after the last byte')
  return bytes
}

/** All parts in one array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Plain comparison, for public data: hashes and proofs give nothing away by timing. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // Whole entries are compared with their canonical encoding: a function called for each byte took ten times as long.
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
