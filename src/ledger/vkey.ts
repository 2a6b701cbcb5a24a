/**
 * Verifier keys as text, and the short ids that lines of a note carry (C2SP signed-note v1.0.0).
 *
 * @remarks
 * `name+hex of key id+base64 of type and key`. Type 1 is an Ed25519 key that signs the text of a note, type 4 an
 * Ed25519 key that signs cosignatures. The id is four bytes: a hint, never an identity. Proven by
 * `tests/ledger/note.test.ts` with the published keys.
 *
 * @packageDocumentation
 */
import { concatBytes, fromBase64, toBase64, toHex } from '../shared/bytes.ts'
import { LedgerError } from './errors.ts'
import { nobleHasher, utf8 } from './hash.ts'
import { KEY_SIZE } from './signatures.ts'

/** Type byte of a key that signs the text of a note. */
export const ED25519 = 1
/** Type byte of a key that signs cosignatures. */
export const COSIGNATURE_V1 = 4

/** A named public key and what it signs. */
export interface VerifierKey {
  /** No white space, no plus sign. */
  readonly name: string
  readonly type: typeof ED25519 | typeof COSIGNATURE_V1
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

const VKEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/
const NAME = /^[^\s\u0085+]+$/u

/** True for a name that a line of a note may carry. */
export function isKeyName(name: string): boolean {
  return NAME.test(name) && name.isWellFormed()
}

/** The four bytes that a line of a note carries for `key`. */
export function keyIdOf(key: VerifierKey): Uint8Array {
  const input = concatBytes(utf8(key.name), Uint8Array.of(0x0a, key.type), key.publicKey)
  return nobleHasher.sha256(input).slice(0, 4)
}

/** Text of a verifier key. */
export function encodeVkey(key: VerifierKey): string {
  return `${key.name}+${toHex(keyIdOf(key))}+${toBase64(concatBytes(Uint8Array.of(key.type), key.publicKey))}`
}

/**
 * The key that `text` writes.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `BAD_VKEY`: not the grammar, an unknown type, a wrong length, or another key's id.
 */
export function parseVkey(text: string): VerifierKey {
  const [, name, , base64] = VKEY.exec(text) ?? []
  if (name === undefined || base64 === undefined || !isKeyName(name)) throw new LedgerError('BAD_VKEY', 'grammar')
  const bytes = bytesOf(base64)
  const [type] = bytes
  if (bytes.length !== 1 + KEY_SIZE) throw new LedgerError('BAD_VKEY', 'wrong length')
  if (type !== ED25519 && type !== COSIGNATURE_V1) throw new LedgerError('BAD_VKEY', 'unknown type')
  const key: VerifierKey = { name, type, publicKey: bytes.slice(1) }
  if (encodeVkey(key) !== text) throw new LedgerError('BAD_VKEY', 'the id is of another key')
  return key
}

function bytesOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new LedgerError('BAD_VKEY', 'not base64', { cause })
  }
}
