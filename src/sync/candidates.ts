/**
 * Heads of one log that were shown and are not accepted yet.
 *
 * @remarks
 * At most two are kept, however many are shown: the largest, and a short one, which lacks the signature of this site
 * alone and is followed first. So a node that was away follows a log in two steps, and gives at most two cosignatures
 * (`catchUp` of `ledger/finality.ts` chooses which). Proven by `tests/sync/candidates.test.ts`.
 *
 * @packageDocumentation
 */
import type { SignedHead } from './ports.ts'
import type { Session } from './session.ts'

/** A head, and who can prove it. */
export interface Candidate {
  readonly head: SignedHead
  /** Who showed it. They have its tree, or say so. */
  readonly sources: Set<Session>
  /** A proof that came with it, and where that starts. Untrusted. */
  proof: { readonly oldSize: number; readonly hashes: readonly Uint8Array[]; readonly by: Session } | null
}

/** The candidates of one log. */
export class Candidates {
  #short: Candidate | null = null
  #newest: Candidate | null = null

  /** The next one to follow. */
  get next(): Candidate | null {
    return this.#short ?? this.#newest
  }

  /** Size of the largest; 0 for none. */
  get size(): number {
    return Math.max(0, ...this.#all().map(({ head }) => head.size))
  }

  /**
   * Takes a head.
   *
   * @param head - With a signature that was checked.
   * @param source - Who showed it.
   * @param above - Size that is pending: nothing smaller is a candidate.
   * @param isShort - True when it is to be followed before larger ones.
   * @returns The candidate, or null when it is not kept.
   */
  add(head: SignedHead, source: Session, above: number, isShort: boolean): Candidate | null {
    this.dropTo(above)
    if (head.size <= above) return null
    const same = this.#all().find((other) => textOf(other.head.note) === textOf(head.note))
    if (same !== undefined) {
      same.sources.add(source)
      return same
    }
    const isFree = isShort ? this.#short === null : head.size > (this.#newest?.head.size ?? 0)
    if (!isFree) return null
    const candidate: Candidate = { head, sources: new Set([source]), proof: null }
    if (isShort) this.#short = candidate
    else this.#newest = candidate
    return candidate
  }

  /** Gives up a candidate. */
  drop(candidate: Candidate): void {
    this.#keep((other) => other !== candidate)
  }

  /** Drops what is not larger than `size`. */
  dropTo(size: number): void {
    this.#keep(({ head }) => head.size > size)
  }

  /** A peer is gone: it proves nothing any more. */
  left(session: Session): void {
    for (const candidate of this.#all()) {
      candidate.sources.delete(session)
      if (candidate.proof?.by === session) candidate.proof = null
    }
    this.#keep(({ sources }) => sources.size > 0)
  }

  #all(): Candidate[] {
    return [this.#short, this.#newest].filter((candidate) => candidate !== null)
  }

  #keep(isKept: (candidate: Candidate) => boolean): void {
    if (this.#short !== null && !isKept(this.#short)) this.#short = null
    if (this.#newest !== null && !isKept(this.#newest)) this.#newest = null
  }
}

/** The signed text of a note, with the blank line after it. */
function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 2)
}
