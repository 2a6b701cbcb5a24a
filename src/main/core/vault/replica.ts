/**
 * The replica in memory: what the database says, as far as it can be proven from the pinned anchors.
 *
 * @remarks
 * Opening finds the newest trusted checkpoint (the high-water mark of the keystore, or a newer one that the log
 * signed), authenticates the tree against it, and reads every entry once to learn whose chain it belongs to. An
 * entry's signatures are verified when it is first needed and remembered for the life of the process, always for the
 * bytes whose hash stands in the tree. The index tables of the database are only used as hints about rows that are
 * gone. Proven by `tests/main/core/vault/replica.test.ts` and the fault suites.
 *
 * @packageDocumentation
 */
import { applyEntry, contractAt, emptyDirectory, type Directory } from '../../../ledger/directory.ts'
import { openCheckpoint, type Checkpoint } from '../../../ledger/checkpoint.ts'
import { decodeEntry, type Entry } from '../../../ledger/entry.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { LedgerError, stepOf } from '../../../ledger/errors.ts'
import { decodeSeal, type Seal } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { verifyEntry, type VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { VerifyStep } from '../../../shared/api/codes.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Identity } from './identity.ts'
import { followHead, trustedTree, type RowReader, type TrustedTree } from './trusted-tree.ts'

/** The database cannot be brought in line with the high-water mark: nothing may be signed. */
export class RolledBack extends CodedError<'ROLLED_BACK'> {
  constructor(message: string, options?: ErrorOptions) {
    super('ROLLED_BACK', message, options)
  }
}

/** A step that an entry failed. */
export interface Failed {
  readonly step: VerifyStep
  readonly reason: string
}

/** An entry in the chain of its subject. */
export interface Link {
  readonly index: number
  readonly seq: number
  readonly type: EntryType
  readonly leaf: Uint8Array
  readonly previousLeaf: Uint8Array | null
}

/** A checkpoint and the signed note it came in. */
export interface Head extends Checkpoint {
  readonly note: string
}

/** A link that is gone: damaged or missing. */
export interface LostLink {
  readonly seq: number
  /** Its place in the log, as far as the database's own index tells. */
  readonly index: number | null
  readonly failed: Failed
}

/** All that is known of a subject's chain. */
export interface Chain {
  /** In the order of the log. */
  readonly links: readonly Link[]
  /** In order of `seq`. */
  readonly gone: readonly LostLink[]
  /** The links that claim a place: one, unless somebody cheats. */
  readonly claims: ReadonlyMap<number, readonly Link[]>
}

/** A block as its checkpoint and seal say. */
export interface Block {
  readonly seal: Seal
  readonly checkpoint: Checkpoint
  readonly sealedAtMs: number
}

/** Types whose entries decide which keys and rules are valid. */
const DIRECTORY_TYPES: ReadonlySet<EntryType> = new Set([
  'roster',
  'contract',
  'practitioner.enrolled',
  'practitioner.revoked',
  'device.enrolled',
  'device.revoked',
])

/** Fails with its step where a {@link LedgerError} says so. */
export function failedBy(error: unknown): Failed {
  if (error instanceof LedgerError) return { step: stepOf(error.code), reason: `${error.code}: ${error.message}` }
  throw error
}

/** The proven replica of one log. */
export class Replica {
  readonly store: Store
  readonly identity: Identity
  /** Copies of directory entries kept with the keystore: they stand in for damaged rows, never for the tree. */
  readonly #copies: ReadonlyMap<number, Uint8Array>
  #trusted: TrustedTree
  #head: Head
  #directory: Directory
  #newestBlock = -1
  readonly #damaged = new Map<number, Failed>()
  readonly #subjects = new Map<string, Link[]>()
  /** Worked out from the links when asked for, until another link comes. */
  readonly #chains = new Map<string, Chain>()
  readonly #ids = new Map<string, number>()
  readonly #epochs = new Map<string, number>()
  /** Entries whose bytes are proven and understood, whatever their rows look like. */
  readonly #understood = new Set<number>()
  readonly #verified = new Map<number, VerifiedEntry>()
  readonly #directoryEntries = new Map<number, Uint8Array>()
  readonly #blocks = new Map<number, Block | Failed>()
  /** Subjects of damaged entries, as far as the database's own index tells. */
  readonly #hints = new Map<number, { subject: string; seq: number; type: string }>()

  private constructor(store: Store, identity: Identity, copies: ReadonlyMap<number, Uint8Array>, head: Head) {
    this.store = store
    this.identity = identity
    this.#copies = copies
    this.#head = head
    this.#directory = emptyDirectory(identity.network)
    this.#trusted = this.#trust(head)
  }

  /**
   * Opens the replica.
   *
   * @param mark - From the keystore.
   * @param copies - Directory entries kept with the keystore, by index.
   * @throws {@link RolledBack} when the database holds less than the mark says, or another history.
   */
  static open(
    store: Store,
    identity: Identity,
    mark: HighWaterMark | 'missing' | 'damaged',
    copies: ReadonlyMap<number, Uint8Array>,
  ): Replica {
    const replica = new Replica(store, identity, copies, newestHead(store, identity, mark))
    if (typeof mark === 'object') replica.#checkMark(mark)
    replica.#scan()
    return replica
  }

  /** The newest checkpoint that the tree was authenticated against. */
  get head(): Head {
    return this.#head
  }

  get directory(): Directory {
    return this.#directory
  }

  /** Verified entries that decide which keys and rules are valid, for the copies beside the keystore. */
  get directoryEntries(): ReadonlyMap<number, Uint8Array> {
    return this.#directoryEntries
  }

  get newestBlock(): number {
    return this.#newestBlock
  }

  /** Entries that cannot be used, with the step each failed. */
  get damaged(): ReadonlyMap<number, Failed> {
    return this.#damaged
  }

  get damagedTiles(): readonly string[] {
    return this.#trusted.damagedTiles
  }

  get trusted(): TrustedTree {
    return this.#trusted
  }

  /** Damaged entries that may belong to any subject. Seals are known by their place. */
  unattributedDamage(): number[] {
    const isKnown = (index: number) =>
      this.#understood.has(index) || this.#isProvenHint(index) || this.#isSealPlace(index)
    return [...this.#damaged.keys()].filter((index) => !isKnown(index))
  }

  /** A hint says whose a lost entry was, and whoever writes the database writes hints: only a successor proves one. */
  #isProvenHint(index: number): boolean {
    const hint = this.#hints.get(index)
    if (hint === undefined) return false
    const leaf = this.#trusted.tree.leafAt(index)
    const successors = this.chain(hint.subject).claims.get(hint.seq + 1) ?? []
    return successors.some(({ previousLeaf }) => previousLeaf !== null && equalBytes(previousLeaf, leaf))
  }

  /** The epoch under which a subject's newest proven payload was sealed; null when it has none. */
  newestEpoch(subject: string): number | null {
    return this.#epochs.get(subject) ?? null
  }

  /** A subject's chain: its links, and what is known of links that are gone. */
  chain(subject: string): Chain {
    const known = this.#chains.get(subject)
    if (known !== undefined) return known
    const hints = [...this.#hints].filter(([, hint]) => hint.subject === subject)
    const chain = chainOf(this.#subjects.get(subject) ?? [], hints, this.#damaged)
    this.#chains.set(subject, chain)
    return chain
  }

  /** Subjects whose chain holds an entry of `type`, in the order of those entries. */
  subjectsWith(type: EntryType): string[] {
    return [...this.#subjects]
      .filter(([, links]) => links.some((link) => link.type === type))
      .map(([subject]) => subject)
  }

  /** Subjects that only the database's index knows by an entry of `type`: their entry is damaged. */
  lostSubjectsWith(type: string): { subject: string; index: number }[] {
    return [...this.#hints]
      .filter(
        ([, hint]) =>
          hint.type === type && !(this.#subjects.get(hint.subject)?.some((link) => link.type === type) ?? false),
      )
      .map(([index, hint]) => ({ subject: hint.subject, index }))
  }

  /** Subjects known by later entries only, not even by the database's index: the first of their chain is gone. */
  headlessSubjects(): string[] {
    const hinted = new Set([...this.#hints.values()].filter(({ seq }) => seq === 0).map(({ subject }) => subject))
    return [...this.#subjects]
      .filter(([subject, links]) => !hinted.has(subject) && links.every(({ seq }) => seq !== 0))
      .map(([subject]) => subject)
  }

  newestLink(subject: string): Link | null {
    return this.#subjects.get(subject)?.at(-1) ?? null
  }

  /** Whether an entry has this id, also one that is damaged: the database's index still knows it, as far as it goes. */
  holdsId(id: Uint8Array): boolean {
    return this.#ids.has(toHex(id)) || unlessDamaged(() => this.store.indexOfEntryId(id)) !== null
  }

  /** Exact entry bytes, proven to be in the tree. Throws {@link LedgerError}, or returns what failed earlier. */
  provenBytes(index: number): Uint8Array | Failed {
    return this.#damaged.get(index) ?? this.#bytesInTree(index)
  }

  /** The same, also when the stored tree row of the entry was damaged and its leaf had to be found again. */
  #bytesInTree(index: number): Uint8Array | Failed {
    const leaf = this.#trusted.tree.leafAt(index)
    const bytes = this.#row(index)
    if (bytes !== null && equalBytes(leafHash(h, bytes), leaf)) return bytes
    const copy = this.#copies.get(index)
    if (copy !== undefined && equalBytes(leafHash(h, copy), leaf)) return copy
    return bytes === null ? MISSING_ROW : CHANGED_ROW
  }

  /** What is wrong with the stored row of `index` itself, whatever stands in for it. */
  rowFailure(index: number): Failed | null {
    const bytes = this.#row(index)
    if (bytes === null) return MISSING_ROW
    return equalBytes(leafHash(h, bytes), this.#trusted.tree.leafAt(index)) ? null : CHANGED_ROW
  }

  /** The entry with its signers, verified now or earlier, or the step it fails. */
  verifiedEntry(index: number): VerifiedEntry | Failed {
    try {
      const bytes = this.provenBytes(index)
      return bytes instanceof Uint8Array ? this.#verify(index, bytes) : bytes
    } catch (error) {
      return failedBy(error)
    }
  }

  /**
   * The same for what the installation itself relies on (keys, rules, names on the sign-in screen): a damaged tree row
   * keeps a record from being shown, but it takes nothing away from an entry that hashes into the signed tree.
   */
  reliedOnEntry(index: number): VerifiedEntry | Failed {
    try {
      const bytes = this.#bytesInTree(index)
      return bytes instanceof Uint8Array ? this.#verify(index, bytes) : bytes
    } catch (error) {
      return failedBy(error)
    }
  }

  /** @param bytes - Proven to be in the tree at `index`. */
  #verify(index: number, bytes: Uint8Array): VerifiedEntry {
    const known = this.#verified.get(index)
    if (known !== undefined) return known
    const { origin, network } = this.identity
    const verified = verifyEntry({ bytes, index, origin, network, directory: this.#directory, verifier })
    this.#verified.set(index, verified)
    return verified
  }

  /** The block that holds `index`, checked against the tree, or the step it fails. */
  blockOf(index: number): Block | Failed {
    const row = unlessDamaged(() => this.store.checkpointCoveringIndex(this.identity.origin, index))
    if (row === null) return { step: 'checkpoint', reason: 'the checkpoint of its block is missing' }
    const block = this.block(row)
    if ('step' in block) return block
    if (block.seal.firstIndex > index) return { step: 'checkpoint', reason: 'the checkpoint of its block is missing' }
    return block
  }

  /** A checkpoint row as a block, checked against the tree. */
  block(row: { block: number; size: number; note: string }): Block | Failed {
    const known = this.#blocks.get(row.size)
    if (known !== undefined) return known
    const block = this.#checkBlock(row)
    this.#blocks.set(row.size, block)
    return block
  }

  #checkBlock(row: { block: number; size: number; note: string }): Block | Failed {
    try {
      const checkpoint = openCheckpoint(
        row.note,
        { name: this.identity.origin, publicKey: this.identity.logKey },
        verifier,
      )
      if (checkpoint.size !== row.size || checkpoint.size > this.#head.size || checkpoint.size < 1)
        return badCheckpoint('its size is not that of its row')
      if (!equalBytes(this.#trusted.tree.rootAt(checkpoint.size), checkpoint.root))
        return badCheckpoint('its root is not that of the tree')
      const sealEntry = this.#sealAt(checkpoint.size - 1)
      // A damaged seal leaves the block's own checkpoint, which is signed and fits the tree.
      const seal = sealEntry === null ? this.#presumedSeal(row, checkpoint) : decodeSeal(sealEntry.body.fields)
      if (seal.block !== row.block || seal.firstIndex + seal.count + 1 !== checkpoint.size)
        return badCheckpoint('its seal says something else')
      return { seal, checkpoint, sealedAtMs: sealEntry?.body.time ?? 0 }
    } catch (error) {
      return failedBy(error)
    }
  }

  #sealAt(index: number): Entry | null {
    const verified = this.reliedOnEntry(index)
    return 'step' in verified ? null : verified.entry
  }

  /** What the seal must have said, from the rows around it. */
  #presumedSeal(row: { block: number }, checkpoint: Checkpoint): Seal {
    const { origin } = this.identity
    const before = row.block === 0 ? null : unlessDamaged(() => this.store.checkpoint(origin, row.block - 1))
    const firstIndex = before?.size ?? 0
    return {
      block: row.block,
      previousBlockHash: null,
      firstIndex,
      count: checkpoint.size - 1 - firstIndex,
      rosterVersion: 1,
      contractHash: new Uint8Array(32),
    }
  }

  /** The contract in force now. */
  contract() {
    return contractAt(this.#directory, this.#head.size)
  }

  /**
   * Takes over a block that was committed.
   *
   * @param checkpoint - As signed.
   * @param entries - Its entries in order, as read back from the database, seal included.
   */
  committed(
    checkpoint: Head,
    block: number,
    entries: readonly { index: number; bytes: Uint8Array; leaf: Uint8Array }[],
  ): void {
    this.#head = checkpoint
    this.#newestBlock = block
    this.#trusted = followHead(h, this.#trusted, checkpoint, this.#rows())
    for (const { index, bytes, leaf } of entries) this.#take(index, bytes, leaf)
  }

  /** Authenticates the tree and marks leaves whose stored rows differ. */
  #trust(head: Checkpoint): TrustedTree {
    try {
      const trusted = trustedTree(h, head, this.#rows())
      for (const leaf of trusted.damagedLeaves) this.#damaged.set(leaf, CHANGED_TREE_ROW)
      return trusted
    } catch (error) {
      if (error instanceof LedgerError)
        throw new RolledBack('the database does not hold the tree of the newest checkpoint', { cause: error })
      throw error
    }
  }

  #rows(): RowReader {
    const { origin } = this.identity
    return {
      tile: (level, index) => unlessDamaged(() => this.store.tile(origin, level, index)),
      entry: (index) => this.#row(index) ?? this.#copies.get(index) ?? null,
    }
  }

  #row(index: number): Uint8Array | null {
    return unlessDamaged(() => this.store.entry(this.identity.origin, index))
  }

  #checkMark(mark: HighWaterMark): void {
    const marked = openCheckpoint(mark.note, { name: this.identity.origin, publicKey: this.identity.logKey }, verifier)
    if (!equalBytes(this.#trusted.tree.rootAt(marked.size), marked.root)) {
      throw new RolledBack('the database holds another history than the high-water mark')
    }
  }

  #scan(): void {
    for (let index = 0; index < this.#head.size; index++) {
      const bytes = this.#bytesInTree(index)
      if (bytes instanceof Uint8Array) this.#take(index, bytes, this.#trusted.tree.leafAt(index))
      else this.#damaged.set(index, bytes)
    }
    this.#newestBlock = this.#blockNumberOfHead()
    if (this.#damaged.size > 0) this.#readHints()
  }

  /** The block that ends at the head: from its seal, or where that is damaged from the newest row. */
  #blockNumberOfHead(): number {
    const seal = this.#sealAt(this.#head.size - 1)
    if (seal !== null) return decodeSeal(seal.body.fields).block
    const newest = this.store.newestCheckpoint(this.identity.origin)
    return newest === null ? -1 : newest.size === this.#head.size ? newest.block : newest.block + 1
  }

  /** Learns what an entry of the tree says about chains and keys. */
  #take(index: number, bytes: Uint8Array, leaf: Uint8Array): void {
    try {
      const entry = decodeEntry(bytes)
      const { type, subject, id } = entry.body
      if (DIRECTORY_TYPES.has(type)) {
        this.#directory = applyEntry(this.#directory, index, this.#verify(index, bytes).entry)
        this.#directoryEntries.set(index, bytes)
      }
      this.#understood.add(index)
      this.#ids.set(toHex(id), index)
      if (subject === null || entry.placement === null) return
      if (entry.body.payload !== null) this.#epochs.set(toHex(subject), entry.body.payload.epoch)
      const link = { index, seq: entry.placement.subjectSeq, type, leaf, previousLeaf: entry.placement.previousLeaf }
      const links = this.#subjects.get(toHex(subject)) ?? []
      links.push(link)
      this.#subjects.set(toHex(subject), links)
      this.#chains.delete(toHex(subject))
    } catch (error) {
      this.#damaged.set(index, failedBy(error))
    }
  }

  /**
   * Asks the untrusted index tables whose damaged entries were, so that the right chart can say so. What cannot be is
   * not believed: a place that a proven link holds, or one further away than entries are damaged.
   */
  #readHints(): void {
    const subjects = new Set(this.#subjects.keys())
    for (const type of ['patient.registered', 'practitioner.enrolled', 'device.enrolled']) {
      for (const row of unlessDamaged(() => this.store.subjectsByType(type)) ?? []) subjects.add(toHex(row.subject))
    }
    for (const subject of subjects) {
      this.#chains.delete(subject)
      const links = this.#subjects.get(subject) ?? []
      const taken = new Set(links.map(({ seq }) => seq))
      for (const { index, seq, type } of unlessDamaged(() => this.store.subjectEntries(fromHex(subject))) ?? []) {
        if (!this.#damaged.has(index) || taken.has(seq) || seq >= links.length + this.#damaged.size) continue
        taken.add(seq)
        this.#hints.set(index, { subject, seq, type })
      }
    }
  }

  #isSealPlace(index: number): boolean {
    const row = unlessDamaged(() => this.store.checkpointCoveringIndex(this.identity.origin, index))
    return row !== null && row.size - 1 === index && !('step' in this.block(row))
  }
}

const MISSING_ROW: Failed = { step: 'present', reason: 'the entry is missing from the database' }
const CHANGED_ROW: Failed = { step: 'inclusion', reason: 'the entry does not hash into the tree' }
const CHANGED_TREE_ROW: Failed = { step: 'inclusion', reason: 'the stored tree row is not that of the signed tree' }
const MISSING_LINK: Failed = { step: 'completeness', reason: 'an entry of this record is missing' }

/** Checkpoint rows among which a newer one than the mark is looked for: one is written after each block. */
const NEWEST_ROWS = 1000

function chainOf(
  links: readonly Link[],
  hints: readonly (readonly [number, { seq: number }])[],
  damaged: ReadonlyMap<number, Failed>,
): Chain {
  const claims = new Map<number, Link[]>()
  for (const link of links) claims.set(link.seq, [...(claims.get(link.seq) ?? []), link])
  let length = 0
  for (const seq of [...claims.keys(), ...hints.map(([, hint]) => hint.seq)]) length = Math.max(length, seq + 1)
  const gone: LostLink[] = []
  for (let seq = 0; seq < length; seq++) {
    if (claims.has(seq)) continue
    const index = hints.find(([, hint]) => hint.seq === seq)?.[0] ?? null
    gone.push({ seq, index, failed: (index === null ? undefined : damaged.get(index)) ?? MISSING_LINK })
  }
  return { links, gone, claims }
}

function badCheckpoint(reason: string): Failed {
  return { step: 'checkpoint', reason }
}

/** The newest checkpoint that the log signed and the keystore does not contradict. */
function newestHead(store: Store, identity: Identity, mark: HighWaterMark | 'missing' | 'damaged'): Head {
  if (typeof mark !== 'object') throw new RolledBack(`the high-water mark is ${mark}`)
  const key = { name: identity.origin, publicKey: identity.logKey }
  const marked = { ...openCheckpoint(mark.note, key, verifier), note: mark.note }
  let head = marked
  for (const { note } of store.checkpoints(identity.origin, null, NEWEST_ROWS)) {
    // Only what claims to be newer is worth a signature's time.
    if (!(Number(note.split('\n')[1]) > head.size)) continue
    try {
      // Newer than the mark: the process ended between the commit and the mark. The log signed it.
      head = { ...openCheckpoint(note, key, verifier), note }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
    }
  }
  return head
}

/** A row that SQLite itself cannot read is like a row that is gone. */
export function unlessDamaged<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError && error.code === 'DATABASE_DAMAGED') return null
    throw error
  }
}
