/**
 * The witness: what becomes of a request to cosign a checkpoint (C2SP tlog-witness v1.0.0).
 *
 * @remarks
 * Judging is a pure step: what the witness remembers and a request give a status, and for 200 what it must remember
 * from then on. Nothing is cosigned before that is stored with a compare-and-swap; otherwise a slow request for a
 * smaller tree would roll the memory back behind a larger one. Proven by `tests/ledger/witness.test.ts` with
 * published requests, and with every way to interleave two of them.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { type Checkpoint, logVerifier, type LogKey, parseCheckpoint } from './checkpoint.ts'
import { type AddCheckpoint, parseAddCheckpoint } from './add-checkpoint.ts'
import { checkConsistency } from './consistency.ts'
import { cosign, type CosignerKey } from './cosignature.ts'
import { LedgerError } from './errors.ts'
import type { Suspicion } from './evidence.ts'
import { emptyRoot, type Hasher } from './hash.ts'
import { formatNote, formatSignature, openNote } from './note.ts'
import type { Signer, SignatureVerifier } from './signatures.ts'
import type { TreeHead } from './tree-size.ts'

/** What a witness remembers of one log: the largest head it accepted. */
export interface WitnessedHead extends TreeHead {
  readonly origin: string
  /** Signed note with the lines of the log's trusted keys, and no other: lines nobody checked are never kept. */
  readonly note: string
}

/** Keys and tools of a witness. */
export interface WitnessRules {
  readonly hasher: Hasher
  readonly verifier: SignatureVerifier
  /**
   * Keys trusted for a log, from the roster; empty for a log nobody listed. The origin of the checkpoint is the only
   * name that counts: whatever else a peer calls itself or its log must not get here.
   */
  logKeys(origin: string): readonly LogKey[]
}

/** Where a witness keeps its memory. */
export interface WitnessStore {
  /** What was stored last for `origin`, or null when nothing ever was. */
  read(origin: string): WitnessedHead | null
  /**
   * Stores `next` if what is stored for its origin still has the size and root of `expected`, as one atomic step. When
   * it returns true, `next` must survive a crash; when it returns false, nothing may have changed.
   */
  replace(expected: WitnessedHead | null, next: WitnessedHead): boolean
}

/** A request that the witness may cosign once {@link Accepted.next} is stored. */
export interface Accepted {
  readonly status: 200
  /** What was remembered when the request was judged. */
  readonly expected: WitnessedHead | null
  readonly next: WitnessedHead
  /** Text of the checkpoint. */
  readonly text: string
}

/** What a request deserves. The numbers are HTTP status codes of the specification. */
export type Verdict =
  | Accepted
  /** 400: not a request. 403: not signed by the log. 404: a log nobody listed. */
  | { readonly status: 400 | 403 | 404 }
  /** The witness knows another size than the client thinks: this one. */
  | { readonly status: 409; readonly size: number }
  /** Not consistent. The suspicion is worth keeping, one for each log; null when there is nothing to compare. */
  | { readonly status: 422; readonly suspicion: Suspicion | null }

/** What a client is told. */
export type Answer = Exclude<Verdict, Accepted> | { readonly status: 200; readonly lines: string }

/** How a witness signs. */
export interface WitnessSigner {
  readonly key: CosignerKey
  /** Whole seconds since 1970, by the witness's clock. */
  readonly nowS: number
  readonly sign: Signer
}

/**
 * Answers a request: judges it, stores what must be remembered, and only then cosigns.
 *
 * @param rules - Keys and tools.
 * @param store - The witness's memory.
 * @param body - Untrusted.
 * @param signer - Cosigns.
 */
export function addCheckpoint(rules: WitnessRules, store: WitnessStore, body: string, signer: WitnessSigner): Answer {
  const verdict = judgeRequest(rules, store, body)
  return verdict.status === 200 ? settle(store, verdict, signer) : verdict
}

/** The first half of {@link addCheckpoint}: reads the memory and judges. Changes nothing. */
export function judgeRequest(rules: WitnessRules, store: Pick<WitnessStore, 'read'>, body: string): Verdict {
  const request = readRequest(body)
  return request === null ? { status: 400 } : judge(rules, store.read(request.checkpoint.origin), request)
}

/**
 * The second half: stores, then cosigns. When another request was faster, the answer is the conflict it made.
 *
 * @param store - The witness's memory.
 * @param accepted - From {@link judgeRequest}, at any time before.
 * @param signer - Cosigns.
 */
export function settle(store: WitnessStore, accepted: Accepted, { key, nowS, sign }: WitnessSigner): Answer {
  if (!store.replace(accepted.expected, accepted.next)) {
    return { status: 409, size: store.read(accepted.next.origin)?.size ?? 0 }
  }
  return { status: 200, lines: formatSignature(cosign(accepted.text, key, nowS, sign)) }
}

/** A request taken apart. */
export interface WitnessRequest extends AddCheckpoint {
  readonly checkpoint: Checkpoint
}

/**
 * Judges a request against what is remembered of its log.
 *
 * @param rules - Keys and tools.
 * @param known - What is stored for the checkpoint's origin; null when nothing ever was.
 * @param request - Well formed and otherwise untrusted.
 */
export function judge(rules: WitnessRules, known: WitnessedHead | null, request: WitnessRequest): Verdict {
  const { checkpoint, oldSize, proof } = request
  const keys = rules.logKeys(checkpoint.origin)
  if (keys.length === 0) return { status: 404 }
  const note = trustedNote(request.note, keys, rules.verifier)
  if (note === null) return { status: 403 }
  if (oldSize !== (known?.size ?? 0)) return { status: 409, size: known?.size ?? 0 }
  if (!isConsistent(rules.hasher, known, checkpoint, proof)) {
    // An empty tree contradicts nothing that two signatures could show.
    const comparable = known !== null && known.size > 0
    return { status: 422, suspicion: comparable ? { kept: known.note, offered: note, proof } : null }
  }
  const { origin, size, root, text } = checkpoint
  return { status: 200, expected: known, next: { origin, size, root, note }, text }
}

/** Takes a request apart, or null when it is none. */
function readRequest(body: string): WitnessRequest | null {
  try {
    const request = parseAddCheckpoint(body)
    const checkpoint = parseCheckpoint(request.text)
    return request.oldSize > checkpoint.size ? null : { ...request, checkpoint }
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** The note with the verified lines of trusted keys alone; null when there are none, or one of them is broken. */
function trustedNote(note: string, keys: readonly LogKey[], v: SignatureVerifier): string | null {
  try {
    const { text, signed } = openNote(
      note,
      keys.map((key) => logVerifier(key, v)),
    )
    return formatNote(
      text,
      signed.map(({ by, signature }) => ({ name: by.name, keyId: by.keyId, signature })),
    )
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** True when `next` continues `known`. Every tree continues the empty one, without a proof. */
function isConsistent(h: Hasher, known: WitnessedHead | null, next: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (next.size === 0 && !equalBytes(next.root, emptyRoot(h))) return false
  if (known === null || known.size === 0) return proof.length === 0
  try {
    checkConsistency(h, known, next, proof)
    return true
  } catch (error) {
    if (error instanceof LedgerError) return false
    throw error
  }
}
