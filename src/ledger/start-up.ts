/**
 * May a node go on signing in its log, after it was switched off?
 *
 * @remarks
 * A log that signs twice for one place contradicts itself for ever. So before the first signature of a run everything
 * that knows how far the log had come is compared: the database, the mark in the keystore, and what other sites
 * cosigned. Anything that does not fit leads to a new incarnation, which is always safe, and never to a signature. A
 * node that is merely cut off goes on. Layout: `docs/protocol.md`, "Starting". Proven by
 * `tests/ledger/start-up.test.ts`, over every combination.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { assert } from '../shared/errors.ts'
import type { TreeHead } from './tree-size.ts'

/** What the keystore says about the newest note that the log signed. */
export type HighWater<Head extends TreeHead> =
  { readonly kind: 'note'; readonly head: Head } | { readonly kind: 'missing' } | { readonly kind: 'damaged' }

/** What another site says about this log. */
export interface SiteAnswer<Head extends TreeHead> {
  readonly site: string
  /** The newest head it cosigned, verified under the log's key; null when it knows none. */
  readonly head: Head | null
}

/** Everything known at a start. */
export interface StartUp<Head extends TreeHead> {
  /** Newest checkpoint in the database, verified under the log's key; null when there is none. */
  readonly head: Head | null
  /** True when the tree under that checkpoint cannot be shown to be whole, and not be repaired. */
  readonly isTreeDamaged: boolean
  /** Root that the database gives for a smaller tree, 32 bytes. Asked for sizes up to that of the head. */
  readonly rootAt: (size: number) => Uint8Array
  readonly mark: HighWater<Head>
  /** True when the data come from a backup that was put back. */
  readonly isRestored: boolean
  /** False when machine or installation are not the ones that the keystore was made for: a copy may be running. */
  readonly isSamePlace: boolean
  /** Of sites other than the own one, each once; only those whose answer verified. */
  readonly answers: readonly SiteAnswer<Head>[]
  /** Sites of the network. */
  readonly n: number
  /** Its quorum. */
  readonly q: number
}

/** Why a node must not sign in its log any more, and opens a new incarnation. */
export type RecoverReason =
  | 'restored' // the data are from a backup
  | 'moved' // the data were copied to another place
  | 'tree-damaged' // the own tree cannot be shown to be whole
  | 'rolled-back' // the database is older than the mark
  | 'other-history' // the database contradicts the mark
  | 'peers-inconsistent' // another site cosigned what contradicts the database
  | 'peers-ahead' // another site cosigned more than the database has
  | 'mark-missing' // nothing says how far the log had come
  | 'mark-damaged' // the mark cannot be read

/** What to do. */
export type StartUpDecision<Head extends TreeHead> =
  | { readonly kind: 'sign' }
  | {
      /** Take entries as drafts and wait: other sites may still know how far the log had come. */
      readonly kind: 'pending'
      readonly why: 'mark-missing' | 'mark-damaged'
      /** Answers that are still to come, 1 or more. */
      readonly missing: number
    }
  | {
      readonly kind: 'recover'
      readonly why: RecoverReason
      /** The answer that decided, for `peers-ahead` and `peers-inconsistent`; the first is the one with most entries. */
      readonly answers: readonly SiteAnswer<Head>[]
    }

/** Answers of other sites that see past every quorum. None can be had in a network of one. */
export function answersNeeded({ n, q }: { readonly n: number; readonly q: number }): number {
  assert(n >= 1 && q >= 1 && q <= n, 'a quorum of the network')
  return Math.min(n - 1, n - q + 1)
}

/**
 * Decides, before the first signature of a run and again whenever an answer comes in.
 *
 * @param start - Heads verified by the caller; an answer that does not verify is none.
 */
export function decideStart<Head extends TreeHead>(start: StartUp<Head>): StartUpDecision<Head> {
  const own = ownReason(start)
  if (own !== null) return { kind: 'recover', why: own, answers: [] }
  const against = start.answers.filter((answer) => contradicts(start, answer.head))
  if (against.length > 0) return { kind: 'recover', why: 'peers-inconsistent', answers: byLargest(against) }
  const ahead = start.answers.filter(({ head }) => (head?.size ?? 0) > (start.head?.size ?? 0))
  if (ahead.length > 0) return { kind: 'recover', why: 'peers-ahead', answers: byLargest(ahead) }
  return withoutMark(start)
}

/** What the node can tell without anybody else. */
function ownReason<Head extends TreeHead>(start: StartUp<Head>): RecoverReason | null {
  const { head, mark } = start
  if (start.isRestored) return 'restored'
  if (!start.isSamePlace) return 'moved'
  if (start.isTreeDamaged) return 'tree-damaged'
  if (mark.kind !== 'note') return null
  if (head === null || head.size < mark.head.size) return 'rolled-back'
  return contradicts(start, mark.head) ? 'other-history' : null
}

/** A head that is no beginning of the own tree. Nothing is known of one that is larger. */
function contradicts<Head extends TreeHead>({ head, rootAt }: StartUp<Head>, other: Head | null): boolean {
  if (head === null || other === null || other.size > head.size) return false
  return !equalBytes(other.size === head.size ? head.root : rootAt(other.size), other.root)
}

/**
 * Without a mark nobody knows whether a note left this node that nobody cosigned yet, so it cannot go on here; but it
 * waits for others first, who may hold what it lost.
 */
function withoutMark<Head extends TreeHead>(start: StartUp<Head>): StartUpDecision<Head> {
  if (start.mark.kind === 'note') return { kind: 'sign' }
  const why = start.mark.kind === 'missing' ? 'mark-missing' : 'mark-damaged'
  const missing = answersNeeded(start) - start.answers.length
  return missing > 0 ? { kind: 'pending', why, missing } : { kind: 'recover', why, answers: [] }
}

function byLargest<Head extends TreeHead>(answers: readonly SiteAnswer<Head>[]): SiteAnswer<Head>[] {
  return answers.toSorted((a, b) => (b.head?.size ?? 0) - (a.head?.size ?? 0))
}
