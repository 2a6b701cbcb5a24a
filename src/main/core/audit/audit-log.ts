/**
 * One log of a replica, from its first entry to its newest checkpoint.
 *
 * @packageDocumentation
 */
import { applyEntry, type Directory, emptyDirectory } from '../../../ledger/directory.ts'
import { type Body, decodeEntry, type Entry } from '../../../ledger/entry.ts'
import { decodeRosterFields } from '../../../ledger/fields.ts'
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
import { type AuditFinding, findingOf } from './finding.ts'
import { LogView } from './log-view.ts'

/** How many rows of each kind a log accounts for. */
export interface LogTally {
  /** False for a log of another network, of which nothing more was looked at. */
  isOurs: boolean
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

/**
 * Audits a log.
 *
 * @param file - Untrusted.
 * @param log - Untrusted: its key counts only as far as the roster has it.
 * @param network - Network id, 32 bytes.
 */
export function* auditLog(file: ReplicaFile, log: LogRow, network: Uint8Array): Findings<LogTally> {
  const audit = new LogAudit(file, log, network)
  yield* audit.run()
  return audit.tally
}

class LogAudit {
  readonly tally: LogTally = {
    isOurs: true,
    entries: 0,
    entryRows: 0,
    blocks: 0,
    payloads: 0,
    ids: 0,
    withSubject: 0,
    tiles: 0,
  }
  readonly #view: LogView
  readonly #network: Uint8Array
  readonly #blocks: BlockAudit
  #directory: Directory
  /** The newest link of each subject, by handle. */
  readonly #chains = new Map<string, ChainLink>()
  /** Epochs of each subject that have a sealed key. */
  readonly #epochs = new Map<string, ReadonlySet<number>>()

  constructor(file: ReplicaFile, log: LogRow, network: Uint8Array) {
    this.#view = new LogView(file, log)
    this.#network = network
    this.#blocks = new BlockAudit(this.#view)
    this.#directory = emptyDirectory(network, policyEngine())
  }

  *run(): Findings {
    yield* this.#checkNetwork()
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
    yield* this.#blocks.checkCheckpoints()
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

  *#checkTree(): Findings {
    const view = this.#view
    view.head = view.newestHead()
    if (view.head === null) {
      yield view.finding(null, 'checkpoint', 'NO_CHECKPOINT', 'no checkpoint that the log signed')
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
  }

  *#checkIndexRows(index: number, { body, placement }: Entry): Findings {
    const { reader, origin } = this.#view
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
    if (stored === null) {
      yield view.finding(index, 'ciphertext', 'MISSING', 'the encrypted content is not in the database')
      return
    }
    this.tally.payloads += 1
    if (!equalBytes(h.sha256(stored.ciphertext), payload.ciphertextHash)) {
      yield view.finding(index, 'ciphertext', 'CIPHERTEXT_MISMATCH', 'not the ciphertext that the entry binds')
    }
    if (!this.#epochsOf(subject).has(payload.epoch)) {
      yield view.finding(index, 'decrypt', 'KEY_MISSING', `no sealed key of epoch ${payload.epoch}`)
    }
  }

  #epochsOf(subject: Uint8Array): ReadonlySet<number> {
    const key = toHex(subject)
    const epochs = this.#epochs.get(key) ?? new Set(this.#view.reader.epochKeys(subject).map(({ epoch }) => epoch))
    this.#epochs.set(key, epochs)
    return epochs
  }
}
