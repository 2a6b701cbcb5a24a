/**
 * One log in memory: what the database says of it, as far as it can be proven from a signed head.
 *
 * @remarks
 * Opening authenticates the tree against the head and reads every entry once, to learn whose chain it belongs to and
 * which keys and rules it sets. An entry's signatures are verified when it is first needed and remembered for the life
 * of the process, always for the bytes whose hash stands in the tree. Proven by
 * `tests/main/core/vault/replica.test.ts` and the fault suites.
 *
 * @packageDocumentation
 */
import { logVerifier, openCheckpoint, type Checkpoint, type LogKey } from '../../../ledger/checkpoint.ts'
import { applyEntry, contractAt, logKeyOf, type Directory } from '../../../ledger/directory.ts'
import { decodeEntry, type Entry } from '../../../ledger/entry.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { LedgerError, stepOf } from '../../../ledger/errors.ts'
import { decodeSeal, type Seal } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { decodePatientLinked } from '../../../ledger/people-fields.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { formatNote, openNote as openSigned } from '../../../ledger/note.ts'
import { verifyEntry, type VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { VerifyStep } from '../../../shared/api/codes.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { assert, CodedError } from '../../../shared/errors.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { followHead, trustedTree, type RowReader, type TrustedTree } from './trusted-tree.ts'

/** A step that an entry failed. */
export interface Failed {
  readonly step: VerifyStep
  readonly reason: string
}

/** A checkpoint and the signed note it came in. */
export interface Head extends Checkpoint {
  readonly note: string
}

/** A block as its checkpoint and seal say. */
export interface Block {
  readonly seal: Seal
  readonly checkpoint: Checkpoint
  readonly note: string
  readonly sealedAtMs: number
}

/** An entry of the tree that could be read. */
export interface TakenEntry {
  readonly index: number
  readonly entry: Entry
  readonly leaf: Uint8Array
}

/** What one log is opened from. */
export interface LogReplicaParts {
  readonly store: Store
  /** Network id, from the keystore. */
  readonly network: Uint8Array
  readonly origin: string
  /** The newest key of the log, from the keystore. */
  readonly logKey: Uint8Array
  /** Keys that the log had before, or is about to get, from the keystore: one counts where the roster says so. */
  readonly otherKeys: readonly Uint8Array[]
  /** What is in force before the first entry. */
  readonly base: Directory
  /** Copies of directory entries kept with the keystore: they stand in for damaged rows, never for the tree. */
  readonly copies: ReadonlyMap<number, Uint8Array>
  /** It came from another node: not every block's checkpoint does, so a later one covers the blocks before it. */
  readonly isMirrored?: true
}

/** Types whose entries decide which keys and rules are valid. */
export const DIRECTORY_TYPES: ReadonlySet<EntryType> = new Set([
  'roster',
  'contract',
  'node.opened',
  'practitioner.enrolled',
  'practitioner.revoked',
  'device.enrolled',
  'device.revoked',
  'patient.linked',
  'consent.granted',
  'consent.amended',
  'consent.revoked',
])

/** Of these, what each patient adds: too much to keep beside the keystore, but for what takes something away. */
const NOT_COPIED: ReadonlySet<EntryType> = new Set(['patient.linked', 'consent.granted', 'consent.amended'])

/** Longer than any block. */
const MAX_BLOCK = 1024

/** Fails with its step where a {@link LedgerError} says so. */
export function failedBy(error: unknown): Failed {
  if (error instanceof LedgerError) return { step: stepOf(error.code), reason: `${error.code}: ${error.message}` }
  throw error
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

/** A note that `publicKey` signed as the log, or null. */
export function openNote(origin: string, publicKey: Uint8Array, note: string): Head | null {
  try {
    return { ...openCheckpoint(note, { name: origin, publicKey }, verifier), note }
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** A note with nothing under it but the line of `key`; null when there is none. */
export function ownLineOnly(note: string, key: LogKey): string | null {
  try {
    const { text, signed } = openSigned(note, [logVerifier(key, verifier)])
    const lines = signed.map(({ by: { name, keyId }, signature }) => ({ name, keyId, signature }))
    return formatNote(text, lines)
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** The proven replica of one log. */
export class LogReplica {
  readonly store: Store
  readonly origin: string
  /** Name of the log, the same in every incarnation. */
  readonly log: string
  readonly #parts: LogReplicaParts
  #trusted: TrustedTree
  #head: Head
  #directory: Directory
  #newestBlock = -1
  readonly #damaged = new Map<number, Failed>()
  /** Entries whose bytes are proven and understood, whatever their rows look like. */
  readonly #understood = new Set<number>()
  readonly #verified = new Map<number, VerifiedEntry>()
  readonly #directoryEntries = new Map<number, Uint8Array>()
  readonly #blocks = new Map<number, Block | Failed>()

  private constructor(parts: LogReplicaParts, head: Head) {
    this.#parts = parts
    this.store = parts.store
    this.origin = parts.origin
    this.log = splitOrigin(parts.origin).log
    this.#head = head
    this.#directory = parts.base
    this.#trusted = this.#trust(head)
  }

  /**
   * Opens the replica of a log at a head.
   *
   * @param head - Signed by the log, and not contradicted by the keystore.
   * @param taken - Told of each entry that can be read, in order. Nothing of the log may be asked before this returns, and
   *   when it throws, nothing of what was told counts.
   * @throws {@link LedgerError} `TILE_DAMAGED` when the database does not hold the head's tree, `NOTE_UNSIGNED` when the
   *   head is under a key that the log has not at its end.
   */
  static open(parts: LogReplicaParts, head: Head, taken: (entry: TakenEntry, log: LogReplica) => void): LogReplica {
    const replica = new LogReplica(parts, head)
    replica.#scan((entry) => {
      taken(entry, replica)
    })
    replica.#checkKeyOf(head)
    return replica
  }

  /** A head under another key than the keystore's newest counts only where the roster of this very tree has that key. */
  #checkKeyOf({ note }: Head): void {
    if ([this.#parts.logKey, this.logKey].every((key) => openNote(this.origin, key, note) === null))
      throw new LedgerError('NOTE_UNSIGNED', 'not the key that the log has there')
  }

  /** The newest key of the log. */
  get logKey(): Uint8Array {
    return logKeyOf(this.#directory, this.log, this.#head.size - 1) ?? this.#parts.logKey
  }

  /** The newest checkpoint that the tree was authenticated against. */
  get head(): Head {
    return this.#head
  }

  /** Who holds which key and which rules are in force, at every index of this log. */
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

  /** The row of the head was put right: from now on the head is shown as that says. */
  headRepaired(note: string): void {
    const again = openNote(this.origin, this.logKey, note)
    assert(again !== null && again.text === this.#head.text, 'the same checkpoint')
    this.#head = again
  }

  /** Leaf hash of an entry, from the authenticated tree. */
  leafAt(index: number): Uint8Array {
    return this.#trusted.tree.leafAt(index)
  }

  /** Whether the bytes of an entry are proven and understood, whatever its rows look like. */
  isUnderstood(index: number): boolean {
    return this.#understood.has(index)
  }

  /** Exact entry bytes, proven to be in the tree. Throws {@link LedgerError}, or returns what failed earlier. */
  provenBytes(index: number): Uint8Array | Failed {
    return this.#damaged.get(index) ?? this.#bytesInTree(index)
  }

  /** The same, also when the stored tree row of the entry was damaged and its leaf had to be found again. */
  #bytesInTree(index: number): Uint8Array | Failed {
    const leaf = this.leafAt(index)
    const bytes = this.#row(index)
    if (bytes !== null && equalBytes(leafHash(h, bytes), leaf)) return bytes
    const copy = this.#parts.copies.get(index)
    if (copy !== undefined && equalBytes(leafHash(h, copy), leaf)) return copy
    return bytes === null ? MISSING_ROW : CHANGED_ROW
  }

  /** What is wrong with the stored row of `index` itself, whatever stands in for it. */
  rowFailure(index: number): Failed | null {
    const bytes = this.#row(index)
    if (bytes === null) return MISSING_ROW
    return equalBytes(leafHash(h, bytes), this.leafAt(index)) ? null : CHANGED_ROW
  }

  /** The entry with its signers, verified now or earlier, or the step it fails. */
  verifiedEntry(index: number): VerifiedEntry | Failed {
    const verified = this.verifiedOnce(index)
    if (!('step' in verified)) this.#verified.set(index, verified)
    return verified
  }

  /** The same, also when its row was damaged since it was verified: its leaf is in the signed tree all the same. */
  everVerified(index: number): VerifiedEntry | Failed {
    return this.#verified.get(index) ?? this.verifiedEntry(index)
  }

  /** The same for who asks only once: what is verified now is not remembered. */
  verifiedOnce(index: number): VerifiedEntry | Failed {
    try {
      const bytes = this.provenBytes(index)
      return bytes instanceof Uint8Array ? (this.#verified.get(index) ?? this.#check(index, bytes)) : bytes
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
    const verified = this.#verified.get(index) ?? this.#check(index, bytes)
    this.#verified.set(index, verified)
    return verified
  }

  #check(index: number, bytes: Uint8Array): VerifiedEntry {
    const { origin, network } = this.#parts
    return verifyEntry({ bytes, index, origin, network, directory: this.#directory, verifier })
  }

  /** The block that holds `index`, checked against the tree, or the step it fails. */
  blockOf(index: number): Block | Failed {
    const row = unlessDamaged(() => this.store.checkpointCoveringIndex(this.origin, index))
    if (row === null) return { step: 'checkpoint', reason: 'the checkpoint of its block is missing' }
    const block = this.block(row)
    if ('step' in block) return block
    if (block.seal.firstIndex <= index) return block
    const own = this.#parts.isMirrored === true ? this.#sealAfter(index) : null
    if (own === null) return { step: 'checkpoint', reason: 'the checkpoint of its block is missing' }
    return { ...block, seal: decodeSeal(own.body.fields), sealedAtMs: own.body.time }
  }

  /** The seal of the block that holds `index`; null when it is damaged. */
  #sealAfter(index: number): Entry | null {
    for (let at = index; at < Math.min(this.#head.size, index + MAX_BLOCK); at++) {
      const entry = this.#sealAt(at)
      if (entry?.body.type === 'seal') return decodeSeal(entry.body.fields).firstIndex <= index ? entry : null
    }
    return null
  }

  /** A checkpoint row as a block, checked against the tree. */
  block(row: { block: number; size: number; note: string }): Block | Failed {
    const known = this.#blocks.get(row.size)
    if (known !== undefined && ('step' in known || known.note === row.note)) return known
    const block = this.#checkBlock(row)
    this.#blocks.set(row.size, block)
    return block
  }

  #checkBlock(row: { block: number; size: number; note: string }): Block | Failed {
    try {
      const publicKey = logKeyOf(this.#directory, this.log, row.size - 1) ?? this.#parts.logKey
      const checkpoint = openCheckpoint(row.note, { name: this.origin, publicKey }, verifier)
      if (checkpoint.size !== row.size || checkpoint.size > this.#head.size || checkpoint.size < 1)
        return badCheckpoint('its size is not that of its row')
      if (!equalBytes(this.#trusted.tree.rootAt(checkpoint.size), checkpoint.root))
        return badCheckpoint('its root is not that of the tree')
      const sealEntry = this.#sealAt(checkpoint.size - 1)
      // A damaged seal leaves the block's own checkpoint, which is signed and fits the tree.
      const seal = sealEntry === null ? this.#presumedSeal(row, checkpoint) : decodeSeal(sealEntry.body.fields)
      if (seal.block !== row.block || seal.firstIndex + seal.count + 1 !== checkpoint.size)
        return badCheckpoint('its seal says something else')
      return { seal, checkpoint, note: row.note, sealedAtMs: sealEntry?.body.time ?? 0 }
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
    const before = row.block === 0 ? null : unlessDamaged(() => this.store.checkpoint(this.origin, row.block - 1))
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

  /** True when `index` is the place of a seal, whether or not its entry is damaged. */
  isSealPlace(index: number): boolean {
    const row = unlessDamaged(() => this.store.checkpointCoveringIndex(this.origin, index))
    return row !== null && row.size - 1 === index && !('step' in this.block(row))
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
   * @param taken - As for {@link LogReplica.open}.
   */
  committed(
    checkpoint: Head,
    block: number,
    entries: readonly { index: number; bytes: Uint8Array; leaf: Uint8Array }[],
    taken: (entry: TakenEntry) => void,
  ): void {
    this.#head = checkpoint
    this.#newestBlock = block
    this.#trusted = followHead(this.#trusted, checkpoint, this.#rows())
    for (const { index, bytes, leaf } of entries) this.#take(index, bytes, leaf, taken)
  }

  /**
   * Looks at everything again, after rows were repaired.
   *
   * @param base - What is in force before the first entry.
   * @param taken - As for {@link LogReplica.open}.
   * @throws {@link LedgerError} `TILE_DAMAGED`: nothing was changed.
   */
  reread(base: Directory, taken: (entry: TakenEntry) => void): void {
    trustedTree(h, this.#head, this.#rows())
    for (const known of [this.#damaged, this.#understood, this.#verified, this.#directoryEntries, this.#blocks])
      known.clear()
    this.#directory = base
    this.#trusted = this.#trust(this.#head)
    this.#scan(taken)
  }

  /** Authenticates the tree and marks leaves whose stored rows differ. */
  #trust(head: Checkpoint): TrustedTree {
    const trusted = trustedTree(h, head, this.#rows())
    for (const leaf of trusted.damagedLeaves) this.#damaged.set(leaf, CHANGED_TREE_ROW)
    return trusted
  }

  #rows(): RowReader {
    return {
      tile: (level, index) => unlessDamaged(() => this.store.tile(this.origin, level, index)),
      entry: (index) => this.#row(index) ?? this.#parts.copies.get(index) ?? null,
    }
  }

  #row(index: number): Uint8Array | null {
    return unlessDamaged(() => this.store.entry(this.origin, index))
  }

  #scan(taken: (entry: TakenEntry) => void): void {
    for (let index = 0; index < this.#head.size; index++) {
      const bytes = this.#bytesInTree(index)
      if (bytes instanceof Uint8Array) this.#take(index, bytes, this.leafAt(index), taken)
      else this.#damaged.set(index, bytes)
    }
    this.#newestBlock = this.#blockNumberOfHead()
  }

  /** The block that ends at the head: from its seal, or where that is damaged from the newest row. */
  #blockNumberOfHead(): number {
    const seal = this.#sealAt(this.#head.size - 1)
    if (seal !== null) return decodeSeal(seal.body.fields).block
    const newest = this.store.newestCheckpoint(this.origin)
    return newest === null ? -1 : newest.size === this.#head.size ? newest.block : newest.block + 1
  }

  /** Learns what an entry of the tree says about keys and rules. */
  #take(index: number, bytes: Uint8Array, leaf: Uint8Array, taken: (entry: TakenEntry) => void): void {
    try {
      const entry = decodeEntry(bytes)
      if (DIRECTORY_TYPES.has(entry.body.type)) {
        this.#directory = applyEntry(this.#directory, index, this.#verify(index, bytes).entry)
        if (!NOT_COPIED.has(entry.body.type) || endsCard(entry)) this.#directoryEntries.set(index, bytes)
      }
      this.#understood.add(index)
      taken({ index, entry, leaf })
    } catch (error) {
      this.#damaged.set(index, failedBy(error))
    }
  }
}

/** The end of a card is kept as revocations are: a row that is deleted must not bring it back. */
function endsCard({ body }: Entry): boolean {
  return body.type === 'patient.linked' && decodePatientLinked(body.fields).kind === 'card-revoked'
}

const MISSING_ROW: Failed = { step: 'present', reason: 'the entry is missing from the database' }
const CHANGED_ROW: Failed = { step: 'inclusion', reason: 'the entry does not hash into the tree' }
const CHANGED_TREE_ROW: Failed = { step: 'inclusion', reason: 'the stored tree row is not that of the signed tree' }

function badCheckpoint(reason: string): Failed {
  return { step: 'checkpoint', reason }
}
