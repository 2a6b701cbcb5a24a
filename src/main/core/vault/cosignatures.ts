/**
 * Who cosigned what, in every log of this replica.
 *
 * @remarks
 * A line is kept only after it verified over the root that the tree held here has at its size, and it is verified again
 * before it counts after a start: whatever else is in the table is no vote. So a vote that is counted is always one for
 * this very history. Proven by `tests/main/core/vault/cosignatures.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeCheckpoint, openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import type { CosignerKey } from '../../../ledger/cosignature.ts'
import { type Directory, logKeyOf } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { type Electorate, type Vote, type Voter, votesOn } from '../../../ledger/finality.ts'
import { type Epoch, epochsOf, isFinalUnder, keyOf } from '../../../ledger/log-finality.ts'
import { formatNote, formatSignature, type NoteSignature, parseNote, parseSignature } from '../../../ledger/note.ts'
import type { SignatureVerifier } from '../../../ledger/signatures.ts'
import type { TreeHead } from '../../../ledger/tree-size.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { CosignatureRow, Store } from '../../store/store.ts'

/** A log as far as it is proven here; `LogReplica` is one. */
export interface CosignedLog {
  readonly origin: string
  /** Name of the log, the same in every incarnation. */
  readonly log: string
  /** Newest key of the log. */
  readonly logKey: Uint8Array
  readonly head: TreeHead & { readonly note: string; readonly text: string }
  readonly directory: Directory
  readonly trusted: { readonly tree: CosignedTree }
}

/** The tree of such a log. */
export interface CosignedTree {
  rootAt(size: number): Uint8Array
  proveConsistency(older: number, newer: number): Uint8Array[]
}

/** What cosignatures are kept with. */
export interface CosignatureParts {
  readonly store: Pick<
    Store,
    'checkpointCoveringIndex' | 'cosignatures' | 'cosignaturesAt' | 'cosignaturesBy' | 'putCosignatures'
  >
  readonly verifier: SignatureVerifier
  /** Whole seconds since 1970. */
  readonly nowS: () => number
  /** Told after cosignatures of a log were stored. */
  readonly changed: (origin: string) => void
  /** Told of a checkpoint that does not fit the log held here. Not verified. */
  readonly conflict: (log: CosignedLog, note: string) => void
}

/** What became of lines that were offered. */
export type Offered =
  | 'stored'
  | 'known' // nothing new among them
  | 'ahead' // of a head that is not here yet
  | 'unsealed' // of a size that is no block of this log
  | 'conflict' // of another history

/** A checkpoint with the cosignatures that go with it. */
export interface PortableHead extends TreeHead {
  /** Signed note: the log's line first. */
  readonly note: string
  /** True when they are enough. */
  readonly isFinal: boolean
}

/** Rows of one site that are looked at, newest first, until one verifies. */
const MAX_ROWS_TRIED = 16
/** Rows among which the checkpoint to show to strangers is chosen. */
const MAX_PORTABLE_ROWS = 256

/** Cosignatures of all logs of a replica. */
export class Cosignatures {
  readonly #parts: CosignatureParts
  /** Largest cosigned size by log and key. */
  readonly #sizes = new Map<string, Map<string, number>>()
  /** Newest size that was seen with a quorum under one checkpoint. */
  readonly #portable = new Map<string, number>()
  readonly #epochs = new WeakMap<Directory['rosters'], Epoch[]>()

  constructor(parts: CosignatureParts) {
    this.#parts = parts
  }

  /** Learns which cosignatures of `log` are stored. Call once for each log before anything else. */
  load(log: CosignedLog): void {
    const sizes = new Map<string, number>()
    for (const voter of this.#votersOf(log)) {
      const size = this.#newestOf(log, voter, log.head.size + 1)
      if (size > 0) sizes.set(keyOf(voter), size)
    }
    this.#sizes.set(log.origin, sizes)
  }

  /** The roster versions of a log. */
  epochs({ directory: { rosters } }: Pick<CosignedLog, 'directory'>): Epoch[] {
    const known = this.#epochs.get(rosters) ?? epochsOf(rosters)
    this.#epochs.set(rosters, known)
    return known
  }

  /** Largest size of a log that each key is known to have cosigned, by hex of the key. Of the tree that is held here. */
  sizes(origin: string): ReadonlyMap<string, number> {
    return this.#sizes.get(origin) ?? new Map<string, number>()
  }

  /**
   * How many sites cosigned the newest head of a log that one of them did, under any key that they ever had.
   *
   * @param ids - Of the sites that count.
   */
  sitesUnderNewest(log: CosignedLog, ids: ReadonlySet<string>): number {
    const sizes = this.sizes(log.origin)
    const newest = new Map<string, number>()
    for (const voter of this.#votersOf(log))
      if (ids.has(voter.site))
        newest.set(voter.site, Math.max(sizes.get(keyOf(voter)) ?? 0, newest.get(voter.site) ?? 0))
    const largest = Math.max(0, ...newest.values())
    return largest === 0 ? 0 : [...newest.values()].filter((size) => size === largest).length
  }

  /** Whether a row is a line, as it was stored, of the cosigner that it names, over the tree that is held here. */
  isVote(log: CosignedLog, row: CosignatureRow): boolean {
    const line = row.size > log.head.size ? null : lineOf(row)
    if (line?.name !== row.name || formatSignature(line) !== row.line) return false
    return this.#votes(log, this.#textAt(log, row.size), [line], this.#votersOf(log)).length > 0
  }

  /** Largest size that one of `keys` cosigned of the tree held here, whatever the rosters of the log say of them; 0 for none. */
  vouchedBy(log: CosignedLog, keys: readonly CosignerKey[]): number {
    const sizes = keys.map((key) => this.#newestOf(log, { site: '', witness: '', key }, log.head.size + 1))
    return Math.max(0, ...sizes)
  }

  /** Largest size below `size` that a key cosigned; 0 when there is none. */
  sizeBelow(log: CosignedLog, key: string, size: number): number {
    const voter = this.#votersOf(log).find((other) => keyOf(other) === key)
    return voter === undefined ? 0 : this.#newestOf(log, voter, size)
  }

  /**
   * Takes cosignatures from another site.
   *
   * @param log - That the note names.
   * @param note - A checkpoint with lines. Untrusted; lines that do not verify are not kept and spoil nothing.
   * @throws {@link LedgerError} `BAD_NOTE`, `BAD_CHECKPOINT` or `WRONG_ORIGIN`.
   */
  add(log: CosignedLog, note: string): Offered {
    const { origin, size, root } = parseCheckpoint(parseNote(note).text)
    if (origin !== log.origin) throw new LedgerError('WRONG_ORIGIN', 'of another log')
    if (size > log.head.size) return 'ahead'
    if (!equalBytes(log.trusted.tree.rootAt(size), root)) {
      this.#parts.conflict(log, note)
      return 'conflict'
    }
    if (size < 1 || this.#parts.store.checkpointCoveringIndex(origin, size - 1)?.size !== size) return 'unsealed'
    const fresh = this.#newer(log, size, votesOn(note, this.#everyone(log), this.#parts.verifier, this.#parts.nowS()))
    if (fresh.length === 0) return 'known'
    this.#parts.store.putCosignatures(
      origin,
      fresh.map(({ voter, line }) => ({ size, name: voter.key.name, line: formatSignature(line) })),
    )
    this.learn(
      origin,
      size,
      fresh.map(({ voter }) => voter),
    )
    return 'stored'
  }

  /** Counts votes whose lines have just been stored. */
  learn(origin: string, size: number, voters: readonly Voter[]): void {
    const sizes = this.#sizes.get(origin) ?? new Map<string, number>()
    for (const voter of voters) sizes.set(keyOf(voter), Math.max(size, sizes.get(keyOf(voter)) ?? 0))
    this.#sizes.set(origin, sizes)
    this.#parts.changed(origin)
  }

  /**
   * The checkpoint to show to a stranger for an entry: the newest that enough sites cosigned, else the one that most
   * sites did, else the newest.
   *
   * @param index - Of an entry of `log`.
   */
  portable(log: CosignedLog, index: number): PortableHead {
    let best: { head: PortableHead; count: number } | null = null
    for (const size of this.#cosignedSizes(log, index)) {
      const found = this.#withVotes(log, size)
      if (found?.head.isFinal === true) {
        this.#portable.set(log.origin, Math.max(size, this.#portable.get(log.origin) ?? 0))
        return found.head
      }
      if (found !== null && found.count > (best?.count ?? 0)) best = found
    }
    const { size, root, note } = log.head
    return best?.head ?? { size, root, note, isFinal: false }
  }

  /** The checkpoint of `size` with every vote under it; null when it is not there, or not of the tree held here. */
  withVotes(log: CosignedLog, size: number): PortableHead | null {
    return this.#withVotes(log, size)?.head ?? null
  }

  /** Sizes that hold `index` and were cosigned, largest first. */
  #cosignedSizes(log: CosignedLog, index: number): number[] {
    const rows = this.#parts.store.cosignatures(log.origin, index, MAX_PORTABLE_ROWS)
    const known = this.#portable.get(log.origin) ?? 0
    const sizes = [...rows.map((row) => row.size), ...(known > index ? [known] : [])]
    return [...new Set(sizes)].filter((size) => size <= log.head.size)
  }

  #withVotes(log: CosignedLog, size: number): { head: PortableHead; count: number } | null {
    const signed = this.#signed(log, size)
    if (signed === null) return null
    const { text, signatures } = parseNote(signed)
    const lines = this.#parts.store.cosignaturesAt(log.origin, size).flatMap((row) => lineOf(row) ?? [])
    const votes = this.#votes(log, text, lines, this.#votersOf(log))
    const keys = new Set(votes.map(({ voter }) => keyOf(voter)))
    const note = formatNote(text, [...signatures, ...votes.map(({ line }) => line)])
    const isFinal = isFinalUnder(this.epochs(log), size, keys)
    return { head: { size, root: log.trusted.tree.rootAt(size), note, isFinal }, count: votes.length }
  }

  /** The log's own note of `size`, with its line alone. */
  #signed(log: CosignedLog, size: number): string | null {
    if (size === log.head.size) return log.head.note
    const row = this.#parts.store.checkpointCoveringIndex(log.origin, size - 1)
    if (row?.size !== size) return null
    try {
      const { root } = openCheckpoint(row.note, logKeyAt(log, size), this.#parts.verifier)
      return equalBytes(root, log.trusted.tree.rootAt(size)) ? row.note : null
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  /** Votes that are not stored yet, or are stored with an older time. */
  #newer(log: CosignedLog, size: number, votes: readonly Vote[]): Vote[] {
    if (votes.length === 0) return []
    const stored = this.#parts.store.cosignaturesAt(log.origin, size).flatMap((row) => lineOf(row) ?? [])
    const known = this.#votes(log, this.#textAt(log, size), stored, this.#votersOf(log))
    return votes.filter(({ voter, timeS }) => {
      const before = known.find((vote) => keyOf(vote.voter) === keyOf(voter))
      return before === undefined || before.timeS < timeS
    })
  }

  /** Size of the newest stored line of a voter that verifies, below `below`; 0 when there is none. */
  #newestOf(log: CosignedLog, voter: Voter, below: number): number {
    const limit = Math.min(below, log.head.size + 1)
    const rows = this.#parts.store.cosignaturesBy(log.origin, voter.key.name, limit, MAX_ROWS_TRIED)
    const isVote = (row: CosignatureRow): boolean => {
      const line = lineOf(row)
      return line !== null && this.#votes(log, this.#textAt(log, row.size), [line], [voter]).length > 0
    }
    return rows.find(isVote)?.size ?? 0
  }

  #votes(log: CosignedLog, text: string, lines: readonly NoteSignature[], voters: readonly Voter[]): Vote[] {
    if (lines.length === 0) return []
    // They were not from the future when they came; the clock of today decides nothing about them.
    return votesOn(formatNote(text, lines), { ...this.#everyone(log), voters }, this.#parts.verifier, Infinity)
  }

  /** Text of a checkpoint of the tree held here, whatever the rows say. */
  #textAt({ origin, trusted }: CosignedLog, size: number): string {
    return encodeCheckpoint({ origin, size, root: trusted.tree.rootAt(size) })
  }

  /** Every key that ever voted about `log`, once. */
  #votersOf(log: CosignedLog): Voter[] {
    const voters = this.epochs(log).flatMap(({ electorate }) => electorate.voters)
    return [...new Map(voters.map((voter) => [keyOf(voter), voter])).values()]
  }

  #everyone(log: CosignedLog): Electorate {
    const policy = this.epochs(log).at(-1)?.electorate.policy ?? { logs: [], witnesses: [], groups: [], quorum: null }
    return { policy, voters: this.#votersOf(log) }
  }
}

/** The key under which a log signs its checkpoint of `size`. */
export function logKeyAt({ origin, log, logKey, directory }: CosignedLog, size: number) {
  return { name: origin, publicKey: logKeyOf(directory, log, size - 1) ?? logKey }
}

function lineOf({ line }: CosignatureRow): NoteSignature | null {
  try {
    return parseSignature(line.trimEnd())
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}
