/**
 * What became of readings: which entry took the place of which, or withdrew it.
 *
 * @remarks
 * Worked out from proven entries alone, so that a correction counts also where its content cannot be shown: a value that
 * was withdrawn must not stand again because somebody damaged the reason. Each reading is corrected once, by the first
 * that says so; what corrects something else than an earlier reading of the same patient is itself turned away. Proven by
 * `tests/main/core/vault/amendments.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryType } from '../../../ledger/entry-types.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Link } from './chains.ts'
import { correctedIn } from './reading-record.ts'
import type { Replica } from './replica.ts'

/** A correction that counts. */
export interface CorrectionEntry {
  readonly link: Link
  readonly verified: VerifiedEntry
  readonly target: EntryRef
}

/** What the entries of a patient say about each other. */
export interface Corrections {
  /** By {@link placeOf} of the reading that was corrected. */
  readonly byTarget: ReadonlyMap<string, CorrectionEntry>
  /** Corrections that do not count, by their own place: why. */
  readonly refused: ReadonlyMap<string, string>
}

const CORRECTABLE: ReadonlySet<EntryType> = new Set(['reading', 'reading.amended'])
const CORRECTING: ReadonlySet<EntryType> = new Set(['reading.amended', 'reading.entered-in-error'])

/** A place as a key. */
export function placeOf({ origin, index }: EntryRef): string {
  return `${origin} ${index}`
}

/** Where a link stands. */
export function refOf({ log, index }: Pick<Link, 'log' | 'index'>): EntryRef {
  return { origin: log.origin, index }
}

/** Corrections in the chain of a patient. */
export function correctionsOf(replica: Pick<Replica, 'chain'>, handle: string): Corrections {
  const byTarget = new Map<string, CorrectionEntry>()
  const refused = new Map<string, string>()
  const readings = new Map<string, number>()
  const { links } = replica.chain(handle)
  for (const link of links.toSorted((a, b) => a.seq - b.seq)) {
    if (CORRECTING.has(link.type)) {
      const verified = link.log.verifiedEntry(link.index)
      if (!('step' in verified)) {
        const target = correctedIn(verified.entry.body)
        const why = target === null ? 'corrects nothing' : refusal(target, link, readings, byTarget)
        if (why !== null || target === null) refused.set(placeOf(refOf(link)), why ?? '')
        else byTarget.set(placeOf(target), { link, verified, target })
      }
    }
    if (CORRECTABLE.has(link.type) && !refused.has(placeOf(refOf(link)))) readings.set(placeOf(refOf(link)), link.seq)
  }
  return { byTarget, refused }
}

function refusal(
  target: EntryRef,
  link: Link,
  readings: ReadonlyMap<string, number>,
  byTarget: ReadonlyMap<string, CorrectionEntry>,
): string | null {
  const seq = readings.get(placeOf(target))
  if (seq === undefined || seq >= link.seq) return 'corrects no reading of this patient'
  return byTarget.has(placeOf(target)) ? 'corrects what was corrected before' : null
}
