/**
 * Checkpoints (C2SP tlog-checkpoint v1.0.0): the signed head of a log.
 *
 * @remarks
 * Three lines: origin, size in decimal, root in base64. Ours carry no extension lines: witnesses in the field
 * refuse them, and what a block adds is inside the tree, in its seal. Proven by `tests/ledger/checkpoint.test.ts`
 * and `tests/conformance/tessera-log.test.ts`.
 *
 * @packageDocumentation
 */
import { fromBase64, toBase64 } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { LedgerError } from './errors.ts'
import type { LogHead } from './fields.ts'
import { HASH_SIZE, utf8 } from './hash.ts'
import { formatNote, type NoteVerifier, openNote } from './note.ts'
import { type Signer, type SignatureVerifier, verifies } from './signatures.ts'
import { ED25519, keyIdOf } from './vkey.ts'

/** A checkpoint whose log signature was verified. */
export interface Checkpoint extends LogHead {
  /** The text of the note: what was signed, and what the block hash is over. */
  readonly text: string
}

/** The key of a log: its name is the origin. */
export interface LogKey {
  readonly name: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

const CHECKPOINT = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/

/** Text of a checkpoint. */
export function encodeCheckpoint(head: LogHead): string {
  assert(Number.isSafeInteger(head.size) && head.size >= 0, 'a tree size')
  assert(head.root.length === HASH_SIZE, 'a root hash')
  return `${head.origin}\n${head.size}\n${toBase64(head.root)}\n`
}

/**
 * Reads the text of a checkpoint.
 *
 * @param text - Untrusted until its signature is verified: see {@link openCheckpoint}.
 * @throws {@link LedgerError} `BAD_CHECKPOINT`.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [, origin, digits, base64] = CHECKPOINT.exec(text) ?? []
  if (origin === undefined || digits === undefined || base64 === undefined) {
    throw new LedgerError('BAD_CHECKPOINT', 'not origin, size and root')
  }
  const size = Number(digits)
  if (!Number.isSafeInteger(size)) throw new LedgerError('BAD_CHECKPOINT', 'size past 2^53')
  return { origin, size, root: rootOf(base64), text }
}

/**
 * Signs the head of a log.
 *
 * @param head - Durable before this is called.
 * @param key - The log's key; its name is the origin.
 * @param sign - Signs with that key.
 */
export function signCheckpoint(head: LogHead, key: LogKey, sign: Signer): string {
  assert(head.origin === key.name, 'a log signs its own checkpoints')
  const text = encodeCheckpoint(head)
  const keyId = keyIdOf({ ...key, type: ED25519 })
  return formatNote(text, [{ name: key.name, keyId, signature: sign(utf8(text)) }])
}

/**
 * The head that a log signed.
 *
 * @param note - Untrusted.
 * @param key - The key that the roster lists; its name is the origin.
 * @param v - The one verifier.
 * @throws {@link LedgerError} of step `checkpoint`.
 */
export function openCheckpoint(note: string, key: LogKey, v: SignatureVerifier): Checkpoint {
  const checkpoint = parseCheckpoint(openNote(note, [logVerifier(key, v)]).text)
  if (checkpoint.origin !== key.name) throw new LedgerError('WRONG_ORIGIN', 'of another log')
  return checkpoint
}

/** How lines of a log's key are checked: Ed25519 over the text. */
export function logVerifier(key: LogKey, v: SignatureVerifier): NoteVerifier {
  return {
    name: key.name,
    keyId: keyIdOf({ ...key, type: ED25519 }),
    verify: (text, signature) => verifies(v, signature, utf8(text), key.publicKey),
  }
}

function rootOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new LedgerError('BAD_CHECKPOINT', 'root is not base64', { cause })
  }
}
