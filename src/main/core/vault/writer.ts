/**
 * The single writer of this node's log: collects what is to be recorded, closes it into a block, and signs only what
 * is durable.
 *
 * @remarks
 * Order of one block, and what a crash means after each step:
 * 1. entries, payloads and epoch keys are inserted, their bytes read back, hashed into the tree, and the checkpoint
 *    signed, all inside one transaction: a crash leaves nothing;
 * 2. COMMIT: the block exists, nobody outside has seen it;
 * 3. the high-water mark is written: after a crash before this, the next start finds a block that is newer than the
 *    mark and signed by the log, and takes it;
 * 4. the memory of the replica follows, and callers are told.
 * A failed compare-and-swap or an unknown commit ends the writer: the process must be started again. Proven by
 * `tests/main/core/vault/writer.test.ts` and `tests/faults/kill.test.ts`.
 *
 * @packageDocumentation
 */
import { blockHash } from '../../../ledger/block.ts'
import { encodeCheckpoint, signCheckpoint } from '../../../ledger/checkpoint.ts'
import { applyEntry, contractAt, type Directory, rosterAt } from '../../../ledger/directory.ts'
import { decodeEntry, encodeBody, encodeEntry, type EntrySignature, signedMessage } from '../../../ledger/entry.ts'
import { MEDIA_FHIR_R4_JSON } from '../../../ledger/body.ts'
import type { CborMap } from '../../../ledger/cbor.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { encodeIncident, encodeSeal, entriesLost, MAX_LOST_RANGES } from '../../../ledger/fields.ts'
import { ContractDenied, LedgerError, stepOf } from '../../../ledger/errors.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { TreeWriter } from '../../../ledger/tree-writer.ts'
import { verifyEntry } from '../../../ledger/verify-entry.ts'
import { toHex } from '../../../shared/bytes.ts'
import { assert } from '../../../shared/errors.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import type { HighWater, HighWaterMark } from '../../keystore/high-water.ts'
import { verifier } from '../../keystore/sodium.ts'
import { StoreError } from '../../store/errors.ts'
import type { NewEntry, NewEpochKey, StoredPayload } from '../../store/store.ts'
import { defaultClass, type KeyClass } from '../class-keys.ts'
import { sealEnvelope, type RandomBytes } from '../envelope.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Head } from './log-replica.ts'
import type { Replica } from './replica.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { LogSigner } from './role-keys.ts'
import type { CurrentEpoch, SubjectKeys } from './subject-keys.ts'

/** What is to be recorded. */
export interface Draft {
  /** Idempotency key, 16 bytes. */
  readonly id: Uint8Array
  readonly type: EntryType
  readonly subject: Uint8Array | null
  /** The author's clock, ms since 1970. */
  readonly timeMs: number
  /** Exact bytes of the resource, or null. Needs a subject. */
  readonly payload: Uint8Array | null
  readonly fields: CborMap
  readonly signers: readonly EntrySigner[]
  /** The kind of data that the payload is; that of its type when left out, and otherwise what stays at the site. */
  readonly keyClass?: KeyClass
  /** Body, signatures and sealed payload where another node of the site made them, and signed what this one cannot. */
  readonly made?: Made
  /** Makes the epoch that begins with this entry, or what is handed over with it; the present one when left out. */
  readonly epoch?: () => Promise<CurrentEpoch>
}

/** What stands in the place of what the writer makes itself. Checked as every entry is before it is written. */
export interface Made {
  /** Exact bytes; says the same as the draft. */
  readonly bodyBytes: Uint8Array
  readonly signatures: readonly EntrySignature[]
  readonly stored: StoredPayload
}

/** Where a draft ended up. */
export interface Recorded {
  readonly index: number
}

interface Job {
  readonly drafts: readonly Draft[]
  readonly epochs: readonly (CurrentEpoch | null)[]
  readonly trayDone: readonly Uint8Array[]
  /** Signs as the log from the end of this job on; null for nobody new. Such a job has a block of its own. */
  readonly successor: EntrySigner | null
  readonly done: (recorded: Recorded[]) => void
  readonly failed: (error: unknown) => void
}

/** An entry whose place is fixed. */
interface Placed {
  readonly draft: Draft
  readonly row: NewEntry
  /** That its payload is sealed under; null without one. */
  readonly epoch: CurrentEpoch | null
  readonly epochKeys: readonly NewEpochKey[]
  readonly handedOver: readonly NewEpochKey[]
}

/** What a writer is made of. */
export interface WriterParts {
  readonly replica: Replica
  readonly keys: SubjectKeys
  readonly highWater: HighWater
  /** Signs as the log. */
  readonly logSigner: LogSigner
  readonly random: RandomBytes
  readonly nowMs: () => number
  /** Told of the new size after each block. */
  readonly committed: (size: number) => void
  /** Told when a block could not be written, before its callers are. */
  readonly failed: (error: unknown) => void
}

/** Entries of one block at most; more wait for the next. Above twice the 200 drafts that one request may name. */
const BLOCK_LIMIT = 512

/** The writer. */
export class Writer {
  readonly #parts: WriterParts
  readonly #queue: Job[] = []
  #scheduled = false
  #tree: TreeWriter
  /** The mark of a block that was committed, while it could not be written. */
  #mark: HighWaterMark | null = null
  /** Until a block of ours stands in the database: its newest checkpoint row may be damaged, gone or made up. */
  #lostAtStart = true
  /** Set when the outcome of a commit is unknown. */
  #unknown = false
  #stopped = false
  #isClosed = false

  constructor(parts: WriterParts) {
    this.#parts = parts
    const { replica } = parts
    this.#tree = TreeWriter.resume(h, replica.head, replica.live.trusted.reader)
  }

  /**
   * Records drafts in one block, in order. Durable when the promise resolves.
   *
   * @param trayDone - Tray rows that these entries settle.
   * @throws ApiFailure `ALREADY_RECORDED`, `STATE_UNKNOWN`; StoreError `DISK_FULL`, `DATA_FOLDER_READ_ONLY`,
   * `DATA_FOLDER_IN_USE`.
   */
  async record(drafts: readonly Draft[], trayDone: readonly Uint8Array[] = []): Promise<Recorded[]> {
    assert(drafts.length > 0 && drafts.length < BLOCK_LIMIT, 'a job fits into a block')
    for (;;) {
      const epochs = await Promise.all(drafts.map(async (draft) => this.#epochOf(draft)))
      try {
        return await this.#enqueue({ drafts, epochs, trayDone, successor: null })
      } catch (error) {
        // Nothing was written: another block began an epoch in between.
        if (!(error instanceof EpochPassed)) throw error
      }
    }
  }

  /**
   * Records what sites decided, in a block of its own. It is in force from the next entry on, so already the seal and
   * the checkpoint of this block are signed with the key that a new roster lists.
   *
   * @param successor - Signs as the log from then on; null when its key stays.
   * @throws as {@link record}.
   */
  async recordDecision(draft: Draft, successor: EntrySigner | null): Promise<Recorded[]> {
    return this.#enqueue({ drafts: [draft], epochs: [null], trayDone: [], successor })
  }

  #enqueue(job: Omit<Job, 'done' | 'failed'>): Promise<Recorded[]> {
    if (this.#isClosed) return Promise.reject(new ApiFailure('WRONG_STATE'))
    return new Promise((done, failed) => {
      this.#queue.push({ ...job, done, failed })
      this.#schedule()
    })
  }

  /** Ends the log here: whatever waits, and whatever comes, is refused. */
  stop(): void {
    this.#stopped = true
  }

  /** Writes what waits, before the files are closed. What comes later is refused. */
  close(): void {
    this.#isClosed = true
    while (this.#queue.length > 0) this.#flush()
  }

  async #epochOf(draft: Draft): Promise<CurrentEpoch | null> {
    if (draft.payload === null) return null
    assert(draft.subject !== null, 'a payload belongs to a subject')
    return draft.epoch?.() ?? this.#parts.keys.current(draft.subject)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // Everything that asks in the same turn shares one block and one fsync.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      if (this.#queue.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const jobs: Job[] = []
    let count = 0
    while (this.#queue[0] !== undefined && count + this.#queue[0].drafts.length < BLOCK_LIMIT) {
      if (this.#queue[0].successor !== null && jobs.length > 0) break
      const job = this.#queue.shift()
      if (job === undefined) break
      if (this.#isAccepted(job, jobs)) {
        jobs.push(job)
        count += job.drafts.length
      }
      if (job.successor !== null) break
    }
    if (jobs.length > 0) this.#writeJobs(jobs)
  }

  #writeJobs(jobs: readonly Job[]): void {
    try {
      if (jobs.some(({ drafts }) => drafts.some(({ subject }) => subject !== null))) this.#declareLoss()
      const first = this.#parts.replica.head.size
      this.#writeBlock(jobs)
      let index = first
      for (const job of jobs) job.done(job.drafts.map(() => ({ index: index++ })))
    } catch (error) {
      // Nothing was written yet: one job that is refused must not take the others with it.
      if (error instanceof NotPlaced && jobs.length > 1) {
        for (const job of jobs) this.#writeJobs([job])
        return
      }
      if (!(error instanceof NotPlaced)) this.#afterFailure(error)
      for (const job of jobs) job.failed(error instanceof NotPlaced ? refusalOf(error.cause) : error)
    }
  }

  /**
   * Entries that are gone may be anybody's newest. Their places are taken by what comes next, so it is said first: should
   * they be found again, both stand.
   */
  #declareLoss(): void {
    const { replica, logSigner, random, nowMs } = this.#parts
    const lost = Map.groupBy(replica.undeclaredLoss(), ({ log }) => log.origin)
    if (lost.size === 0) return
    const declared = [...lost].flatMap(([origin, places]) =>
      inPieces(rangesOf(places.map(({ index }) => index)), MAX_LOST_RANGES).map((ranges) => ({ origin, ranges })),
    )
    const drafts = declared.map(({ origin, ranges }): Draft => {
      const fields = encodeIncident(entriesLost({ origin, ranges }))
      const shared = { id: random(16), subject: null, payload: null, timeMs: nowMs() }
      return { ...shared, type: 'incident', fields, signers: [logSigner] }
    })
    this.#writeBlock([
      {
        ...{ drafts, epochs: drafts.map(() => null), trayDone: [], successor: null },
        ...{ done: () => undefined, failed: () => undefined },
      },
    ])
  }

  /** False for a job that cannot be written, which was told so. What else waits in this turn goes on. */
  #isAccepted(job: Job, before: readonly Job[]): boolean {
    try {
      if (!this.#isDuplicate(job, before)) return true
      job.failed(new ApiFailure('ALREADY_RECORDED'))
    } catch (error) {
      job.failed(error)
    }
    return false
  }

  #isDuplicate(job: Job, before: readonly Job[]): boolean {
    const taken = new Set(before.flatMap((other) => other.drafts.map((draft) => toHex(draft.id))))
    return job.drafts.some((draft) => {
      const id = toHex(draft.id)
      const isTaken = taken.has(id) || this.#parts.replica.holdsId(draft.id)
      taken.add(id)
      return isTaken
    })
  }

  #writeBlock(jobs: readonly Job[]): void {
    if (this.#stopped) throw new ApiFailure('RECOVERY_NEEDED')
    if (this.#unknown) throw new ApiFailure('STATE_UNKNOWN')
    const { replica, keys, committed, failed, logSigner } = this.#parts
    const { origin } = replica.identity
    const first = replica.head.size
    const successor = jobs[0]?.successor ?? null
    const closer = successor ?? logSigner
    this.#raiseMark()
    const placed = this.#prepare(jobs, first)
    const leaves: Uint8Array[] = []
    const closed: { bytes: Uint8Array[]; checkpoint: Head; note: string }[] = []
    const block = replica.live.newestBlock + 1
    replica.store.append(
      {
        origin,
        firstIndex: first,
        previousNote: replica.head.note,
        knownDamage: replica.live.damaged.size > 0 || replica.live.damagedTiles.length > 0 || this.#lostCheckpoint(),
        entries: placed.map(({ row }) => row),
        epochKeys: placed.flatMap(({ epochKeys }) => epochKeys),
        handedOver: placed.flatMap(({ handedOver }) => handedOver),
        trayDone: jobs.flatMap((job) => job.trayDone),
      },
      (readBack) => {
        leaves.push(...readBack.map((bytes) => leafHash(h, bytes)))
        const { size, root, tiles } = this.#tree.append(leaves)
        const head = { origin, size, root }
        const note = signCheckpoint(head, { name: origin, publicKey: closer.publicKey }, (message) =>
          closer.sign(message),
        )
        closed.push({ bytes: readBack, checkpoint: { ...head, text: encodeCheckpoint(head), note }, note })
        return { tiles, block, size, note }
      },
    )
    const { bytes, checkpoint, note } = closed[0] ?? unreachable()
    if (successor !== null) logSigner.replace(successor)
    const entries = bytes.map((entry, i) => ({ index: first + i, bytes: entry, leaf: leaves[i] ?? unreachable() }))
    replica.committed(checkpoint, block, entries)
    for (const { draft, epoch } of placed) if (draft.subject !== null) keys.stored(draft.subject, epoch)
    // The block stands, whatever becomes of its mark: a start that finds it newer than the mark takes it.
    this.#mark = { note, size: checkpoint.size }
    try {
      this.#raiseMark()
      committed(checkpoint.size)
    } catch (error) {
      failed(error)
    }
  }

  /** Writes the mark of the last block, when that is still to be done: nothing more is signed before it is. */
  #raiseMark(): void {
    if (this.#mark !== null) this.#parts.highWater.write(this.#mark)
    this.#mark = null
  }

  /**
   * Everything that can be refused, before anything is written.
   *
   * @throws {@link NotPlaced}
   */
  #prepare(jobs: readonly Job[], first: number): Placed[] {
    try {
      const placed = this.#place(jobs)
      this.#checkContract(placed, first)
      return placed
    } catch (cause) {
      throw new NotPlaced('refused before anything was written', { cause })
    }
  }

  /** What the contract refuses is never sealed: every entry passes what a replica will ask of it. */
  #checkContract(placed: readonly Placed[], first: number): void {
    const { directory, identity } = this.#parts.replica
    const { origin, network } = identity
    let inForce = directory
    for (const [i, { row }] of placed.entries()) {
      const index = first + i
      const { entry } = verifyEntry({ bytes: row.bytes, index, origin, network, directory: inForce, verifier })
      inForce = applyEntry(inForce, index, entry)
    }
  }

  /** True when the row of the newest checkpoint was damaged before this process proved the head without it. */
  #lostCheckpoint(): boolean {
    if (!this.#lostAtStart) return false
    const { replica } = this.#parts
    const newest = replica.store.newestCheckpoint(replica.identity.origin)
    this.#lostAtStart = newest?.note !== replica.head.note || newest.size !== replica.head.size
    return this.#lostAtStart
  }

  /** Gives every draft its place, in order, and closes with the seal. */
  #place(jobs: readonly Job[]): Placed[] {
    const { replica } = this.#parts
    const first = replica.head.size
    const chains = new Map<string, { seq: number; leaf: Uint8Array } | null>()
    const epochs = new EpochsInBlock((subject) => replica.newestEpoch(subject))
    const placed: Placed[] = []
    for (const job of jobs) {
      for (const [i, draft] of job.drafts.entries()) {
        const { epoch, epochKeys, handedOver } = epochs.take(draft, job.epochs[i] ?? null)
        placed.push({ draft, epoch, epochKeys, handedOver, row: this.#entryOf(draft, epoch, chains) })
      }
    }
    const seal = this.#seal(
      first,
      placed.length,
      directoryAfter(replica.directory, first, placed),
      jobs[0]?.successor ?? null,
    )
    placed.push({ draft: seal, epoch: null, epochKeys: [], handedOver: [], row: this.#entryOf(seal, null, chains) })
    return placed
  }

  #entryOf(
    draft: Draft,
    epoch: CurrentEpoch | null,
    chains: Map<string, { seq: number; leaf: Uint8Array } | null>,
  ): NewEntry {
    const { id, type, subject } = draft
    const { bodyBytes, signatures, stored } = draft.made ?? this.#made(draft, epoch)
    const last = subject === null ? null : this.#lastOf(toHex(subject), chains)
    const placement =
      subject === null ? null : { subjectSeq: last === null ? 0 : last.seq + 1, previousLeaf: last?.leaf ?? null }
    const bytes = encodeEntry({ bodyBytes, placement, signatures })
    if (subject !== null && placement !== null)
      chains.set(toHex(subject), { seq: placement.subjectSeq, leaf: leafHash(h, bytes) })
    return {
      id,
      bytes,
      type,
      subject: subject === null || placement === null ? null : { handle: subject, seq: placement.subjectSeq },
      payload: stored,
    }
  }

  #made(draft: Draft, epoch: CurrentEpoch | null): Omit<Made, 'stored'> & { readonly stored: StoredPayload | null } {
    const { network, log } = this.#parts.replica.identity
    const sealed = this.#sealPayload(draft, epoch)
    const { id, type, subject, timeMs: time, fields } = draft
    const bodyBytes = encodeBody({ type, network, log, id, time, subject, fields, payload: sealed?.binding ?? null })
    const signatures = draft.signers
      .map((signer) => ({
        role: signer.role,
        publicKey: signer.publicKey,
        signature: signer.sign(signedMessage(signer.role, bodyBytes)),
      }))
      .sort((a, b) =>
        a.role === b.role ? (toHex(a.publicKey) < toHex(b.publicKey) ? -1 : 1) : a.role < b.role ? -1 : 1,
      )
    return { bodyBytes, signatures, stored: sealed?.stored ?? null }
  }

  #lastOf(
    subject: string,
    chains: ReadonlyMap<string, { seq: number; leaf: Uint8Array } | null>,
  ): { seq: number; leaf: Uint8Array } | null {
    const inBlock = chains.get(subject)
    if (inBlock !== undefined) return inBlock
    const { replica } = this.#parts
    const { gone } = replica.chain(subject)
    const newest = replica.newestLink(subject)
    // The newest entry itself may be the damaged one: its leaf is still certain.
    const lost = gone.at(-1)
    if (lost !== undefined && lost.place !== null && lost.seq > (newest?.seq ?? -1))
      return { seq: lost.seq, leaf: lost.place.log.leafAt(lost.place.index) }
    return newest
  }

  #sealPayload(draft: Draft, epoch: CurrentEpoch | null) {
    const { payload, subject, id } = draft
    if (payload === null || subject === null || epoch === null) return null
    const { envelope, binding } = sealEnvelope(
      payload,
      epoch.keys.keyOf(draft.keyClass ?? defaultClass(draft)),
      { subject, entryId: id, epoch: epoch.epoch },
      this.#parts.random,
    )
    const stored: StoredPayload = envelope
    return { stored, binding: { ...binding, epoch: epoch.epoch, media: MEDIA_FHIR_R4_JSON } }
  }

  #seal(firstIndex: number, count: number, directory: Directory, successor: EntrySigner | null): Draft {
    const { replica, logSigner, random, nowMs } = this.#parts
    const { head } = replica
    const signers = [successor ?? logSigner]
    const rosterVersion = rosterAt(directory, firstIndex + count)?.roster.version ?? 1
    const contract = contractAt(directory, firstIndex + count)
    assert(contract !== null, 'genesis is written by genesis.ts')
    const fields = encodeSeal({
      block: replica.live.newestBlock + 1,
      previousBlockHash: blockHash(h, head.text),
      firstIndex,
      count,
      rosterVersion,
      contractHash: contract.hash,
    })
    return { id: random(16), type: 'seal', subject: null, timeMs: nowMs(), payload: null, fields, signers }
  }

  /** The tree in memory is ahead of the store now; unless the outcome is unknown, it goes back to the signed head. */
  #afterFailure(error: unknown): void {
    const { replica } = this.#parts
    const isCertain = error instanceof KeystoreError || (error instanceof StoreError && error.code !== 'STATE_UNKNOWN')
    if (isCertain) this.#tree = TreeWriter.resume(h, replica.head, replica.live.trusted.reader)
    else this.#unknown = true
    this.#parts.failed(error)
  }
}

/**
 * Under which epoch the entries of one block are sealed. An epoch that began while an entry was being prepared is the one
 * it is sealed under: nobody who was shut out by it gets to read what comes after.
 */
class EpochsInBlock {
  readonly #newestEpoch: (subject: string) => number | null
  readonly #newest = new Map<string, CurrentEpoch>()
  readonly #stored = new Set<CurrentEpoch>()

  constructor(newestEpoch: (subject: string) => number | null) {
    this.#newestEpoch = newestEpoch
  }

  /** @throws {@link EpochPassed} when another entry began an epoch, or erased this one: it must be prepared again. */
  take(draft: Draft, prepared: CurrentEpoch | null): Pick<Placed, 'epochKeys' | 'handedOver'> & Prepared {
    if (prepared === null || draft.subject === null) return { epoch: null, epochKeys: [], handedOver: [] }
    const name = toHex(draft.subject)
    const before = this.#newest.get(name)
    const epoch = before === undefined || draft.epoch !== undefined ? prepared : before
    const newest = Math.max(before?.epoch ?? -1, this.#newestEpoch(name) ?? -1)
    const isPassed = epoch !== before && (epoch.toStore.length > 0 ? epoch.epoch <= newest : epoch.epoch < newest)
    if (isPassed) throw new EpochPassed('an epoch began meanwhile')
    if (epoch.keys.isWiped) throw new EpochPassed('its key was erased meanwhile')
    this.#newest.set(name, epoch)
    if (this.#stored.has(epoch)) return { epoch, epochKeys: [], handedOver: [] }
    this.#stored.add(epoch)
    return { epoch, epochKeys: epoch.toStore, handedOver: epoch.handedOver }
  }
}

interface Prepared {
  readonly epoch: CurrentEpoch | null
}

/** What was prepared under an epoch that ended. */
class EpochPassed extends Error {}

/** What is in force after entries that set rules, before the seal that closes them. */
function directoryAfter(directory: Directory, first: number, placed: readonly Placed[]): Directory {
  return placed.reduce((before, { draft, row }, i) => {
    const isRule = draft.type === 'roster' || draft.type === 'contract'
    return isRule ? applyEntry(before, first + i, decodeEntry(row.bytes)) : before
  }, directory)
}

/** A list in pieces of at most `most`. */
function inPieces<Item>(items: readonly Item[], most: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / most) }, (_, i) => items.slice(i * most, (i + 1) * most))
}

/** Indexes as ranges `[from, to)`, in ascending order. */
function rangesOf(indexes: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const index of indexes.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last?.[1] === index) last[1] = index + 1
    else ranges.push([index, index + 1])
  }
  return ranges
}

/** A job that was refused while its entries were made. */
class NotPlaced extends Error {}

/** What the caller is told. */
function refusalOf(cause: unknown): unknown {
  const isContract = cause instanceof LedgerError && stepOf(cause.code) === 'contract'
  if (!isContract) return cause
  const policy = cause instanceof ContractDenied ? cause.policy : null
  return new ApiFailure(
    'NOT_ALLOWED',
    policy === null ? { cause } : { cause, detail: policy.id, advice: policy.advice },
  )
}

function unreachable(): never {
  throw new Error('bug: append returned without closing the block')
}
