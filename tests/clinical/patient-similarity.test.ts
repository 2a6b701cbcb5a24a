import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Demographics, foldPatient, foldText, isSimilarPatient } from '../../src/clinical/patient-similarity.ts'

const ANNA: Demographics = {
  familyName: 'Müller-Schmidt',
  givenName: 'Anna Maria',
  birthDate: '1971-03-12',
  identifier: 'MRN-20417',
}
const areSimilar = (one: Demographics, other: Demographics) => isSimilarPatient(foldPatient(one), foldPatient(other))
const withAnna = (other: Partial<Demographics>) => areSimilar(ANNA, { ...ANNA, identifier: 'X-99', ...other })

describe('two registrations', () => {
  it.each<[string, Partial<Demographics>]>([
    ['without diacritics, hyphens and case', { familyName: 'MULLER SCHMIDT' }],
    ['with one letter wrong', { familyName: 'Möller-Schmidt' }],
    ['with two letters wrong in a long name', { familyName: 'Moeller Schmit', givenName: 'Anna Maria' }],
    ['with neighbours that changed places', { givenName: 'Anna Mraia' }],
    ['without the second name', { givenName: 'Anna' }],
    ['with names in the wrong fields', { familyName: 'Anna Maria', givenName: 'Müller-Schmidt' }],
    ['with day and month that changed places', { birthDate: '1971-12-03' }],
    ['with two digits that changed places', { birthDate: '1917-03-12' }],
    ['with one digit of the date wrong and the same name', { birthDate: '1971-03-13' }],
    ['under another family name, born the same day', { familyName: 'Schneider' }],
    ['of the same family, born the same day', { givenName: 'Lena' }],
    ['with a similar name and one digit of the identifier wrong', { birthDate: '1985-01-01', identifier: 'mrn 20418' }],
    ['with digits of the identifier that changed places', { birthDate: '1985-01-01', identifier: 'MRN-20471' }],
  ])('%s might be one person', (_, other) => {
    expect(withAnna(other)).toBe(true)
  })

  it.each<[string, Partial<Demographics>]>([
    ['of the same name, born on quite another day', { birthDate: '1985-07-30' }],
    ['of similar names with a digit of the date wrong', { familyName: 'Möller-Schmidt', birthDate: '1971-03-13' }],
    ['born the same day, with nothing else in common', { familyName: 'Okafor', givenName: 'Chidi' }],
    [
      'with neighbouring identifiers, and nothing else',
      {
        familyName: 'Okafor',
        givenName: 'Chidi',
        birthDate: '1985-01-01',
        identifier: 'MRN-20418',
      },
    ],
  ])('%s are two people', (_, other) => {
    expect(withAnna(other)).toBe(false)
  })

  it('do not take short names for one another', () => {
    const lee = { familyName: 'Lee', givenName: 'Jo', birthDate: '1990-01-01', identifier: '1' }
    expect(areSimilar(lee, { ...lee, familyName: 'Leo', givenName: 'Al', identifier: '2' })).toBe(false)
  })

  it('do not take a number in a name for a typing error', () => {
    const twin = { familyName: 'Okafor', givenName: 'Boy 1', birthDate: '2026-01-01', identifier: '1' }
    expect(areSimilar({ ...twin, familyName: 'Family1' }, { ...twin, familyName: 'Family2', givenName: 'Boy 2' })).toBe(
      false,
    )
  })

  it('are similar to themselves, and to each other in both directions', () => {
    const word = fc.stringMatching(/^[A-Za-zÀ-ž]{1,8}([- ][A-Za-zÀ-ž]{1,8})?$/)
    const person = fc.record({
      ...{ familyName: word, givenName: word, identifier: fc.stringMatching(/^[0-9]{1,8}$/) },
      birthDate: fc
        .date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
        .map((day) => day.toISOString().slice(0, 10)),
    })
    fc.assert(
      fc.property(person, person, (one, other) => {
        expect(areSimilar(one, one)).toBe(true)
        expect(areSimilar(one, { ...other, birthDate: one.birthDate })).toBe(
          areSimilar({ ...other, birthDate: one.birthDate }, one),
        )
        expect(areSimilar(one, other)).toBe(areSimilar(other, one))
      }),
    )
  })

  it('count typing errors as a slow and plain reckoning does', () => {
    const name = fc.stringMatching(/^[abc]{4,10}$/)
    const limit = (a: string, b: string) => (Math.max(a.length, b.length) < 8 ? 1 : 2)
    const base = { birthDate: '1990-01-01', identifier: '1' }
    fc.assert(
      fc.property(name, name, (a, b) => {
        const one = { ...base, familyName: a, givenName: 'x1' }
        const other = { ...base, familyName: b, givenName: 'y2' }
        expect(areSimilar(one, other)).toBe(slowDistance(a, b) <= limit(a, b))
      }),
      { numRuns: 500 },
    )
  })
})

/** Optimal string alignment distance, straight from its definition. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const known = new Map<string, number>()
  const of = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j
    const key = `${i} ${j}`
    const before = known.get(key)
    if (before !== undefined) return before
    const options = [of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)]
    if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) options.push(of(i - 2, j - 2) + 1)
    const least = Math.min(...options)
    known.set(key, least)
    return least
  }
  return of(a.length, b.length)
}

it('folds letters that people leave out', () => {
  expect(['Łódź', 'Straße', 'Ångström', 'Ærø', 'İpek', 'Ђорђе'].map(foldText)).toEqual([
    'lodz',
    'strasse',
    'angstrom',
    'aero',
    'ipek',
    'ђорђе',
  ])
})
