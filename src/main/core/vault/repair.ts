/**
 * Where rows for a repair come from.
 *
 * @remarks
 * Whatever a source gives is untrusted: it is used only after it was found to be what the signed tree, or a proven entry,
 * asks for. Proven by `tests/main/core/vault/scrub.test.ts`.
 *
 * @packageDocumentation
 */
import { realpathSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { TILE_WIDTH } from '../../../ledger/tile-layout.ts'
import { openReadOnly, type ReplicaFile } from '../../store/open-read-only.ts'
import { StoreError } from '../../store/errors.ts'
import type { CheckpointRow, CosignatureRow, StoredEpochKey, StoredPayload, StoreReader } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { unlessDamaged } from './log-replica.ts'

/** Another holder of the same logs: a second replica file, or a peer. Everything it gives is untrusted. */
export interface RepairSource {
  /** Name of the log of the node that it is; null for a file. */
  readonly node: string | null
  /** At most `limit` entries with `index >= from`, ascending. */
  entries(origin: string, from: number, limit: number): Promise<{ index: number; bytes: Uint8Array }[]>
  tile(origin: string, level: number, index: number): Promise<Uint8Array | null>
  payload(origin: string, index: number): Promise<StoredPayload | null>
  /** Keys of a subject. Whoever keeps them beside payloads finds them with that of the entry at `index`. */
  epochKeys(subject: Uint8Array, origin: string, index: number): Promise<StoredEpochKey[]>
  checkpoint(origin: string, block: number): Promise<CheckpointRow | null>
  /** At most `limit` checkpoints, newest first, with `block < before` when that is given. */
  checkpoints(origin: string, before: number | null, limit: number): Promise<CheckpointRow[]>
  /** At most `limit` cosignatures under checkpoints larger than `above`, largest first. */
  cosignatures(origin: string, above: number, limit: number): Promise<CosignatureRow[]>
  close(): Promise<void>
}

/** A second replica, in a file that is only read. */
export class SecondReplicaSource implements RepairSource {
  readonly node = null
  readonly #file: ReplicaFile
  readonly #reader: StoreReader

  /** @param file - Opened by {@link openSecondReplica}. */
  constructor(file: ReplicaFile) {
    this.#file = file
    this.#reader = file.reader
  }

  entries = (origin: string, from: number, limit: number) =>
    this.#read((reader) => reader.entries(origin, from, limit), [])
  tile = (origin: string, level: number, index: number) =>
    this.#read((reader) => reader.tile(origin, level, index), null)
  payload = (origin: string, index: number) => this.#read((reader) => reader.payload(origin, index), null)
  epochKeys = (subject: Uint8Array) => this.#read((reader) => reader.epochKeys(subject), [])
  checkpoint = (origin: string, block: number) => this.#read((reader) => reader.checkpoint(origin, block), null)
  checkpoints = (origin: string, before: number | null, limit: number) =>
    this.#read((reader) => reader.checkpoints(origin, before, limit), [])
  cosignatures = (origin: string, above: number, limit: number) =>
    this.#read((reader) => reader.cosignatures(origin, above, limit), [])

  async close(): Promise<void> {
    await Promise.resolve()
    this.#file.close()
  }

  /** The second replica may be damaged as well: what it cannot read it does not have. */
  #read<Value>(body: (reader: StoreReader) => Value, missing: Value): Promise<Value> {
    return Promise.resolve(unlessDamaged(() => body(this.#reader)) ?? missing)
  }
}

/**
 * Opens a replica file as a source of repairs, without writing to it.
 *
 * @throws ApiFailure as {@link openReplicaFile}.
 */
export function openSecondReplica(file: string, own: string): RepairSource {
  return new SecondReplicaSource(openReplicaFile(file, own))
}

/**
 * Opens another copy of the replica, without writing to it. Its rows are of the types that ours have, and untrusted.
 *
 * @param file - A path that a person gave.
 * @param own - Path of the database that is to be repaired.
 * @throws ApiFailure `BAD_BACKUP` when it is no replica of the present version, or the very file to be repaired.
 */
export function openReplicaFile(file: string, own: string): ReplicaFile {
  // A path on another computer would be opened in the name of this account: only what is on this one.
  if (!isAbsolute(file) || /^[\\/]{2}|\0/.test(file)) throw new ApiFailure('BAD_BACKUP', { detail: 'path' })
  try {
    if (realpathSync(file) === realpathSync(own)) throw new ApiFailure('BAD_BACKUP', { detail: 'same-file' })
    return sound(openReadOnly(file))
  } catch (cause) {
    const isExpected = cause instanceof StoreError || (cause instanceof Error && 'errno' in cause)
    if (isExpected) throw new ApiFailure('BAD_BACKUP', { cause, detail: 'unreadable' })
    throw cause
  }
}

/** With a schema that is not ours, a query could give anything. */
function sound(file: ReplicaFile): ReplicaFile {
  if (file.schemaProblem === null) return file
  file.close()
  throw new ApiFailure('BAD_BACKUP', { detail: 'schema' })
}

/** Entries of a source one by one, fetched a page at a time. */
export class EntryPages {
  readonly #source: RepairSource
  #origin = ''
  #from = 0
  #page = new Map<number, Uint8Array>()

  constructor(source: RepairSource) {
    this.#source = source
  }

  async entry(origin: string, index: number): Promise<Uint8Array | null> {
    const isInside = origin === this.#origin && index >= this.#from && index < this.#from + PAGE
    if (!isInside) {
      // Where packages begin: a peer gives whole ones.
      const first = index - (index % PAGE)
      const rows = await this.#source.entries(origin, first, PAGE)
      this.#origin = origin
      this.#from = first
      this.#page = new Map(rows.map((row) => [row.index, row.bytes]))
    }
    return this.#page.get(index) ?? null
  }
}

/** Entries fetched at a time: a package. */
const PAGE = TILE_WIDTH
