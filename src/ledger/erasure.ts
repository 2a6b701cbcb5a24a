/**
 * Which records a log says are erased.
 *
 * @remarks
 * An entry cannot leave a log: what leaves is its payload, with the salt and the wrapped key that open it, and a
 * `record.erased` entry says so. It reaches back only, so that what is recorded about a subject later stands. Layout:
 * `docs/protocol.md`, "Erasure". Proven by `tests/ledger/erasure.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import { type CborMap, type CborValue, mapOf } from './cbor.ts'
import { badField, readMap, readTuple } from './fields-reader.ts'
import { splitOrigin } from './names.ts'

/** Most records that one entry erases by name. */
export const MAX_ERASED = 256

/** Where an entry stands. */
export interface EntryRef {
  readonly origin: string
  readonly index: number
}

/** What a `record.erased` says. */
export interface Erasure {
  /** Why: 1 to 64 characters `a-z 0-9 -`, such as `patient-request`. A code, never a sentence: entries are not sealed. */
  readonly reason: string
  /** On whose decision: likewise a code, such as `gdpr-17`. */
  readonly authority: string
  /** 1 to 256 records of the subject; null for everything about the subject up to here. */
  readonly records: readonly EntryRef[] | null
}

/** An erasure and the entry that says so, which was verified. */
export interface ErasureEntry extends EntryRef {
  /** Handle, 16 bytes. */
  readonly subject: Uint8Array
  readonly erasure: Erasure
}

/** A record that may be erased: its entry, and whom it is about. */
export interface ErasableRecord extends EntryRef {
  /** Handle, 16 bytes. */
  readonly subject: Uint8Array
}

const CODE = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

/** True for a reason or an authority. */
export function isErasureCode(code: string): boolean {
  return code.length <= 64 && CODE.test(code)
}

/** Fields of a `record.erased`. */
export function encodeErasure({ reason, authority, records }: Erasure): CborMap {
  return mapOf([
    [1, reason],
    [2, authority],
    [3, records?.map(({ origin, index }) => [origin, index])],
  ])
}

/** Reads {@link encodeErasure}. `fields` is untrusted; throws `BAD_FIELD` or `BAD_NAME`. */
export function decodeErasure(fields: CborMap): Erasure {
  return readMap(fields, 'record.erased', (f) => {
    const [reason, authority] = [f.text(1, 1, 64), f.text(2, 1, 64)]
    if (!isErasureCode(reason)) throw badField('record.erased', 1, 'not a code')
    if (!isErasureCode(authority)) throw badField('record.erased', 2, 'not a code')
    return { reason, authority, records: f.optional(3, (key) => f.array(key, 1, MAX_ERASED).map(readRef)) }
  })
}

function readRef(value: CborValue): EntryRef {
  return readTuple(value, 'erased record', (f) => {
    const origin = f.text(0, 1, 140)
    splitOrigin(origin)
    return { origin, index: f.uint(1) }
  })
}

/**
 * The erasure that a record fell under, or null.
 *
 * @param erasures - Verified, of the logs that may erase it.
 * @param record - Proven to be in its log.
 */
export function erasedBy(erasures: readonly ErasureEntry[], record: ErasableRecord): ErasureEntry | null {
  return erasures.find((each) => isErasedBy(each, record)) ?? null
}

/** An erasure reaches the records of its own subject, in its own log, that stand before it. */
function isErasedBy({ erasure: { records }, ...by }: ErasureEntry, record: ErasableRecord): boolean {
  if (!equalBytes(by.subject, record.subject) || !isBefore(record, by)) return false
  return records === null || records.some(({ origin, index }) => origin === record.origin && index === record.index)
}

function isBefore(a: EntryRef, b: EntryRef): boolean {
  const [first, second] = [splitOrigin(a.origin), splitOrigin(b.origin)]
  if (first.log !== second.log) return false
  return first.incarnation < second.incarnation || (a.origin === b.origin && a.index < b.index)
}
