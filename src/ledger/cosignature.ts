/**
 * Cosignatures (C2SP tlog-cosignature v1.0.1): a site says that it holds every entry up to a checkpoint.
 *
 * @remarks
 * Eight bytes of seconds since 1970, then Ed25519 over a header, the time, and the whole checkpoint. The name is not
 * in the signed message, so a key belongs to one cosigner and is never shared. Proven by
 * `tests/ledger/cosignature.test.ts` with published lines.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { utf8 } from './hash.ts'
import { type NoteSignature, type NoteVerifier, openNote } from './note.ts'
import { KEY_SIZE, type Signer, SIGNATURE_SIZE, type SignatureVerifier, verifies } from './signatures.ts'
import { COSIGNATURE_V1, keyIdOf } from './vkey.ts'

const TIME_SIZE = 8

/** The key a site cosigns with. */
export interface CosignerKey {
  readonly name: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A verified cosignature. */
export interface Cosignature {
  readonly name: string
  readonly publicKey: Uint8Array
  /** When the cosigner says it signed, seconds since 1970. */
  readonly timeS: number
}

/** What a cosigner signs at `timeS` for the checkpoint `text`. */
export function cosignedMessage(text: string, timeS: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timeS}\n${text}`)
}

/**
 * The line of a cosigner under a checkpoint.
 *
 * @param text - Text of a checkpoint that the cosigner holds, with every entry.
 * @param key - The cosigner's.
 * @param timeS - The cosigner's clock, whole seconds since 1970.
 * @param sign - Signs with that key.
 */
export function cosign(text: string, key: CosignerKey, timeS: number, sign: Signer): NoteSignature {
  assert(Number.isSafeInteger(timeS) && timeS >= 0, 'whole seconds')
  const time = new Uint8Array(TIME_SIZE)
  new DataView(time.buffer).setBigUint64(0, BigInt(timeS))
  const signature = concatBytes(time, sign(cosignedMessage(text, timeS)))
  return { name: key.name, keyId: keyIdOf({ ...key, type: COSIGNATURE_V1 }), signature }
}

/**
 * The cosignatures of known cosigners under a checkpoint.
 *
 * @param note - Untrusted, with at least one line of a known cosigner.
 * @param cosigners - From the roster.
 * @param v - The one verifier.
 * @throws {@link LedgerError} `BAD_NOTE`, `AMBIGUOUS_KEY`, `NOTE_SIGNATURE` or `NOTE_UNSIGNED`.
 */
export function openCosignatures(
  note: string,
  cosigners: readonly CosignerKey[],
  v: SignatureVerifier,
): { text: string; cosignatures: Cosignature[] } {
  const known = cosigners.map((key) => ({ ...cosignerVerifier(key, v), publicKey: key.publicKey }))
  const { text, signed } = openNote(note, known)
  const cosignatures = signed.map(({ by, signature }) => {
    return { name: by.name, publicKey: by.publicKey, timeS: timeOf(signature) ?? 0 }
  })
  return { text, cosignatures }
}

/** How lines of a cosigner's key are checked. */
export function cosignerVerifier(key: CosignerKey, v: SignatureVerifier): NoteVerifier {
  assert(key.publicKey.length === KEY_SIZE, 'a key from a roster or a verifier key')
  return {
    name: key.name,
    keyId: keyIdOf({ ...key, type: COSIGNATURE_V1 }),
    verify: (text, signature) => {
      const timeS = timeOf(signature)
      if (timeS === null) return false
      return verifies(v, signature.subarray(TIME_SIZE), cosignedMessage(text, timeS), key.publicKey)
    },
  }
}

/** The time that a cosignature states, in seconds since 1970; null when it is none, or its time is past 2^53. */
export function timeOf(signature: Uint8Array): number | null {
  if (signature.length !== TIME_SIZE + SIGNATURE_SIZE) return null
  const timeS = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0)
  return timeS <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(timeS) : null
}
