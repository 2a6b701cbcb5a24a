/**
 * Fork proofs: finds them, keeps them, and says which logs they contest.
 *
 * @remarks
 * The table is as untrusted as all others: a proof counts after it was checked again, and the first about each log is
 * kept beside the keystore too, so that deleting rows thaws nothing. Proven by
 * `tests/main/core/vault/evidence-locker.test.ts`.
 *
 * @packageDocumentation
 */
import { parseCheckpoint } from '../../../ledger/checkpoint.ts'
import {
  type AllSuspects,
  contestOf,
  contestsLog,
  convict,
  type ConvictedFork,
  isWorthKeeping,
} from '../../../ledger/convict.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { type ForkedTree, proveFork } from '../../../ledger/evidence.ts'
import { utf8 } from '../../../ledger/hash.ts'
import type { Contest } from '../../../ledger/log-finality.ts'
import { parseNote } from '../../../ledger/note.ts'
import type { SignatureVerifier } from '../../../ledger/signatures.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { EvidenceRow, Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { CosignedLog, Cosignatures } from './cosignatures.ts'

/** What evidence is kept with. */
export interface EvidenceParts {
  readonly store: Pick<Store, 'evidence' | 'putEvidence'>
  readonly cosignatures: Pick<Cosignatures, 'sizes' | 'withVotes'>
  readonly verifier: SignatureVerifier
  readonly nowMs: () => number
  /** Every key that ever counted for a log; null for a log that is not known. */
  readonly suspects: (origin: string) => AllSuspects | null
  /** Texts kept beside the keystore. */
  readonly copies: readonly string[]
  /** Keeps texts beside the keystore. */
  readonly saveCopies: (texts: readonly string[]) => void
  /** Told when something about a log was proven. */
  readonly changed: (origin: string) => void
}

/** A fork proof that is kept. */
export interface Evidence extends ConvictedFork {
  /** SHA-256 of the text, in hex. */
  readonly id: string
  readonly receivedAtMs: number
}

/**
 * Proofs kept about one log that contest it, and as many that say only that cosigners signed what the log did not. One is
 * enough; more say who else, and from where on.
 */
const MAX_PROOFS = 32

/** The fork proofs of a replica. */
export class EvidenceLocker {
  readonly #parts: EvidenceParts
  readonly #byLog = new Map<string, Evidence[]>()
  readonly #copied = new Map<string, string>()

  constructor(parts: EvidenceParts) {
    this.#parts = parts
  }

  /** Reads what is kept. Call once, when the keys of all logs are known. */
  load(): void {
    for (const { text, receivedAtMs } of this.#parts.store.evidence()) this.#take(text, receivedAtMs)
    for (const text of this.#parts.copies) this.#restore(text)
    this.#copy()
  }

  /** What is known about a log; null when nothing contests it. */
  contest(origin: string): Contest | null {
    return contestOf(this.#of(origin))
  }

  isContested(origin: string): boolean {
    return this.#of(origin).some(contestsLog)
  }

  /** The proof in a text as it would be kept, or null. `text` is untrusted. */
  proofIn(text: string): Omit<EvidenceRow, 'receivedAtMs'> | null {
    const proof = this.#convictIfAny(text)
    return proof === null ? null : { id: idOf(proof.text), origin: proof.origin, text: proof.text }
  }

  /** All proofs, oldest first within each log. */
  list(): Evidence[] {
    return [...this.#byLog.values()].flat()
  }

  /**
   * Takes a fork proof from anywhere.
   *
   * @param text - Untrusted.
   * @returns The proof, and whether it added anything.
   * @throws {@link LedgerError} `NOT_A_FORK`, `BAD_NOTE` or `BAD_CHECKPOINT`: it convicts nobody whom this replica knows.
   */
  add(text: string): { proof: ConvictedFork; isNew: boolean } {
    const proof = this.#convict(text)
    return { proof, isNew: this.#keep(proof) }
  }

  /**
   * Says that a checkpoint does not fit a log held here. Where both together make a proof, it is kept.
   *
   * @param log - That the note names.
   * @param note - Untrusted.
   * @param theirs - The tree behind the note, when it can be asked; needed where the note is of a larger tree.
   * @returns The proofs that were kept.
   */
  report(log: CosignedLog, note: string, theirs: ForkedTree | null = null): ConvictedFork[] {
    return this.#ownNotes(log).flatMap((own) => {
      try {
        const isOlder = sizeOf(note) <= sizeOf(own)
        const tree = isOlder ? log.trusted.tree : theirs
        if (tree === null) return []
        const proof = this.#convict(proveFork(own, note, tree))
        return this.#keep(proof) ? [proof] : []
      } catch (error) {
        if (error instanceof LedgerError) return []
        throw error
      }
    })
  }

  /** The newest head with its votes, and for each cosigner the newest that it cosigned. */
  #ownNotes(log: CosignedLog): string[] {
    const sizes = new Set([log.head.size, ...this.#parts.cosignatures.sizes(log.origin).values()])
    return [...sizes].flatMap((size) => this.#parts.cosignatures.withVotes(log, size)?.note ?? [])
  }

  #convict(document: Parameters<typeof convict>[2]): ConvictedFork {
    return convict(h, this.#parts.verifier, document, this.#parts.suspects)
  }

  #keep(proof: ConvictedFork): boolean {
    const known = this.#of(proof.origin)
    const alike = alikeOf(known, proof)
    if (alike.length >= MAX_PROOFS || (alike.length > 0 && !isWorthKeeping(proof, alike))) return false
    const receivedAtMs = this.#parts.nowMs()
    const id = idOf(proof.text)
    this.#parts.store.putEvidence({ id, origin: proof.origin, text: proof.text, receivedAtMs })
    this.#byLog.set(proof.origin, [...known, { ...proof, id: toHex(id), receivedAtMs }])
    this.#copy()
    this.#parts.changed(proof.origin)
    return true
  }

  /** Counts a proof that is stored already, if it is one that is not counted yet. */
  #take(text: string, receivedAtMs: number): ConvictedFork | null {
    const proof = this.#convictIfAny(text)
    if (proof === null) return null
    const known = this.#of(proof.origin)
    const id = toHex(idOf(proof.text))
    if (alikeOf(known, proof).length >= MAX_PROOFS || known.some((other) => other.id === id)) return null
    this.#byLog.set(proof.origin, [...known, { ...proof, id, receivedAtMs }])
    return proof
  }

  /** A copy whose row is gone gets it back. */
  #restore(copy: string): void {
    const proof = this.#convictIfAny(copy)
    if (proof === null) return
    const { origin, text } = proof
    this.#copied.set(origin, text)
    const receivedAtMs = this.#parts.nowMs()
    if (this.#take(text, receivedAtMs) !== null)
      this.#parts.store.putEvidence({ id: idOf(text), origin, text, receivedAtMs })
  }

  /** Keeps the first proof that contests each log where the database does not reach. */
  #copy(): void {
    const firsts = [...this.#byLog.values()].flatMap((proofs) => proofs.filter(contestsLog).slice(0, 1))
    const missing = firsts.filter(({ origin }) => !this.#copied.has(origin))
    if (missing.length === 0) return
    for (const { origin, text } of missing) this.#copied.set(origin, text)
    this.#parts.saveCopies([...this.#copied.values()])
  }

  #convictIfAny(text: string): ConvictedFork | null {
    try {
      return this.#convict(text)
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  #of(origin: string): readonly Evidence[] {
    return this.#byLog.get(origin) ?? []
  }
}

/** Proofs of the same kind: what lying cosigners make up takes no place from what the log did. */
function alikeOf<Proof extends ConvictedFork>(known: readonly Proof[], proof: ConvictedFork): Proof[] {
  return known.filter((other) => contestsLog(other) === contestsLog(proof))
}

function idOf(text: string): Uint8Array {
  return h.sha256(utf8(text))
}

function sizeOf(note: string): number {
  return parseCheckpoint(parseNote(note).text).size
}
