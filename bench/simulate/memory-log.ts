/** One log in the memory of a simulated node, with the ledger's own code. */
import { type CosignerKey, cosignerVerifier } from '../../src/ledger/cosignature.ts'
import { parseCheckpoint } from '../../src/ledger/checkpoint.ts'
import { type Cosigned, type CosignedHead, type Electorate, type Voter, watermark } from '../../src/ledger/finality.ts'
import { type Hasher, leafHash } from '../../src/ledger/hash.ts'
import { emptyMirror, type EntryPackage, type MirrorState, provePackage } from '../../src/ledger/mirror.ts'
import { formatNote, type NoteSignature, type ParsedNote, parseNote } from '../../src/ledger/note.ts'
import { type TileReader, TileTree } from '../../src/ledger/tiles.ts'
import type { Tile } from '../../src/ledger/tile-layout.ts'
import { TreeWriter } from '../../src/ledger/tree-writer.ts'
import type { TreeHead } from '../../src/ledger/tree-size.ts'
import { equalBytes, toHex } from '../../src/shared/bytes.ts'
import type { Signatures } from './keys.ts'

class Tiles implements TileReader {
  readonly #tiles = new Map<string, Uint8Array>()

  put(tiles: readonly Tile[]): void {
    for (const { level, index, bytes } of tiles) this.#tiles.set(`${level}/${index}`, bytes)
  }

  tile(level: number, index: number): Uint8Array | null {
    return this.#tiles.get(`${level}/${index}`) ?? null
  }
}

/** See above. */
export class MemoryLog {
  readonly origin: string
  readonly isOwn: boolean
  readonly entries: Uint8Array[] = []
  /** What the mirror remembers; for the own log, everything is pending, stored and mirrored at once. */
  state: MirrorState
  /** Largest head whose entries are all here. */
  held: (TreeHead & { readonly note: string }) | null = null
  readonly #h: Hasher
  readonly #electorate: Electorate
  readonly #tiles = new Tiles()
  readonly #writer: TreeWriter
  #tree: TileTree | null = null
  /** Notes of heads with the line of the log alone, by size. */
  readonly #notes = new Map<number, string>()
  /** Lines that verified, by size and site. */
  readonly #votes = new Map<number, Map<string, NoteSignature>>()
  /** Notes with all lines, as they were asked for last. */
  readonly #whole = new Map<number, { readonly votes: number; readonly note: string }>()
  readonly #newest = new Map<string, CosignedHead>()
  final = 0
  cosigned = 0
  bytes = 0

  constructor(origin: string, isOwn: boolean, h: Hasher, electorate: Electorate) {
    this.origin = origin
    this.isOwn = isOwn
    this.#h = h
    this.#electorate = electorate
    this.#writer = new TreeWriter(h, 0, [])
    this.state = emptyMirror(origin)
  }

  /** Appends entries that are proven, or the node's own. Gives the root. */
  append(entries: readonly Uint8Array[]): TreeHead {
    for (const entry of entries) {
      this.entries.push(entry)
      this.bytes += entry.length
    }
    const { tiles, size, root } = this.#writer.append(entries.map((entry) => leafHash(this.#h, entry)))
    this.#tiles.put(tiles)
    return { size, root }
  }

  /** All entries of a head are here. */
  hold(head: TreeHead, note: string): void {
    this.held = { ...head, note: withLogLine(note) }
    this.#notes.set(head.size, this.held.note)
    this.#tree = null
  }

  get tree(): TileTree {
    if (this.held === null) throw new Error('bug: nothing is held')
    this.#tree ??= new TileTree(this.#h, this.held, this.#tiles)
    return this.#tree
  }

  rootAt(size: number): Uint8Array {
    return this.tree.rootAt(size)
  }

  packageOf(size: number, index: number): EntryPackage | null {
    if (this.held === null || size > this.held.size || index * 256 >= size) return null
    const { tree } = this
    const proof = provePackage(
      { head: { size, root: tree.rootAt(size) }, proveInclusion: (i) => tree.proveInclusion(i, size) },
      index,
    )
    return { index, entries: this.entries.slice(index * 256, Math.min(size, index * 256 + 256)), proof }
  }

  consistency(older: number, newer: number): Uint8Array[] | null {
    return this.held === null || newer > this.held.size ? null : this.tree.proveConsistency(older, newer)
  }

  /** The checkpoint of `size` with all lines; null when it was never seen. */
  note(size: number): string | null {
    const note = this.#notes.get(size)
    if (note === undefined) return null
    const votes = this.#votes.get(size)
    const cached = this.#whole.get(size)
    if (cached?.votes === (votes?.size ?? 0)) return cached.note
    const { text, signatures } = parsedNote(note)
    const whole = formatNote(text, [...signatures, ...(votes?.values() ?? [])])
    this.#whole.set(size, { votes: votes?.size ?? 0, note: whole })
    return whole
  }

  votesAt(size: number): number {
    return this.#votes.get(size)?.size ?? 0
  }

  /** Keeps lines under a checkpoint of the tree held here. True when any was new. */
  addVotes(note: string, v: Signatures, isRemembered: boolean): boolean {
    const { text, signatures, size, root } = parsedNote(note)
    if (isRemembered && !this.#notes.has(size)) this.#notes.set(size, withLogLine(note))
    const votes = this.#votes.get(size) ?? new Map<string, NoteSignature>()
    let isNew = false
    for (const line of signatures) {
      const voter = this.#electorate.voters.find(({ key }) => key.name === line.name)
      if (voter === undefined || votes.has(voter.site) || !isLineOf(line, text, voter.key, v)) continue
      votes.set(voter.site, line)
      this.#count({ voter, size, root })
      isNew = true
    }
    if (votes.size > 0) this.#votes.set(size, votes)
    return isNew
  }

  #count(head: CosignedHead): void {
    const before = this.#newest.get(head.voter.site)
    if (before === undefined || before.size < head.size) this.#newest.set(head.voter.site, head)
    this.cosigned = Math.max(this.cosigned, head.size)
    this.final = Math.max(
      this.final,
      watermark(this.#electorate, [...this.#newest.values()], () => true),
    )
  }

  /** Sealed checkpoints from the last final one on, as far as they were seen here. */
  sealed(): Cosigned[] {
    const sizes = [...this.#notes.keys()].filter((size) => size >= this.final && size <= (this.held?.size ?? 0))
    return sizes.toSorted((a, b) => a - b).map((size) => ({ size, voters: this.#votersAt(size) }))
  }

  /** Forgets checkpoints that nobody will be shown any more. */
  prune(): void {
    for (const size of this.#notes.keys()) {
      if (size >= this.final || size === this.held?.size || size === this.cosigned) continue
      this.#notes.delete(size)
      this.#votes.delete(size)
      this.#whole.delete(size)
    }
  }

  #votersAt(size: number): Voter[] {
    const votes = this.#votes.get(size)
    return votes === undefined ? [] : this.#electorate.voters.filter(({ site }) => votes.has(site))
  }

  /** For comparing nodes: the root over everything held. */
  digest(): string {
    return this.held === null ? '' : `${this.held.size} ${toHex(this.held.root)}`
  }
}

/** A checkpoint with its lines, taken apart. */
export interface ParsedHead extends ParsedNote, TreeHead {
  readonly origin: string
}

const parsedNotes = new Map<string, ParsedHead>()
const MAX_PARSED = 20_000

/** Takes a note apart, once for all nodes: what many of them read is the same text. */
export function parsedNote(note: string): ParsedHead {
  const known = parsedNotes.get(note)
  if (known !== undefined) return known
  const parsed = parseNote(note)
  const { origin, size, root } = parseCheckpoint(parsed.text)
  const head = { ...parsed, origin, size, root }
  if (parsedNotes.size >= MAX_PARSED) parsedNotes.clear()
  parsedNotes.set(note, head)
  return head
}

/** A note with the line of its log alone. */
export function withLogLine(note: string): string {
  const { text, signatures, origin } = parsedNote(note)
  return formatNote(
    text,
    signatures.filter(({ name }) => name === origin),
  )
}

function isLineOf(line: NoteSignature, text: string, key: CosignerKey, v: Signatures): boolean {
  const verifier = cosignerVerifier(key, v)
  return equalBytes(verifier.keyId, line.keyId) && verifier.verify(text, line.signature)
}
