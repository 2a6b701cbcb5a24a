import { describe, expect, it } from 'vitest'
import { termsProblem } from '../../../../src/clinical/consent-terms.ts'
import {
  consentLines,
  DATA_CLASSES,
  orderedTerms,
  PURPOSES,
  SOON_DAYS,
  standingOf,
  usualTerms,
} from '../../../../src/renderer/components/consent/consent-view.ts'
import type { ConsentRow } from '../../../../src/renderer/api/types.ts'
import * as schemas from '../../../../src/shared/api/consent-schemas.ts'
import { FakeCore } from '../../../support/fake-api.ts'
import { handleOf } from '../../../support/fake-data.ts'
import { OTHER_SITE, OWN_SITE } from '../../../support/fake-people.ts'

const TODAY = '2026-11-21'
const terms = usualTerms(OWN_SITE, TODAY)

describe('standingOf', () => {
  it.each([
    ['granted', '2026-11-21', '2027-11-21', 'in-force'],
    ['amended', '2026-11-20', '2026-11-22', 'soon'],
    ['granted', '2026-01-01', '2026-12-05', 'soon'],
    ['granted', '2026-01-01', '2026-12-06', 'in-force'],
    ['granted', '2026-11-22', '2027-11-21', 'future'],
    ['granted', '2025-11-21', '2026-11-21', 'expired'],
    ['granted', '2025-11-21', '2026-11-20', 'expired'],
    ['revoked', '2026-01-01', '2027-01-01', 'taken-back'],
    ['revoked', '2024-01-01', '2025-01-01', 'taken-back'],
  ] as const)('of one that is %s from %s until %s is %s', (kind, from, until, standing) => {
    expect(SOON_DAYS).toBe(14)
    expect(standingOf({ kind, terms: { ...terms, from, until } }, TODAY)).toBe(standing)
  })
})

describe('usualTerms', () => {
  it.each(['2026-11-21', '2024-02-29', '2027-02-28'])('can be signed on %s', (day) => {
    expect(termsProblem(usualTerms(OWN_SITE, day), [OWN_SITE], day)).toBeNull()
  })

  it('offer every purpose and kind of data that there is', () => {
    expect(PURPOSES).toEqual(schemas.PURPOSES)
    expect(DATA_CLASSES).toEqual(schemas.DATA_CLASSES)
  })
})

describe('orderedTerms', () => {
  it('writes equal decisions equally, in whatever order they were ticked', () => {
    const sites = [{ id: OWN_SITE }, { id: OTHER_SITE }]
    const mixed = { ...terms, sites: [OTHER_SITE, OWN_SITE], purposes: [...PURPOSES].toReversed() }
    expect(orderedTerms(mixed, sites)).toEqual({ ...terms, sites: [OWN_SITE, OTHER_SITE], purposes: PURPOSES })
  })
})

describe('consentLines', () => {
  it('makes one line of all versions, what is in force first, and leaves out what cannot be read', () => {
    const { known } = new FakeCore({ now: Date.parse('2026-11-21T09:00:00Z') })
    const patient = handleOf(1)
    const common = { terms, words: ['words'], capacity: 'patient' as const, proxy: null, revocation: null }
    const rows = [
      known.decide(patient, { ...common, consentId: 'a'.repeat(32), version: 1, kind: 'granted' }),
      known.decide(patient, { ...common, consentId: 'a'.repeat(32), version: 2, kind: 'revoked' }),
      known.decide(patient, { ...common, consentId: 'b'.repeat(32), version: 1, kind: 'granted' }),
      {
        status: 'rejected' as const,
        step: 'decrypt' as const,
        reason: '',
        origin: 'x',
        index: 1,
        entryId: null,
        seq: 4,
      },
    ].toReversed() as unknown as ConsentRow[]
    const lines = consentLines(rows, TODAY)
    expect(lines.map(({ consentId, standing }) => [consentId[0], standing])).toEqual([
      ['b', 'in-force'],
      ['a', 'taken-back'],
    ])
    expect(lines[1]?.versions.map(({ record }) => record.version)).toEqual([1, 2])
    expect(lines[1]?.newest.record.kind).toBe('revoked')
  })
})
