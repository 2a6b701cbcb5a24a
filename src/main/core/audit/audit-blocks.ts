/**
 * Seals, checkpoints and cosignatures of a log under audit.
 *
 * @packageDocumentation
 */
import { blockHash, checkSeal } from '../../../ledger/block.ts'
import { encodeCheckpoint } from '../../../ledger/checkpoint.ts'
import { openCosignatures } from '../../../ledger/cosignature.ts'
import { contractAt, type Directory, logKeyOf, rosterAt } from '../../../ledger/directory.ts'
import type { Entry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeSeal } from '../../../ledger/fields.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { formatNote, parseSignature } from '../../../ledger/note.ts'
import { mirrorNameOf } from '../../../ledger/roster.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { CosignatureRow } from '../../store/store.ts'
import type { CheckpointRow } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { type AuditFinding, findingOf } from './finding.ts'
import type { LogView } from './log-view.ts'

type Findings = Generator<AuditFinding, void>

/** The chain of blocks, one seal after the other. */
export class BlockAudit {
  readonly #view: LogView
  /** Tree sizes at which a seal stands. */
  readonly #sealed = new Set<number>()
  #nextBlock = 0
  #nextFirst = 0

  constructor(view: LogView) {
    this.#view = view
  }

  /** Seals seen so far. */
  get count(): number {
    return this.#sealed.size
  }

  /**
   * A seal, and that its checkpoint is there.
   *
   * @param directory - Of the entries before.
   */
  *checkSeal(index: number, entry: Entry, directory: Directory): Findings {
    const seal = decodeSeal(entry.body.fields)
    const [block, firstIndex, size] = [this.#nextBlock, this.#nextFirst, index + 1]
    const expected = {
      block,
      previousBlockHash: block === 0 ? null : (this.#hashOfBlock(firstIndex) ?? seal.previousBlockHash),
      firstIndex,
      count: index - firstIndex,
      rosterVersion: rosterAt(directory, index)?.roster.version ?? seal.rosterVersion,
      contractHash: contractAt(directory, index)?.hash ?? seal.contractHash,
    }
    this.#sealed.add(size)
    this.#nextBlock = seal.block + 1
    this.#nextFirst = size
    try {
      checkSeal(seal, expected)
    } catch (error) {
      yield findingOf(error, this.#view.origin, index, 'checkpoint')
    }
    if (this.#view.isMirrored) return
    const row = this.#view.read(() => this.#view.reader.checkpoint(this.#view.origin, seal.block), null)
    if (row?.size !== size) {
      const detail = `the checkpoint of block ${seal.block} is not in the database`
      yield this.#view.finding(index, 'checkpoint', 'MISSING', detail)
    }
  }

  /** Hash of the block that ends at `size`: its checkpoint's text follows from the tree. */
  #hashOfBlock(size: number): Uint8Array | null {
    const { trusted, origin } = this.#view
    if (trusted === null || size < 1) return null
    return blockHash(h, encodeCheckpoint({ origin, size, root: trusted.tree.rootAt(size) }))
  }

  /**
   * Every checkpoint row, once all seals were seen.
   *
   * @param directory - Of all entries.
   */
  *checkCheckpoints(directory: Directory): Findings {
    for (const row of this.#view.checkpoints()) yield* this.#checkCheckpoint(row, directory)
  }

  *#checkCheckpoint({ block, size, note }: CheckpointRow, directory: Directory): Findings {
    const about = (code: string, why: string) =>
      this.#view.finding(size - 1, 'checkpoint', code, `block ${block}: ${why}`)
    try {
      const checkpoint = this.#view.open(note, keyAt(this.#view, directory, size))
      if (checkpoint.size !== size) yield about('WRONG_SIZE', `the note is of ${checkpoint.size} entries`)
      else if (!this.#view.isRoot(checkpoint)) yield about('ROOT_MISMATCH', 'signed for another tree')
      else if (!this.#sealed.has(size)) yield about('NO_SEAL', 'no seal stands at its end')
    } catch (error) {
      const found = findingOf(error, this.#view.origin, size - 1, 'checkpoint')
      yield { ...found, detail: `block ${block}: ${found.detail}` }
    }
  }
}

/** The key that signs a checkpoint of `size`: the log's where its seal stands. */
function keyAt(view: LogView, directory: Directory, size: number): Uint8Array | null {
  return logKeyOf(directory, splitOrigin(view.origin).log, size - 1)
}

/** Whose key it is that signs the log, says the roster and not the log table. */
export function* checkLogKey(view: LogView, directory: Directory): Findings {
  const listed = keyAt(view, directory, view.head?.size ?? 1)
  if (listed === null || !equalBytes(listed, view.storedKey)) {
    yield view.finding(null, 'checkpoint', 'LOG_KEY', 'the log table has another key than the roster')
  }
  if (listed !== null && !equalBytes(listed, view.key)) {
    yield view.finding(null, 'checkpoint', 'LOG_KEY', 'the checkpoints are under another key than the roster has')
  }
}

/** Each cosignature under the checkpoint it is stored with, by a site of the roster that was in force there. */
export function* checkCosignatures(view: LogView, directory: Directory): Findings {
  for (const row of view.cosignatures()) {
    try {
      checkCosignature(view, directory, row)
    } catch (error) {
      const found = findingOf(error, view.origin, row.size - 1, 'cosignature')
      yield { ...found, step: 'cosignature', detail: `${row.name}: ${found.detail}` }
    }
  }
}

function checkCosignature(view: LogView, directory: Directory, { size, name, line }: CosignatureRow): void {
  const row = view.reader.checkpointCoveringIndex(view.origin, size - 1)
  if (row?.size !== size) throw new LedgerError('NOTE_UNSIGNED', 'there is no checkpoint of that size')
  const sites = rosterAt(directory, size - 1)?.roster.sites ?? []
  const cosigners = sites.map((site) => ({ name: mirrorNameOf(site.id), publicKey: site.mirrorKey }))
  const note = formatNote(view.open(row.note, keyAt(view, directory, size)).text, [parseSignature(line.trimEnd())])
  const { cosignatures } = openCosignatures(note, cosigners, verifier)
  if (cosignatures[0]?.name !== name) throw new LedgerError('NOTE_SIGNATURE', 'the line is of somebody else')
}
