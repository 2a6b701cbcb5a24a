/**
 * What is left of the logs of a node whose database and keystore do not fit each other.
 *
 * @remarks
 * Each log is opened at the largest head that it signed and whose tree is here; with another copy of the replica, what is
 * missing is taken from there first. Proven by `tests/main/core/vault/recovery.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { CheckpointRow, IndexRow, Store, StoreReader } from '../../store/store.ts'
import type { Identity } from './identity.ts'
import { importLog } from './import-log.ts'
import { LogReplica, unlessDamaged, type Head, type LogReplicaParts } from './log-replica.ts'
import { noteHead, partsOf, type DirectoryCopies } from './replica.ts'

/** One log, as far as it is here. */
export interface Survivor {
  readonly origin: string
  readonly logKey: Uint8Array
  /** Null when not even its first block is here. */
  readonly log: LogReplica | null
  /** The newest note that the log is known to have signed; null when none is known. */
  readonly signed: Head | null
  /** The newest note that the keystore, or a backup of it, knows the log to have signed; null when it knows none. */
  readonly mark: Head | null
}

/** Rows beyond a head that are moved to quarantine at a time. */
const CHUNK = 1000
/** Checkpoints looked at in one go. */
const PAGE = 1000

/**
 * Opens every log of the identity as far as it is here, oldest incarnation first.
 *
 * @param mark - Newest note of the live log that the keystore knows, or null.
 * @param copy - Another copy of the replica to take missing blocks from. Untrusted.
 * @param nowMs - For what is moved to quarantine; null when nothing may be written.
 */
export function openSurvivors(
  store: Store,
  identity: Identity,
  {
    mark,
    copies,
    copy,
    nowMs,
  }: { mark: string | null; copies: DirectoryCopies; copy: StoreReader | null; nowMs: number | null },
): Survivor[] {
  const survivors: Survivor[] = []
  const proven: IndexRow[] = []
  const logs = [...identity.closed, { origin: identity.origin, logKey: identity.logKey, note: mark }]
  for (const { origin, logKey, note } of logs) {
    const before = survivors.findLast(({ log }) => log !== null)?.log ?? null
    const parts = partsOf(store, identity, copies, { origin, logKey }, before)
    const here = largestSound(parts)
    if (here !== null) proven.push(...indexRows(here))
    const log = copy === null || nowMs === null ? here : extended(parts, here, { copy, nowMs, proven })
    if (log !== null && log !== here) proven.push(...indexRows(log).slice(here?.head.size ?? 0))
    const marked = note === null ? null : noteHead(parts, note)
    survivors.push({ origin, logKey, log, signed: larger(marked, log?.head ?? null), mark: marked })
  }
  return survivors
}

/** What the index tables say of a log's proven entries, one row for each. */
function indexRows(log: LogReplica): IndexRow[] {
  return Array.from({ length: log.head.size }, (_, index) => log.provenBytes(index)).flatMap((bytes, index) => {
    if (!(bytes instanceof Uint8Array)) return []
    const { body, placement } = decodeEntry(bytes)
    const subject =
      body.subject === null || placement === null ? null : { handle: body.subject, seq: placement.subjectSeq }
    return [{ origin: log.origin, index, id: body.id, type: body.type, subject }]
  })
}

/** The same log after everything that `copy` has of it was taken over. */
function extended(
  parts: LogReplicaParts,
  here: LogReplica | null,
  { copy, nowMs, proven }: { copy: StoreReader; nowMs: number; proven: readonly IndexRow[] },
): LogReplica | null {
  const { store, origin, logKey, otherKeys } = parts
  const from = here?.head ?? null
  while (store.removeBeyond(origin, from?.size ?? 0, nowMs, CHUNK) > 0);
  // The index may still name what was removed, or what never was there: only what is proven may stand in the way.
  store.rebuildIndexes(proven)
  const reader = here?.trusted.reader ?? { tile: () => null }
  const head = importLog(store, copy, { origin, logKeys: [logKey, ...otherKeys], from, tiles: reader })
  return head === null ? here : openAt(parts, head)
}

/** The log at the largest head that it signed and whose tree is here. */
function largestSound(parts: LogReplicaParts): LogReplica | null {
  for (const heads of signedHeads(parts)) {
    const at = firstSound(parts, heads)
    if (at !== null) return at
  }
  return null
}

/**
 * A tree that is here at some size is here at every smaller one, so the newest sound head is found by halving; heads that
 * damage in the middle takes out are passed over.
 */
function firstSound(parts: LogReplicaParts, heads: readonly Head[]): LogReplica | null {
  const opened = (at: number): LogReplica | null => {
    const head = heads[at]
    return head === undefined ? null : openAt(parts, head)
  }
  let found = opened(0)
  if (found !== null) return found
  let [low, high] = [1, heads.length]
  while (low < high) {
    const middle: number = Math.floor((low + high) / 2)
    const log = opened(middle)
    if (log === null) low = middle + 1
    else {
      found = log
      high = middle
    }
  }
  return found
}

function openAt(parts: LogReplicaParts, head: Head): LogReplica | null {
  try {
    return LogReplica.open(parts, head, () => undefined)
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** Checkpoints in the database that the log signed, largest first, page by page. */
function* signedHeads(parts: LogReplicaParts): Generator<Head[]> {
  for (let before: number | null = null; ;) {
    const bound: number | null = before
    const rows: CheckpointRow[] = unlessDamaged(() => parts.store.checkpoints(parts.origin, bound, PAGE)) ?? []
    const last = rows.at(-1)
    if (last === undefined || (before !== null && last.block >= before)) return
    yield rows.flatMap(({ note }) => noteHead(parts, note) ?? []).sort((a, b) => b.size - a.size)
    before = last.block
  }
}

function larger(a: Head | null, b: Head | null): Head | null {
  if (a === null || b === null) return a ?? b
  return a.size > b.size ? a : b
}
