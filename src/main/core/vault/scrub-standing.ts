/**
 * Rows that say how a log stands: cosignatures, the memory of the site's mirror, and fork proofs, against the keys of the
 * rosters and the tree that is proven here.
 *
 * @remarks
 * Own cosignatures and the memory are looked at before the mirror signs anything after a start, too: it would give a
 * missing line anew, and nobody would learn that it was gone. Nothing here makes the mirror sign less than it would
 * otherwise ask for: a line is given anew only by `Cosigning`, for the head that the keystore marks. Proven by
 * `tests/main/core/vault/scrub-standing.test.ts` and `tests/faults/repair.test.ts`.
 *
 * @packageDocumentation
 */
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { mirrorNameOf } from '../../../ledger/roster.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { cosignatureBytes, evidenceBytes, mirrorBytes } from '../../store/damaged-bytes.ts'
import type { CosignatureRow, EvidenceRow, MirrorRow, Store } from '../../store/store.ts'
import { logKeyAt } from './cosignatures.ts'
import { type Head, type LogReplica, openNote, ownLineOnly, unlessDamaged } from './log-replica.ts'
import type { Budget } from './scrub-budget.ts'
import type { Damage } from './scrub-damage.ts'

/** What the rows are checked with; `Standing` is one. */
export interface StandingCheck {
  /** Id of the own site. */
  readonly site: string
  /** Whether this node holds the site's mirror key, so that the memory is its own. */
  readonly isMirror: boolean
  /** Whether a row is a line of the cosigner that it names, over the tree held here. */
  isVote(log: LogReplica, row: CosignatureRow): boolean
  /** Largest size of which a line of the own site is known to be stored; 0 when there is none. */
  ownSize(log: LogReplica): number
  /** Learns again which lines are stored. */
  recount(log: LogReplica): void
  /** Cosigns the head now, if the mirror may. */
  cosignNow(log: LogReplica): void
  /** False when the entry that the memory says is forbidden is not, or for another reason. */
  isRefusal(log: LogReplica, refused: { readonly index: number; readonly code: string }): boolean
  /** The proof in a text that convicts somebody, as it is kept; else null. */
  proofIn(text: string): Omit<EvidenceRow, 'receivedAtMs'> | null
  /** The log signed a checkpoint of another tree. */
  contradicted(log: LogReplica, note: string): void
}

/** What a scrub of these rows works with. */
export interface StandingScrubParts {
  readonly store: Store
  readonly check: StandingCheck
  readonly damage: Damage
  readonly nowMs: () => number
}

/** Rows looked at in one go, each a signature: none of them may change meanwhile. */
const PAGE = 16
/** About as long as a line is. */
const ROW_BYTES = 200

/** Moves lines that are none to quarantine. */
export async function scrubCosignatures(parts: StandingScrubParts, log: LogReplica, budget: Budget): Promise<void> {
  const { store, check, damage, nowMs } = parts
  for (let after: CosignatureRow | null = null; ;) {
    const place: CosignatureRow | null = after
    const rows: CosignatureRow[] = unlessDamaged(() => store.cosignaturesAfter(log.origin, place, PAGE)) ?? []
    for (const row of rows) {
      if (isCosignature(check, log, row)) continue
      const reason = 'no cosigner signed that for a block of this log'
      const { origin } = log
      damage.removing({ kind: 'cosignature', origin, index: row.size, bytes: cosignatureBytes(row), reason }, () => {
        store.removeCosignature(origin, row, { reason, foundAtMs: nowMs() })
      })
    }
    after = rows.at(-1) ?? null
    if (after === null) break
    const rest = budget.used(rows.length * ROW_BYTES)
    if (rest !== null) await rest
  }
  check.recount(log)
}

/** The writer may have appended since the row was read, but what it said of the tree then is still so. */
function isCosignature(check: StandingCheck, log: LogReplica, row: CosignatureRow): boolean {
  return row.size >= 1 && row.size <= log.head.size && !isInsideBlock(log, row.size) && check.isVote(log, row)
}

/** True when the tree says for certain that no block ends at `size`. */
function isInsideBlock(log: LogReplica, size: number): boolean {
  try {
    const bytes = log.provenBytes(size - 1)
    return bytes instanceof Uint8Array && decodeEntry(bytes).body.type !== 'seal'
  } catch (error) {
    if (error instanceof LedgerError) return false
    throw error
  }
}

/** Puts the memory of the mirror right, and gives a line anew that it knows of. Nothing may happen in between. */
export function scrubMirror(parts: StandingScrubParts, log: LogReplica): void {
  if (!parts.check.isMirror) return
  scrubMemory(parts, log)
  scrubOwnLine(parts, log)
}

function scrubMemory({ store, check, damage }: StandingScrubParts, log: LogReplica): void {
  const { origin } = log
  const row = unlessDamaged(() => store.mirror(origin))
  const size = check.ownSize(log)
  const reason = problemOf(check, log, row, size)
  if (reason === null) return
  damage.foundNow({ kind: 'mirror', origin, index: 0, bytes: row === null ? null : mirrorBytes(row), reason }, () => {
    const mirrored = size === 0 ? null : noteAt(store, log, size)
    if (size > 0 && mirrored === null) return false
    const pending = noteAt(store, log, log.head.size)
    return store.repairMirror(origin, row, { pending, stored: log.head.size, mirrored, refused: null })
  })
}

/** What is wrong with the memory, when the newest own line here is of `size`; null when nothing is. */
function problemOf(check: StandingCheck, log: LogReplica, row: MirrorRow | null, size: number): string | null {
  if (row === null) return size === 0 ? null : 'the memory of what was cosigned is missing'
  const [pending, mirrored] = [row.pending, row.mirrored].map((note) => (note === null ? null : signedHead(log, note)))
  if (pending === undefined || mirrored === undefined) return 'the log did not sign what it remembers'
  for (const head of [pending, mirrored])
    if (head !== null && isOtherTree(log, head)) return contradiction(check, log, head)
  const [pendingSize, mirroredSize] = [pending?.size ?? 0, mirrored?.size ?? 0]
  if (mirroredSize > pendingSize || row.stored !== pendingSize) return 'it does not fit itself'
  if (mirroredSize < size) return 'it is older than what was cosigned'
  const { refused } = row
  return refused === null || check.isRefusal(log, refused) ? null : 'it refuses what is not forbidden'
}

/** The log did sign it: that is no damage, and the memory of it must stay. */
function contradiction(check: StandingCheck, log: LogReplica, { note }: Head): null {
  check.contradicted(log, note)
  return null
}

/** What is larger than the head cannot be compared. */
function isOtherTree(log: LogReplica, { size, root }: Head): boolean {
  return size <= log.head.size && !equalBytes(log.trusted.tree.rootAt(size), root)
}

/** A note that the log signed, or undefined. */
function signedHead(log: LogReplica, note: string): Head | undefined {
  const size = Number(note.split('\n')[1])
  if (!Number.isSafeInteger(size) || size < 1) return undefined
  return openNote(log.origin, logKeyAt(log, size).publicKey, note) ?? undefined
}

/** The checkpoint of `size` with the log's own line alone, or null. */
function noteAt(store: Store, log: LogReplica, size: number): string | null {
  const row =
    size === log.head.size ? log.head : unlessDamaged(() => store.checkpointCoveringIndex(log.origin, size - 1))
  const head = row === null ? undefined : signedHead(log, row.note)
  if (head?.size !== size || isOtherTree(log, head)) return null
  return ownLineOnly(head.note, logKeyAt(log, size))
}

function scrubOwnLine({ store, check, damage }: StandingScrubParts, log: LogReplica): void {
  const { origin } = log
  const note = unlessDamaged(() => store.mirror(origin))?.mirrored ?? null
  const size = (note === null ? undefined : signedHead(log, note))?.size ?? 0
  if (size <= check.ownSize(log) || size > log.head.size) return
  const name = mirrorNameOf(check.site)
  const stored = unlessDamaged(() => store.cosignaturesAt(origin, size))?.find((row) => row.name === name)
  const bytes = stored === undefined ? null : cosignatureBytes(stored)
  const place = { kind: 'cosignature', origin, index: size } as const
  damage.foundNow({ ...place, bytes, reason: 'what this site cosigned is not here' }, () => {
    check.cosignNow(log)
    if (check.ownSize(log) < size) return false
    store.settleDamage({ ...place, level: 0, subject: null })
    return true
  })
}

/** Moves texts that prove nothing to quarantine, and sets right under which name one stands. */
export function scrubEvidence({ store, check, damage, nowMs }: StandingScrubParts, listedUnder: string): void {
  for (const row of unlessDamaged(() => store.evidence()) ?? []) {
    const proof = check.proofIn(row.text)
    const isSame = proof?.origin === row.origin && proof.text === row.text && equalBytes(proof.id, row.id)
    if (isSame) continue
    const reason = proof === null ? 'it proves nothing' : 'it stands under another name'
    const found = { kind: 'evidence', origin: listedUnder, index: 0, bytes: evidenceBytes(row), reason } as const
    damage.removing(found, () => {
      store.removeEvidence(listedUnder, row, { reason, foundAtMs: nowMs() })
      if (proof !== null) store.putEvidence({ ...proof, receivedAtMs: row.receivedAtMs })
    })
  }
}
