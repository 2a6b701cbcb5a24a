/**
 * What a patient decided, as it is shown: one line for each consent, with its newest version and how it stands today.
 * Proven by `tests/renderer/components/consent/consent-view.test.ts`.
 *
 * @packageDocumentation
 */
import { addDays } from '../../../clinical/instant.ts'
import type { ConsentRecord, ConsentRow, ConsentTerms, DataClass, Purpose, VerifiedRow } from '../../api/types.ts'

/** What a consent may be for, in the order of forms. */
export const PURPOSES: readonly Purpose[] = ['care', 'emergency', 'insurer', 'research']
/** Kinds of data, in the order of forms. */
export const DATA_CLASSES: readonly DataClass[] = [
  'demographics',
  'vital-signs',
  'body-measures',
  'laboratory',
  'assessments',
  'patient-reported',
]

/** Days before its end from which on a consent is called to mind. */
export const SOON_DAYS = 14

/** How a consent stands: `future` begins later, `soon` ends within {@link SOON_DAYS}. */
export type Standing = 'in-force' | 'soon' | 'future' | 'expired' | 'taken-back'

/** All versions of one consent. */
export interface ConsentLine {
  readonly consentId: string
  readonly newest: VerifiedRow<ConsentRecord>
  /** Oldest first, the newest included. */
  readonly versions: readonly VerifiedRow<ConsentRecord>[]
  readonly standing: Standing
}

/**
 * One line for each consent: those in force first, then by when they were decided, newest first.
 *
 * @param rows - Every version, in any order; rejected ones are left to the caller.
 * @param today - `YYYY-MM-DD`.
 */
export function consentLines(rows: readonly ConsentRow[], today: string): ConsentLine[] {
  const byId = new Map<string, VerifiedRow<ConsentRecord>[]>()
  for (const row of rows) {
    if (row.status === 'rejected') continue
    byId.set(row.record.consentId, [...(byId.get(row.record.consentId) ?? []), row])
  }
  const lines = [...byId].flatMap(([consentId, all]): ConsentLine[] => {
    const versions = all.toSorted((a, b) => a.record.version - b.record.version)
    const newest = versions.at(-1)
    return newest === undefined ? [] : [{ consentId, newest, versions, standing: standingOf(newest.record, today) }]
  })
  return lines.toSorted(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      Date.parse(b.newest.record.at) - Date.parse(a.newest.record.at) ||
      // Two of one second: as the ledger has them.
      b.newest.position.index - a.newest.position.index,
  )
}

const rankOf = ({ standing }: ConsentLine): number => (['in-force', 'soon', 'future'].includes(standing) ? 0 : 1)

/** How a version stands on a day. */
export function standingOf({ kind, terms }: Pick<ConsentRecord, 'kind' | 'terms'>, today: string): Standing {
  if (kind === 'revoked') return 'taken-back'
  if (today >= terms.until) return 'expired'
  if (today < terms.from) return 'future'
  return isSoon(terms.until, today) ? 'soon' : 'in-force'
}

/** True when a day is near. */
export function isSoon(until: string, today: string): boolean {
  return until <= addDays(today, SOON_DAYS)
}

/** Terms that a new consent starts from: this clinic, for care and emergencies, everything, one year. */
export function usualTerms(ownSite: string, today: string): ConsentTerms {
  return {
    sites: [ownSite],
    purposes: ['care', 'emergency'],
    classes: [...DATA_CLASSES],
    from: today,
    until: yearLater(today),
    history: true,
    asksSignature: false,
    freshness: { onlineMin: 15, offlineMin: 72 * 60 },
  }
}

/** Lists in the order of the forms, so that equal terms are written equally. */
export function orderedTerms(terms: ConsentTerms, sites: readonly { readonly id: string }[]): ConsentTerms {
  const ids = sites.map(({ id }) => id)
  return {
    ...terms,
    sites: terms.sites.toSorted((a, b) => ids.indexOf(a) - ids.indexOf(b)),
    purposes: PURPOSES.filter((one) => terms.purposes.includes(one)),
    classes: DATA_CLASSES.filter((one) => terms.classes.includes(one)),
  }
}

function yearLater(day: string): string {
  const next = `${Number(day.slice(0, 4)) + 1}${day.slice(4)}`
  return next.endsWith('-02-29') ? next.replace('-02-29', '-03-01') : next
}
