import fc from 'fast-check'
import type { ConsentFacts } from '../../src/clinical/consent.ts'
import { DATA_CLASSES, PURPOSES, type ConsentTerms } from '../../src/shared/api/schemas.ts'

/** Terms for two clinics and one year. */
export const TERMS: ConsentTerms = {
  sites: ['hillside', 'riverside'],
  purposes: ['care', 'emergency'],
  classes: [...DATA_CLASSES],
  from: '2026-11-21',
  until: '2027-11-21',
  history: true,
  asksSignature: false,
  freshness: { onlineMin: 15, offlineMin: 4320 },
}

/** A consent that the patient signed. */
export const CONSENT: ConsentFacts = {
  consentId: 'c0'.repeat(16),
  version: 1,
  kind: 'granted',
  patient: 'a1'.repeat(16),
  site: 'hillside',
  practitioners: [{ handle: 'b2'.repeat(16), name: 'Petra Physician' }],
  at: '2026-11-21T08:14:05+01:00',
  terms: TERMS,
  words: ['This is a decision.', 'It holds < 1 year & no longer.'],
  capacity: 'patient',
  proxy: null,
  cannotSign: null,
  revocation: null,
  test: false,
}

const DAYS = ['2026-11-21', '2026-12-31', '2027-02-28', '2028-02-29', '2030-01-01'] as const
/** Sets of one or more. */
const some = <Item>(items: readonly Item[]) => fc.shuffledSubarray([...items], { minLength: 1 })

/** Terms that somebody could sign. */
export const consentTerms: fc.Arbitrary<ConsentTerms> = fc
  .record({
    sites: some(['hillside', 'riverside', 'lake/north', 'harbour']),
    purposes: some(PURPOSES),
    classes: some(DATA_CLASSES),
    period: fc.subarray([...DAYS], { minLength: 2, maxLength: 2 }),
    history: fc.boolean(),
    asksSignature: fc.boolean(),
    freshness: fc.record({
      onlineMin: fc.integer({ min: 1, max: 1440 }),
      offlineMin: fc.integer({ min: 1, max: 43_200 }),
    }),
  })
  .map(({ period: [from = '', until = ''], ...terms }) => ({ ...terms, from, until }))
