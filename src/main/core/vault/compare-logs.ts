/**
 * Compares what another replica says of our logs with what is proven here: cosignatures are taken over, and a checkpoint
 * that a log signed and that does not fit makes a fork proof.
 *
 * @remarks
 * Checkpoints are read from the newest down to the first that fits: a tree that agrees at some size agrees at every
 * smaller one. Of those that do not fit the smallest says most. Nothing of the other replica is trusted. Proven by
 * `tests/main/core/vault/compare-logs.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeCheckpoint, openCheckpoint } from '../../../ledger/checkpoint.ts'
import type { ConvictedFork } from '../../../ledger/convict.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { formatNote, parseNote, parseSignature } from '../../../ledger/note.ts'
import type { SignatureVerifier } from '../../../ledger/signatures.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { CheckpointRow, CosignatureRow } from '../../store/store.ts'
import { type CosignedLog, type Cosignatures, logKeyAt } from './cosignatures.ts'
import type { EvidenceLocker } from './evidence-locker.ts'

/** Another replica; `RepairSource` is one, and so is our own database. */
export interface OtherReplica {
  /** At most `limit` checkpoints, newest first, with `block < before` when that is given. */
  checkpoints(
    origin: string,
    before: number | null,
    limit: number,
  ): readonly CheckpointRow[] | Promise<readonly CheckpointRow[]>
  /** At most `limit` cosignatures under checkpoints larger than `above`, largest first. */
  cosignatures(
    origin: string,
    above: number,
    limit: number,
  ): readonly CosignatureRow[] | Promise<readonly CosignatureRow[]>
}

/** What a comparison works with. */
export interface CompareParts {
  readonly verifier: SignatureVerifier
  readonly cosignatures: Pick<Cosignatures, 'add'>
  readonly locker: Pick<EvidenceLocker, 'report'>
}

/** Checkpoints read at a time. */
const PAGE = 64
/** Most pages: more checkpoints than this that do not fit are somebody's invention. */
const MAX_PAGES = 256
/** Newest cosignatures taken over: a site's newest says everything about what came before. */
const MAX_COSIGNATURES = 128

/**
 * Compares one log.
 *
 * @param log - Proven here.
 * @param other - Untrusted.
 * @returns The fork proofs that were kept.
 */
export async function compareLog(
  log: CosignedLog,
  other: OtherReplica,
  { verifier, cosignatures, locker }: CompareParts,
): Promise<ConvictedFork[]> {
  for (const row of await other.cosignatures(log.origin, 0, MAX_COSIGNATURES)) takeOver(log, row, cosignatures)
  const misfit = await smallestMisfit(log, other, verifier)
  return misfit === null ? [] : locker.report(log, misfit)
}

/** Offers a line under the checkpoint that our own tree has at its size. */
function takeOver(log: CosignedLog, { size, line }: CosignatureRow, cosignatures: CompareParts['cosignatures']): void {
  if (!Number.isSafeInteger(size) || size < 1 || size > log.head.size) return
  try {
    const text = encodeCheckpoint({ origin: log.origin, size, root: log.trusted.tree.rootAt(size) })
    cosignatures.add(log, formatNote(text, [parseSignature(line.trimEnd())]))
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
  }
}

/** The note of the smallest checkpoint that the log signed and that is not of our tree; null when there is none. */
async function smallestMisfit(log: CosignedLog, other: OtherReplica, v: SignatureVerifier): Promise<string | null> {
  let misfit: string | null = null
  let before: number | null = null
  for (let page = 0; page < MAX_PAGES; page++) {
    const rows: readonly CheckpointRow[] = await other.checkpoints(log.origin, before, PAGE)
    for (const { note } of rows) {
      const fits = fitOf(log, note, v)
      if (fits === true) return misfit
      if (fits === false) misfit = note
    }
    before = rows.at(-1)?.block ?? null
    if (before === null) break
  }
  return misfit
}

/** True or false for a checkpoint that the log signed and that can be compared; null for any other. */
function fitOf(log: CosignedLog, note: string, v: SignatureVerifier): boolean | null {
  try {
    const size = Number(parseNote(note).text.split('\n')[1])
    if (!(size > 0 && size <= log.head.size)) return null
    const head = openCheckpoint(note, logKeyAt(log, size), v)
    return equalBytes(log.trusted.tree.rootAt(head.size), head.root)
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}
