import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { consentWords, revocationWords } from '../../src/clinical/consent-words.ts'
import { MAX_CONSENT_WORDS } from '../../src/clinical/consent.ts'
import { consentTerms, TERMS } from '../support/consents.ts'

const NAMES = { patient: 'Ada Quillfeather', ownSite: 'hillside' }

/** Syllables by groups of vowels; a silent e at the end counts for nothing. */
function syllables(word: string): number {
  const groups = word
    .toLowerCase()
    .replace(/(?:[^laeiouy]es|[^laeiouy]ed|[^laeiouy]e)$/, 'x')
    .match(/[aeiouy]+/g)
  return Math.max(1, groups?.length ?? 1)
}

/** Flesch-Kincaid: years of school that a text asks for. */
function grade(paragraphs: readonly string[]): number {
  const sentences = paragraphs.flatMap((text) => text.split(/[.:;](?:\s|$)/)).filter((text) => /[a-z]/i.test(text))
  const words = sentences.flatMap((text) => text.match(/[\p{L}’]+/gu) ?? [])
  const all = words.reduce((sum, word) => sum + syllables(word), 0)
  return 0.39 * (words.length / sentences.length) + 11.8 * (all / words.length) - 15.59
}

/** The same decision, written in one way: lists are sets, and how fresh a proof must be concerns other sites only. */
function meaning({ freshness, ...terms }: typeof TERMS): string {
  const sets = [terms.sites, terms.purposes, terms.classes].map((list) => [...list].sort())
  const hasOthers = terms.sites.some((site) => site !== NAMES.ownSite)
  return JSON.stringify([sets, terms.from, terms.until, terms.history, terms.asksSignature, hasOthers && freshness])
}

describe('the words of a consent', () => {
  it('say each point in its own paragraph', () => {
    expect(consentWords(TERMS, NAMES)).toMatchInlineSnapshot(`
      [
        "This is a decision of Ada Quillfeather, called the patient here. It says who may see the patient’s health data.",
        "Who may see it: people who work at hillside (this clinic) and riverside.",
        "Nobody else: clinics that are not named here get no key from this consent.",
        "For care: physicians and nurses may look at the data to treat the patient.",
        "For emergencies: these clinics get the keys in advance. A physician or nurse there may then open the data in an emergency.",
        "Not for: insurers or research.",
        "In an emergency: a physician or nurse can open data that their clinic has the key to, even without consent. They must say why. It is written down, and somebody else checks it.",
        "Which data: name, birth date and record number; vital signs, such as blood pressure, pulse and temperature; body measures, such as weight; blood sugar and other lab values; scores that are worked out from these values; what the patient has told, such as diaries and forms.",
        "How long: it starts on 21-Nov-2026 and ends on 21-Nov-2027. From that day on it no longer holds.",
        "Older data: it also holds for data that was recorded before 21-Nov-2026.",
        "New readings: the clinic does not ask for the patient’s card each time.",
        "Checks: before another clinic looks, it must know that this consent still holds. What it knows may be 15 minutes old at most. While it has no connection, it may be 3 days old.",
        "Change it or take it back: the patient can do so at this clinic at any time, with the card or by saying so.",
        "After it is taken back: new data gets a new key, which other clinics do not get. What was seen or copied there cannot be taken back. Old data that they have is only hidden there, not locked.",
        "What it does not do: it deletes nothing. It does not stop this clinic from recording what it measures.",
        "Technical staff: people who look after the computers do not see any readings.",
        "Who looked: everyone who looks is put on a list. Nobody can change that list. The patient may ask for a copy of it.",
      ]
    `)
    expect(revocationWords(TERMS, NAMES)).toMatchInlineSnapshot(`
      [
        "Ada Quillfeather, called the patient here, takes back a consent. It was to end on 21-Nov-2027. It no longer holds from now on.",
        "It named hillside and riverside.",
        "This clinic: physicians and nurses see the data only if another consent lets them.",
        "In an emergency: a physician or nurse can open data that their clinic has the key to, even without consent. They must say why. It is written down, and somebody else checks it.",
        "Other clinics: new data gets a new key, which they do not get. What was seen or copied there cannot be taken back. Old data that they have is only hidden there, not locked.",
        "What stays: nothing is deleted. This clinic still records what it measures.",
        "Who looked: everyone who looks is put on a list. Nobody can change that list. The patient may ask for a copy of it.",
      ]
    `)
  })

  it('differ when the terms differ', () => {
    fc.assert(
      fc.property(consentTerms, consentTerms, (one, other) => {
        const isSame = meaning(one) === meaning(other)
        const normal = (terms: typeof TERMS) => consentWords({ ...terms, sites: [...terms.sites].sort() }, NAMES)
        expect(JSON.stringify(normal(one)) === JSON.stringify(normal(other))).toBe(isSame)
      }),
    )
  })

  it.each([
    ['a site', { sites: ['hillside'] }],
    ['a purpose', { purposes: ['care' as const] }],
    ['an emergency', { purposes: ['care' as const, 'emergency' as const, 'research' as const] }],
    ['a kind of data', { classes: ['vital-signs' as const] }],
    ['the first day', { from: '2026-11-22' }],
    ['the last day', { until: '2027-11-22' }],
    ['older data', { history: false }],
    ['the patient’s signature', { asksSignature: true }],
    ['how fresh a proof must be', { freshness: { onlineMin: 16, offlineMin: 4320 } }],
    ['how fresh a proof must be offline', { freshness: { onlineMin: 15, offlineMin: 4321 } }],
  ])('change with %s', (_, over) => {
    expect(consentWords({ ...TERMS, ...over }, NAMES)).not.toEqual(consentWords(TERMS, NAMES))
  })

  it('call clinics what people call them, and keep the id of another one', () => {
    const called = new Map([
      ['hillside', 'Hill Road Clinic'],
      ['riverside', 'Hill Road Clinic'],
    ])
    const words = consentWords(TERMS, { ...NAMES, called }).join('\n')
    expect(words).toContain('people who work at Hill Road Clinic (this clinic) and Hill Road Clinic (riverside).')
    const back = revocationWords(TERMS, { ...NAMES, called }).join('\n')
    expect(back).toContain('It named Hill Road Clinic and Hill Road Clinic (riverside).')
    const away = consentWords({ ...TERMS, sites: ['riverside'] }, { ...NAMES, called }).join('\n')
    expect(away).toContain('physicians and nurses of Hill Road Clinic see')
    expect(away).not.toContain('hillside')
  })

  it('say what it means that the own clinic is not named, or not for care', () => {
    const away = consentWords({ ...TERMS, sites: ['riverside'] }, NAMES).join('\n')
    expect(away).toContain('does not let physicians and nurses of hillside see the data')
    expect(consentWords({ ...TERMS, purposes: ['research'] }, NAMES).join('\n')).toContain('does not let physicians')
    expect(consentWords(TERMS, NAMES).join('\n')).not.toContain('does not let physicians')
  })

  it('never rule out what an emergency can always do', () => {
    fc.assert(
      fc.property(consentTerms, (terms) => {
        const words = consentWords(terms, NAMES)
        expect(words.filter((text) => text.startsWith('Not for')).join('')).not.toContain('emergenc')
        expect(words.filter((text) => text.startsWith('In an emergency'))).toHaveLength(1)
      }),
    )
  })

  it('can be read after eight years of school', () => {
    expect(grade(consentWords(TERMS, NAMES))).toBeLessThan(8)
    expect(grade(revocationWords(TERMS, NAMES))).toBeLessThan(8)
    fc.assert(
      fc.property(consentTerms, (terms) => {
        expect(grade(consentWords({ ...terms, sites: ['hillside'] }, NAMES))).toBeLessThan(8)
      }),
    )
  })

  it('fit into a consent, however many sites it names', () => {
    const sites = Array.from({ length: 64 }, (_, i) => `${'s'.repeat(117)}${String(i).padStart(3, '0')}`)
    const patient = `${'G'.repeat(100)} ${'F'.repeat(100)}`
    for (const words of [consentWords, revocationWords].map((of) => of({ ...TERMS, sites }, { ...NAMES, patient }))) {
      expect(words.length).toBeLessThanOrEqual(MAX_CONSENT_WORDS.paragraphs)
      expect(Math.max(...words.map((text) => text.length))).toBeLessThanOrEqual(MAX_CONSENT_WORDS.characters)
      for (const site of sites) expect(words.join('\n')).toContain(site)
    }
  })
})
