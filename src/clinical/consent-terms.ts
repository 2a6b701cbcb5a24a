/**
 * What a consent's terms mean: whether they can be at all, and whether they hold on a day. Proven by
 * `tests/clinical/consent-terms.test.ts`.
 *
 * @packageDocumentation
 */
import type { ConsentTerms, DataClass, Purpose } from '../shared/api/schemas.ts'
import { parseDate } from './instant.ts'

/** Longest time for which somebody can agree in advance. */
export const MAX_CONSENT_YEARS = 10

/** The field of {@link ConsentTerms} that cannot be as it is. */
export type TermsProblem = 'sites' | 'from' | 'until'

/**
 * What is wrong with terms that somebody is about to sign.
 *
 * @param terms - Fits its schema; otherwise untrusted.
 * @param sites - Ids of the sites that the roster knows.
 * @param today - `YYYY-MM-DD`.
 * @returns Null when nothing is.
 */
export function termsProblem(terms: ConsentTerms, sites: readonly string[], today: string): TermsProblem | null {
  if (!terms.sites.every((site) => sites.includes(site))) return 'sites'
  if (!isDate(terms.from)) return 'from'
  const isLater = isDate(terms.until) && terms.until > terms.from && terms.until > today
  return isLater && terms.until <= yearsAfter(terms.from, MAX_CONSENT_YEARS) ? null : 'until'
}

/** What somebody wants to do with data. */
export interface Use {
  /** Id of the site whose people look. */
  readonly site: string
  readonly purpose: Purpose
  readonly dataClass: DataClass
  /** The day of the look, `YYYY-MM-DD`. */
  readonly on: string
  /** The day on which the data was recorded; null when the question is not about one record. */
  readonly recordedOn: string | null
}

/**
 * True when terms allow a use. Says nothing about whether the consent was revoked since.
 *
 * @param terms - Of a verified consent.
 */
export function termsCover(terms: ConsentTerms, use: Use): boolean {
  const isNamed = terms.sites.includes(use.site) && terms.purposes.includes(use.purpose)
  const isTime = terms.from <= use.on && use.on < terms.until
  const isRecent = terms.history || use.recordedOn === null || terms.from <= use.recordedOn
  return isNamed && terms.classes.includes(use.dataClass) && isTime && isRecent
}

/**
 * True when `next` allows something less than `before` did: keys have to be changed then.
 *
 * @param before - Terms of the version in force.
 * @param next - Terms that take their place.
 */
export function termsNarrow(before: ConsentTerms, next: ConsentTerms): boolean {
  const isIn = <Item>(list: readonly Item[], others: readonly Item[]) => list.every((item) => others.includes(item))
  const keeps =
    isIn(before.sites, next.sites) && isIn(before.purposes, next.purposes) && isIn(before.classes, next.classes)
  const isAsLong = next.from <= before.from && next.until >= before.until
  return !keeps || !isAsLong || (before.history && !next.history)
}

/** The same day some years later. The 29th of February stays what it is: only the order of texts matters here. */
function yearsAfter(date: string, years: number): string {
  return String(parseDate(date).year + years).padStart(4, '0') + date.slice(4)
}

function isDate(text: string): boolean {
  try {
    parseDate(text)
    return true
  } catch {
    return false
  }
}
