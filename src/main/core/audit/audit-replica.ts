/**
 * Audits a replica file with nothing but the network id: everything in it that can be checked without a key.
 *
 * @remarks
 * What an auditor is not told here: that nothing newer was ever there. Only a high-water mark or a peer can say that a
 * whole database was put back to an older state. Proven by `tests/main/cli/audit.test.ts`.
 *
 * @packageDocumentation
 */
import type { CountedTable, ReplicaFile } from '../../store/open-read-only.ts'
import type { LogRow } from '../../store/store.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { decodeNodeOpened, type NodeOpened } from '../../../ledger/fields.ts'
import { type AuditedLog, auditLog, type EndOfLog, type LogTally } from './audit-log.ts'
import { ErasedElsewhere } from './erased-elsewhere.ts'
import { aboutFile, type AuditFinding, findingOf } from './finding.ts'

/** What was looked at. */
export interface AuditTotals {
  readonly logs: number
  /** Copies of logs of other nodes among them: nothing says that they are whole. */
  readonly mirrored: number
  readonly entries: number
  readonly blocks: number
  readonly payloads: number
}

/**
 * Audits a replica.
 *
 * @param file - Open, and untrusted.
 * @param network - Network id, 32 bytes: the one thing that is trusted.
 */
export function* auditReplica(file: ReplicaFile, network: Uint8Array): Generator<AuditFinding, AuditTotals> {
  if (file.schemaProblem !== null) {
    yield aboutFile('database', 'SCHEMA', `${file.schemaProblem}: nothing in it was read`)
    return { logs: 0, mirrored: 0, entries: 0, blocks: 0, payloads: 0 }
  }
  for (const detail of integrityOf(file)) yield aboutFile('database', 'INTEGRITY', detail)
  const tallies: LogTally[] = []
  const logs = logsOf(file)
  const ends = new Map<string, EndOfLog>()
  const elsewhere = new ErasedElsewhere(file)
  for (const log of inOrder(file, logs ?? [])) {
    const before = ends.get(log.opened?.previous?.origin ?? '') ?? null
    const { tally, end } = yield* auditLog(file, { ...log, before, elsewhere }, network)
    tallies.push(tally)
    if (tally.isOurs) ends.set(log.log.origin, end)
  }
  if (logs === null) yield aboutFile('database', 'DATABASE_DAMAGED', 'the list of logs cannot be read')
  else if (logs.length === 0) yield aboutFile('present', 'NO_LOG', 'the database holds no log')
  if (logs !== null && tallies.every((tally) => tally.isOurs)) yield* surplus(file, tallies)
  return {
    logs: tallies.length,
    mirrored: tallies.filter(({ isMirrored }) => isMirrored).length,
    entries: sum(tallies, (tally) => tally.entries),
    blocks: sum(tallies, (tally) => tally.blocks),
    payloads: sum(tallies, (tally) => tally.payloads),
  }
}

/** Logs with what they continue, each after those of lower incarnations. */
function inOrder(file: ReplicaFile, logs: readonly LogRow[]): Omit<AuditedLog, 'before' | 'elsewhere'>[] {
  const opened = logs.map((log) => ({ log, opened: openingOf(file, log.origin) }))
  return opened
    .map((one) => ({ ...one, endsAt: endOf(one.log.origin, opened) }))
    .toSorted((a, b) => incarnationOf(a.log.origin) - incarnationOf(b.log.origin))
}

function endOf(origin: string, logs: readonly Pick<AuditedLog, 'opened'>[]): number {
  const ends = logs.flatMap(({ opened }) => (opened?.previous?.origin === origin ? [opened.previous.size] : []))
  return Math.min(Infinity, ...ends)
}

/** What the first entry of a later incarnation says; null when it says nothing, which has its own line later. */
function openingOf(file: ReplicaFile, origin: string): NodeOpened | null {
  try {
    const bytes = incarnationOf(origin) > 1 ? file.reader.entry(origin, 0) : null
    const body = bytes === null ? null : decodeEntry(bytes).body
    return body?.type === 'node.opened' ? decodeNodeOpened(body.fields) : null
  } catch (error) {
    findingOf(error, origin, 0, 'database')
    return null
  }
}

/** An origin that is none has its own line later. */
function incarnationOf(origin: string): number {
  return Number(/\/([1-9][0-9]{0,8})$/.exec(origin)?.[1] ?? 1)
}

/** Null when SQLite cannot read them, which the check of the file has said. */
function logsOf(file: ReplicaFile): LogRow[] | null {
  try {
    return file.reader.logs()
  } catch (error) {
    findingOf(error, '', null, 'database')
    return null
  }
}

function integrityOf(file: ReplicaFile): string[] {
  try {
    return file.integrity()
  } catch (error) {
    return [findingOf(error, '', null, 'database').detail]
  }
}

/** Every row was looked for that must be there; what is left over must not be. */
function* surplus(file: ReplicaFile, tallies: readonly LogTally[]): Generator<AuditFinding> {
  const expected: readonly (readonly [CountedTable, number])[] = [
    ['entry', sum(tallies, (tally) => tally.entryRows)],
    ['payload', sum(tallies, (tally) => tally.payloads)],
    ['entry_id', sum(tallies, (tally) => tally.ids)],
    ['subject_entry', sum(tallies, (tally) => tally.withSubject)],
    ['tile', sum(tallies, (tally) => tally.tiles)],
  ]
  for (const [table, want] of expected) {
    const rows = countOf(file, table)
    if (rows > want) yield aboutFile('index', 'SURPLUS_ROWS', `${rows - want} rows of ${table} belong to no entry`)
  }
}

/** A table that cannot be counted is damaged, which the check of the file has said. */
function countOf(file: ReplicaFile, table: CountedTable): number {
  try {
    return file.count(table)
  } catch (error) {
    findingOf(error, '', null, 'database')
    return 0
  }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
