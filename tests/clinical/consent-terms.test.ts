import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { termsCover, termsNarrow, termsProblem } from '../../src/clinical/consent-terms.ts'
import { DATA_CLASSES, PURPOSES } from '../../src/shared/api/schemas.ts'
import { consentTerms, TERMS } from '../support/consents.ts'

const SITES = ['hillside', 'riverside', 'lake/north', 'harbour']
const USE = {
  site: 'riverside',
  purpose: 'care',
  dataClass: 'laboratory',
  on: '2027-03-01',
  recordedOn: '2026-01-01',
} as const

describe('terms that somebody wants to sign', () => {
  it.each([
    ['are fine', {}, null],
    ['name a site that nobody knows', { sites: ['hillside', 'nowhere'] }, 'sites'],
    ['start on a day that there is not', { from: '2026-02-30' }, 'from'],
    ['end on a day that there is not', { until: '2027-02-30' }, 'until'],
    ['end when they start', { until: '2026-11-21' }, 'until'],
    ['end before they start', { from: '2028-01-01' }, 'until'],
    ['end today', { from: '2026-11-01', until: '2026-11-20' }, 'until'],
    ['end tomorrow', { from: '2026-11-01', until: '2026-11-21' }, null],
    ['last ten years', { until: '2036-11-21' }, null],
    ['last longer', { until: '2036-11-22' }, 'until'],
    ['last ten years from a leap day', { from: '2028-02-29', until: '2038-02-28' }, null],
    ['last longer from a leap day', { from: '2028-02-29', until: '2038-03-01' }, 'until'],
  ])('%s', (_, over, problem) => {
    expect(termsProblem({ ...TERMS, ...over }, SITES, '2026-11-20')).toBe(problem)
  })
})

describe('what terms cover', () => {
  it.each([
    ['what they name', {}, {}, true],
    ['another site', { site: 'harbour' }, {}, false],
    ['another purpose', { purpose: 'insurer' as const }, {}, false],
    ['another kind of data', {}, { classes: ['vital-signs' as const] }, false],
    ['the day before', { on: '2026-11-20' }, {}, false],
    ['the first day', { on: '2026-11-21' }, {}, true],
    ['the last day', { on: '2027-11-20' }, {}, true],
    ['the day after', { on: '2027-11-21' }, {}, false],
    ['older data that they leave out', {}, { history: false }, false],
    ['newer data', { recordedOn: '2026-11-21' }, { history: false }, true],
    ['no record in particular', { recordedOn: null }, { history: false }, true],
  ])('%s', (_, use, terms, expected) => {
    expect(termsCover({ ...TERMS, ...terms }, { ...USE, ...use })).toBe(expected)
  })

  it('narrows exactly when some use is allowed before and not after', () => {
    const days = ['2026-01-01', '2026-11-20', '2026-11-21', '2026-12-31', '2027-02-28', '2028-02-29', '2029-06-01']
    fc.assert(
      fc.property(consentTerms, consentTerms, (before, next) => {
        const uses = before.sites.flatMap((site) =>
          PURPOSES.flatMap((purpose) =>
            DATA_CLASSES.flatMap((dataClass) =>
              days.flatMap((on) => days.map((recordedOn) => ({ site, purpose, dataClass, on, recordedOn }))),
            ),
          ),
        )
        const isLost = uses.some((use) => termsCover(before, use) && !termsCover(next, use))
        expect(termsNarrow(before, next)).toBe(isLost)
      }),
      { numRuns: 60 },
    )
  })
})
