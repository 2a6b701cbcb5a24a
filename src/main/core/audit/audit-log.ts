/**
 * One log of a replica, from its first entry to its newest checkpoint.
 *
 * @packageDocumentation
 */
import { applyEntry, type Directory, emptyDirectory, nextIncarnation } from '../../../ledger/directory.ts'
import { type Body, decodeEntry, type Entry } from '../../../ledger/entry.ts'
import { decodeErasure, type Erasure, type ErasureEntry, erasedBy } from '../../../ledger/erasure.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeRosterFields, type NodeOpened } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { decodeRoster } from '../../../ledger/roster.ts'
import { type ChainLink, nextPlacement } from '../../../ledger/subject-chain.ts'
import { allTiles } from '../../../ledger/tiles.ts'
import { verifyEntry } from '../../../ledger/verify-entry.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { ReplicaFile } from '../../store/open-read-only.ts'
import type { LogRow } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { trustedTree } from '../vault/trusted-tree.ts'
import { policyEngine } from '../policy-engine.ts'
import { BlockAudit, checkCosignatures, checkLogKey } from './audit-blocks.ts'
import type { ErasedElsewhere } from './erased-elsewhere.ts'
import { type AuditFinding, findingOf } from './finding.ts'
import { LogView } from './log-view.ts'

/** How many rows of each kind a log accounts for. */
export interface LogTally {
  /** False for a log of another network, of which nothing more was looked at. */
  isOurs: boolean
  /** See `LogView`. */
  readonly isMirrored: boolean
  /** Leaves of the newest signed tree. */
  entries: number
  entryRows: number
  blocks: number
  payloads: number
  ids: number
  withSubject: number
  tiles: number
}

type Findings<Result = void> = Generator<AuditFinding, Result>

/** What the next incarnation of a log goes on from. */
export interface EndOfLog {
  readonly directory: Directory
  /** The newest link of each subject, by handle, up to where the next incarnation says that this one ended. */
  readonly chains: ReadonlyMap<string, ChainLink>
}

/** One log of a replica. */
export interface AuditedLog {
  /** Untrusted: its key counts only as far as the roster has it. */
  readonly log: LogRow
  /** What its first entry continues; null for a first incarnation. Untrusted. */
  readonly opened: NodeOpened | null
  /** End of the incarnation that `opened` names; null when it is not in the replica. */
  readonly before: EndOfLog | null
  /** Where later incarnations say that this one ended; `Infinity` without one. */
  readonly endsAt: number
  /** What logs of other nodes erased. */
  readonly elsewhere: ErasedElsewhere
}

/**
 * Audits a log.
 *
 * @param file - Untrusted.
 * @param network - Network id, 32 bytes.
 */
export function* auditLog(
  file: ReplicaFile,
  log: AuditedLog,
  network: Uint8Array,
): Findings<{ tally: LogTally; end: EndOfLog }> {
  const audit = new LogAudit(file, log, network)
  yield* audit.run()
  return { tally: audit.tally, end: audit.end }
}

class LogAudit {
  readonly tally: LogTally
  readonly #view: LogView
  readonly #network: Uint8Array
  readonly #blocks: BlockAudit
  #directory: Directory
  /** The newest link of each subject, by handle. */
  readonly #chains: Map<string, ChainLink>
  /** The same, up to where the next incarnation goes on. */
  readonly #chainsAtEnd: Map<string, ChainLink>
  readonly #log: AuditedLog
  readonly #erasures = new Map<string, readonly ErasureEntry[]>()
  /** Epochs of each subject that have a sealed key. */
  readonly #epochs = new Map<string, ReadonlySet<number>>()

  constructor(file: ReplicaFile, log: AuditedLog, network: Uint8Array) {
    const { opened, before } = log
    this.#log = log
    this.#view = new LogView(file, log.log)
    const none = { entries: 0, entryRows: 0, blocks: 0, payloads: 0, ids: 0, withSubject: 0, tiles: 0 }
    this.tally = { isOurs: true, isMirrored: this.#view.isMirrored, ...none }
    this.#network = network
    this.#blocks = new BlockAudit(this.#view)
    this.#chains = new Map(before?.chains)
    this.#chainsAtEnd = new Map(before?.chains)
    const previous = opened?.previous ?? null
    this.#directory =
      before === null || previous === null
        ? emptyDirectory(network, policyEngine())
        : nextIncarnation(before.directory, previous.size)
  }

  get end(): EndOfLog {
    return { directory: this.#directory, chains: this.#chainsAtEnd }
  }

  *run(): Findings {
    if (splitOrigin(this.#view.origin).incarnation === 1) yield* this.#checkNetwork()
    else yield* this.#checkOpening()
    if (!this.tally.isOurs) return
    yield* this.#checkTree()
    const { head, reader, origin } = this.#view
    const end = Math.max(
      head?.size ?? 0,
      this.#view.read(() => reader.entryCount(origin), 0),
    )
    for (let index = 0; index < end; index++) yield* this.#checkEntry(index)
    this.tally.blocks = this.#blocks.count
    yield* checkLogKey(this.#view, this.#directory)
    yield* this.#blocks.checkCheckpoints(this.#directory)
    yield* checkCosignatures(this.#view, this.#directory)
  }

  /** The first entry is the roster that the network id names. In a log of another network nothing else is worth a line. */
  *#checkNetwork(): Findings {
    try {
      const bytes = this.#view.entry(0)
      const body = bytes === null ? null : decodeEntry(bytes).body
      if (body?.type !== 'roster') return
      const { document } = decodeRosterFields(body.fields)
      const hash = h.sha256(document)
      this.tally.isOurs = equalBytes(hash, this.#network)
      if (!this.tally.isOurs) {
        yield this.#view.finding(0, 'signatures', 'WRONG_NETWORK', `a log of network ${toHex(hash)}`)
        return
      }
      const { log } = splitOrigin(this.#view.origin)
      const nodes = decodeRoster(document).sites.flatMap((site) => site.nodes)
      this.#view.key = nodes.find((node) => node.log === log)?.logKey ?? this.#view.key
    } catch (error) {
      // The entry has its own line when its turn comes.
      findingOf(error, this.#view.origin, 0, 'present')
    }
  }

  /** What a later incarnation is judged by is in the one before: without that nothing in it can be. */
  *#checkOpening(): Findings {
    const { opened, before } = this.#log
    if (before === null || opened === null) {
      this.tally.isOurs = false
      yield this.#view.finding(0, 'present', 'NO_LOG', 'the incarnation that it continues is not in the database')
      return
    }
    this.#view.key = opened.logKey ?? this.#view.key
  }

  *#checkTree(): Findings {
    const view = this.#view
    view.head = view.newestHead()
    if (view.head === null) {
      // Of a log that is just being copied, no whole block may be there yet.
      if (!view.isMirrored) yield view.finding(null, 'checkpoint', 'NO_CHECKPOINT', 'no checkpoint that the log signed')
      return
    }
    this.tally.entries = view.head.size
    for (const { level, index } of allTiles(view.head.size)) if (view.tile(level, index) !== null) this.tally.tiles += 1
    try {
      view.trusted = trustedTree(h, view.head, view)
    } catch (error) {
      yield findingOf(error, view.origin, null, 'inclusion')
    }
    for (const tile of view.trusted?.damagedTiles ?? []) {
      yield view.finding(null, 'inclusion', 'TILE_DAMAGED', `tile ${tile} is missing or not that of the signed tree`)
    }
  }

  *#checkEntry(index: number): Findings {
    const view = this.#view
    try {
      const bytes = view.reader.entry(view.origin, index)
      if (bytes === null) {
        yield view.finding(index, 'present', 'MISSING', 'the entry is not in the database')
        return
      }
      this.tally.entryRows += 1
      const leaf = leafHash(h, bytes)
      if (view.isMirrored && index >= (view.head?.size ?? 0)) return
      if (view.head !== null && index >= view.head.size) {
        yield view.finding(index, 'checkpoint', 'NOT_SEALED', 'the entry stands behind the newest checkpoint')
      } else if (view.trusted !== null && !equalBytes(view.trusted.tree.leafAt(index), leaf)) {
        yield view.finding(index, 'inclusion', 'ROOT_MISMATCH', 'the entry does not hash into the tree')
      } else yield* this.#checkContent(index, bytes, leaf)
    } catch (error) {
      yield findingOf(error, view.origin, index, 'present')
    }
  }

  *#checkContent(index: number, bytes: Uint8Array, leaf: Uint8Array): Findings {
    const entry = decodeEntry(bytes)
    // An entry that must not stand where it stands still has its place in chains and blocks.
    yield* this.#verify(index, bytes, entry)
    yield* this.#checkChain(index, entry, leaf)
    yield* this.#checkIndexRows(index, entry)
    yield* this.#checkPayload(index, entry.body)
    if (entry.body.type === 'seal') yield* this.#blocks.checkSeal(index, entry, this.#directory)
  }

  *#verify(index: number, bytes: Uint8Array, entry: Entry): Findings {
    const { origin } = this.#view
    try {
      verifyEntry({ bytes, index, origin, network: this.#network, directory: this.#directory, verifier })
      this.#directory = applyEntry(this.#directory, index, entry)
    } catch (error) {
      yield findingOf(error, origin, index, 'signatures')
    }
  }

  *#checkChain(index: number, { body, placement }: Entry, leaf: Uint8Array): Findings {
    if (body.subject === null || placement === null) return
    const subject = toHex(body.subject)
    const want = nextPlacement(this.#chains.get(subject) ?? null)
    const isLinked =
      want.previousLeaf === null || placement.previousLeaf === null
        ? want.previousLeaf === placement.previousLeaf
        : equalBytes(want.previousLeaf, placement.previousLeaf)
    if (placement.subjectSeq !== want.subjectSeq || !isLinked) {
      const detail = `says that ${placement.subjectSeq} stand before it about its subject, ${want.subjectSeq} do`
      yield this.#view.finding(index, 'completeness', 'CHAIN_BROKEN', detail)
    }
    this.#chains.set(subject, { placement, leaf })
    if (index < this.#log.endsAt) this.#chainsAtEnd.set(subject, { placement, leaf })
  }

  *#checkIndexRows(index: number, { body, placement }: Entry): Findings {
    const { reader, origin } = this.#view
    if (this.#view.isMirrored) return
    this.tally.ids += 1
    const at = this.#view.read(() => reader.indexOfEntryId(body.id), null)
    if (at?.origin !== origin || at.index !== index) {
      yield this.#view.finding(index, 'index', 'ENTRY_ID', 'the index of entry ids does not lead to it')
    }
    const { subject } = body
    if (subject === null || placement === null) return
    this.tally.withSubject += 1
    if (!this.#view.isIndexed(index, subject, placement.subjectSeq, body.type)) {
      yield this.#view.finding(index, 'index', 'SUBJECT_ENTRY', 'the index of subjects says something else')
    }
  }

  *#checkPayload(index: number, { payload, subject }: Body): Findings {
    if (payload === null || subject === null) return
    const view = this.#view
    const stored = view.reader.payload(view.origin, index)
    const by = erasedBy(this.#erasuresOf(subject), { origin: view.origin, index, subject })
    if (stored === null && (by !== null || view.isMirrored || this.#log.elsewhere.has(subject))) return
    if (by !== null) {
      yield view.finding(index, 'erased', 'NOT_ERASED', `entry ${by.index} of ${by.origin} says that it is erased`)
    }
    if (stored === null) {
      yield view.finding(index, 'ciphertext', 'MISSING', 'the encrypted content is not in the database')
      return
    }
    this.tally.payloads += 1
    if (!equalBytes(h.sha256(stored.ciphertext), payload.ciphertextHash)) {
      yield view.finding(index, 'ciphertext', 'CIPHERTEXT_MISMATCH', 'not the ciphertext that the entry binds')
    }
    if (!view.isMirrored && !this.#epochsOf(subject).has(payload.epoch)) {
      yield view.finding(index, 'decrypt', 'KEY_MISSING', `no sealed key of epoch ${payload.epoch}`)
    }
  }

  /**
   * What is said to be erased of a subject, as the index of subjects tells. An entry that is not in its tree is a finding
   * of its own.
   */
  #erasuresOf(subject: Uint8Array): readonly ErasureEntry[] {
    const key = toHex(subject)
    const known = this.#erasures.get(key)
    if (known !== undefined) return known
    const { reader } = this.#view
    const erasures = this.#view
      .read(() => reader.subjectEntries(subject), [])
      .flatMap((row): ErasureEntry[] => {
        if (row.type !== 'record.erased') return []
        const bytes = this.#view.read(() => reader.entry(row.origin, row.index), null)
        const erasure = bytes === null ? null : erasureIn(bytes)
        return erasure === null ? [] : [{ origin: row.origin, index: row.index, subject, erasure }]
      })
    this.#erasures.set(key, erasures)
    return erasures
  }

  #epochsOf(subject: Uint8Array): ReadonlySet<number> {
    const key = toHex(subject)
    const epochs = this.#epochs.get(key) ?? new Set(this.#view.reader.epochKeys(subject).map(({ epoch }) => epoch))
    this.#epochs.set(key, epochs)
    return epochs
  }
}

function erasureIn(bytes: Uint8Array): Erasure | null {
  try {
    const { body } = decodeEntry(bytes)
    return body.type === 'record.erased' ? decodeErasure(body.fields) : null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}
