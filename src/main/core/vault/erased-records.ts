/**
 * What of one patient the entries of a log say is erased.
 *
 * @remarks
 * Worked out from proven entries alone: the same for records of this site and for what another site shared. Proven by
 * `tests/main/core/vault/erasure.test.ts`.
 *
 * @packageDocumentation
 */
import type { Entry } from '../../../ledger/entry.ts'
import { erasedBy, type EntryRef, type ErasureEntry } from '../../../ledger/erasure.ts'
import type { ErasedRecord } from '../../../ledger/erasure-statement.ts'
import { fromHex } from '../../../shared/bytes.ts'
import type { Store } from '../../store/store.ts'
import type { Link, Place } from './chains.ts'
import { erasuresOf } from './erasure-entries.ts'
import { unlessDamaged } from './log-replica.ts'
import type { Replica } from './replica.ts'

/** One erasure, with the records that fell under it. */
export interface Erased {
  readonly by: ErasureEntry
  readonly entry: Entry
  /** Proven ones that had a payload, in the order of the logs. */
  readonly records: ErasedRecord[]
}

/** What of one subject is erased. */
export interface SubjectErasures {
  readonly subject: Uint8Array
  readonly erasures: readonly Erased[]
  /** Every place, also of entries that are damaged. */
  readonly places: readonly EntryRef[]
  /** Epochs that no record needs any more. */
  readonly epochs: readonly number[]
}

/**
 * What of a patient is erased.
 *
 * @param sources - The chain of the patient, and where their keys lie.
 * @param handle - Of the patient.
 * @param lastEpoch - Keys of later epochs are not the log's to erase.
 */
export function erasedOf(
  { replica, store }: { readonly replica: Pick<Replica, 'chain'>; readonly store: Pick<Store, 'epochKeys'> },
  handle: string,
  lastEpoch = Infinity,
): SubjectErasures {
  const subject = fromHex(handle)
  const { links, gone } = replica.chain(handle)
  const entries = links.map((link) => ({ link, entry: entryOf(link) }))
  const all = erasuresOf(replica, handle)
  const erasures = all.flatMap((by): Erased[] => {
    const entry = entries.find(({ link }) => placeOf(refOf(link)) === placeOf(by))?.entry ?? null
    return entry === null ? [] : [{ by, entry, records: [] }]
  })
  const places: EntryRef[] = []
  const epochs = { erased: new Set<number>(), kept: new Set<number>() }
  for (const { link, entry } of entries) {
    const by = erasedBy(all, { ...refOf(link), subject })
    const payload = entry?.body.payload ?? null
    if (payload === null) continue
    epochs[by !== null && by.erasure.records === null ? 'erased' : 'kept'].add(payload.epoch)
    if (by === null) continue
    places.push(refOf(link))
    const record = { ...refOf(link), ciphertextHash: payload.ciphertextHash }
    erasures.find((erased) => erased.by === by)?.records.push(record)
  }
  for (const { place } of gone)
    if (place !== null && erasedBy(all, { ...refOf(place), subject }) !== null) places.push(refOf(place))
  // Also keys that only a lost entry was sealed under, or none yet: with everything goes every key that nothing later needs.
  const stored = unlessDamaged(() => store.epochKeys(subject)) ?? []
  if (erasures.some(isWhole)) for (const { epoch } of stored) if (epoch <= lastEpoch) epochs.erased.add(epoch)
  return { subject, erasures, places, epochs: [...epochs.erased].filter((epoch) => !epochs.kept.has(epoch)) }
}

/** True for an erasure of everything about the patient. */
export function isWhole({ by }: Erased): boolean {
  return by.erasure.records === null
}

/** The entry of a link, verified; null where it is not. */
export function entryOf({ log, index }: Link): Entry | null {
  const verified = log.verifiedEntry(index)
  return 'step' in verified ? null : verified.entry
}

/** Where it stands. */
export function refOf({ log, index }: Place): EntryRef {
  return { origin: log.origin, index }
}

/** The same as text, to compare it. */
export function placeOf({ origin, index }: EntryRef): string {
  return `${origin} ${index}`
}
