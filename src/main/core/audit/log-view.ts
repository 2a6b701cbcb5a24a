import { type Checkpoint, openCheckpoint } from '../../../ledger/checkpoint.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { ReplicaFile } from '../../store/open-read-only.ts'
import type { CheckpointRow, CosignatureRow, LogRow, StoreReader } from '../../store/store.ts'
import type { TrustedTree } from '../vault/trusted-tree.ts'
import { type AuditFinding, type AuditStep, findingOf } from './finding.ts'

/** Checkpoints per page. */
const PAGE = 256

/** One log under audit: what was read of it, and what is known to be true. */
export class LogView {
  readonly reader: StoreReader
  readonly origin: string
  /** As the log table has it. */
  readonly storedKey: Uint8Array
  /** That the newest checkpoint is opened with: from roster or opening where it fits, and compared with them at the end. */
  key: Uint8Array
  /** The newest checkpoint that the log signed. */
  head: Checkpoint | null = null
  /** Null when tiles and entries do not make the head's tree. */
  trusted: TrustedTree | null = null
  /**
   * A copy of the log of another node, as far as the database tells: it is mirrored, and no index leads to it. Such a copy
   * has every entry and the tree, but only the newest checkpoints, and those records alone that were shared.
   */
  readonly isMirrored: boolean
  readonly #file: ReplicaFile

  constructor(file: ReplicaFile, { origin, logKey }: LogRow) {
    this.#file = file
    this.reader = file.reader
    this.origin = origin
    this.storedKey = logKey
    this.key = logKey
    this.isMirrored = this.read(() => file.reader.mirror(origin) !== null && !file.hasIndex(origin), false)
  }

  finding(index: number | null, step: AuditStep, code: string, detail: string): AuditFinding {
    return { log: this.origin, index, step, code, detail }
  }

  /** A row that SQLite cannot read is like a row that is gone; the check of the file says why. */
  read<Value>(read: () => Value, missing: Value): Value {
    try {
      return read()
    } catch (error) {
      findingOf(error, this.origin, null, 'database')
      return missing
    }
  }

  entry(index: number): Uint8Array | null {
    return this.read(() => this.reader.entry(this.origin, index), null)
  }

  tile(level: number, index: number): Uint8Array | null {
    return this.read(() => this.reader.tile(this.origin, level, index), null)
  }

  /** Newest first. */
  *checkpoints(): Generator<CheckpointRow> {
    let rows = this.#checkpointsBefore(null)
    for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
      yield* rows
      rows = this.#checkpointsBefore(last.block)
    }
  }

  #checkpointsBefore(block: number | null): CheckpointRow[] {
    return this.read(() => this.reader.checkpoints(this.origin, block, PAGE), [])
  }

  /** Whether the index of subjects says the same as an entry. */
  isIndexed(index: number, subject: Uint8Array, seq: number, type: string): boolean {
    return this.read(() => this.#file.hasSubjectEntry(subject, { origin: this.origin, index, seq, type }), false)
  }

  cosignatures(): CosignatureRow[] {
    return this.read(() => this.#file.cosignatures(this.origin), [])
  }

  /**
   * A checkpoint.
   *
   * @param publicKey - Of the log where its seal stands; that of the newest checkpoint when nothing is known.
   * @throws LedgerError when the log did not sign it.
   */
  open(note: string, publicKey: Uint8Array | null): Checkpoint {
    return openCheckpoint(note, { name: this.origin, publicKey: publicKey ?? this.key }, verifier)
  }

  /**
   * The newest checkpoint that opens, under the key known so far or, when a later roster changed it, the stored one: that
   * the rosters up to there list the key is looked at in the end.
   */
  newestHead(): Checkpoint | null {
    const heads = [this.key, this.storedKey].flatMap((key) => {
      const head = this.#newestUnder(key)
      return head === null ? [] : [{ key, head }]
    })
    const [newest] = heads.toSorted((a, b) => b.head.size - a.head.size)
    if (newest === undefined) return null
    this.key = newest.key
    return newest.head
  }

  #newestUnder(key: Uint8Array): Checkpoint | null {
    for (const { note } of this.checkpoints()) {
      try {
        return this.open(note, key)
      } catch (error) {
        // Every row gets its own line later.
        if (!(error instanceof LedgerError)) throw error
      }
    }
    return null
  }

  /** Whether a checkpoint is of the tree behind the head. True while nothing is known of that tree. */
  isRoot({ size, root }: Checkpoint): boolean {
    if (this.head === null || this.trusted === null) return true
    return size <= this.head.size && equalBytes(this.trusted.tree.rootAt(size), root)
  }
}
