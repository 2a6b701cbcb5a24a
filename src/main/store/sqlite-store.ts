import { assert } from '../../shared/errors.ts'
import { appendBlock } from './append-block.ts'
import { guarded, type WritableDb } from './database.ts'
import { eraseRows, forgetDeleted } from './erase.ts'
import type {
  BlockClosing,
  CheckpointRow,
  CosignatureRow,
  DamagedPlace,
  DamagedRow,
  DamageSeen,
  ErasedRows,
  EraseRequest,
  ErasureProposalRow,
  EvidenceRow,
  IndexRow,
  MirroredPart,
  MirroredPayload,
  MirrorRow,
  NewBlock,
  NewEpochKey,
  OutboxRow,
  ProjectionRow,
  Store,
  StoredPayload,
  TrayRow,
} from './store.ts'
import { writeSnapshot } from './snapshot.ts'
import { CosignatureTable } from './tables/cosignatures.ts'
import { EntryTable } from './tables/entries.ts'
import { ErasureTables } from './tables/erasures.ts'
import { EvidenceTable } from './tables/evidence.ts'
import { IndexTables } from './tables/indexes.ts'
import { LogTable } from './tables/logs.ts'
import { MirrorTable } from './tables/mirror.ts'
import { PayloadTables } from './tables/payloads.ts'
import { ProjectionTable } from './tables/projection.ts'
import { QuarantineTable } from './tables/quarantine.ts'
import { QueueTables } from './tables/queues.ts'
import { SiteSecretTable } from './tables/site-secret.ts'
import { TreeTables } from './tables/tree.ts'
import { RepairTables } from './upkeep.ts'
import { WriteGate } from './write-gate.ts'

/** Entries per page of {@link SqliteStore.allEntries}: enough to make the query's own cost vanish. */
const PAGE = 256
/** Above every block number. */
const NO_BOUND = Number.MAX_SAFE_INTEGER

/** {@link Store} over one connection. Prepares every statement once. */
export class SqliteStore implements Store {
  readonly #db: WritableDb
  readonly #gate: WriteGate
  readonly #logs: LogTable
  readonly #entries: EntryTable
  readonly #tree: TreeTables
  readonly #payloads: PayloadTables
  readonly #indexes: IndexTables
  readonly #queues: QueueTables
  readonly #erasures: ErasureTables
  readonly #cosignatures: CosignatureTable
  readonly #mirror: MirrorTable
  readonly #evidence: EvidenceTable
  readonly #quarantine: QuarantineTable
  readonly #projection: ProjectionTable
  readonly #repairs: RepairTables
  readonly #siteSecret: SiteSecretTable

  /** @param db - Open, migrated, with every durability setting in force: use `openStore`. */
  constructor(db: WritableDb) {
    this.#db = db
    this.#gate = new WriteGate(db)
    this.#logs = new LogTable(db)
    this.#entries = new EntryTable(db)
    this.#tree = new TreeTables(db)
    this.#payloads = new PayloadTables(db)
    this.#indexes = new IndexTables(db, this.#logs)
    this.#queues = new QueueTables(db)
    this.#erasures = new ErasureTables(db)
    this.#cosignatures = new CosignatureTable(db)
    this.#mirror = new MirrorTable(db)
    this.#evidence = new EvidenceTable(db)
    this.#quarantine = new QuarantineTable(db, this.#logs)
    this.#projection = new ProjectionTable(db)
    this.#repairs = new RepairTables({
      entries: this.#entries,
      payloads: this.#payloads,
      tree: this.#tree,
      cosignatures: this.#cosignatures,
      mirror: this.#mirror,
      evidence: this.#evidence,
      quarantine: this.#quarantine,
    })
    this.#siteSecret = new SiteSecretTable(db)
  }

  logs() {
    return this.#logs.all()
  }

  addLog(origin: string, logKey: Uint8Array): void {
    this.#gate.run(() => {
      this.#logs.insert(origin, logKey)
    })
    this.#logs.reload()
  }

  append(block: NewBlock, close: (readBack: Uint8Array[]) => BlockClosing): void {
    const log = this.#writableLog(block.origin)
    const tables = {
      entries: this.#entries,
      indexes: this.#indexes,
      payloads: this.#payloads,
      tree: this.#tree,
      queues: this.#queues,
    }
    this.#gate.run(() => {
      appendBlock(tables, log, block, close)
    })
  }

  entry(origin: string, index: number): Uint8Array | null {
    return this.#inLog(origin, (log) => this.#entries.get(log, index), null)
  }

  entries(origin: string, from: number, limit: number) {
    return this.#inLog(origin, (log) => this.#entries.page(log, from, limit), [])
  }

  *allEntries(origin: string, from = 0) {
    for (let next = from; ;) {
      const page = this.entries(origin, next, PAGE)
      yield* page
      const last = page.at(-1)
      if (last === undefined) return
      next = last.index + 1
    }
  }

  entryCount(origin: string): number {
    return this.#inLog(origin, (log) => this.#entries.count(log), 0)
  }

  tile(origin: string, level: number, index: number): Uint8Array | null {
    return this.#inLog(origin, (log) => this.#tree.tile(log, level, index), null)
  }

  repairTile(origin: string, level: number, index: number, bytes: Uint8Array): void {
    const log = this.#writableLog(origin)
    this.#gate.run(() => {
      this.#repairs.tile(log, { level, index, bytes })
    })
  }

  checkpoint(origin: string, block: number): CheckpointRow | null {
    return this.#inLog(origin, (log) => this.#tree.checkpoint(log, block), null)
  }

  checkpoints(origin: string, before: number | null, limit: number): CheckpointRow[] {
    return this.#inLog(origin, (log) => this.#tree.checkpoints(log, before ?? NO_BOUND, limit), [])
  }

  newestCheckpoint(origin: string): CheckpointRow | null {
    return this.#inLog(origin, (log) => this.#tree.newest(log), null)
  }

  checkpointCoveringIndex(origin: string, index: number): CheckpointRow | null {
    return this.#inLog(origin, (log) => this.#tree.covering(log, index), null)
  }

  subjectEntries(subject: Uint8Array) {
    return this.#indexes.subjectEntries(subject)
  }

  subjectsByType(type: string) {
    return this.#indexes.subjectsByType(type)
  }

  indexOfEntryId(id: Uint8Array) {
    return this.#indexes.byId(id)
  }

  rebuildIndexes(rows: Iterable<IndexRow>): void {
    this.#gate.run(() => {
      this.#indexes.clear()
      for (const row of rows) this.#indexes.insert(this.#writableLog(row.origin), row)
    })
  }

  siteSecrets(): Uint8Array | null {
    return this.#siteSecret.get()
  }

  putSiteSecrets(sealed: Uint8Array): void {
    this.#gate.run(() => {
      this.#siteSecret.put(sealed)
    })
  }

  snapshot(file: string): void {
    writeSnapshot(this.#db, file)
  }

  payload(origin: string, index: number) {
    return this.#inLog(origin, (log) => this.#payloads.payload(log, index), null)
  }

  keySubjects() {
    return this.#payloads.keySubjects()
  }

  epochKeys(subject: Uint8Array) {
    return this.#payloads.epochKeys(subject)
  }

  cosignatures(origin: string, above: number, limit: number): CosignatureRow[] {
    return this.#inLog(origin, (log) => this.#cosignatures.newest(log, above, limit), [])
  }

  cosignaturesAt(origin: string, size: number): CosignatureRow[] {
    return this.#inLog(origin, (log) => this.#cosignatures.at(log, size), [])
  }

  cosignaturesBy(origin: string, name: string, below: number, limit: number): CosignatureRow[] {
    return this.#inLog(origin, (log) => this.#cosignatures.by(log, name, below, limit), [])
  }

  cosignaturesAfter(origin: string, after: Pick<CosignatureRow, 'size' | 'name'> | null, limit: number) {
    return this.#inLog(origin, (log) => this.#cosignatures.after(log, after, limit), [])
  }

  putCosignatures(origin: string, rows: readonly CosignatureRow[]): void {
    const log = this.#writableLog(origin)
    this.#gate.run(() => {
      for (const row of rows) this.#cosignatures.put(log, row)
    })
  }

  mirror(origin: string): MirrorRow | null {
    return this.#mirror.get(origin)
  }

  putMirrored({ origin, entries, tiles, checkpoint, expected, next }: MirroredPart): boolean {
    const log = this.#writableLog(origin)
    return this.#gate.run(() => {
      if (!this.#mirror.replace(origin, expected, next)) return false
      for (const { index, bytes } of entries) this.#entries.put(log, index, bytes)
      for (const tile of tiles) this.#tree.putTile(log, tile)
      if (checkpoint !== null) this.#tree.putCheckpoint(log, checkpoint)
      return true
    })
  }

  putMirroredPayloads(origin: string, payloads: readonly MirroredPayload[], keys: readonly NewEpochKey[]): void {
    const log = this.#writableLog(origin)
    this.#gate.run(() => {
      for (const { index, payload } of payloads) this.#payloads.putPayload(log, index, payload)
      for (const key of keys) this.#payloads.putEpochKey(key)
    })
  }

  replaceMirror(
    origin: string,
    expected: MirrorRow | null,
    next: MirrorRow,
    cosignatures: readonly CosignatureRow[],
  ): boolean {
    const log = this.#writableLog(origin)
    return this.#gate.run(() => {
      if (!this.#mirror.replace(origin, expected, next)) return false
      for (const row of cosignatures) this.#cosignatures.put(log, row)
      return true
    })
  }

  evidence(origin?: string): EvidenceRow[] {
    return origin === undefined ? this.#evidence.all() : this.#evidence.of(origin)
  }

  putEvidence(row: EvidenceRow): void {
    this.#gate.run(() => {
      this.#evidence.insert(row)
    })
  }

  tray(): TrayRow[] {
    return this.#queues.tray()
  }

  putTray(row: TrayRow): void {
    this.#gate.run(() => {
      this.#queues.insertTray(row)
    })
  }

  deleteTray(ids: readonly Uint8Array[]): void {
    this.#gate.run(() => {
      this.#queues.deleteTray(ids)
    })
  }

  outbox(): OutboxRow[] {
    return this.#queues.outbox()
  }

  putOutbox(row: OutboxRow): void {
    this.#gate.run(() => {
      this.#queues.insertOutbox(row)
    })
  }

  deleteOutbox(ids: readonly Uint8Array[]): void {
    this.#gate.run(() => {
      this.#queues.deleteOutbox(ids)
    })
  }

  quarantine(limit: number) {
    return this.#quarantine.newest(limit)
  }

  unreportedDamage(limit: number) {
    return this.#quarantine.unreported(limit)
  }

  openDamage(after: number, limit: number) {
    return this.#quarantine.open(after, limit)
  }

  checkpointsBeyond(origin: string, size: number, limit: number): CheckpointRow[] {
    return this.#inLog(origin, (log) => this.#tree.larger(log, size, limit), [])
  }

  payloadPlaces(origin: string, from: number, limit: number): number[] {
    return this.#inLog(origin, (log) => this.#payloads.places(log, from, limit), [])
  }

  tilePlaces(origin: string, level: number, from: number, limit: number): number[] {
    return this.#inLog(origin, (log) => this.#tree.tilesFrom(log, level, from, limit), [])
  }

  idRows() {
    return this.#indexes.ids()
  }

  subjectRows() {
    return this.#indexes.subjects()
  }

  projection(origin: string): ProjectionRow | null {
    return this.#inLog(origin, (log) => this.#projection.get(log), null)
  }

  putProjection(origin: string, row: ProjectionRow): void {
    this.#change(origin, (log) => {
      this.#projection.put(log, row)
    })
  }

  quarantineRow(row: DamagedRow): void {
    this.#change(row.origin, (log) => {
      this.#quarantine.insert(log, row, 'open')
    })
  }

  removeRow(row: DamagedRow): void {
    this.#change(row.origin, (log) => {
      this.#repairs.remove(log, row)
    })
  }

  removeCosignature(origin: string, row: CosignatureRow, seen: DamageSeen): void {
    this.#change(origin, (log) => {
      this.#repairs.cosignature(log, origin, row, seen)
    })
  }

  removeEvidence(origin: string, row: EvidenceRow, seen: DamageSeen): void {
    this.#change(origin, (log) => {
      this.#repairs.evidence(log, origin, row, seen)
    })
  }

  repairMirror(origin: string, expected: MirrorRow | null, next: MirrorRow): boolean {
    return this.#change(origin, (log) => this.#repairs.mirror(log, origin, expected, next))
  }

  removeBeyond(origin: string, size: number, foundAtMs: number, limit: number): number {
    return this.#change(origin, (log) => this.#repairs.beyond(log, origin, size, foundAtMs, limit))
  }

  replaceEntry(origin: string, index: number, bytes: Uint8Array): void {
    this.#change(origin, (log) => {
      this.#repairs.entry(log, index, bytes)
    })
  }

  replacePayload(origin: string, index: number, payload: StoredPayload): void {
    this.#change(origin, (log) => {
      this.#repairs.payload(log, index, payload)
    })
  }

  replaceCheckpoint(origin: string, row: CheckpointRow): void {
    this.#change(origin, (log) => {
      this.#repairs.checkpoint(log, row)
    })
  }

  replaceEpochKey(origin: string, kind: 'epoch-key' | 'recovery-copy', key: NewEpochKey): void {
    this.#change(origin, (log) => {
      this.#repairs.epochKey(log, kind, key)
    })
  }

  eraseRecords(request: EraseRequest): ErasedRows {
    const tables = { payloads: this.#payloads, quarantine: this.#quarantine }
    return this.#gate.run(() => eraseRows(tables, (origin) => this.#writableLog(origin), request))
  }

  erasureProposals(): ErasureProposalRow[] {
    return this.#erasures.proposals()
  }

  putErasureProposal(row: ErasureProposalRow): void {
    this.#gate.run(() => {
      this.#erasures.insertProposal(row)
    })
  }

  deleteErasureProposal(id: Uint8Array): void {
    this.#gate.run(() => {
      this.#erasures.deleteProposal(id)
    })
  }

  erasureSites(entry: Uint8Array): string[] {
    return this.#erasures.sites(entry)
  }

  putErasureSites(entry: Uint8Array, sites: readonly string[]): void {
    this.#gate.run(() => {
      this.#erasures.insertSites(entry, sites)
    })
  }

  settleErasureSite(entry: Uint8Array, site: string): void {
    this.#gate.run(() => {
      this.#erasures.deleteSite(entry, site)
    })
  }

  forgetErased(marks: readonly Uint8Array[]): boolean {
    return forgetDeleted(this.#db, marks)
  }

  settleDamage(place: DamagedPlace): void {
    this.#change(place.origin, (log) => {
      this.#quarantine.settle(log, place, 'repaired')
    })
  }

  reportDamage(ids: readonly number[], incident: Uint8Array): void {
    this.#gate.run(() => {
      this.#quarantine.report(ids, incident)
    })
  }

  integrityCheck(): string[] {
    const rows = guarded('checking the file', () => this.#db.pragma('quick_check')) as { quick_check: string }[]
    return rows.map((row) => row.quick_check).filter((finding) => finding !== 'ok')
  }

  close(): void {
    if (!this.#db.open) return
    try {
      guarded('emptying the write-ahead log', () => this.#db.pragma('wal_checkpoint(TRUNCATE)'))
    } finally {
      this.#db.close()
    }
  }

  #inLog<Value>(origin: string, read: (log: number) => Value, missing: Value): Value {
    const log = this.#logs.idOf(origin)
    return log === undefined ? missing : read(log)
  }

  #change<Value>(origin: string, body: (log: number) => Value): Value {
    const log = this.#writableLog(origin)
    return this.#gate.run(() => body(log))
  }

  #writableLog(origin: string): number {
    const log = this.#logs.idOf(origin)
    assert(log !== undefined, 'a log is added before anything is written to it')
    return log
  }
}
