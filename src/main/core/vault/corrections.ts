/**
 * What became of readings: which entry took the place of which, or withdrew it.
 *
 * @remarks
 * Worked out from proven entries alone, so that a correction counts also where its content cannot be shown: a value that
 * was withdrawn must not stand again because somebody damaged the reason. Each reading is corrected once, by the first
 * that says so; what corrects something else than an earlier reading of the same patient is itself turned away. A value in
 * another log of the same chart can be withdrawn, and not replaced: its own log may never be written again. Proven by
 * `tests/main/core/vault/amendments.test.ts` and `tests/main/core/network/machine-removed.test.ts`.
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

/** Why a second correction of the same reading is turned away. */
export const CORRECTED_BEFORE = 'corrects what was corrected before'

/** A place as a key. */
export function placeOf({ origin, index }: EntryRef): string {
  return `${origin} ${index}`
}

/** Where a link stands. */
export function refOf({ log, index }: Pick<Link, 'log' | 'index'>): EntryRef {
  return { origin: log.origin, index }
}

/** Places of what can be corrected in the chain of a patient. */
export function correctableIn(replica: Pick<Replica, 'chain'>, handle: string): string[] {
  const { links } = replica.chain(handle)
  return links.filter(({ type }) => CORRECTABLE.has(type)).map((link) => placeOf(refOf(link)))
}

/**
 * Corrections in the chain of a patient.
 *
 * @param elsewhere - Places of what other logs of the same chart hold and this one may withdraw.
 */
export function correctionsOf(
  replica: Pick<Replica, 'chain'>,
  handle: string,
  elsewhere: ReadonlySet<string>,
): Corrections {
  const byTarget = new Map<string, CorrectionEntry>()
  const refused = new Map<string, string>()
  const readings = new Map<string, number>()
  const { links } = replica.chain(handle)
  for (const link of links.toSorted((a, b) => a.seq - b.seq)) {
    if (CORRECTING.has(link.type)) {
      const verified = link.log.everVerified(link.index)
      if (!('step' in verified)) {
        const target = correctedIn(verified.entry.body)
        const why = target === null ? 'corrects nothing' : refusal(target, link, { readings, byTarget, elsewhere })
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
  known: {
    readonly readings: ReadonlyMap<string, number>
    readonly byTarget: ReadonlyMap<string, CorrectionEntry>
    readonly elsewhere: ReadonlySet<string>
  },
): string | null {
  const place = placeOf(target)
  const isWithdrawnElsewhere = link.type === 'reading.entered-in-error' && known.elsewhere.has(place)
  if (!isWithdrawnElsewhere && (known.readings.get(place) ?? Infinity) >= link.seq)
    return 'corrects no reading of this patient'
  return known.byTarget.has(place) ? CORRECTED_BEFORE : null
}
