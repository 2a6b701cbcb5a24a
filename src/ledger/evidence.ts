/**
 * Fork proofs: two signed heads of one log that cannot both be true, in a document that convinces anyone who has the
 * signer's key.
 *
 * @remarks
 * Two heads of one size convict by themselves. Heads of two sizes need the root that the newer tree has at the older
 * size, and a consistency proof from there. The same document convicts a log that signed both heads and a site that
 * cosigned both. Layout: `docs/protocol.md`, "Fork proof". Proven by `tests/ledger/evidence.test.ts`: forks convict,
 * and nothing convicts a log that only ever grew.
 *
 * @packageDocumentation
 */
import { equalBytes, fromBase64, toBase64, toHex } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { type Checkpoint, logVerifier, type LogKey, parseCheckpoint } from './checkpoint.ts'
import { checkConsistency } from './consistency.ts'
import { type CosignerKey, cosignerVerifier } from './cosignature.ts'
import { LedgerError } from './errors.ts'
import { HASH_SIZE, type Hasher, nodeHash } from './hash.ts'
import { MAX_NOTE_LENGTH, type NoteVerifier, openNote, parseNote } from './note.ts'
import { MAX_PATH } from './receipt.ts'
import type { SignatureVerifier } from './signatures.ts'
import { splitPoint } from './tree-size.ts'

const HEADER = 'chartseal/fork/v1'
const MAX_LENGTH = 2 * MAX_NOTE_LENGTH + 4096

/** What the newer tree says about the older one. */
export interface ForkPrefix {
  /** Root of the first `older.size` leaves of the newer tree, 32 bytes: another than the older head has. */
  readonly root: Uint8Array
  /** Consistency proof from {@link ForkPrefix.root} to the newer head, 1 to 63 hashes. */
  readonly proof: readonly Uint8Array[]
}

/** A fork proof. Proves nothing before {@link checkEvidence}. */
export interface Fork {
  /** Signed note of the head that is not the larger one. */
  readonly older: string
  /** Signed note of the other head. */
  readonly newer: string
  /** Null exactly when both heads have one size. */
  readonly prefix: ForkPrefix | null
}

/** Two heads that a log signed and that did not prove consistent: reason to ask for more, and no proof yet. */
export interface Suspicion {
  /** Signed note that was known before. */
  readonly kept: string
  /** Signed note that came with `proof`, of no smaller tree. */
  readonly offered: string
  /** The consistency proof that failed. Untrusted. */
  readonly proof: readonly Uint8Array[]
}

/** The newer tree, as whoever builds a proof reads it; `TileTree` is one. */
export interface ForkedTree {
  /** Root of the first `size` leaves. */
  rootAt(size: number): Uint8Array
  /** Proof from the first `older` leaves to the first `newer`. */
  proveConsistency(older: number, newer: number): Uint8Array[]
}

/** Whose signatures are looked for on both heads. */
export interface Suspects {
  /** Null to look for cosigners only. */
  readonly log: LogKey | null
  readonly cosigners: readonly CosignerKey[]
}

/** Who signed both heads. At least one of them. */
export interface Conviction {
  readonly origin: string
  readonly log: LogKey | null
  readonly cosigners: readonly CosignerKey[]
}

/**
 * A fork proof from two notes and the newer tree.
 *
 * @param a - Signed note of one head.
 * @param b - Signed note of the other.
 * @param tree - Of the larger head; never asked when the sizes are equal.
 * @throws {@link LedgerError} `NOT_A_FORK` when the heads agree or belong to two logs, `BAD_NOTE`, `BAD_CHECKPOINT`, or
 *   whatever `tree` throws.
 */
export function proveFork(a: string, b: string, tree: ForkedTree): Fork {
  const [older, newer] = inOrder(a, b)
  const [from, to] = [headOf(older), headOf(newer)]
  const prefix =
    from.size === to.size ? null : { root: tree.rootAt(from.size), proof: tree.proveConsistency(from.size, to.size) }
  const other = prefix?.root ?? to.root
  if (from.origin !== to.origin || equalBytes(other, from.root)) throw notAFork('the heads agree')
  return { older, newer, prefix }
}

/**
 * The fork proof that a suspicion already holds, or null. A log that forked proves the consistency of its own new
 * branch, and such a proof names the root it starts from, unless the older size is a power of two.
 *
 * @param h - SHA-256.
 * @param suspicion - Both notes verified, from `witness.ts`.
 * @throws {@link LedgerError} `BAD_NOTE` or `BAD_CHECKPOINT`.
 */
export function forkOfSuspicion(h: Hasher, { kept, offered, proof }: Suspicion): Fork | null {
  const [from, to] = [headOf(kept), headOf(offered)]
  if (from.size === to.size) return proveFork(kept, offered, NO_TREE)
  const root = startOfProof(h, from.size, to.size, proof)
  if (root === null) return null
  const fork: Fork = { older: kept, newer: offered, prefix: { root, proof } }
  return contradicts(h, fork) ? fork : null
}

/** Text of a fork proof. */
export function encodeFork({ older, newer, prefix }: Fork): string {
  const lines = prefix === null ? [] : [`root ${toBase64(prefix.root)}`, ...prefix.proof.map(toBase64)]
  return `${[HEADER, ...lines].join('\n')}\n\n${older}\n${newer}`
}

/**
 * Takes a fork proof apart.
 *
 * @param text - Untrusted.
 * @throws {@link LedgerError} `NOT_A_FORK`.
 */
export function parseFork(text: string): Fork {
  // A checkpoint has no blank line inside, so blank lines separate exactly these five parts.
  const [head, ...parts] = text.length > MAX_LENGTH ? [] : text.split('\n\n')
  const [older, olderLines, newer, newerLines, extra] = parts
  if (head === undefined || newerLines === undefined || extra !== undefined) throw notAFork('parts')
  const [header, root, ...proof] = head.split('\n')
  if (header !== HEADER || proof.length > MAX_PATH) throw notAFork('header')
  const prefix = root === undefined ? null : { root: readRoot(root), proof: proof.map(readHash) }
  return { older: `${older}\n\n${olderLines}\n`, newer: `${newer}\n\n${newerLines}`, prefix }
}

/**
 * Checks a fork proof. Returns who is guilty, or throws.
 *
 * Each suspect is looked for alone, so that a line somebody spoiled clears nobody but its own key.
 *
 * @param h - SHA-256.
 * @param v - The one verifier.
 * @param fork - Untrusted.
 * @param suspects - Keys from a roster.
 * @throws {@link LedgerError} `NOT_A_FORK`: the heads do not contradict each other, or no suspect signed both.
 */
export function checkEvidence(h: Hasher, v: SignatureVerifier, fork: Fork, suspects: Suspects): Conviction {
  if (!contradicts(h, fork)) throw notAFork('the heads do not contradict each other')
  const { origin } = headOf(fork.older)
  const { log } = suspects
  const isGuilty = log?.name === origin && signedBoth(fork, logVerifier(log, v))
  const cosigners = suspects.cosigners.filter((key) => signedBoth(fork, cosignerVerifier(key, v)))
  if (!isGuilty && cosigners.length === 0) throw notAFork('nobody asked about signed both heads')
  return { origin, log: isGuilty ? log : null, cosigners }
}

/** A tree that is never asked: heads of one size need none. */
const NO_TREE: ForkedTree = { rootAt: notAsked, proveConsistency: notAsked }

function notAsked(): never {
  assert(false, 'heads of one size are compared without a tree')
}

/** True when no tree has both heads. Says nothing about signatures. */
function contradicts(h: Hasher, { older, newer, prefix }: Fork): boolean {
  try {
    const [from, to] = [headOf(older), headOf(newer)]
    if (from.origin !== to.origin) return false
    if (prefix === null) return from.size === to.size && !equalBytes(from.root, to.root)
    if (from.size >= to.size || equalBytes(prefix.root, from.root)) return false
    checkConsistency(h, { size: from.size, root: prefix.root }, to, prefix.proof)
    return true
  } catch (error) {
    if (error instanceof LedgerError) return false
    throw error
  }
}

function signedBoth({ older, newer }: Fork, key: NoteVerifier): boolean {
  try {
    for (const note of [older, newer]) openNote(note, [key])
    return true
  } catch (error) {
    if (error instanceof LedgerError) return false
    throw error
  }
}

/**
 * The older root that a consistency proof starts from, or null when the proof leaves it out or has another length.
 * Follows SUBPROOF of RFC 6962 section 2.1.2 from the root down.
 */
function startOfProof(h: Hasher, older: number, newer: number, proof: readonly Uint8Array[]): Uint8Array | null {
  let [lo, hi, left] = [0, newer, proof.length]
  const passed: Uint8Array[] = []
  while (hi !== older && hi - lo > 1) {
    const sibling = proof[--left]
    if (sibling === undefined) return null
    const mid = lo + splitPoint(hi - lo)
    if (older <= mid) hi = mid
    else {
      passed.push(sibling)
      lo = mid
    }
  }
  const [last] = proof
  if (left !== 1 || last === undefined) return null
  return passed.reduceRight((right, complete) => nodeHash(h, complete, right), last)
}

function inOrder(a: string, b: string): readonly [string, string] {
  const [x, y] = [headOf(a), headOf(b)]
  const swap = x.size > y.size || (x.size === y.size && toHex(x.root) > toHex(y.root))
  return swap ? [b, a] : [a, b]
}

function headOf(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text)
}

function readRoot(line: string): Uint8Array {
  if (!line.startsWith('root ')) throw notAFork('root line')
  return readHash(line.slice(5))
}

function readHash(line: string): Uint8Array {
  try {
    const bytes = fromBase64(line)
    if (bytes.length === HASH_SIZE) return bytes
  } catch (cause) {
    throw new LedgerError('NOT_A_FORK', 'not base64', { cause })
  }
  throw notAFork('a hash of another length')
}

function notAFork(why: string): LedgerError {
  return new LedgerError('NOT_A_FORK', why)
}
