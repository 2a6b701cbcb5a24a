/**
 * The scrub: reads every row of the replica again, compares it with the signed tree, sets aside what is damaged, repairs
 * what can be, and leaves one incident entry when it found something.
 *
 * @remarks
 * A file is not read by itself after it was written: bits rot, and whoever can write the file waits. The scrub runs in
 * the background within a {@link Budget}, goes on where it was stopped, and may be cut off at any step: damage stands in
 * quarantine before anything is repaired, each repair settles it in the same transaction, and the incident is made from
 * what quarantine holds and no entry reports yet. While it waits the writer may append, so each step compares with the
 * head as it is. Proven by `tests/main/core/vault/scrub.test.ts`.
 *
 * @packageDocumentation
 */
import { openCheckpoint, type Checkpoint } from '../../../ledger/checkpoint.ts'
import { logKeyOf } from '../../../ledger/directory.ts'
import { decodeEntry, type Entry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { decodeSeal, type LogHead } from '../../../ledger/fields.ts'
import { leafHash } from '../../../ledger/hash.ts'
import type { TileTree } from '../../../ledger/tiles.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import { checkpointBytes } from '../../store/damaged-bytes.ts'
import type { CheckpointRow, Store } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { logKeyAt } from './cosignatures.ts'
import { ownLineOnly, unlessDamaged, type LogReplica } from './log-replica.ts'
import { areProjectionsSound, ProjectionDigest, rebuildProjections, type ExpectedProjection } from './projections.ts'
import { EntryPages, type RepairSource } from './repair.ts'
import { Budget, type BudgetParts } from './scrub-budget.ts'
import { Damage, type Finding, type Repair } from './scrub-damage.ts'
import { RecordScrub, type RecordScrubParts } from './scrub-records.ts'
import { scrubCosignatures, scrubEvidence, scrubMirror, type StandingCheck } from './scrub-standing.ts'
import { scrubTiles } from './scrub-tree.ts'

/** What a scrub is made of. */
export interface ScrubParts extends Pick<RecordScrubParts, 'ring' | 'recoveryKey' | 'openKey' | 'isErased'> {
  readonly store: Store
  /** Every log of this site, the live one last. */
  readonly logs: () => readonly LogReplica[]
  /** Signs a checkpoint of ours again, when this node holds the key that signed it; else null. */
  readonly signAgain: (head: LogHead) => string | null
  /** Checks cosignatures, the memory of the mirror, and fork proofs. */
  readonly standing: StandingCheck
  /** Rows that stood in the way of a record were repaired: what was thought of them is out of date. */
  readonly repaired: () => void
  /** Leaves an incident entry when there is something to report. Replies whether it did. */
  readonly reportIncident: (sourcesAsked: boolean, suppliers: readonly string[]) => Promise<boolean>
  readonly budget: BudgetParts
  readonly nowMs: () => number
}

/** How far a scrub is. */
export type ScrubProgress =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | ({ readonly kind: 'finding' } & Finding)

/** What a scrub found. */
export interface ScrubResult {
  /** Entries read. */
  readonly checked: number
  /** Damaged rows that are not repaired. */
  readonly open: number
  readonly repaired: number
  /** Rows that were made up. */
  readonly removed: number
  /** False when it was stopped: the next one goes on from there. */
  readonly isWhole: boolean
}

/** What one run is asked to do. */
export interface ScrubRequest {
  /** Other holders of the same logs, asked in order. */
  readonly sources: readonly RepairSource[]
  readonly signal: AbortSignal
  readonly report: (progress: ScrubProgress) => void
}

/** How far the entries of one log were read. */
interface Walk {
  readonly log: LogReplica
  readonly size: number
  next: number
  readonly digest: ProjectionDigest
  readonly unproven: Set<number>
}

/** What the steps of one run share. */
interface Run extends ScrubRequest {
  readonly damage: Damage
  readonly budget: Budget
  readonly records: RecordScrub
  readonly pages: readonly EntryPages[]
  readonly total: number
}

/** Planted rows that are moved to quarantine in one transaction. */
const REMOVED_AT_ONCE = 200
/** Two million rows: more than a log has by accident. */
const MAX_ROUNDS = 10_000
/** Checkpoint rows looked at in one go. */
const PAGE = 500

/** Scrubs, one at a time. */
export class Scrub {
  readonly #parts: ScrubParts
  #walks: Walk[] | null = null
  #isRunning = false

  constructor(parts: ScrubParts) {
    this.#parts = parts
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /**
   * Runs until everything was read, or `signal` stops it.
   *
   * @throws StoreError `DISK_FULL`, `DATA_FOLDER_READ_ONLY`, `DATA_FOLDER_IN_USE` or `STATE_UNKNOWN`: nothing more can be
   * repaired, and what was is.
   */
  async run(request: ScrubRequest): Promise<ScrubResult> {
    if (this.#isRunning) throw new Error('bug: one scrub at a time')
    this.#isRunning = true
    try {
      return await this.#run(request)
    } finally {
      this.#isRunning = false
    }
  }

  async #run(request: ScrubRequest): Promise<ScrubResult> {
    const { store, nowMs, budget } = this.#parts
    const logs = this.#parts.logs()
    const damage = new Damage(store, nowMs, (finding) => {
      request.report({ kind: 'finding', ...finding })
    })
    const run: Run = {
      ...request,
      damage,
      budget: new Budget(budget),
      records: new RecordScrub({ ...this.#parts, damage, sources: request.sources }),
      pages: request.sources.map((source) => new EntryPages(source)),
      total: logs.reduce((sum, log) => sum + log.head.size, 0),
    }
    const isWhole = await this.#walkAll(run, logs)
    if (isWhole) this.#scrubProjections(run)
    // Who may vote is told by entries: they are looked at first.
    if (damage.counts.repaired + damage.counts.removed > 0) this.#parts.repaired()
    if (isWhole) await this.#scrubStanding(run, logs)
    const { open, repaired, removed } = damage.counts
    if (isWhole && open === 0) this.#settleRest()
    await this.#parts.reportIncident(request.sources.length > 0, damage.suppliers)
    const checked = this.#walks?.reduce((sum, walk) => sum + walk.next, 0) ?? 0
    if (isWhole) this.#walks = null
    return { checked, open, repaired, removed, isWhole }
  }

  /** Replies whether everything was read. */
  async #walkAll(run: Run, logs: readonly LogReplica[]): Promise<boolean> {
    this.#walks ??= []
    for (const log of logs) {
      this.#removeBeyond(run, log)
      const tree = await scrubTiles({ ...run, store: this.#parts.store }, log)
      const walk = this.#walkOf(log, tree)
      await this.#walk(run, walk, tree)
      if (walk.next < walk.size) return false
      await this.#removeCheckpoints(run, log, tree)
    }
    return true
  }

  /** Without every roster nobody can tell a vote from an invention: then it is left for the next time. */
  async #scrubStanding({ damage, budget }: Run, logs: readonly LogReplica[]): Promise<void> {
    const { store, standing: check, nowMs } = this.#parts
    const parts = { store, check, damage, nowMs }
    const isKnown = logs.every((log) => log.damaged.size === 0)
    for (const log of logs) {
      if (isKnown) await scrubCosignatures(parts, log, budget)
      scrubMirror(parts, log)
    }
    if (isKnown) scrubEvidence(parts, logs.at(-1)?.origin ?? '')
  }

  #walkOf(log: LogReplica, tree: TileTree): Walk {
    const begun = this.#walks?.find((walk) => walk.log.origin === log.origin)
    if (begun !== undefined) return begun
    const walk = { log, size: tree.head.size, next: 0, digest: new ProjectionDigest(), unproven: new Set<number>() }
    this.#walks?.push(walk)
    return walk
  }

  async #walk(run: Run, walk: Walk, tree: TileTree): Promise<void> {
    for (; walk.next < walk.size && !run.signal.aborted; walk.next++) {
      const bytes = await this.#scrubEntry(run, walk, tree)
      const rest = run.budget.used(bytes)
      if (rest === null) continue
      run.report({ kind: 'progress', done: this.#done(), total: run.total })
      await rest
    }
    run.report({ kind: 'progress', done: this.#done(), total: run.total })
  }

  #done(): number {
    return this.#walks?.reduce((sum, { next }) => sum + next, 0) ?? 0
  }

  /** Checks one entry and what belongs to it. Replies with how many bytes were read. */
  async #scrubEntry(run: Run, walk: Walk, tree: TileTree): Promise<number> {
    const { log, next: index } = walk
    const bytes = await this.#provenBytes(run, log, index, tree)
    const entry = bytes === null ? null : entryOf(bytes)
    if (bytes === null || entry === null) {
      walk.unproven.add(index)
      return 0
    }
    walk.digest.entry(index, entry)
    if (entry.body.type === 'seal') {
      await this.#scrubCheckpoint(run, log, tree, { block: decodeSeal(entry.body.fields).block, size: index + 1 })
    }
    return bytes.length + (await run.records.check(log.origin, index, entry.body))
  }

  /** The bytes of an entry as they stand in the database, after a repair if need be; null when there is none. */
  async #provenBytes(run: Run, log: LogReplica, index: number, tree: TileTree): Promise<Uint8Array | null> {
    const { store } = this.#parts
    const { origin } = log
    const leaf = leafOf(tree, index)
    const stored = unlessDamaged(() => store.entry(origin, index))
    if (leaf === null) return null
    const isTrue = (bytes: unknown): boolean => bytes instanceof Uint8Array && equalBytes(leafHash(h, bytes), leaf)
    if (isTrue(stored)) return stored
    const found: { bytes: Uint8Array | null } = { bytes: null }
    const replaceBy = (bytes: Uint8Array | null | undefined): boolean => {
      if (bytes === null || bytes === undefined || !isTrue(bytes)) return false
      store.replaceEntry(origin, index, bytes)
      found.bytes = bytes
      return true
    }
    const reason = stored === null ? 'the entry is missing' : 'the entry does not hash into the signed tree'
    await run.damage.found({ kind: 'entry', origin, index, bytes: stored, reason }, [
      () => replaceBy(log.directoryEntries.get(index)),
      ...run.damage.from(run.sources, async (_, i) => replaceBy((await run.pages[i]?.entry(origin, index)) ?? null)),
    ])
    return found.bytes
  }

  /** Every seal has a checkpoint row: its log signed the tree that ends there. */
  async #scrubCheckpoint(
    run: Run,
    log: LogReplica,
    tree: TileTree,
    { block, size }: { block: number; size: number },
  ): Promise<void> {
    const { store, signAgain } = this.#parts
    const { origin } = log
    const root = rootOf(tree, size)
    const stored = unlessDamaged(() => store.checkpoint(origin, block))
    if (root === null || isSound(log, stored, { block, size, root })) return
    const replaceBy = (row: CheckpointRow | null): boolean => {
      if (row === null || !isSound(log, row, { block, size, root })) return false
      store.replaceCheckpoint(origin, row)
      return true
    }
    const reason = stored === null ? 'the checkpoint is missing' : 'the checkpoint is not the one of its block'
    const again: Repair = () => {
      if (log.head.size !== size) {
        const note = signAgain({ origin, size, root })
        return note !== null && replaceBy({ block, size, note })
      }
      const note = ownLineOnly(log.head.note, logKeyAt(log, size))
      if (note === null || !replaceBy({ block, size, note })) return false
      log.headRepaired(note)
      return true
    }
    const stripped: Repair = () => {
      const note = stored === null ? null : ownLineOnly(stored.note, logKeyAt(log, size))
      return note !== null && replaceBy({ block, size, note })
    }
    const bytes = stored === null ? null : checkpointBytes(stored)
    await run.damage.found({ kind: 'checkpoint', origin, index: block, bytes, reason }, [
      again,
      stripped,
      ...run.damage.from(run.sources, async (source) => replaceBy(await source.checkpoint(origin, block))),
    ])
  }

  /** Rows that no seal of the log speaks of. One whose seal is damaged stays when the log signed it. */
  async #removeCheckpoints(run: Run, log: LogReplica, tree: TileTree): Promise<void> {
    const { store } = this.#parts
    for (let before: number | null = null; ;) {
      const bound: number | null = before
      const rows: CheckpointRow[] = unlessDamaged(() => store.checkpoints(log.origin, bound, PAGE)) ?? []
      for (const row of rows.filter(({ size }) => size <= tree.head.size)) {
        if (this.#isCheckpoint(log, tree, row)) continue
        const reason = 'no block of the log ends there'
        run.damage.planted({
          kind: 'checkpoint',
          origin: log.origin,
          index: row.block,
          bytes: checkpointBytes(row),
          reason,
        })
      }
      const last = rows.at(-1)
      if (last === undefined || (before !== null && last.block >= before)) return
      before = last.block
      const rest = run.budget.used(rows.length * 200)
      if (rest !== null) await rest
    }
  }

  #isCheckpoint(log: LogReplica, tree: TileTree, row: CheckpointRow): boolean {
    const leaf = row.size < 1 ? null : leafOf(tree, row.size - 1)
    const bytes = unlessDamaged(() => this.#parts.store.entry(log.origin, row.size - 1))
    if (leaf === null || bytes === null || !equalBytes(leafHash(h, bytes), leaf)) {
      const root = row.size < 1 ? null : rootOf(tree, row.size)
      return root !== null && isSound(log, row, { ...row, root })
    }
    const entry = entryOf(bytes)
    return entry?.body.type === 'seal' && decodeSeal(entry.body.fields).block === row.block
  }

  /** What claims to stand beyond the head would stand in the way of the next block. */
  #removeBeyond({ damage }: Run, log: LogReplica): void {
    const { store, nowMs } = this.#parts
    const { origin, head } = log
    // A damaged file may go on showing a row that it cannot delete.
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = store.removeBeyond(origin, head.size, nowMs(), REMOVED_AT_ONCE)
      if (count === 0) return
      damage.removed({ kind: 'entry', origin, index: head.size, reason: 'rows beyond the signed head' }, count)
    }
  }

  /** Nothing is damaged: what quarantine still holds as open was repaired by something else, or just before a crash. */
  #settleRest(): void {
    const { store } = this.#parts
    for (;;) {
      const rows = store.openDamage(0, PAGE)
      if (rows.length === 0) return
      for (const row of rows) store.settleDamage(row)
    }
  }

  #scrubProjections({ damage }: Run): void {
    const { store, logs } = this.#parts
    const expected = (this.#walks ?? []).map(({ log, size, digest, unproven }): ExpectedProjection => {
      return { origin: log.origin, size, digest: digest.value(), unproven }
    })
    const sizes = new Map(logs().map((log) => [log.origin, log.head.size]))
    const isSound = () => unlessDamaged(() => areProjectionsSound(store, expected, sizes)) ?? false
    if (!isSound()) {
      const origin = logs().at(-1)?.origin ?? ''
      const reason = 'the index tables say something else than the entries'
      damage.foundNow({ kind: 'index', origin, index: 0, bytes: null, reason }, () => {
        rebuildProjections(store, logs())
        return isSound()
      })
    }
    for (const { origin, size, digest } of expected) store.putProjection(origin, { size, digest })
  }
}

/** An entry of the tree that is not one for us is no damage of the database. */
function entryOf(bytes: Uint8Array): Entry | null {
  return unlessLedgerError(() => decodeEntry(bytes))
}

function leafOf(tree: TileTree, index: number): Uint8Array | null {
  return unlessLedgerError(() => tree.leafAt(index))
}

function rootOf(tree: TileTree, size: number): Uint8Array | null {
  return unlessLedgerError(() => tree.rootAt(size))
}

function unlessLedgerError<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** Whether a row is the checkpoint of `expected`, signed by the log, with nothing else under it. */
function isSound(
  log: LogReplica,
  row: CheckpointRow | null,
  expected: Omit<CheckpointRow, 'note'> & { root: Uint8Array },
) {
  if (row?.block !== expected.block || row.size !== expected.size) return false
  const publicKey = logKeyOf(log.directory, log.log, row.size - 1) ?? log.logKey
  const opened = unlessLedgerError((): Checkpoint =>
    openCheckpoint(row.note, { name: log.origin, publicKey }, verifier),
  )
  const isExpected = opened?.size === row.size && equalBytes(opened.root, expected.root)
  return isExpected && ownLineOnly(row.note, { name: log.origin, publicKey }) === row.note
}
