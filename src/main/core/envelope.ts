/**
 * Payload envelopes: the exact bytes of a resource, sealed under a key of its own, bound by its entry, and
 * recoverable only along the key hierarchy (site key, epoch key, class key, record key).
 *
 * @remarks
 * Format in `docs/protocol.md`, section "Payload envelope v1". Nothing here reads a clock; randomness is handed in.
 * Proven by `tests/main/core/envelope.test.ts`.
 *
 * ```
 * padded     = u32be(length) || plaintext || zeros        to the next bucket
 * ciphertext = nonce24 || XChaCha20-Poly1305(record key, padded,  "chartseal/payload/v1\n"    || context)
 * salt       = nonce24 || XChaCha20-Poly1305(record key, salt32,  "chartseal/salt/v1\n"       || context)
 * wrapped    = nonce24 || XChaCha20-Poly1305(class key,  record key, "chartseal/record-key/v1\n" || context)
 * context    = subject16 || entryId16 || u32be(epoch)
 * commitment = HMAC-SHA256(salt32, plaintext)
 * ```
 *
 * @packageDocumentation
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { createHmac, hash } from 'node:crypto'
import { assert, CodedError } from '../../shared/errors.ts'
import { concatBytes, equalBytes } from '../../shared/bytes.ts'

/** Why an envelope does not open. Each is a different step of verification. */
export type EnvelopeErrorCode =
  | 'CIPHERTEXT_MISMATCH' // not the ciphertext that the entry binds
  | 'KEY_MISSING' // no key for it at this site, or the wrapped key or salt was destroyed
  | 'NOT_AUTHENTIC' // a key, salt or ciphertext does not open under the key it should
  | 'COMMITMENT_MISMATCH' // the plaintext is not what the signers committed to

/** An envelope that cannot be opened. */
export class EnvelopeError extends CodedError<EnvelopeErrorCode> {}

const KEY_SIZE = 32
const NONCE_SIZE = 24
/** Sizes a padded plaintext may have, in bytes; above the last, multiples of it. Hides the exact length. */
const BUCKETS = [512, 1024, 2048, 4096, 8192, 16384, 32768] as const

/** Which record an envelope belongs to: bound into every seal, so that parts cannot be swapped between records. */
export interface EnvelopeContext {
  /** Subject handle, 16 bytes. */
  readonly subject: Uint8Array
  /** Entry id, 16 bytes. */
  readonly entryId: Uint8Array
  /** Number of the epoch key, 0 or more. */
  readonly epoch: number
}

/** What is stored beside the log. */
export interface Envelope {
  readonly ciphertext: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly salt: Uint8Array
}

/** What the entry binds. */
export interface Binding {
  /** HMAC-SHA256 under the salt, 32 bytes. */
  readonly commitment: Uint8Array
  /** SHA-256, 32 bytes. */
  readonly ciphertextHash: Uint8Array
}

/** Source of `size` random bytes. */
export type RandomBytes = (size: number) => Uint8Array

/**
 * Seals `plaintext` for one record.
 *
 * @param plaintext - Exact bytes of the resource.
 * @param classKey - Of the subject's current epoch and the kind of data that it is (`class-keys.ts`), 32 bytes.
 */
export function sealEnvelope(
  plaintext: Uint8Array,
  classKey: Uint8Array,
  context: EnvelopeContext,
  random: RandomBytes,
): { envelope: Envelope; binding: Binding } {
  const recordKey = random(KEY_SIZE)
  const salt = random(KEY_SIZE)
  const ciphertext = seal(recordKey, pad(plaintext), 'payload', context, random)
  const envelope = {
    ciphertext,
    wrappedKey: seal(classKey, recordKey, 'record-key', context, random),
    salt: seal(recordKey, salt, 'salt', context, random),
  }
  const binding = { commitment: commit(salt, plaintext), ciphertextHash: sha256(ciphertext) }
  recordKey.fill(0)
  salt.fill(0)
  return { envelope, binding }
}

/**
 * Checks that `ciphertext` is the one an entry binds: what a custodian without keys can check.
 *
 * @param ciphertext - Untrusted.
 * @throws {@link EnvelopeError} `CIPHERTEXT_MISMATCH`.
 */
export function checkCiphertext(ciphertext: Uint8Array, binding: Binding): void {
  if (!equalBytes(sha256(ciphertext), binding.ciphertextHash)) {
    throw new EnvelopeError('CIPHERTEXT_MISMATCH', 'stored ciphertext has another hash than the entry binds')
  }
}

/**
 * The record key in an envelope.
 *
 * @param envelope - Untrusted.
 * @param classKey - Tried: another than the one it was wrapped under does not open it.
 * @throws {@link EnvelopeError} `NOT_AUTHENTIC`.
 */
export function openRecordKey(
  { wrappedKey }: Pick<Envelope, 'wrappedKey'>,
  classKey: Uint8Array,
  context: EnvelopeContext,
): Uint8Array {
  return open(classKey, wrappedKey, 'record-key', context)
}

/**
 * Opens an envelope whose ciphertext was checked by {@link checkCiphertext}.
 *
 * @param envelope - Untrusted.
 * @param recordKey - From {@link openRecordKey}; wiped.
 * @returns Plaintext, and the salt for {@link checkCommitment}.
 * @throws {@link EnvelopeError} `NOT_AUTHENTIC`.
 */
export function openPayload(
  { ciphertext, salt }: Pick<Envelope, 'ciphertext' | 'salt'>,
  recordKey: Uint8Array,
  context: EnvelopeContext,
): { plaintext: Uint8Array; salt: Uint8Array } {
  try {
    const plaintext = unpad(open(recordKey, ciphertext, 'payload', context))
    return { plaintext, salt: open(recordKey, salt, 'salt', context) }
  } finally {
    recordKey.fill(0)
  }
}

/**
 * Checks that `plaintext` is what the signers committed to.
 *
 * @throws {@link EnvelopeError} `COMMITMENT_MISMATCH`.
 */
export function checkCommitment(plaintext: Uint8Array, salt: Uint8Array, binding: Binding): void {
  if (!equalBytes(commit(salt, plaintext), binding.commitment)) {
    throw new EnvelopeError('COMMITMENT_MISMATCH', 'plaintext does not match the signed commitment')
  }
}

/** XChaCha20-Poly1305 with a fresh nonce in front, under a purpose and a context. */
function seal(
  key: Uint8Array,
  plaintext: Uint8Array,
  purpose: string,
  context: EnvelopeContext,
  random: RandomBytes,
): Uint8Array {
  assert(key.length === KEY_SIZE, 'keys are 32 bytes')
  const nonce = random(NONCE_SIZE)
  return concatBytes(nonce, xchacha20poly1305(key, nonce, associated(purpose, context)).encrypt(plaintext))
}

function open(key: Uint8Array, sealed: Uint8Array, purpose: string, context: EnvelopeContext): Uint8Array {
  try {
    const nonce = sealed.subarray(0, NONCE_SIZE)
    return xchacha20poly1305(key, nonce, associated(purpose, context)).decrypt(sealed.subarray(NONCE_SIZE))
  } catch (cause) {
    throw new EnvelopeError('NOT_AUTHENTIC', `${purpose} does not open`, { cause })
  }
}

function associated(purpose: string, { subject, entryId, epoch }: EnvelopeContext): Uint8Array {
  assert(subject.length === 16 && entryId.length === 16, 'handles and entry ids are 16 bytes')
  return concatBytes(new TextEncoder().encode(`chartseal/${purpose}/v1\n`), subject, entryId, u32(epoch))
}

function pad(plaintext: Uint8Array): Uint8Array {
  const needed = plaintext.length + 4
  const last = BUCKETS[BUCKETS.length - 1] ?? 0
  const size = BUCKETS.find((bucket) => bucket >= needed) ?? Math.ceil(needed / last) * last
  const padded = new Uint8Array(size)
  padded.set(u32(plaintext.length))
  padded.set(plaintext, 4)
  return padded
}

function unpad(padded: Uint8Array): Uint8Array {
  const length = padded.length < 4 ? Infinity : new DataView(padded.buffer, padded.byteOffset).getUint32(0)
  if (length + 4 > padded.length) throw new EnvelopeError('NOT_AUTHENTIC', 'length field past the end')
  return padded.slice(4, 4 + length)
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function commit(salt: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', salt).update(plaintext).digest())
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}
