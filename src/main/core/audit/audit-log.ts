/**
 * One log of a replica, from its first entry to its newest checkpoint.
 *
 * @packageDocumentation
 */
import { blockHash, checkSeal } from '../../../ledger/block.ts'
import { type Checkpoint, encodeCheckpoint, openCheckpoint } from '../../../ledger/checkpoint.ts'
import { openCosignatures } from '../../../ledger/cosignature.ts'
import {
  applyEntry,
  contractAt,
  type Directory,
  emptyDirectory,
  logKeyOf,
  rosterAt,
} from '../../../ledger/directory.ts'
import { type Body, decodeEntry, type Entry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeRosterFields, decodeSeal } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { formatNote, parseSignature } from '../../../ledger/note.ts'
import { decodeRoster, mirrorNameOf } from '../../../ledger/roster.ts'
import { type ChainLink, nextPlacement } from '../../../ledger/subject-chain.ts'
import { allTiles } from '../../../ledger/tiles.ts'
import { verifyEntry } from '../../../ledger/verify-entry.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { ReplicaFile } from '../../store/open-read-only.ts'
import type { CheckpointRow, LogRow, StoreReader } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { trustedTree, type TrustedTree } from '../vault/trusted-tree.ts'
import { type AuditFinding, type AuditStep, findingOf } from './finding.ts'

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
  readonly #file: ReplicaFile
  readonly #reader: StoreReader
  readonly #origin: string
  readonly #storedKey: Uint8Array
  readonly #network: Uint8Array
  #directory: Directory
  #key: Uint8Array
  #head: Checkpoint | null = null
  #trusted: TrustedTree | null = null
  readonly #chains = new Map<string, ChainLink>()
  /** Sizes at which a seal stands. */
  readonly #sealed = new Set<number>()
  #nextBlock = 0
  #nextFirst = 0
  readonly #epochs = new Map<string, ReadonlySet<number>>()

  constructor(file: ReplicaFile, { origin, logKey }: LogRow, network: Uint8Array) {
    this.#file = file
    this.#reader = file.reader
    this.#origin = origin
    this.#storedKey = logKey
    this.#key = logKey
    this.#network = network
    this.#directory = emptyDirectory(network)
  }

  *run(): Findings {
    if (!(yield* this.#checkNetwork())) return
    this.#head = yield* this.#newestHead()
    this.#trusted = yield* this.#tree()
    const rows = this.#read(() => this.#reader.entryCount(this.#origin), 0)
    const end = Math.max(this.#head?.size ?? 0, rows)
    for (let index = 0; index < end; index++) yield* this.#checkEntry(index)
    yield* this.#checkKey()
    yield* this.#checkCheckpointRows()
    yield* this.#checkCosignatures()
  }

  /** The first entry is the roster that the network id names. In a log of another network nothing else is worth a line. */
  *#checkNetwork(): Findings<boolean> {
    try {
      const bytes = this.#reader.entry(this.#origin, 0)
      const body = bytes === null ? null : decodeEntry(bytes).body
      if (body?.type !== 'roster') return true
      const document = decodeRosterFields(body.fields)
      if (!equalBytes(h.sha256(document), this.#network)) {
        yield this.#finding(0, 'signatures', 'WRONG_NETWORK', `a log of network ${toHex(h.sha256(document))}`)
        this.tally.isOurs = false
        return false
      }
      const { log } = splitOrigin(this.#origin)
      const nodes = decodeRoster(document).sites.flatMap((site) => site.nodes)
      this.#key = nodes.find((node) => node.log === log)?.logKey ?? this.#key
    } catch (error) {
      // The entry has its own line when its turn comes.
      findingOf(error, this.#origin, 0, 'present')
    }
    return true
  }

  /** The newest checkpoint that the log signed. Rows that it did not sign get their line later, with all others. */
  *#newestHead(): Findings<Checkpoint | null> {
    for (let before: number | null = null; ;) {
      const rows = this.#checkpointsBefore(before)
      for (const row of rows) {
        const head = this.#opened(row.note)
        if (head !== null) return head
      }
      const last = rows.at(-1)
      if (last === undefined) break
      before = last.block
    }
    yield this.#finding(null, 'checkpoint', 'NO_CHECKPOINT', 'no checkpoint that the log signed')
    return null
  }

  /** The checkpoint in a note, or null when the log did not sign it. */
  #opened(note: string): Checkpoint | null {
    try {
      return this.#open(note)
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  *#tree(): Findings<TrustedTree | null> {
    if (this.#head === null) return null
    const { size } = this.#head
    this.tally.entries = size
    try {
      const trusted = trustedTree(h, this.#head, {
        tile: (level, index) => this.#read(() => this.#reader.tile(this.#origin, level, index), null),
        entry: (index) => this.#read(() => this.#reader.entry(this.#origin, index), null),
      })
      for (const { level, index } of allTiles(size)) {
        if (this.#read(() => this.#reader.tile(this.#origin, level, index), null) !== null) this.tally.tiles += 1
      }
      for (const tile of trusted.damagedTiles) {
        yield this.#finding(null, 'inclusion', 'TILE_DAMAGED', `tile ${tile} is missing or not that of the signed tree`)
      }
      return trusted
    } catch (error) {
      yield findingOf(error, this.#origin, null, 'inclusion')
      return null
    }
  }

  *#checkEntry(index: number): Findings {
    try {
      const bytes = this.#reader.entry(this.#origin, index)
      if (bytes === null) {
        yield this.#finding(index, 'present', 'MISSING', 'the entry is not in the database')
        return
      }
      this.tally.entryRows += 1
      if (this.#head !== null && index >= this.#head.size) {
        yield this.#finding(index, 'checkpoint', 'NOT_SEALED', 'the entry stands behind the newest checkpoint')
        return
      }
      const leaf = leafHash(h, bytes)
      const damaged = this.#trusted !== null && !equalBytes(this.#trusted.tree.leafAt(index), leaf)
      if (damaged) yield this.#finding(index, 'inclusion', 'ROOT_MISMATCH', 'the entry does not hash into the tree')
      else yield* this.#checkVerified(index, bytes, leaf)
    } catch (error) {
      yield findingOf(error, this.#origin, index, 'present')
    }
  }

  *#checkVerified(index: number, bytes: Uint8Array, leaf: Uint8Array): Findings {
    const entry = yield* this.#verify(index, bytes)
    if (entry === null) return
    yield* this.#checkChain(index, entry, leaf)
    yield* this.#checkIndexRows(index, entry)
    yield* this.#checkPayload(index, entry.body)
    if (entry.body.type === 'seal') yield* this.#checkBlock(index, entry)
  }

  /** The entry, whether or not it may stand where it stands: chains and payloads are looked at all the same. */
  *#verify(index: number, bytes: Uint8Array): Findings<Entry | null> {
    const entry = decodeEntry(bytes)
    try {
      const [origin, network, directory] = [this.#origin, this.#network, this.#directory]
      verifyEntry({ bytes, index, origin, network, directory, verifier })
      this.#directory = applyEntry(this.#directory, index, entry)
    } catch (error) {
      yield findingOf(error, this.#origin, index, 'signatures')
    }
    return entry
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
      const detail = `says it is number ${placement.subjectSeq} about its subject, after ${want.subjectSeq} that are here`
      yield this.#finding(index, 'completeness', 'CHAIN_BROKEN', detail)
    }
    this.#chains.set(subject, { placement, leaf })
  }

  *#checkIndexRows(index: number, { body, placement }: Entry): Findings {
    this.tally.ids += 1
    const at = this.#read(() => this.#reader.indexOfEntryId(body.id), null)
    if (at?.origin !== this.#origin || at.index !== index) {
      yield this.#finding(index, 'index', 'ENTRY_ID', 'the index of entry ids does not lead to it')
    }
    const { subject } = body
    if (subject === null || placement === null) return
    this.tally.withSubject += 1
    const rows = this.#read(() => this.#reader.subjectEntries(subject), [])
    const row = rows.find((other) => other.origin === this.#origin && other.index === index)
    if (row?.seq !== placement.subjectSeq || row.type !== body.type) {
      yield this.#finding(index, 'index', 'SUBJECT_ENTRY', 'the index of subjects says something else')
    }
  }

  *#checkPayload(index: number, { payload, subject }: Body): Findings {
    if (payload === null || subject === null) return
    const stored = this.#reader.payload(this.#origin, index)
    if (stored === null) {
      yield this.#finding(index, 'ciphertext', 'MISSING', 'the encrypted content is not in the database')
      return
    }
    this.tally.payloads += 1
    if (!equalBytes(h.sha256(stored.ciphertext), payload.ciphertextHash)) {
      yield this.#finding(index, 'ciphertext', 'CIPHERTEXT_MISMATCH', 'not the ciphertext that the entry binds')
    }
    if (!this.#epochsOf(subject).has(payload.epoch)) {
      yield this.#finding(index, 'decrypt', 'KEY_MISSING', `no sealed key of epoch ${payload.epoch}`)
    }
  }

  #epochsOf(subject: Uint8Array): ReadonlySet<number> {
    const key = toHex(subject)
    const known = this.#epochs.get(key)
    if (known !== undefined) return known
    const epochs = new Set(this.#reader.epochKeys(subject).map(({ epoch }) => epoch))
    this.#epochs.set(key, epochs)
    return epochs
  }

  /** A seal, the checkpoint that goes with it, and the link to the block before. */
  *#checkBlock(index: number, entry: Entry): Findings {
    const size = index + 1
    const previousSize = this.#nextFirst
    this.#sealed.add(size)
    this.tally.blocks += 1
    const seal = decodeSeal(entry.body.fields)
    const roster = rosterAt(this.#directory, index)?.roster.version ?? seal.rosterVersion
    const contractHash = contractAt(this.#directory, index)?.hash ?? seal.contractHash
    const previousBlockHash = this.#nextBlock === 0 ? null : (this.#hashOfBlock(previousSize) ?? seal.previousBlockHash)
    const [block, firstIndex, count] = [this.#nextBlock, this.#nextFirst, index - this.#nextFirst]
    this.#nextBlock = seal.block + 1
    this.#nextFirst = size
    try {
      checkSeal(seal, { block, previousBlockHash, firstIndex, count, rosterVersion: roster, contractHash })
    } catch (error) {
      yield findingOf(error, this.#origin, index, 'checkpoint')
    }
    const row = this.#read(() => this.#reader.checkpoint(this.#origin, seal.block), null)
    if (row?.size !== size) {
      yield this.#finding(
        index,
        'checkpoint',
        'MISSING',
        `the checkpoint of block ${seal.block} is not in the database`,
      )
    }
  }

  /** Hash of the block that ends at `size`: its checkpoint's text follows from the tree. */
  #hashOfBlock(size: number): Uint8Array | null {
    if (this.#trusted === null || size < 1) return null
    return blockHash(h, encodeCheckpoint({ origin: this.#origin, size, root: this.#trusted.tree.rootAt(size) }))
  }

  /** Whose key it is that signed everything, says the roster and not the table. */
  *#checkKey(): Findings {
    const listed = logKeyOf(this.#directory, splitOrigin(this.#origin).log, this.#head?.size ?? 0)
    if (listed === null || !equalBytes(listed, this.#storedKey)) {
      yield this.#finding(null, 'checkpoint', 'LOG_KEY', 'the log table has another key than the roster')
    }
    if (listed !== null && !equalBytes(listed, this.#key)) {
      yield this.#finding(
        null,
        'checkpoint',
        'LOG_KEY',
        'the checkpoints are signed with another key than the roster lists',
      )
    }
  }

  *#checkCheckpointRows(): Findings {
    for (let before: number | null = null; ;) {
      const rows = this.#checkpointsBefore(before)
      for (const row of rows) yield* this.#checkCheckpoint(row)
      const last = rows.at(-1)
      if (last === undefined) return
      before = last.block
    }
  }

  #checkpointsBefore(block: number | null): CheckpointRow[] {
    return this.#read(() => this.#reader.checkpoints(this.#origin, block, 256), [])
  }

  *#checkCheckpoint({ block, size, note }: CheckpointRow): Findings {
    const index = size - 1
    try {
      const checkpoint = this.#open(note)
      if (checkpoint.size !== size) {
        yield this.#finding(
          index,
          'checkpoint',
          'WRONG_SIZE',
          `block ${block}: the note is of ${checkpoint.size} entries`,
        )
      } else if (this.#trusted !== null && !this.#isRoot(checkpoint)) {
        yield this.#finding(index, 'checkpoint', 'ROOT_MISMATCH', `block ${block}: signed for another tree`)
      } else if (!this.#sealed.has(size)) {
        yield this.#finding(index, 'checkpoint', 'NO_SEAL', `block ${block}: no verified seal stands at its end`)
      }
    } catch (error) {
      const found = findingOf(error, this.#origin, index, 'checkpoint')
      yield { ...found, detail: `block ${block}: ${found.detail}` }
    }
  }

  #isRoot(checkpoint: Checkpoint): boolean {
    const { head, tree } = { head: this.#head, tree: this.#trusted?.tree }
    if (head === null || tree === undefined || checkpoint.size > head.size) return false
    return equalBytes(tree.rootAt(checkpoint.size), checkpoint.root)
  }

  /** Each under the checkpoint that it is stored with, by a site of the roster that was in force there. */
  *#checkCosignatures(): Findings {
    for (const { size, name, line } of this.#read(() => this.#file.cosignatures(this.#origin), [])) {
      try {
        const row = this.#reader.checkpointCoveringIndex(this.#origin, size - 1)
        if (row?.size !== size) throw new LedgerError('NOTE_UNSIGNED', 'there is no checkpoint of that size')
        const sites = rosterAt(this.#directory, size - 1)?.roster.sites ?? []
        const cosigners = sites.map((site) => ({ name: mirrorNameOf(site.id), publicKey: site.mirrorKey }))
        const note = formatNote(this.#open(row.note).text, [parseSignature(line.trimEnd())])
        const { cosignatures } = openCosignatures(note, cosigners, verifier)
        if (cosignatures[0]?.name !== name) throw new LedgerError('NOTE_SIGNATURE', 'the line is of somebody else')
      } catch (error) {
        const found = findingOf(error, this.#origin, size - 1, 'cosignature')
        yield { ...found, step: 'cosignature', detail: `${name}: ${found.detail}` }
      }
    }
  }

  #open(note: string): Checkpoint {
    return openCheckpoint(note, { name: this.#origin, publicKey: this.#key }, verifier)
  }

  #finding(index: number | null, step: AuditStep, code: string, detail: string): AuditFinding {
    return { log: this.#origin, index, step, code, detail }
  }

  /** A row that SQLite cannot read is like a row that is gone; the check of the file says why. */
  #read<Value>(read: () => Value, missing: Value): Value {
    try {
      return read()
    } catch (error) {
      findingOf(error, this.#origin, null, 'database')
      return missing
    }
  }
}
