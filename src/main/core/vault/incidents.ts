/**
 * Incident entries about damaged rows: what went wrong, where, and what became of it, without patient data.
 *
 * @remarks
 * They are made from quarantine. An entry that was committed while its report was not yet noted has the same id when it is
 * made again, so that nothing is reported twice. Details: `docs/protocol.md`, "Incidents". Proven by
 * `tests/main/core/vault/incidents.test.ts`.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { mapOf, type CborMap, type CborValue } from '../../../ledger/cbor.ts'
import { readMap, readTuple } from '../../../ledger/fields-reader.ts'
import type { DamagedKind, DamageOutcome, QuarantineRow } from '../../store/store.ts'

/** Kinds of incidents that a scrub reports. */
export type ScrubIncidentKind =
  | 'rows.damaged' // something is not repaired yet, and nobody else was asked
  | 'rows.repaired' // everything is repaired, or was made up and removed
  | 'rows.lost' // something could not be had from anybody who was asked

/** Damaged rows of one kind in one log with one outcome. */
export interface DamagedRows {
  readonly origin: string
  readonly kind: DamagedKind
  readonly outcome: DamageOutcome
  readonly count: number
  /** Half-open ranges, ascending; none for what has no place in the log or its tree. */
  readonly ranges: readonly (readonly [number, number])[]
}

/** An incident to be recorded. */
export interface ScrubIncident {
  /** 16 bytes, the same for the same report. */
  readonly id: Uint8Array
  readonly kind: ScrubIncidentKind
  readonly groups: readonly DamagedRows[]
}

/** Ranges of one group at most: what was damaged everywhere is not listed place by place. */
const MAX_RANGES = 64
/** Nodes that one incident names at most. */
const MAX_NODES = 32
/** Groups of one incident at most. */
const MAX_GROUPS = 64

/** In the order of their numbers: what is new comes last. */
const KINDS: readonly DamagedKind[] = [
  'entry',
  'payload',
  'tile',
  'checkpoint',
  'epoch-key',
  'recovery-copy',
  'index',
  'cosignature',
  'mirror',
  'evidence',
]
const OUTCOMES: readonly DamageOutcome[] = ['open', 'repaired', 'removed']
/** Kinds whose index is a place in the log or its tree. */
const PLACED: ReadonlySet<DamagedKind> = new Set(['entry', 'payload', 'tile', 'checkpoint'])

/**
 * The incident that reports these rows of quarantine.
 *
 * @param rows - Not reported yet; at least one.
 * @param sourcesAsked - Whether somebody else was asked for what is still open.
 */
export function incidentOf(rows: readonly QuarantineRow[], sourcesAsked: boolean): ScrubIncident {
  const isOpen = rows.some(({ outcome }) => outcome === 'open')
  const hash = createHash('sha256').update('chartseal/incident/v1\n')
  for (const { id, outcome } of rows) hash.update(`${id} ${outcome}\n`)
  return {
    id: new Uint8Array(hash.digest().subarray(0, 16)),
    kind: isOpen ? (sourcesAsked ? 'rows.lost' : 'rows.damaged') : 'rows.repaired',
    groups: groupsOf(rows),
  }
}

function groupsOf(rows: readonly QuarantineRow[]): DamagedRows[] {
  const groups = Map.groupBy(rows, ({ origin, kind, outcome }) => JSON.stringify([origin, kind, outcome]))
  return [...groups.values()].slice(0, MAX_GROUPS).flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { origin, kind, outcome } = first
    const ranges = PLACED.has(kind) ? rangesOf(group.map(({ index }) => index)) : []
    return [{ origin, kind, outcome, count: group.length, ranges }]
  })
}

function rangesOf(indexes: readonly number[]): (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (const index of indexes.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && index <= last[1]) last[1] = Math.max(last[1], index + 1)
    else ranges.push([index, index + 1])
  }
  return ranges.slice(0, MAX_RANGES)
}

/**
 * Details of an incident entry: `{1: [[origin, kind, outcome, count, [[from, to]…]]…], 2: [node…]}`.
 *
 * @param nodes - Names of the logs of those who supplied what was repaired; left out when there is none.
 */
export function encodeDamage(groups: readonly DamagedRows[], nodes: readonly string[] = []): CborMap {
  const suppliers: [number, CborValue][] = nodes.length === 0 ? [] : [[2, nodes.slice(0, MAX_NODES)]]
  return mapOf([
    [
      1,
      groups.map(({ origin, kind, outcome, count, ranges }) => [
        origin,
        KINDS.indexOf(kind),
        OUTCOMES.indexOf(outcome),
        count,
        ranges.map(([from, to]) => [from, to]),
      ]),
    ],
    ...suppliers,
  ])
}

/** Reads {@link encodeDamage}. `details` is untrusted; throws {@link LedgerError} `BAD_FIELD`. */
export function decodeDamage(details: CborMap): { readonly groups: DamagedRows[]; readonly nodes: string[] } {
  return readMap(details, 'damage', (f) => ({
    groups: f.array(1, 1, MAX_GROUPS).map((value) =>
      readTuple(value, 'damaged rows', (t) => ({
        origin: t.text(0, 1, 140),
        kind: KINDS[t.uint(1)] ?? 'index',
        outcome: OUTCOMES[t.uint(2)] ?? 'open',
        count: t.uint(3),
        ranges: t
          .array(4, 0, MAX_RANGES)
          .map((range) => readTuple(range, 'range', (r) => [r.uint(0), r.uint(1)] as const)),
      })),
    ),
    nodes: f.optional(2, (key) => f.array(key, 1, MAX_NODES).map(nodeName)) ?? [],
  }))
}

function nodeName(value: CborValue): string {
  return readTuple([value], 'node', (t) => t.text(0, 1, 140))
}
