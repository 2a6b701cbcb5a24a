/**
 * An entry: a body, the signatures of its authors, and its place in its subject's chain.
 *
 * @remarks
 * Deterministic CBOR; the bytes are what is stored, hashed into the tree and sent, and are never encoded again.
 * Layout: `docs/protocol.md`, "Entry". Proven by `tests/ledger/entry.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import { type Body, decodeBody, MAX_ENTRY_SIZE } from './body.ts'
import { type CborValue, decodeCbor, encodeCbor, mapOf } from './cbor.ts'
import { isSignatureRole, type SignatureRole } from './entry-types.ts'
import { LedgerError } from './errors.ts'
import { badField, readMap, readTuple } from './fields-reader.ts'
import { HASH_SIZE } from './hash.ts'
import { KEY_SIZE, SIGNATURE_SIZE } from './signatures.ts'

export { type Body, decodeBody, encodeBody, signedMessage } from './body.ts'

/** Most signatures on one entry. */
export const MAX_SIGNATURES = 16

/** Where an entry stands among those about the same subject, in one log. */
export interface Placement {
  /** 0 for the first entry about the subject, then one more each. */
  readonly subjectSeq: number
  /** Leaf hash of the one before, 32 bytes; null exactly for the first. */
  readonly previousLeaf: Uint8Array | null
}

/** One author's signature over {@link signedMessage}. */
export interface EntrySignature {
  readonly role: SignatureRole
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** What an entry is made of. */
export interface EntryParts {
  /** Exact bytes of the body, as signed. */
  readonly bodyBytes: Uint8Array
  /** Null exactly when the body has no subject. */
  readonly placement: Placement | null
  /** 1 to 16, in any order; the encoding sorts them. */
  readonly signatures: readonly EntrySignature[]
}

/** A decoded entry. */
export interface Entry extends EntryParts {
  readonly body: Body
}

/**
 * The one encoding of an entry. Parts that {@link decodeEntry} would refuse are refused here too.
 *
 * @throws {@link LedgerError} of step `decode`.
 */
export function encodeEntry(parts: EntryParts): Uint8Array {
  const bytes = encodeCbor(
    mapOf([
      [1, 1],
      [2, parts.bodyBytes],
      [3, parts.placement === null ? undefined : encodePlacement(parts.placement)],
      [4, [...parts.signatures].sort(bySortKey).map((s) => [s.role, s.publicKey, s.signature])],
    ]),
  )
  decodeEntry(bytes)
  return bytes
}

/**
 * The entry that `bytes` encode. Says nothing about signatures or place: see `verify-entry.ts`.
 *
 * @param bytes - Untrusted.
 * @throws {@link LedgerError} of step `decode`.
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  return readMap(decodeCbor(bytes, MAX_ENTRY_SIZE), 'entry', (f) => {
    if (f.uint(1) !== 1) throw badField('entry', 1, 'not format 1')
    const bodyBytes = f.blob(2, 1, MAX_ENTRY_SIZE)
    const body = decodeBody(bodyBytes)
    const placement = f.optional(3, (key) => readPlacement(f.map(key)))
    if ((placement === null) !== (body.subject === null)) {
      throw badField('entry', 3, 'placement goes with a subject')
    }
    const signatures = f.array(4, 0, MAX_ENTRY_SIZE).map(readSignature)
    checkSignatureList(signatures)
    return { body, bodyBytes, placement, signatures }
  })
}

function encodePlacement(placement: Placement): CborValue {
  return mapOf([
    [1, placement.subjectSeq],
    [2, placement.previousLeaf ?? undefined],
  ])
}

function readPlacement(value: CborValue): Placement {
  return readMap(value, 'placement', (f) => {
    const subjectSeq = f.uint(1)
    const previousLeaf = f.optional(2, (key) => f.bytes(key, HASH_SIZE))
    if ((subjectSeq === 0) !== (previousLeaf === null)) throw badField('placement', 2, 'absent exactly for the first')
    return { subjectSeq, previousLeaf }
  })
}

function readSignature(value: CborValue): EntrySignature {
  return readTuple(value, 'signature', (f) => {
    const role = f.text(0, 1, 32)
    if (!isSignatureRole(role)) throw badField('signature', 0, 'not a role')
    return { role, publicKey: f.bytes(1, KEY_SIZE), signature: f.bytes(2, SIGNATURE_SIZE) }
  })
}

/** Strictly ascending by role, then key: one order, and nobody signs twice in one role. */
function checkSignatureList(signatures: readonly EntrySignature[]): void {
  if (signatures.length < 1 || signatures.length > MAX_SIGNATURES) {
    throw new LedgerError('BAD_SIGNATURE_LIST', `${signatures.length} signatures`)
  }
  for (const [i, signature] of signatures.entries()) {
    const before = signatures[i - 1]
    if (before !== undefined && bySortKey(before, signature) >= 0) {
      throw new LedgerError('BAD_SIGNATURE_LIST', 'not sorted, or somebody signed twice')
    }
  }
}

/** Roles are ASCII and keys have one length, so comparing text compares bytes. */
function bySortKey(a: EntrySignature, b: EntrySignature): number {
  const [left, right] = [sortKey(a), sortKey(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

function sortKey(signature: EntrySignature): string {
  return `${signature.role} ${toHex(signature.publicKey)}`
}
