/**
 * The mirror: a site that cosigns a checkpoint says that it stored every entry, and that every entry is valid.
 *
 * @remarks
 * After C2SP tlog-mirror, with two heads for each log. The pending head was verified and is what entries are checked
 * against; the mirrored head has every entry stored and judged, and is the only one that the mirror key signs. Entries
 * come in packages of 256, each with the proof that the pending tree holds exactly them, so nothing unproven is kept
 * and a transfer goes on where it stopped. All steps are pure: they give the next state, to be stored together with
 * the entries by a compare-and-swap. Proven by `tests/ledger/mirror.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import { MAX_ENTRY_SIZE } from './body.ts'
import { cosign } from './cosignature.ts'
import { LedgerError, type LedgerErrorCode } from './errors.ts'
import { type Hasher, leafHash } from './hash.ts'
import { checkInclusion } from './inclusion.ts'
import { formatSignature, parseNote } from './note.ts'
import { rootOfEdge } from './tile-hashes.ts'
import { TILE_WIDTH, tileWidth } from './tile-layout.ts'
import type { TreeHead } from './tree-size.ts'
import {
  type Accepted,
  judge,
  type Verdict,
  type WitnessedHead,
  type WitnessRequest,
  type WitnessRules,
  type WitnessSigner,
} from './witness.ts'

/** What a mirror remembers of one log. */
export interface MirrorState {
  readonly origin: string
  /** Largest head accepted; null before the first. */
  readonly pending: WitnessedHead | null
  /** Entries `[0, stored)` are stored, and proven to be in the pending tree. */
  readonly stored: number
  /** Largest head whose every entry is stored and valid; null before the first. Never larger than the pending one. */
  readonly mirrored: WitnessedHead | null
  /** First entry that the rules forbid. No head that holds it is ever cosigned. */
  readonly refused: Refusal | null
}

/** An entry that a mirror refuses, and why. */
export interface Refusal {
  readonly index: number
  readonly code: LedgerErrorCode
}

/** Consecutive entries from `256 * index` on: as many as the pending tree has there, at most 256. */
export interface EntryPackage {
  readonly index: number
  /** Exact bytes of each entry. */
  readonly entries: readonly Uint8Array[]
  /** From the package up to the root of the pending head. */
  readonly proof: readonly Uint8Array[]
}

/** An entry that was proven and must be stored. */
export interface ProvenEntry {
  readonly index: number
  readonly bytes: Uint8Array
  /** Leaf hash, 32 bytes. */
  readonly leaf: Uint8Array
}

/** What an evaluator says about entries: all valid, not known before something else arrives, or forbidden. */
export type EntriesVerdict =
  { readonly verdict: 'valid' } | { readonly verdict: 'wait' } | ({ readonly verdict: 'refuse' } & Refusal)

/**
 * Judges the stored entries `[from, to)` of a log under the contract and roster in force at each.
 *
 * Must depend on nothing but entries and the heads they cite: no clock, no network. Must say `refuse` with the first
 * entry that is forbidden, and `wait` while a cited head is missing.
 */
export type ContractEvaluator = (origin: string, from: number, to: number) => EntriesVerdict

/** Where a mirror keeps its memory and its entries. */
export interface MirrorStore {
  /** What was stored last for `origin`; {@link emptyMirror} when nothing ever was. */
  read(origin: string): MirrorState
  /**
   * Stores `next` and the entries if what is stored is still `expected`, as one atomic step that survives a crash when
   * it returns true. When it returns false, nothing may have changed: read again and repeat the step.
   */
  replace(expected: MirrorState, next: MirrorState, entries: readonly ProvenEntry[]): boolean
}

/** The sender's tree; `TileTree` is one. */
export interface PackageTree {
  readonly head: TreeHead
  /** Sibling hashes from a leaf up. */
  proveInclusion(index: number): Uint8Array[]
}

/** A mirror that has nothing of a log yet. */
export function emptyMirror(origin: string): MirrorState {
  return { origin, pending: null, stored: 0, mirrored: null, refused: null }
}

/**
 * Judges a head that is offered. Accepting it moves the pending head and signs nothing.
 *
 * @param rules - Keys and tools.
 * @param state - Stored for the checkpoint's origin.
 * @param request - Untrusted. Its old size is that of the pending head.
 * @returns The state to store for status 200, else the verdict.
 */
export function offerHead(
  rules: WitnessRules,
  state: MirrorState,
  request: WitnessRequest,
): { readonly status: 200; readonly next: MirrorState } | Exclude<Verdict, Accepted> {
  assert(request.checkpoint.origin === state.origin, 'the state of this very log')
  const verdict = judge(rules, state.pending, request)
  return verdict.status === 200 ? { status: 200, next: { ...state, pending: verdict.next } } : verdict
}

/** Index of the package that is needed next, or null when everything up to the pending head is stored. */
export function neededPackage({ pending, stored }: MirrorState): number | null {
  return pending === null || stored >= pending.size ? null : Math.floor(stored / TILE_WIDTH)
}

/**
 * The proof that goes with package `index`: the part of an inclusion proof above the package.
 *
 * @param tree - Exactly the pending head of the mirror.
 * @param index - Of a package that the tree has.
 * @throws {@link LedgerError} as the tree does.
 */
export function provePackage(tree: PackageTree, index: number): Uint8Array[] {
  const width = tileWidth(tree.head.size, 0, index)
  let inside = 0
  while (2 ** inside < width) inside++
  return tree.proveInclusion(index * TILE_WIDTH).slice(inside)
}

/**
 * Takes a package: checks it against the pending head before anything of it is kept.
 *
 * @param h - SHA-256.
 * @param state - Stored for this log.
 * @param offered - Untrusted.
 * @returns The state to store, and the entries to store with it: those that are new. For a package that is stored
 *   already, the same state and no entries.
 * @throws {@link LedgerError} `INDEX_OUT_OF_TREE` for a package past the one that is needed, `PROOF_SIZE`, `TOO_LARGE`,
 *   `HASH_SIZE` or `ROOT_MISMATCH`.
 */
export function receivePackage(
  h: Hasher,
  state: MirrorState,
  offered: EntryPackage,
): { readonly next: MirrorState; readonly entries: readonly ProvenEntry[] } {
  const { pending, stored } = state
  const { index } = offered
  if (!Number.isSafeInteger(index) || index < 0) throw new LedgerError('INDEX_OUT_OF_TREE', 'not a package')
  const needed = neededPackage(state)
  if (index < (needed ?? Infinity) && index * TILE_WIDTH < stored) return { next: state, entries: [] }
  if (pending === null || index !== needed) throw new LedgerError('INDEX_OUT_OF_TREE', 'not the next package')
  const entries = checkPackage(h, pending, offered)
  const next = { ...state, stored: index * TILE_WIDTH + entries.length }
  return { next, entries: entries.filter((entry) => entry.index >= stored) }
}

/**
 * Checks that a tree holds exactly these entries at this place. Packages are to their own roots as leaves are to the
 * tree: splits fall on powers of two, so above 256 leaves they never fall inside a package.
 */
function checkPackage(h: Hasher, head: TreeHead, { index, entries, proof }: EntryPackage): ProvenEntry[] {
  const width = tileWidth(head.size, 0, index)
  if (entries.length !== width) throw new LedgerError('PROOF_SIZE', `${entries.length} entries, want ${width}`)
  if (entries.some((bytes) => bytes.length > MAX_ENTRY_SIZE)) throw new LedgerError('TOO_LARGE', 'an entry')
  const proven = entries.map((bytes, i) => ({ index: index * TILE_WIDTH + i, bytes, leaf: leafHash(h, bytes) }))
  const packages = { size: Math.ceil(head.size / TILE_WIDTH), root: head.root }
  const root = rootOfEdge(h, [{ level: 0, index, bytes: concatBytes(...proven.map((entry) => entry.leaf)) }])
  checkInclusion(h, packages, index, root, proof)
  return proven
}

/** How far {@link advance} came. */
export type Progress = 'mirrored' | 'incomplete' | 'waiting' | 'refused'

/**
 * Moves the mirrored head up to the pending one, once every entry is stored and valid.
 *
 * @param state - Stored for this log.
 * @param evaluate - Decides about the entries that were not decided before.
 * @returns The state to store. `mirrored` also when there was nothing new: a fresh cosignature may be given.
 */
export function advance(
  state: MirrorState,
  evaluate: ContractEvaluator,
): { readonly next: MirrorState; readonly progress: Progress } {
  const { origin, pending, stored, mirrored, refused } = state
  if (refused !== null) return { next: state, progress: 'refused' }
  if (pending === null || stored < pending.size) return { next: state, progress: 'incomplete' }
  const from = mirrored?.size ?? 0
  const verdict = from === pending.size ? VALID : evaluate(origin, from, pending.size)
  if (verdict.verdict === 'wait') return { next: state, progress: 'waiting' }
  if (verdict.verdict === 'valid') return { next: { ...state, mirrored: pending }, progress: 'mirrored' }
  const { index, code } = verdict
  assert(index >= from && index < pending.size, 'an evaluator judges what it was asked about')
  return { next: { ...state, refused: { index, code } }, progress: 'refused' }
}

const VALID: EntriesVerdict = { verdict: 'valid' }

/**
 * Stores what {@link advance} gave, and only then cosigns the mirrored head.
 *
 * @param store - The mirror's memory.
 * @param expected - The state that {@link advance} was given.
 * @param next - The state that it gave, with progress `mirrored`.
 * @param signer - Holds the mirror key.
 * @returns The line of the cosignature; null when another step was faster.
 */
export function settleMirrored(
  store: MirrorStore,
  expected: MirrorState,
  next: MirrorState,
  { key, nowS, sign }: WitnessSigner,
): string | null {
  assert(next.mirrored !== null && next.mirrored === next.pending, 'only a head that is mirrored is cosigned')
  if (!store.replace(expected, next, [])) return null
  return formatSignature(cosign(parseNote(next.mirrored.note).text, key, nowS, sign))
}
