/**
 * The replica in one SQLite file, as the vault sees it. Synchronous: it lives in the vault's worker thread.
 *
 * @remarks
 * The file is not trusted. What comes out is bytes to be verified: the store only promises that what it was given
 * is there in full or not at all after any crash, and that it says so when it is not sure. Index tables are
 * projections of the entries and can be rebuilt.
 *
 * @packageDocumentation
 */

/** A log this replica holds. */
export interface LogRow {
  readonly origin: string
  /** Ed25519 public key of the log, 32 bytes. */
  readonly logKey: Uint8Array
}

/** What lies beside an entry: the sealed resource, and what opens it. */
export interface StoredPayload {
  readonly ciphertext: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly salt: Uint8Array
}

/** Whom an entry is about, and its place in that subject's chain. */
export interface SubjectPlace {
  /** Subject handle, 16 bytes. */
  readonly handle: Uint8Array
  /** 0 or more. */
  readonly seq: number
}

/** An entry to append, with what the index tables say about it. */
export interface NewEntry {
  /** Idempotency key, 16 bytes. */
  readonly id: Uint8Array
  /** Canonical entry bytes, stored as they are. */
  readonly bytes: Uint8Array
  readonly type: string
  readonly subject: SubjectPlace | null
  readonly payload: StoredPayload | null
}

/** An epoch key of a subject, or what another site gets of it, sealed to one recipient. */
export interface NewEpochKey extends StoredEpochKey {
  /** Subject handle, 16 bytes. */
  readonly subject: Uint8Array
}

/** An epoch key as stored. Each log has its own place: what another one says of the same epoch takes nothing away. */
export interface StoredEpochKey {
  readonly epoch: number
  /** X25519 public key it is sealed to, 32 bytes. */
  readonly recipient: Uint8Array
  /** The log, without incarnation, whose records it opens; empty where that was not written down yet. */
  readonly log: string
  readonly sealed: Uint8Array
}

/** A tile of hashes, whole or partial. */
export interface NewTile {
  readonly level: number
  readonly index: number
  /** Hashes of 32 bytes, 1 to 256 of them. */
  readonly bytes: Uint8Array
}

/** A checkpoint as stored. */
export interface CheckpointRow {
  readonly block: number
  /** Tree size. */
  readonly size: number
  /** The signed note. */
  readonly note: string
}

/** A block to append. */
export interface NewBlock {
  readonly origin: string
  /** Index of the first entry, which must be the next free one. */
  readonly firstIndex: number
  /** The newest note that the writer knows of; null for the first block of a log. */
  readonly previousNote: string | null
  /** In order; the last one is the seal. */
  readonly entries: readonly NewEntry[]
  readonly epochKeys: readonly NewEpochKey[]
  /** Keys for other sites, in place of what the same recipients had of the same epochs. */
  readonly handedOver?: readonly NewEpochKey[]
  /** Rows below `firstIndex` are known to be missing or damaged: the newest need not end right before it. */
  readonly knownDamage?: boolean
  /** Tray rows that this block settles, deleted with it. */
  readonly trayDone?: readonly Uint8Array[]
}

/** What closes a block: its checkpoint, and every tile that changed. */
export interface BlockClosing extends CheckpointRow {
  readonly tiles: readonly NewTile[]
}

/** Where an entry stands. */
export interface EntryPlace {
  readonly origin: string
  readonly index: number
}

/** An entry of one subject, from the index tables: verify before use. */
export interface SubjectEntry extends EntryPlace {
  readonly seq: number
  readonly type: string
}

/** One line of the index tables, derived from an entry. */
export interface IndexRow extends EntryPlace {
  readonly id: Uint8Array
  readonly type: string
  readonly subject: SubjectPlace | null
}

/** Something that waits for a person: sealed, with the reason it waits for. */
export interface TrayRow {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly receivedAtMs: number
  readonly reason: string
  readonly sealed: Uint8Array
}

/** A signed draft that is not in the log yet. */
export interface OutboxRow {
  /** Entry id, 16 bytes. */
  readonly id: Uint8Array
  readonly queuedAtMs: number
  readonly sealed: Uint8Array
}

/** A cosignature as stored. */
export interface CosignatureRow {
  /** Tree size of the checkpoint it is under. */
  readonly size: number
  readonly name: string
  /** The line of the note, with its newline. */
  readonly line: string
}

/** What the site's mirror remembers of a log. */
export interface MirrorRow {
  /** Signed note of the largest head accepted. */
  readonly pending: string | null
  /** Entries stored and proven to be in the pending tree. */
  readonly stored: number
  /** Signed note of the largest head that may be cosigned. */
  readonly mirrored: string | null
  /** First entry that the rules forbid, and which rule. */
  readonly refused: { readonly index: number; readonly code: string } | null
}

/** A package of another node's log, proven to be in the head that the mirror accepted. */
export interface MirroredPart {
  readonly origin: string
  readonly entries: readonly { readonly index: number; readonly bytes: Uint8Array }[]
  /** Every tile that changed. */
  readonly tiles: readonly NewTile[]
  /** The head, once every entry of it is here; null until then. */
  readonly checkpoint: CheckpointRow | null
  readonly expected: MirrorRow | null
  readonly next: MirrorRow
}

/** A payload of an entry that is here. */
export interface MirroredPayload {
  readonly index: number
  readonly payload: StoredPayload
}

/** A fork proof as stored. */
export interface EvidenceRow {
  /** SHA-256 of the text, 32 bytes. */
  readonly id: Uint8Array
  readonly origin: string
  readonly text: string
  readonly receivedAtMs: number
}

/** Which table a damaged row is of. */
export type DamagedKind =
  | 'entry'
  | 'payload'
  | 'tile'
  | 'checkpoint'
  | 'epoch-key' // sealed to this site
  | 'recovery-copy' // an epoch key sealed to the printed recovery key
  | 'index' // the index tables as a whole
  | 'cosignature'
  | 'mirror' // what the site's mirror remembers of a log
  | 'evidence' // a fork proof

/** Where a damaged row stands. */
export interface DamagedPlace {
  readonly origin: string
  readonly kind: DamagedKind
  /** Of a tile; else 0. */
  readonly level: number
  /** Index of the entry or of the tile, number of the block, epoch of the key, or size of what was cosigned; else 0. */
  readonly index: number
  /** Of an epoch key; else null. */
  readonly subject: Uint8Array | null
}

/** A damaged row as it stood. */
export interface DamagedRow extends DamagedPlace {
  /** Null when it was gone, or could not be read. */
  readonly bytes: Uint8Array | null
  readonly reason: string
  readonly foundAtMs: number
}

/** Why a row is moved to quarantine. */
export type DamageSeen = Pick<DamagedRow, 'reason' | 'foundAtMs'>

/** What became of a damaged row: `open` is not repaired yet, `removed` was made up by somebody. */
export type DamageOutcome = 'open' | 'repaired' | 'removed'

/** What is to be erased. */
export interface EraseRequest {
  /** Entries whose payloads go. */
  readonly records: readonly EntryPlace[]
  /** Epoch keys that go with them, sealed to whomever; null to keep all. */
  readonly keys: {
    readonly subject: Uint8Array
    readonly epochs: readonly number[]
    /** Logs whose keys go; those of all when it is left out. */
    readonly logs?: readonly string[]
  } | null
}

/** What was erased. */
export interface ErasedRows {
  readonly payloads: number
  readonly keys: number
  /** Random beginnings of the values that were deleted, for {@link StoreWriter.forgetErased}. */
  readonly marks: readonly Uint8Array[]
}

/** An erasure that one person signed: everything but the second signature. Untrusted, as every row. */
export interface ErasureProposalRow {
  /** Of the entry that it becomes, 16 bytes. */
  readonly id: Uint8Array
  /** Exact bytes of the entry's body, which both sign. */
  readonly body: Uint8Array
  /** Of who signed, 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** A row in quarantine. */
export interface QuarantineRow extends DamagedRow {
  readonly id: number
  readonly outcome: DamageOutcome
  /** Id of the entry that reports this outcome, or null. */
  readonly incident: Uint8Array | null
}

/** Up to which entry the index tables were compared with the entries. */
export interface ProjectionRow {
  readonly size: number
  /** SHA-256 over their rows, 32 bytes. */
  readonly digest: Uint8Array
}

/** A row of the index of ids; the origin is null when it names a log that is not here. */
export interface IdRow {
  readonly origin: string | null
  readonly index: number
  readonly id: Uint8Array
}

/** A row of the index of subjects; the origin is null when it names a log that is not here. */
export interface SubjectRow {
  readonly origin: string | null
  readonly index: number
  readonly subject: Uint8Array
  readonly seq: number
  readonly type: string
}

/** What may be read. Unknown origins, indices and ids give null or nothing. */
export interface StoreReader {
  logs(): LogRow[]
  entry(origin: string, index: number): Uint8Array | null
  /** At most `limit` entries with `index >= from`, ascending. Missing rows are left out. */
  entries(origin: string, from: number, limit: number): { index: number; bytes: Uint8Array }[]
  /** Every entry with `index >= from`, ascending, read page by page: writes in between are allowed. */
  allEntries(origin: string, from?: number): Generator<{ index: number; bytes: Uint8Array }>
  /** One past the highest index stored. A row missing below does not change it. */
  entryCount(origin: string): number
  tile(origin: string, level: number, index: number): Uint8Array | null
  checkpoint(origin: string, block: number): CheckpointRow | null
  /** At most `limit` checkpoints, newest first, with `block < before` when that is given. */
  checkpoints(origin: string, before: number | null, limit: number): CheckpointRow[]
  newestCheckpoint(origin: string): CheckpointRow | null
  /** The first checkpoint whose tree holds `index`. */
  checkpointCoveringIndex(origin: string, index: number): CheckpointRow | null
  /** In order of `seq`. */
  subjectEntries(subject: Uint8Array): SubjectEntry[]
  /** Entries of a type that have a subject, in order of log and index. */
  subjectsByType(type: string): (EntryPlace & { subject: Uint8Array })[]
  indexOfEntryId(id: Uint8Array): EntryPlace | null
  payload(origin: string, index: number): StoredPayload | null
  /** In order of epoch. */
  epochKeys(subject: Uint8Array): StoredEpochKey[]
  /** Every subject of whom a sealed key is here, in ascending order. */
  keySubjects(): Uint8Array[]
  /** At most `limit` cosignatures under checkpoints larger than `above`, largest first. */
  cosignatures(origin: string, above: number, limit: number): CosignatureRow[]
  /** Under the checkpoint of this size. */
  cosignaturesAt(origin: string, size: number): CosignatureRow[]
  /** At most `limit` of one cosigner, under checkpoints smaller than `below`, largest first. */
  cosignaturesBy(origin: string, name: string, below: number, limit: number): CosignatureRow[]
  /** At most `limit` of all, smallest size first, then by name; those that follow `after` when that is given. */
  cosignaturesAfter(
    origin: string,
    after: Pick<CosignatureRow, 'size' | 'name'> | null,
    limit: number,
  ): CosignatureRow[]
  mirror(origin: string): MirrorRow | null
  /** Fork proofs, of one log or of all, oldest first within each log. */
  evidence(origin?: string): EvidenceRow[]
  /** At most `limit` rows in quarantine, newest first. */
  quarantine(limit: number): QuarantineRow[]
  /** At most `limit` rows of quarantine whose outcome no entry reports yet, oldest first. */
  unreportedDamage(limit: number): QuarantineRow[]
  /** Damage that is not repaired, with an id above `after`, oldest first. */
  openDamage(after: number, limit: number): QuarantineRow[]
  /** At most `limit` checkpoints that claim a larger tree than `size`, largest first. */
  checkpointsBeyond(origin: string, size: number, limit: number): CheckpointRow[]
  /** Indexes of entries from `from` on that have a payload row, ascending. */
  payloadPlaces(origin: string, from: number, limit: number): number[]
  /** Indexes of stored tiles of a level from `from` on, ascending. */
  tilePlaces(origin: string, level: number, from: number, limit: number): number[]
  /** Every row of the index of ids, in order of log and index. Nothing may be written before the last was taken. */
  idRows(): Iterable<IdRow>
  /** Every row of the index of subjects, likewise. */
  subjectRows(): Iterable<SubjectRow>
  projection(origin: string): ProjectionRow | null
  /** Erasures that wait for a second signature. */
  erasureProposals(): ErasureProposalRow[]
  /** Sites that held something of what this entry erased and have not said that it is gone, by id. */
  erasureSites(entry: Uint8Array): string[]
  /** Oldest first. */
  tray(): TrayRow[]
  /** Oldest first. */
  outbox(): OutboxRow[]
  /** The site's secrets, sealed to its recovery key; null when none were stored. */
  siteSecrets(): Uint8Array | null
  /** Findings of SQLite's own check of the file; empty when there are none. Reads the whole file. */
  integrityCheck(): string[]
}

/** What may be written. Every method is one durable transaction: when it returns, it survives a power cut. */
export interface StoreWriter {
  /** Adding a log again sets its key: what stands there is not trusted, and the caller has it from elsewhere. */
  addLog(origin: string, logKey: Uint8Array): void
  /**
   * Appends a block, all of it or nothing.
   *
   * @param close - Gets the entries' bytes as read back from the database; replies with what closes the block. Only
   * these bytes may be hashed and signed, and the note must not leave the process before this method has returned.
   * @throws StoreError `STATE_UNKNOWN` when the newest note is not `previousNote`, the next index is not
   * `firstIndex`, or the outcome of the commit is unknown: discard everything derived and open the store again.
   * `DUPLICATE_ENTRY`, `DISK_FULL`, `DATA_FOLDER_READ_ONLY`, `DATA_FOLDER_IN_USE`: nothing was written. What
   * `close` throws passes on, and nothing was written.
   */
  append(block: NewBlock, close: (readBack: Uint8Array[]) => BlockClosing): void
  /** Sets a damaged row aside as evidence. The row itself stays where it is. */
  quarantineRow(row: DamagedRow): void
  /** Moves a row that was made up out of its table into quarantine. */
  removeRow(row: DamagedRow): void
  /**
   * Writes proven bytes over a damaged or missing entry, and reads them back. The caller has checked that they hash into
   * a signed root. As every `replace`, it settles what is in quarantine for the place.
   *
   * @throws StoreError `DATABASE_DAMAGED` when they do not read back: nothing was changed.
   */
  replaceEntry(origin: string, index: number, bytes: Uint8Array): void
  /** The same for a payload that fits its entry. */
  replacePayload(origin: string, index: number, payload: StoredPayload): void
  /** The same for a checkpoint that its log signed, in place of whatever claims its block or its size. */
  replaceCheckpoint(origin: string, row: CheckpointRow): void
  /** The same for an epoch key that opens. `kind` and `origin` say where its damage stands in quarantine. */
  replaceEpochKey(origin: string, kind: 'epoch-key' | 'recovery-copy', key: NewEpochKey): void
  /** Moves a cosignature that is none into quarantine. */
  removeCosignature(origin: string, row: CosignatureRow, seen: DamageSeen): void
  /** Moves a fork proof that is none into quarantine. `origin`: under which log it is listed there. */
  removeEvidence(origin: string, row: EvidenceRow, seen: DamageSeen): void
  /** As {@link StoreWriter.replaceMirror}, and settles what is in quarantine for it. */
  repairMirror(origin: string, expected: MirrorRow | null, next: MirrorRow): boolean
  /**
   * Moves what claims to stand beyond the head of a log into quarantine: at most `limit` rows of each table.
   *
   * @param size - Of a tree that the log signed, and than which it signed no larger one.
   * @returns How many rows; call again until it is 0.
   */
  removeBeyond(origin: string, size: number, foundAtMs: number, limit: number): number
  /** An entry reports the outcome of these rows of quarantine. */
  reportDamage(ids: readonly number[], incident: Uint8Array): void
  putProjection(origin: string, row: ProjectionRow): void
  /** Deletes payloads, what quarantine holds of them, and keys. What is gone already does not count. */
  eraseRecords(request: EraseRequest): ErasedRows
  putErasureProposal(row: ErasureProposalRow): void
  deleteErasureProposal(id: Uint8Array): void
  /** Keeps which sites are still to say that what this entry erased is gone there. */
  putErasureSites(entry: Uint8Array, sites: readonly string[]): void
  /** A site said so. */
  settleErasureSite(entry: Uint8Array, site: string): void
  /**
   * Leaves nothing of what was erased in the files of the database. Not a transaction; repeat it until it succeeds.
   *
   * @param marks - From {@link StoreWriter.eraseRecords}; none after a restart.
   * @returns False while somebody else reads the database.
   */
  forgetErased(marks: readonly Uint8Array[]): boolean
  /** Damage at a place turned out to be settled by something else. */
  settleDamage(place: DamagedPlace): void
  /** Replaces a damaged or missing tile. The caller has checked that it hashes into a signed root. */
  repairTile(origin: string, level: number, index: number, bytes: Uint8Array): void
  /** Stores cosignatures; one with the same size and name is replaced. */
  putCosignatures(origin: string, rows: readonly CosignatureRow[]): void
  /**
   * Stores what the mirror remembers, and the cosignatures that go with it, if what is stored is still `expected`.
   * When it returns false, nothing was changed.
   */
  replaceMirror(
    origin: string,
    expected: MirrorRow | null,
    next: MirrorRow,
    cosignatures: readonly CosignatureRow[],
  ): boolean
  /**
   * Stores a package if what the mirror remembers is still `expected`; writes over what stands there. When it returns
   * false, nothing was changed.
   */
  putMirrored(part: MirroredPart): boolean
  /** Stores payloads and keys of another node's log, in place of what stands there. */
  putMirroredPayloads(origin: string, payloads: readonly MirroredPayload[], keys: readonly NewEpochKey[]): void
  /** Keeps a fork proof; one that is there already stays as it is. */
  putEvidence(row: EvidenceRow): void
  /** Empties the index tables and fills them from `rows`. The first of two rows with one id or place wins. */
  rebuildIndexes(rows: Iterable<IndexRow>): void
  /** Puts a row, in place of the one with its id if there is one. */
  putTray(row: TrayRow): void
  deleteTray(ids: readonly Uint8Array[]): void
  putOutbox(row: OutboxRow): void
  /** Stores the sealed secrets in place of those before. */
  putSiteSecrets(sealed: Uint8Array): void
  /**
   * Writes everything that is committed to a new file, without what was deleted. Durable when it returns.
   *
   * @param file - Must not exist.
   * @throws StoreError `DISK_FULL`, `DATA_FOLDER_READ_ONLY`.
   */
  snapshot(file: string): void
  deleteOutbox(ids: readonly Uint8Array[]): void
}

/** The replica. */
export interface Store extends StoreReader, StoreWriter {
  /** Moves the write-ahead log into the database, truncates it, and closes. A second call does nothing. */
  close(): void
}
