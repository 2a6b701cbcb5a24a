/**
 * The head that a log signed, read from a C2SP checkpoint.
 *
 * @remarks
 * Line by line, with noble's strict Ed25519. Written apart from the ledger's on purpose. Proven by
 * `tests/verifier/verify-proof.test.ts`.
 *
 * @packageDocumentation
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { BytesError, concatBytes, equalBytes, fromBase64 } from '../shared/bytes.ts'
import { ProofError } from './proof-error.ts'

/** What the log signed. */
export interface SignedHead {
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** Strict verification: canonical point encodings, and no leniency of ZIP 215. False for wrong lengths. */
export function isSignedBy(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false
  }
}

/**
 * The head in a note, once the log's line verifies.
 *
 * @param note - Untrusted.
 * @param origin - Name of the log's key.
 * @param publicKey - Ed25519, 32 bytes.
 * @throws {@link ProofError} `BAD_NOTE`, `NOT_SIGNED` or `SIGNATURE_INVALID`.
 */
export function readSignedHead(note: string, origin: string, publicKey: Uint8Array): SignedHead {
  const text = signedText(note)
  const keyId = sha256(concatBytes(utf8ToBytes(`${origin}\n`), Uint8Array.of(1), publicKey)).subarray(0, 4)
  const lines = signatureLines(note)
  const own = lines.find((line) => line.name === origin && equalBytes(line.bytes.subarray(0, 4), keyId))
  if (own === undefined) throw new ProofError('NOT_SIGNED', 'no line of the log')
  if (!isSignedBy(own.bytes.subarray(4), utf8ToBytes(text), publicKey)) {
    throw new ProofError('SIGNATURE_INVALID', 'the line of the log does not verify')
  }
  return readHead(text)
}

/** One line under a note. */
export interface SignatureLine {
  readonly name: string
  /** Key id, 4 bytes, and what follows it. */
  readonly bytes: Uint8Array
}

/** What the lines of a note are over, with its last newline. Throws `BAD_NOTE`. */
export function signedText(note: string): string {
  return note.slice(0, gapOf(note) + 1)
}

/** The lines under a note, in order. Throws `BAD_NOTE`. */
export function signatureLines(note: string): SignatureLine[] {
  return note
    .slice(gapOf(note) + 2, -1)
    .split('\n')
    .map(readLine)
}

function gapOf(note: string): number {
  const gap = note.lastIndexOf('\n\n')
  if (gap < 0 || !note.endsWith('\n') || note.length > 65_536) throw bad('not a note')
  return gap
}

function readHead(text: string): SignedHead {
  const [origin, digits, root, end, ...more] = text.split('\n')
  if (origin === undefined || digits === undefined || root === undefined || end !== '' || more.length > 0) {
    throw bad('not three lines')
  }
  const size = Number(digits)
  // The only spelling of a number that prints as it was written.
  if (origin === '' || !Number.isSafeInteger(size) || size < 0 || String(size) !== digits) throw bad('origin or size')
  const bytes = decodeBase64(root)
  if (bytes.length !== 32) throw bad('root')
  return { origin, size, root: bytes }
}

function readLine(line: string): SignatureLine {
  const [dash, name, base64, ...more] = line.split(' ')
  if (dash !== '\u2014' || name === undefined || name === '' || base64 === undefined || more.length > 0) {
    throw bad('signature line')
  }
  return { name, bytes: decodeBase64(base64) }
}

function decodeBase64(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (cause) {
    if (cause instanceof BytesError) throw bad('base64')
    throw cause
  }
}

function bad(why: string): ProofError {
  return new ProofError('BAD_NOTE', why)
}
