/**
 * A log of another node, as far as it was fetched, proven and judged here.
 *
 * @remarks
 * A head is accepted only when it continues what was accepted before; entries only as packages that the accepted head
 * holds; and the mirrored head moves only when every entry was judged. Each step is one transaction with a
 * compare-and-swap on what the mirror remembers, so that a crash leaves the step before or after it. Memory does not
 * grow with the log: what is kept is the right edge of the tree, and who holds which key. Proven by
 * `tests/main/core/vault/mirrored-log.test.ts`.
 *
 * @packageDocumentation
 */
import { type LogKey, openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { citedHeads } from '../../../ledger/contract-evaluator.ts'
import { applyEntry, type Directory, logKeyOf } from '../../../ledger/directory.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeSeal, type LogHead } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import {
  type EntryPackage,
  type MirrorState,
  offerHead,
  type ProvenEntry,
  type Progress,
  provePackage,
  receivePackage,
} from '../../../ledger/mirror.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { parseNote } from '../../../ledger/note.ts'
import type { SignatureVerifier } from '../../../ledger/signatures.ts'
import { edgeTiles, TILE_WIDTH, TileTree, type TileReader } from '../../../ledger/tiles.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import { verifyEntry } from '../../../ledger/verify-entry.ts'
import type { WitnessedHead } from '../../../ledger/witness.ts'
import { orNull } from '../../../sync/attempt.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { CosignatureRow, MirrorRow, Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { CosignedLog } from './cosignatures.ts'
import type { CosignedLine } from './cosigning.ts'
import { DIRECTORY_TYPES, unlessDamaged, type Head } from './log-replica.ts'
import { mirrorRowOf, mirrorStateOf } from './mirror-rows.ts'

/** What a mirrored log is kept with. */
export interface MirroredLogParts {
  readonly store: Pick<
    Store,
    'addLog' | 'entry' | 'entries' | 'tile' | 'mirror' | 'replaceMirror' | 'putMirrored' | 'checkpointCoveringIndex'
  >
  readonly origin: string
  /** Network id, 32 bytes, from the keystore. */
  readonly network: Uint8Array
  readonly verifier: SignatureVerifier
  /** Nothing is in force. */
  readonly empty: Directory
  /**
   * What is in force before the first entry: nothing, or what the incarnation before left; null while that is not known.
   */
  readonly base: () => Directory | null
  /** Keys that rosters list, or listed, for the log, and that of its incarnation. */
  readonly logKeys: () => readonly Uint8Array[]
  /** True when a cited head is one of a log that is held that far, or that was convicted of lying. */
  readonly knows: (head: LogHead) => boolean
  /** Largest size under which a row has a line of the own site; 0 for none. Not verified. */
  readonly cosigned: () => number
  /**
   * Size up to which the own site vouched for the tree held here, by a line that verifies: 0 for none, `Infinity` where this
   * node does not cosign. What is beyond is judged again after a start, whatever the row of the mirror says.
   */
  readonly vouched: (log: CosignedLog) => number
  /** The line of the own site under a head whose every entry was judged; null where this node does not cosign. */
  readonly cosign: (log: CosignedLog, head: WitnessedHead) => CosignedLine | null
}

/** See the module's comment. */
export class MirroredLog implements CosignedLog {
  readonly origin: string
  readonly log: string
  readonly #parts: MirroredLogParts
  #row: MirrorRow | null
  #state: MirrorState
  /** The largest head whose every entry is stored. */
  #complete: WitnessedHead | null = null
  #tree: TileTree | null = null
  #writer: TreeWriter
  #directory: Directory
  /** Entries that the directory knows of. */
  #judged = 0
  /** See {@link MirroredLogParts.vouched}; worked out once. */
  #vouched: number | null = null

  private constructor(parts: MirroredLogParts, row: MirrorRow | null, state: MirrorState) {
    this.#parts = parts
    this.origin = parts.origin
    this.log = splitOrigin(parts.origin).log
    this.#row = row
    this.#state = state
    this.#directory = parts.empty
    this.#writer = new TreeWriter(h, 0, [])
  }

  /**
   * Opens what is stored of a log.
   *
   * @throws {@link LedgerError} when what the mirror remembers is not what the log signed, or its tree is not there: a
   * mirror that lost its memory must not cosign again.
   */
  static open(parts: MirroredLogParts): MirroredLog {
    const row = unlessDamaged(() => parts.store.mirror(parts.origin))
    const keys = (): LogKey[] => parts.logKeys().map((publicKey) => ({ name: parts.origin, publicKey }))
    const state = mirrorStateOf(parts.origin, row, (note) => openUnder(keys(), note, parts.verifier))
    // A row that is gone, or older than what was signed: nobody knows any more what must not be contradicted.
    if (parts.cosigned() > (state.pending?.size ?? 0))
      throw new LedgerError('ROOT_MISMATCH', 'more was cosigned than the mirror remembers')
    const log = new MirroredLog(parts, row, state)
    log.#resume()
    return log
  }

  /** What the mirror remembers. */
  get state(): MirrorState {
    return this.#state
  }

  /** True when no whole head is held yet: nothing of {@link CosignedLog} may be asked then. */
  get isEmpty(): boolean {
    return this.#complete === null
  }

  get head(): Head {
    const head = this.#complete ?? none()
    return { ...head, text: parseNote(head.note).text }
  }

  /** Of the entries judged so far. */
  get directory(): Directory {
    return this.#directory
  }

  /** How many entries the directory knows of. */
  get judged(): number {
    return this.#judged
  }

  get logKey(): Uint8Array {
    const at = (this.#complete?.size ?? 1) - 1
    return logKeyOf(this.#directory, this.log, at) ?? this.#parts.logKeys().at(-1) ?? none()
  }

  get trusted(): { readonly tree: TileTree } {
    return { tree: this.#tree ?? none() }
  }

  /**
   * Accepts a head, durably, when it continues the one before.
   *
   * @param note - Signed by the log, as {@link checkHead} of the sync store says.
   * @param proof - Untrusted.
   * @returns As the pure `offerHead`; with 422 the note that it contradicts.
   */
  offer(
    note: string,
    oldSize: number,
    proof: readonly Uint8Array[],
  ): { status: 200 | 403 | 404 } | { status: 409; size: number } | { status: 422; kept: string | null } {
    const { verifier } = this.#parts
    const checkpoint = parseCheckpoint(parseNote(note).text)
    const rules = { hasher: h, verifier, logKeys: () => this.#keys() }
    const verdict = offerHead(rules, this.#state, { oldSize, proof, note, checkpoint })
    if (verdict.status === 422) return { status: 422, kept: verdict.suspicion?.kept ?? null }
    if (verdict.status === 409) return verdict
    if (verdict.status !== 200) return { status: verdict.status === 404 ? 404 : 403 }
    this.#replace(verdict.next, null)
    return { status: 200 }
  }

  /**
   * Takes a package of the accepted head, durably.
   *
   * @param offered - Untrusted.
   * @throws {@link LedgerError} when the accepted head does not hold it; nothing was stored.
   */
  receive(offered: EntryPackage): void {
    const { next, entries } = receivePackage(h, this.#state, offered)
    if (next === this.#state) return
    try {
      this.#store(next, entries)
    } catch (error) {
      // Nothing was written, and the writer of the tree is ahead of what is stored.
      const edge = edgeOf(this.#reader(), this.#state.stored)
      if (edge !== null) this.#writer = new TreeWriter(h, this.#state.stored, edge)
      throw error
    }
  }

  #store(next: MirrorState, entries: readonly ProvenEntry[]): void {
    const { tiles, size, root } = this.#writer.append(entries.map(({ leaf }) => leaf))
    const isWhole = size === next.pending?.size
    if (isWhole && !equalBytes(root, next.pending.root)) {
      // Every package was proven, so what was read of the tree before is not what was written.
      this.#startOver()
      return
    }
    const whole = isWhole ? next.pending : null
    const last = entries.at(-1)?.bytes ?? null
    const row = mirrorRowOf(next)
    const part = {
      ...{ origin: this.origin, entries, tiles, expected: this.#row, next: row },
      checkpoint: whole === null || last === null ? null : checkpointOf(whole, last),
    }
    if (!this.#parts.store.putMirrored(part)) throw new LedgerError('ROOT_MISMATCH', 'the memory of the mirror changed')
    this.#row = row
    this.#state = next
    if (whole !== null) this.#completed(whole)
  }

  /**
   * Judges entries and moves the mirrored head, durably.
   *
   * @param limit - Entries judged at most.
   */
  advance(limit: number): Progress | 'working' {
    const { refused, pending, stored, mirrored } = this.#state
    if (refused !== null) return 'refused'
    if (pending === null || stored < pending.size || this.#complete === null) return 'incomplete'
    const verdict = this.#judge(this.#complete.size, limit)
    if (verdict !== 'valid') return verdict
    // Asked again, it gives a line only for what is new: a fresh time is for whoever asks for one.
    if (mirrored === pending) return 'mirrored'
    const line = this.#parts.cosign(this, pending)
    this.#replace({ ...this.#state, mirrored: pending }, line?.row ?? null)
    line?.stored()
    return 'mirrored'
  }

  /** True when {@link directory} knows everything that the mirrored head holds: after a start it does not at first. */
  get isPrepared(): boolean {
    return this.#judged >= this.#known
  }

  /** Builds up the directory of what was judged before the start, a part at a time. True when that was the last. */
  prepare(limit: number): boolean {
    this.#judge(this.#known, limit)
    return this.isPrepared
  }

  get #known(): number {
    return Math.min(this.#complete?.size ?? 0, this.#state.mirrored?.size ?? 0)
  }

  /** A package of the tree of `size`, with its proof; null when it is not held. */
  package(size: number, index: number): EntryPackage | null {
    const tree = this.#tree
    if (tree === null || this.#complete === null || size > this.#complete.size) return null
    return packageOf(this.#parts.store, this.origin, tree, { size, index })
  }

  /** Forgets what stands from a damaged entry on: it is fetched and proven again. */
  refetchFrom(index: number): void {
    const stored = Math.floor(index / TILE_WIDTH) * TILE_WIDTH
    if (this.#state.pending === null || stored >= this.#state.stored) return
    const tree = this.#tree
    const edge = tree === null ? null : edgeOf(this.#reader(), stored)
    if (edge === null) {
      this.#startOver()
      return
    }
    this.#replace({ ...this.#state, stored }, null)
    this.#writer = new TreeWriter(h, stored, edge)
  }

  /** Keeps the signed checkpoint of a smaller head of this tree, where a block ends there. */
  keepCheckpoint(store: Pick<Store, 'replaceCheckpoint'>, head: WitnessedHead): void {
    if (this.#parts.store.checkpointCoveringIndex(this.origin, head.size - 1)?.size === head.size) return
    const last = this.entry(head.size - 1)
    const row = last === null ? null : checkpointOf(head, last)
    if (row !== null) store.replaceCheckpoint(this.origin, { ...row, note: head.note })
  }

  /** An entry of the tree, or null when it is damaged, or not in the tree. */
  entry(index: number): Uint8Array | null {
    const bytes = unlessDamaged(() => this.#parts.store.entry(this.origin, index))
    const leaf = orNull(() => this.#tree?.leafAt(index) ?? null)
    return bytes !== null && leaf !== null && equalBytes(leafHash(h, bytes), leaf) ? bytes : null
  }

  #keys(): LogKey[] {
    return this.#parts.logKeys().map((publicKey) => ({ name: this.origin, publicKey }))
  }

  #reader(): TileReader {
    const { store } = this.#parts
    return { tile: (level, index) => unlessDamaged(() => store.tile(this.origin, level, index)) }
  }

  /** Goes on from what is stored. */
  #resume(): void {
    const { pending, mirrored, stored } = this.#state
    const whole = pending !== null && stored >= pending.size ? pending : mirrored
    const edge = edgeOf(this.#reader(), stored)
    if (edge === null || (whole !== null && stored < whole.size)) {
      this.#startOver()
      return
    }
    this.#writer = new TreeWriter(h, stored, edge)
    if (whole !== null) this.#completed(whole)
  }

  #completed(head: WitnessedHead): void {
    try {
      this.#tree = new TileTree(h, head, this.#reader())
      this.#complete = head
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      this.#startOver()
    }
  }

  /** Nothing of what is stored is believed: the accepted head stays, and everything is fetched again. */
  #startOver(): void {
    this.#writer = new TreeWriter(h, 0, [])
    this.#tree = null
    this.#complete = null
    this.#directory = this.#parts.empty
    this.#judged = 0
    if (this.#state.stored > 0) this.#replace({ ...this.#state, stored: 0 }, null)
  }

  #replace(next: MirrorState, line: CosignatureRow | null): void {
    const { store, logKeys } = this.#parts
    if (this.#row === null) store.addLog(this.origin, logKeys().at(-1) ?? none())
    const row = mirrorRowOf(next)
    if (!store.replaceMirror(this.origin, this.#row, row, line === null ? [] : [line]))
      throw new LedgerError('ROOT_MISMATCH', 'the memory of the mirror changed')
    this.#row = row
    this.#state = next
  }

  /** Judges what the directory does not know yet. What this site cosigned was judged before, and only builds it up. */
  #judge(to: number, limit: number): 'valid' | 'working' | 'waiting' | 'refused' {
    if (this.#judged === 0 && to > 0) {
      const base = this.#parts.base()
      if (base === null) return 'waiting'
      this.#directory = base
    }
    if (this.#judged < to) this.#vouched ??= this.#parts.vouched(this)
    for (let n = 0; this.#judged < to; n++) {
      if (n === limit) return 'working'
      if (this.#state.refused?.index === this.#judged) return 'refused'
      const bytes = this.entry(this.#judged)
      if (bytes === null) {
        this.refetchFrom(this.#judged)
        return 'waiting'
      }
      const verdict = this.#judgeOne(bytes)
      if (verdict !== null) return verdict
      this.#judged += 1
    }
    return 'valid'
  }

  #judgeOne(bytes: Uint8Array): 'waiting' | 'refused' | null {
    const { network, verifier, knows } = this.#parts
    const index = this.#judged
    const isMirrored = index < (this.#state.mirrored?.size ?? 0)
    try {
      if (isMirrored && index < (this.#vouched ?? 0) && !DIRECTORY_TYPES.has(decodeEntry(bytes).body.type)) return null
      const { origin } = this
      const { entry } = verifyEntry({ bytes, index, origin, network, directory: this.#directory, verifier })
      // Of two logs that cite each other neither could be judged again before the other.
      if (!isMirrored && !citedHeads(entry).every(knows)) return 'waiting'
      this.#directory = applyEntry(this.#directory, index, entry)
      return null
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      this.#replace({ ...this.#state, refused: { index, code: error.code } }, null)
      return 'refused'
    }
  }
}

/** A package of a tree that is held, with its proof under the tree of `size`; null when an entry is missing. */
export function packageOf(
  store: Pick<Store, 'entries'>,
  origin: string,
  tree: TileTree,
  { size, index }: { readonly size: number; readonly index: number },
): EntryPackage | null {
  const first = index * TILE_WIDTH
  const count = Math.min(TILE_WIDTH, size - first)
  if (count < 1) return null
  const rows = unlessDamaged(() => store.entries(origin, first, count)) ?? []
  const isWhole = rows.length === count && rows.every((row, i) => row.index === first + i)
  const isProven = isWhole && rows.every(({ bytes }, i) => equalBytes(leafHash(h, bytes), tree.leafAt(first + i)))
  if (!isProven) return null
  const view = {
    head: { size, root: tree.rootAt(size) },
    proveInclusion: (leaf: number) => tree.proveInclusion(leaf, size),
  }
  return { index, entries: rows.map(({ bytes }) => bytes), proof: provePackage(view, index) }
}

/** The right edge of a stored tree of `size`, or null when a tile is missing or too short. */
function edgeOf(reader: TileReader, size: number) {
  const tiles = edgeTiles(size).map(({ level, index, width }) => {
    const bytes = reader.tile(level, index)
    return bytes === null || bytes.length < width * 32 ? null : { level, index, bytes: bytes.subarray(0, width * 32) }
  })
  return tiles.some((tile) => tile === null) ? null : tiles.flatMap((tile) => tile ?? [])
}

/** The checkpoint row of a head, whose last entry is the seal of its block; null when it is none. */
function checkpointOf({ size, note }: WitnessedHead, last: Uint8Array) {
  try {
    const { type, fields } = decodeEntry(last).body
    return type === 'seal' ? { block: decodeSeal(fields).block, size, note } : null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** A note under one of several keys. */
function openUnder(keys: readonly LogKey[], note: string, verifier: SignatureVerifier): WitnessedHead {
  let failure: unknown = new LedgerError('NOTE_UNSIGNED', 'no key is known for the log')
  for (const key of keys) {
    try {
      const { origin, size, root } = openCheckpoint(note, key, verifier)
      return { origin, size, root, note }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      failure = error
    }
  }
  throw failure
}

function none(): never {
  throw new Error('bug: nothing is held of this log')
}
