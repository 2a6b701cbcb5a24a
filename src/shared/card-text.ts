/**
 * The text of a patient card: what its printed code holds, and what a scanner types.
 *
 * @remarks
 * Digits only, so that every keyboard layout of a scanner types it right, and a QR code packs it densely:
 *
 * ```
 * "1" || card id and share as one number in 116 digits || check in 3 digits
 * ```
 *
 * The number is `id (16 bytes) || share (32 bytes)`, big-endian. The check makes the whole text, as a number, divisible by
 * 983: a prime of which 10 is a primitive root, so that one wrong digit and any two digits that changed places are
 * noticed, however far apart. It guards against misreading, not against invention: whether a share is real, the
 * keystore tells. Proven by `tests/shared/card-text.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, fromHex, toHex } from './bytes.ts'

const VERSION = '1'
const ID_SIZE = 16
const SHARE_SIZE = 32
/** `log10(2^384)`, rounded up. */
const NUMBER_DIGITS = 116
const CHECK_DIGITS = 3
const CHECK_PRIME = 983n
const LENGTH = VERSION.length + NUMBER_DIGITS + CHECK_DIGITS

/** What a card says. */
export interface CardContent {
  /** 16 bytes in lower-case hex. */
  readonly cardId: string
  /** 32 bytes. Secret: half of what opens the patient's key. */
  readonly share: Uint8Array
}

/** The text of a card, 120 digits. */
export function encodeCardText({ cardId, share }: CardContent): string {
  const number = numberOf(concatBytes(fromHex(cardId), share), 256n)
  const body = VERSION + number.toString().padStart(NUMBER_DIGITS, '0')
  return body + checkOf(body)
}

/**
 * Reads {@link encodeCardText}.
 *
 * @param text - Untrusted: as scanned. White space around it does not matter.
 * @returns Null for anything that is no card, or was misread.
 */
export function decodeCardText(text: string): CardContent | null {
  const digits = text.trim()
  if (digits.length !== LENGTH || !/^[0-9]+$/.test(digits) || !digits.startsWith(VERSION)) return null
  const body = digits.slice(0, -CHECK_DIGITS)
  if (!digits.endsWith(checkOf(body))) return null
  const hex = numberOf(digitsOf(body.slice(VERSION.length)), 10n).toString(16)
  if (hex.length > 2 * (ID_SIZE + SHARE_SIZE)) return null
  const bytes = fromHex(hex.padStart(2 * (ID_SIZE + SHARE_SIZE), '0'))
  return { cardId: toHex(bytes.subarray(0, ID_SIZE)), share: bytes.slice(ID_SIZE) }
}

function checkOf(body: string): string {
  const rest = (numberOf(digitsOf(body), 10n) * 1000n) % CHECK_PRIME
  return ((CHECK_PRIME - rest) % CHECK_PRIME).toString().padStart(CHECK_DIGITS, '0')
}

/** Digits of a text that holds nothing else. */
function digitsOf(text: string): number[] {
  return Array.from(text, Number)
}

function numberOf(digits: Iterable<number>, base: bigint): bigint {
  let number = 0n
  for (const digit of digits) number = number * base + BigInt(digit)
  return number
}
