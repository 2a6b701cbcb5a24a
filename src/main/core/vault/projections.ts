/**
 * The index tables against the entries they are made from.
 *
 * @remarks
 * They are never evidence, but whoever writes the database could hide in them what was recorded before, or make a
 * duplicate look new. The digest of their rows is compared with that of the proven entries; where it differs, they are
 * made again. Rows of entries that are damaged are kept: they say whose those were. Proven by
 * `tests/main/core/vault/projections.test.ts`.
 *
 * @packageDocumentation
 */
import { createHash, type Hash } from 'node:crypto'
import type { Body, Entry } from '../../../ledger/entry.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { leafHash } from '../../../ledger/hash.ts'
import { concatBytes, equalBytes, toHex } from '../../../shared/bytes.ts'
import type { IdRow, IndexRow, Store, SubjectRow } from '../../store/store.ts'
import { nodeHasher as h } from '../hasher.ts'
import { unlessDamaged, type LogReplica } from './log-replica.ts'

/** Running digest over the rows that belong to the entries of one log, in order. */
export class ProjectionDigest {
  readonly #ids: Hash = createHash('sha256')
  readonly #subjects: Hash = createHash('sha256')

  /** An entry whose rows come next. */
  entry(index: number, { body, placement }: Pick<Entry, 'placement'> & { body: Body }): void {
    this.id({ index, id: body.id })
    if (body.subject !== null && placement !== null)
      this.subject({ index, subject: body.subject, seq: placement.subjectSeq, type: body.type })
  }

  id({ index, id }: Pick<IdRow, 'index' | 'id'>): void {
    this.#ids.update(`${index} ${toHex(id)}\n`)
  }

  subject({ index, subject, seq, type }: Omit<SubjectRow, 'origin'>): void {
    this.#subjects.update(`${index} ${toHex(subject)} ${seq} ${type}\n`)
  }

  /** Digest of everything so far; more may follow. */
  value(): Uint8Array {
    const both = concatBytes(...[this.#ids, this.#subjects].map((hash) => new Uint8Array(hash.copy().digest())))
    return new Uint8Array(createHash('sha256').update(both).digest())
  }
}

/** What the rows of one log should be. */
export interface ExpectedProjection {
  readonly origin: string
  /** Entries that were looked at. */
  readonly size: number
  /** Over the proven ones of them. */
  readonly digest: Uint8Array
  /** Entries that are not proven: their rows are neither right nor wrong. */
  readonly unproven: ReadonlySet<number>
}

/**
 * Compares the index tables with the entries.
 *
 * @param expected - One for each log.
 * @param sizes - Entries that each log has by now: rows beyond are wrong.
 * @returns Whether every row is there, and no other.
 */
export function areProjectionsSound(
  store: Store,
  expected: readonly ExpectedProjection[],
  sizes: ReadonlyMap<string, number>,
): boolean {
  const stored = new Map(expected.map(({ origin }) => [origin, new ProjectionDigest()]))
  const wanted = new Map(expected.map((each) => [each.origin, each]))
  const kindOf = ({ origin, index }: IdRow | SubjectRow): 'row' | 'ignored' | 'wrong' => {
    const log = origin === null ? undefined : wanted.get(origin)
    if (log === undefined || origin === null || index < 0 || index >= (sizes.get(origin) ?? 0)) return 'wrong'
    return index >= log.size || log.unproven.has(index) ? 'ignored' : 'row'
  }
  /** Replies whether no row is wrong. */
  const take = <Row extends IdRow | SubjectRow>(
    rows: Iterable<Row>,
    use: (digest: ProjectionDigest, row: Row) => void,
  ): boolean => {
    let wrong = 0
    for (const row of rows) {
      const kind = kindOf(row)
      const digest = stored.get(row.origin ?? '')
      if (kind === 'wrong') wrong += 1
      else if (kind === 'row' && digest !== undefined) use(digest, row)
    }
    return wrong === 0
  }
  const areIdsRight = take(store.idRows(), (digest, row) => digest.id(row))
  const areSubjectsRight = take(store.subjectRows(), (digest, row) => digest.subject(row))
  const isSame = [...stored].every(([origin, digest]) => isDigest(digest.value(), wanted.get(origin)?.digest))
  return areIdsRight && areSubjectsRight && isSame
}

function isDigest(value: Uint8Array, wanted: Uint8Array | undefined): boolean {
  return wanted !== undefined && equalBytes(value, wanted)
}

/** Makes the index tables again: from the proven entries, and for the others from what the tables said. */
export function rebuildProjections(store: Store, logs: readonly LogReplica[]): void {
  const kept = logs.flatMap((log) => hintsOf(store, log))
  store.rebuildIndexes(rowsOf(store, logs, kept))
}

function* rowsOf(store: Store, logs: readonly LogReplica[], kept: readonly IndexRow[]): Generator<IndexRow> {
  for (const log of logs) {
    for (let index = 0; index < log.head.size; index++) {
      const entry = provenEntry(store, log, index)
      if (entry !== null) yield indexRowOf(log.origin, index, entry)
    }
  }
  // Last: a row that was made up must not take the place of a proven one.
  yield* kept
}

/** The entry of a place, if its bytes are those of the tree. */
function provenEntry(store: Store, log: LogReplica, index: number): Entry | null {
  try {
    // Not what the replica remembers: the row may have been repaired since.
    const bytes = unlessDamaged(() => store.entry(log.origin, index))
    return bytes !== null && equalBytes(leafHash(h, bytes), log.leafAt(index)) ? decodeEntry(bytes) : null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** The rows that belong to an entry. */
function indexRowOf(origin: string, index: number, { body, placement }: Entry): IndexRow {
  const subject =
    body.subject === null || placement === null ? null : { handle: body.subject, seq: placement.subjectSeq }
  return { origin, index, id: body.id, type: body.type, subject }
}

/** What the tables say of entries that are not proven. */
function hintsOf(store: Store, log: LogReplica): IndexRow[] {
  const unproven = new Set<number>()
  for (let index = 0; index < log.head.size; index++) if (provenEntry(store, log, index) === null) unproven.add(index)
  if (unproven.size === 0) return []
  const isHint = (row: IdRow | SubjectRow) => row.origin === log.origin && unproven.has(row.index)
  const subjects = new Map([...filter(store.subjectRows(), isHint)].map((row) => [row.index, row]))
  return [...filter(store.idRows(), isHint)].map(({ index, id }) => {
    const row = subjects.get(index)
    const subject = row === undefined ? null : { handle: row.subject, seq: row.seq }
    return { origin: log.origin, index, id, type: row?.type ?? '', subject }
  })
}

function* filter<Row>(rows: Iterable<Row>, keep: (row: Row) => boolean): Generator<Row> {
  for (const row of rows) if (keep(row)) yield row
}
