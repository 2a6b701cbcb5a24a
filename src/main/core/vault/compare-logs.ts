/**
 * Compares what another replica says of our logs with what is proven here: cosignatures are taken over, and a checkpoint
 * that a log signed and that does not fit makes a fork proof.
 *
 * @remarks
 * Checkpoints are read from the newest down to the first that fits: a tree that agrees at some size agrees at every
 * smaller one. Of those that do not fit the smallest says most about the log, and cosigned ones convict cosigners. Nothing of the other replica is trusted. Proven by
 * `tests/main/core/vault/compare-logs.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeCheckpoint, openCheckpoint } from '../../../ledger/checkpoint.ts'
import type { ConvictedFork } from '../../../ledger/convict.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { formatNote, MAX_NOTE_SIGNATURES, type NoteSignature, parseNote, parseSignature } from '../../../ledger/note.ts'
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
/** Larger heads that do not fit and were cosigned: each convicts cosigners that the others do not, or nobody new. */
const MAX_TELLING = 8

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
  const lines = await other.cosignatures(log.origin, 0, MAX_COSIGNATURES)
  for (const row of lines) takeOver(log, row, cosignatures)
  const misfits = await misfitsOf(log, other, verifier)
  // With the lines that belong to them, so that whoever cosigned both versions is found out as well.
  const cosigned = misfits.map((misfit) => withLines(misfit, lines))
  const [smallest, ...larger] = cosigned.reverse()
  if (smallest === undefined) return []
  const telling = larger.filter(({ count }) => count > 0).slice(0, MAX_TELLING)
  return [smallest, ...telling].flatMap(({ note }) => locker.report(log, note))
}

interface Misfit {
  readonly size: number
  readonly note: string
}

function withLines({ size, note }: Misfit, rows: readonly CosignatureRow[]): { note: string; count: number } {
  const { text, signatures } = parseNote(note)
  const lines = rows.filter((row) => row.size === size).flatMap((row) => lineOf(row) ?? [])
  return { note: formatNote(text, [...signatures, ...lines].slice(0, MAX_NOTE_SIGNATURES)), count: lines.length }
}

function lineOf({ line }: CosignatureRow): NoteSignature | null {
  try {
    return parseSignature(line.trimEnd())
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** Offers a line under the checkpoint that our own tree has at its size. */
function takeOver(log: CosignedLog, row: CosignatureRow, cosignatures: CompareParts['cosignatures']): void {
  const { size } = row
  const line = lineOf(row)
  if (line === null || !Number.isSafeInteger(size) || size < 1 || size > log.head.size) return
  const text = encodeCheckpoint({ origin: log.origin, size, root: log.trusted.tree.rootAt(size) })
  cosignatures.add(log, formatNote(text, [line]))
}

/** Checkpoints that the log signed and that are not of our tree, the smallest last. */
async function misfitsOf(log: CosignedLog, other: OtherReplica, v: SignatureVerifier): Promise<Misfit[]> {
  const misfits: Misfit[] = []
  let before: number | null = null
  for (let page = 0; page < MAX_PAGES; page++) {
    const rows: readonly CheckpointRow[] = await other.checkpoints(log.origin, before, PAGE)
    for (const { note } of rows) {
      const fits = fitOf(log, note, v)
      if (fits === true) return misfits
      if (fits === false) misfits.push({ size: sizeOf(note), note })
    }
    before = rows.at(-1)?.block ?? null
    if (before === null) break
  }
  return misfits
}

function sizeOf(note: string): number {
  return Number(parseNote(note).text.split('\n')[1])
}

/** True or false for a checkpoint that the log signed and that can be compared; null for any other. */
function fitOf(log: CosignedLog, note: string, v: SignatureVerifier): boolean | null {
  try {
    const size = sizeOf(note)
    if (!(size > 0 && size <= log.head.size)) return null
    const head = openCheckpoint(note, logKeyAt(log, size), v)
    return equalBytes(log.trusted.tree.rootAt(head.size), head.root)
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}
