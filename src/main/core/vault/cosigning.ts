/**
 * The site's mirror: cosigns what this node holds and found valid.
 *
 * @remarks
 * A head is cosigned once it is durable, marked in the keystore, consistent with the head cosigned before, and every
 * entry up to it was evaluated. The memory of the mirror and the line become durable in one transaction, by
 * compare-and-swap, before the line is shown to anyone. Heads that come fast share one cosignature: only the newest is
 * signed. Proven by `tests/main/core/vault/cosigning.test.ts`.
 *
 * @packageDocumentation
 */
import { openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { cosign, type CosignerKey } from '../../../ledger/cosignature.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { Voter } from '../../../ledger/finality.ts'
import { keyOf } from '../../../ledger/log-finality.ts'
import { advance, type ContractEvaluator, emptyMirror, type MirrorState, offerHead } from '../../../ledger/mirror.ts'
import { formatSignature, parseNote } from '../../../ledger/note.ts'
import { mirrorNameOf } from '../../../ledger/roster.ts'
import type { SignatureVerifier } from '../../../ledger/signatures.ts'
import type { WitnessedHead } from '../../../ledger/witness.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { CosignatureRow, MirrorRow, Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { type CosignedLog, type Cosignatures, logKeyAt } from './cosignatures.ts'
import { isSameMemory, mirrorRowOf, mirrorStateOf } from './mirror-rows.ts'

/** What a node's cosigning is made of. */
export interface CosigningParts {
  readonly store: Pick<Store, 'mirror' | 'replaceMirror'>
  readonly cosignatures: Cosignatures
  /** Id of the own site. */
  readonly site: string
  /** The site's mirror key. */
  readonly mirror: { readonly publicKey: Uint8Array; sign(message: Uint8Array): Uint8Array }
  readonly verifier: SignatureVerifier
  /** Whole seconds since 1970. */
  readonly nowS: () => number
  /** True for the logs of this node: only about them the keystore has a mark. */
  readonly isOwn: (origin: string) => boolean
  /** The newest note that the keystore knows a log of this node to have signed; null when it knows none. */
  readonly mark: (origin: string) => string | null
  readonly evaluate: ContractEvaluator
  /** True for a log about which a fork proof is known. */
  readonly isContested: (origin: string) => boolean
  /** Runs something soon, after whoever waits now was answered. */
  readonly later: (run: () => void) => void
  /** Told of a head that the log signed and that does not fit the log held here. */
  readonly conflict: (log: CosignedLog, note: string) => void
  /** Told when a cosignature could not be stored. */
  readonly failed: (error: unknown) => void
}

/** A cosignature that is to be stored. */
export interface CosignedLine {
  readonly row: CosignatureRow
  /** To be called when it is. */
  stored(): void
}

/** Cosigns the newest heads. */
export class Cosigning {
  readonly #parts: CosigningParts
  readonly #waiting = new Map<string, CosignedLog>()
  #scheduled = false

  constructor(parts: CosigningParts) {
    this.#parts = parts
  }

  /** Says that `log` has grown, or was opened: its head is cosigned soon. */
  follow(log: CosignedLog): void {
    this.#waiting.set(log.origin, log)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#parts.later(() => {
      this.flush()
    })
  }

  /** Goes on with a head of which a part was evaluated: nobody else's block could share its cosignature. */
  goOn(log: CosignedLog): void {
    this.#waiting.set(log.origin, log)
    this.flush()
  }

  /** Cosigns what waits, now. */
  flush(): void {
    this.#scheduled = false
    const logs = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const log of logs) {
      try {
        this.#cosign(log)
      } catch (error) {
        this.#parts.failed(error)
      }
    }
  }

  #cosign(log: CosignedLog): void {
    const { head, origin } = log
    const voter = this.#ownVote(log)
    if (voter === null || this.#parts.isContested(origin) || !this.#isMarked(log)) return
    if ((this.#parts.cosignatures.sizes(origin).get(keyOf(voter)) ?? 0) >= head.size) return
    const row = this.#parts.store.mirror(origin)
    const state = this.#stateOf(log, row)
    const next = state === null ? null : this.#judge(log, state)
    if (next === null) return
    const line = next.mirrored === next.pending ? this.#sign(head.text, voter.key) : null
    // A part of a long log was evaluated, and nothing is new to remember.
    if (line === null && isSameMemory(row, mirrorRowOf(next))) return
    const lines = line === null ? [] : [{ size: head.size, name: voter.key.name, line }]
    const isStored = this.#parts.store.replaceMirror(origin, row, mirrorRowOf(next), lines)
    if (isStored && line !== null) this.#parts.cosignatures.learn(origin, head.size, [voter])
  }

  /**
   * A line of this site under a head of another node's log, whose every entry was judged; null where this site has no
   * vote, or the log is contested. It counts once it was stored.
   */
  lineUnder(log: CosignedLog, { size, note }: WitnessedHead): CosignedLine | null {
    const voter = this.#ownVote(log)
    if (voter === null || this.#parts.isContested(log.origin)) return null
    const row = { size, name: voter.key.name, line: this.#sign(parseNote(note).text, voter.key) }
    return {
      row,
      stored: () => {
        this.#parts.cosignatures.learn(log.origin, size, [voter])
      },
    }
  }

  #sign(text: string, key: CosignerKey): string {
    const { mirror, nowS } = this.#parts
    return formatSignature(cosign(text, key, nowS(), (message) => mirror.sign(message)))
  }

  /** The vote of this site, when the newest roster gives it to the key that is here. */
  #ownVote(log: CosignedLog): Voter | null {
    const { mirror, site, cosignatures } = this.#parts
    const voters = cosignatures.epochs(log).at(-1)?.electorate.voters ?? []
    const voter = voters.find((other) => other.site === site && other.key.name === mirrorNameOf(site))
    return voter !== undefined && equalBytes(voter.key.publicKey, mirror.publicKey) ? voter : null
  }

  /** True when the keystore knows the head as the newest that was signed: no crash can take it back any more. */
  #isMarked({ origin, head }: CosignedLog): boolean {
    return !this.#parts.isOwn(origin) || this.#parts.mark(origin) === head.note
  }

  /** The memory after the head was judged, or null when nothing is to be stored. */
  #judge(log: CosignedLog, state: MirrorState): MirrorState | null {
    const { head, origin } = log
    const { verifier, evaluate, conflict } = this.#parts
    const oldSize = state.pending?.size ?? 0
    if (oldSize > head.size) {
      // The log signed more than what is held here: somebody put the database back.
      conflict(log, state.pending?.note ?? '')
      return null
    }
    const proof = oldSize === 0 ? [] : log.trusted.tree.proveConsistency(oldSize, head.size)
    const rules = { hasher: h, verifier, logKeys: () => [logKeyAt(log, head.size)] }
    const checkpoint = { origin, size: head.size, root: head.root, text: head.text }
    const verdict = offerHead(rules, state, { oldSize, proof, note: head.note, checkpoint })
    if (verdict.status === 200) return advance({ ...verdict.next, stored: head.size }, evaluate).next
    if (verdict.status !== 422 || verdict.suspicion === null)
      throw new LedgerError('ROOT_MISMATCH', `the own mirror answered ${verdict.status}`)
    conflict(log, verdict.suspicion.kept)
    return null
  }

  /**
   * What the mirror remembers. Its row is as untrusted as all others: a memory that the log did not sign is none. For a
   * log of this node the keystore's mark stands in for it; a mirror that lost its memory of another's log must not go on.
   */
  #stateOf(log: CosignedLog, row: MirrorRow | null): MirrorState | null {
    try {
      return mirrorStateOf(log.origin, row, (note) => this.#remembered(log, note))
    } catch (error) {
      if (error instanceof LedgerError && this.#parts.isOwn(log.origin)) return emptyMirror(log.origin)
      throw error
    }
  }

  #remembered(log: CosignedLog, note: string): WitnessedHead {
    const claimed = parseCheckpoint(parseNote(note).text).size
    const { origin, size, root } = openCheckpoint(note, logKeyAt(log, claimed), this.#parts.verifier)
    return { origin, size, root, note }
  }
}
