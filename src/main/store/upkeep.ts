/**
 * Repairs of single rows: each sets the damaged row aside, writes what was proven, reads it back, and settles the
 * damage, all in one transaction.
 *
 * @remarks
 * A crash leaves a row damaged and in quarantine, or repaired and settled, so that a repair may be started over as
 * often as one likes. What is proven is for the caller to decide: nothing here knows of trees. Proven by
 * `tests/main/store/upkeep.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../shared/bytes.ts'
import { hashesOnLevel, TILE_WIDTH } from '../../ledger/tile-layout.ts'
import { checkpointBytes, cosignatureBytes, evidenceBytes, payloadBytes } from './damaged-bytes.ts'
import { StoreError } from './errors.ts'
import type {
  CheckpointRow,
  CosignatureRow,
  DamagedKind,
  DamagedPlace,
  DamagedRow,
  DamageSeen,
  EvidenceRow,
  MirrorRow,
  NewEpochKey,
  NewTile,
  StoredPayload,
} from './store.ts'
import type { CosignatureTable } from './tables/cosignatures.ts'
import type { EntryTable } from './tables/entries.ts'
import type { EvidenceTable } from './tables/evidence.ts'
import type { MirrorTable } from './tables/mirror.ts'
import type { PayloadTables } from './tables/payloads.ts'
import type { QuarantineTable } from './tables/quarantine.ts'
import type { TreeTables } from './tables/tree.ts'

/** The tables that repairs touch. */
export interface UpkeepTables {
  readonly entries: EntryTable
  readonly payloads: PayloadTables
  readonly tree: TreeTables
  readonly cosignatures: CosignatureTable
  readonly mirror: MirrorTable
  readonly evidence: EvidenceTable
  readonly quarantine: QuarantineTable
}

/** Levels of tiles that are looked through for rows that the tree does not have. */
const TILE_LEVELS = 8

/** Changes of the repair. Every method runs inside a write transaction, which an error rolls back. */
export class RepairTables {
  readonly #tables: UpkeepTables

  constructor(tables: UpkeepTables) {
    this.#tables = tables
  }

  /** See `StoreWriter.replaceEntry`, as for all below. */
  entry(log: number, index: number, bytes: Uint8Array): void {
    const { entries } = this.#tables
    entries.put(log, index, bytes)
    requireSame(entries.get(log, index), bytes)
    this.#repaired(log, 'entry', index)
  }

  payload(log: number, index: number, payload: StoredPayload): void {
    const { payloads } = this.#tables
    payloads.putPayload(log, index, payload)
    const stored = payloads.payload(log, index)
    requireSame(stored === null ? null : payloadBytes(stored), payloadBytes(payload))
    this.#repaired(log, 'payload', index)
  }

  checkpoint(log: number, row: CheckpointRow): void {
    const { tree } = this.#tables
    tree.putCheckpoint(log, row)
    const stored = tree.checkpoint(log, row.block)
    requireSame(stored === null ? null : checkpointBytes(stored), checkpointBytes(row))
    this.#repaired(log, 'checkpoint', row.block)
  }

  tile(log: number, tile: NewTile): void {
    const { tree, quarantine } = this.#tables
    tree.putTile(log, tile)
    requireSame(tree.tile(log, tile.level, tile.index), tile.bytes)
    quarantine.settle(log, { kind: 'tile', level: tile.level, index: tile.index, subject: null }, 'repaired')
  }

  epochKey(log: number, kind: DamagedKind, key: NewEpochKey): void {
    const { payloads, quarantine } = this.#tables
    payloads.putEpochKey(key)
    const stored = payloads
      .epochKeys(key.subject)
      .find((row) => row.epoch === key.epoch && row.log === key.log && equalBytes(row.recipient, key.recipient))
    requireSame(stored?.sealed ?? null, key.sealed)
    quarantine.settle(log, { kind, level: 0, index: key.epoch, subject: key.subject }, 'repaired')
  }

  /** Moves a row that was made up into quarantine. */
  remove(log: number, row: DamagedRow): void {
    const { entries, payloads, tree, quarantine } = this.#tables
    quarantine.insert(log, row, 'removed')
    quarantine.settle(log, row, 'removed')
    if (row.kind === 'entry') entries.delete(log, row.index)
    else if (row.kind === 'payload') payloads.deletePayload(log, row.index)
    else if (row.kind === 'checkpoint') tree.deleteCheckpoint(log, row.index)
    else if (row.kind === 'tile') tree.deleteTile(log, row.level, row.index)
  }

  cosignature(log: number, origin: string, row: CosignatureRow, seen: DamageSeen): void {
    const { cosignatures, quarantine } = this.#tables
    const place = { kind: 'cosignature', origin, level: 0, index: row.size, subject: null } as const
    quarantine.insert(log, { ...place, ...seen, bytes: cosignatureBytes(row) }, 'removed')
    cosignatures.delete(log, row)
  }

  evidence(log: number, origin: string, row: EvidenceRow, seen: DamageSeen): void {
    const { evidence, quarantine } = this.#tables
    const place = { kind: 'evidence', origin, level: 0, index: 0, subject: null } as const
    quarantine.insert(log, { ...place, ...seen, bytes: evidenceBytes(row) }, 'removed')
    evidence.delete(row.id)
  }

  mirror(log: number, origin: string, expected: MirrorRow | null, next: MirrorRow): boolean {
    if (!this.#tables.mirror.replace(origin, expected, next)) return false
    this.#repaired(log, 'mirror', 0)
    return true
  }

  /** Removes what claims to stand beyond a head, at most `limit` rows of each table. Replies with how many. */
  beyond(log: number, origin: string, size: number, foundAtMs: number, limit: number): number {
    const { cosignatures } = this.#tables
    const row = (place: Pick<DamagedPlace, 'kind' | 'level' | 'index'>, bytes: Uint8Array | null): DamagedRow => ({
      ...place,
      origin,
      subject: null,
      bytes,
      reason: `beyond the head of ${size} entries`,
      foundAtMs,
    })
    const rows = [
      ...this.#entriesBeyond(log, size, limit, row),
      ...this.#checkpointsBeyond(log, size, limit, row),
      ...this.#tilesBeyond(log, size, limit, row),
    ]
    for (const each of rows) this.remove(log, each)
    const cosigned = cosignatures.newest(log, size, limit)
    const reason = `beyond the head of ${size} entries`
    for (const each of cosigned) this.cosignature(log, origin, each, { reason, foundAtMs })
    return rows.length + cosigned.length
  }

  #entriesBeyond(log: number, size: number, limit: number, row: RowMaker): DamagedRow[] {
    const { entries, payloads } = this.#tables
    const planted = entries
      .page(log, size, limit)
      .map(({ index, bytes }) => row({ kind: 'entry', level: 0, index }, bytes))
    const beside = payloads.places(log, size, limit).map((index) => {
      const payload = payloads.payload(log, index)
      return row({ kind: 'payload', level: 0, index }, payload === null ? null : payloadBytes(payload))
    })
    return [...planted, ...beside]
  }

  #checkpointsBeyond(log: number, size: number, limit: number, row: RowMaker): DamagedRow[] {
    return this.#tables.tree
      .larger(log, size, limit)
      .map((each) => row({ kind: 'checkpoint', level: 0, index: each.block }, checkpointBytes(each)))
  }

  #tilesBeyond(log: number, size: number, limit: number, row: RowMaker): DamagedRow[] {
    const { tree } = this.#tables
    return Array.from({ length: TILE_LEVELS }, (_, level) => level).flatMap((level) => {
      const first = Math.ceil(hashesOnLevel(size, level) / TILE_WIDTH)
      return tree
        .tilesFrom(log, level, first, limit)
        .map((index) => row({ kind: 'tile', level, index }, tree.tile(log, level, index)))
    })
  }

  #repaired(log: number, kind: DamagedKind, index: number): void {
    this.#tables.quarantine.settle(log, { kind, level: 0, index, subject: null }, 'repaired')
  }
}

type RowMaker = (place: Pick<DamagedPlace, 'kind' | 'level' | 'index'>, bytes: Uint8Array | null) => DamagedRow

/** What was written must be there as it was written: a bad sector may say otherwise. */
function requireSame(stored: Uint8Array | null, written: Uint8Array): void {
  if (stored === null || !equalBytes(stored, written)) {
    throw new StoreError('DATABASE_DAMAGED', 'a repaired row does not read back')
  }
}
