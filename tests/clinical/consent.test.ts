import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { consentRecordOf, decodeConsent, encodeConsent, type ConsentFacts } from '../../src/clinical/consent.ts'
import { consentWords } from '../../src/clinical/consent-words.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { ConsentRecord } from '../../src/shared/api/schemas.ts'
import { CONSENT, consentTerms, TERMS } from '../support/consents.ts'
import { codeOf } from '../support/expect-code.ts'

const words = (max: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: max })
    .map((text) => text.trim())
    .filter((text) => text.length > 0 && text.length <= max && text.isWellFormed() && !/\p{Cc}/u.test(text))
const handle = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))

/** Consents of every kind, signed in every way. */
const consent: fc.Arbitrary<ConsentFacts> = fc
  .record({
    consentId: handle,
    version: fc.integer({ min: 1, max: 999_999_999 }),
    kind: fc.constantFrom('granted' as const, 'amended' as const, 'revoked' as const),
    capacity: fc.constantFrom('patient' as const, 'guardian' as const, 'incapable' as const),
    how: fc.constantFrom('card' as const, 'spoken' as const),
    text: words(60),
    name: words(60),
    words: fc.array(words(30), { minLength: 1, maxLength: 40 }),
    practitioners: fc.array(fc.record({ handle, name: words(30) }), { minLength: 1, maxLength: 4 }),
    terms: consentTerms,
    patient: handle,
    test: fc.boolean(),
  })
  .map(({ how, text, name, ...rest }) => ({
    ...CONSENT,
    ...rest,
    proxy: rest.capacity === 'guardian' ? name : null,
    cannotSign: rest.capacity === 'incapable' ? text : null,
    revocation: rest.kind === 'revoked' ? { how, reason: text } : null,
  }))

describe('a consent', () => {
  it('says what was put into it, and fits the API', () => {
    fc.assert(
      fc.property(consent, (given) => {
        const read = decodeConsent(encodeConsent(given))
        expect(read).toEqual(given)
        const record = consentRecordOf(read)
        expect(ConsentRecord.parse(record)).toEqual(record)
      }),
    )
  })

  it('is a FHIR R4 Consent that others can read', () => {
    const resource = JSON.parse(encodeConsent(CONSENT))
    expect(resource).toMatchObject({
      resourceType: 'Consent',
      status: 'active',
      meta: { versionId: '1' },
      patient: { reference: `Patient/${CONSENT.patient}` },
      text: { div: expect.stringContaining('<p>It holds &lt; 1 year &amp; no longer.</p>') },
      policyRule: { coding: [{ code: 'OPTIN' }] },
      verification: [{ verified: true }],
      // FHIR counts the last day in, and allows no type in the outermost rule.
      provision: { period: { start: '2026-11-21', end: '2027-11-20' }, provision: [{ type: 'permit' }] },
    })
    expect(resource.provision.type).toBeUndefined()
    expect(resource.provision.provision[0].purpose.map((each: { code: string }) => each.code)).toEqual([
      'TREAT',
      'ETREAT',
    ])
  })

  it('limits the time of recording only when older data is left out', () => {
    const text = (history: boolean) => encodeConsent({ ...CONSENT, terms: { ...TERMS, history } })
    expect(text(true)).not.toContain('dataPeriod')
    expect(JSON.parse(text(false)).provision.provision[0].dataPeriod).toEqual({ start: '2026-11-21' })
  })

  it('that is taken back is inactive, and says how', () => {
    const revocation = { how: 'spoken', reason: 'Moves away' } as const
    const resource = JSON.parse(encodeConsent({ ...CONSENT, kind: 'revoked', version: 2, revocation }))
    expect(resource.status).toBe('inactive')
    expect(resource.verification).toEqual([{ verified: false }])
  })

  it('holds the words of the longest decision that can be', () => {
    const sites = Array.from({ length: 64 }, (_, i) => `${'s'.repeat(117)}${String(i).padStart(3, '0')}`)
    const terms = { ...TERMS, sites }
    const facts = {
      ...CONSENT,
      terms,
      words: consentWords(terms, { patient: '\u{1F600}'.repeat(100), ownSite: 'hillside' }),
    }
    expect(decodeConsent(encodeConsent(facts))).toEqual(facts)
  })

  it.each<[string, string | RegExp, string, string]>([
    [
      'another patient’s signature',
      `"performer":[{"reference":"Patient/a1`,
      '"performer":[{"reference":"Patient/b1',
      'WRONG_CODE',
    ],
    ['a permission that became a refusal', '"type":"permit"', '"type":"deny"', 'WRONG_CODE'],
    ['a rule that permits everything', 'OPTIN', 'OPTOUT', 'WRONG_CODE'],
    ['a status that disagrees', '"status":"active"', '"status":"inactive"', 'WRONG_CODE'],
    ['an unknown purpose', 'ETREAT', 'HMARKT', 'WRONG_CODE'],
    ['an unknown kind of data', '"laboratory"', '"genome"', 'WRONG_CODE'],
    ['one purpose twice', 'ETREAT', 'TREAT', 'WRONG_CARDINALITY'],
    ['an end before its start', '2027-11-20', '2026-11-20', 'WRONG_TIME'],
    ['a date that does not exist', '2027-11-20', '2027-11-31', 'WRONG_TIME'],
    ['a version 0', '"versionId":"1"', '"versionId":"0"', 'WRONG_NUMBER'],
    ['a version that repeats itself', '"versionId":"1"', '"versionId":"01"', 'WRONG_NUMBER'],
    ['hidden words', '</p></div>', '</p><p hidden>no</p></div>', 'WRONG_CODE'],
    ['words without end', '</p></div>', '</p>', 'WRONG_CODE'],
    ['no words', /<p>.*<\/p>/, '', 'WRONG_TEXT'],
    ['an entity that nobody wrote', '&amp;', '&copy;', 'WRONG_CODE'],
    ['a second rule', '"provision":[{', '"provision":[{},{', 'WRONG_CARDINALITY'],
    ['what nobody asked for', '"dateTime"', '"policy":[],"dateTime"', 'UNKNOWN_PROPERTY'],
    ['freshness out of range', '"valueInteger":15', '"valueInteger":1441', 'WRONG_NUMBER'],
    ['nobody of the clinic', /,\{"url":"[^"]*consent-recorder".*?\}\}/, '', 'WRONG_CARDINALITY'],
    ['another resource', '"Consent"', '"Contract"', 'WRONG_TYPE'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeConsent(CONSENT)
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeConsent(changed))).toBe(code)
  })

  it.each<[string, Partial<ConsentFacts>]>([
    ['a guardian without a name', { capacity: 'guardian' }],
    ['a patient who cannot sign, without a reason', { capacity: 'incapable' }],
    ['a reason why a patient who signed cannot', { cannotSign: 'Asleep' }],
    ['a withdrawal without a reason', { kind: 'revoked' }],
    ['a grant that is a withdrawal', { revocation: { how: 'card', reason: 'Moves away' } }],
    ['no terms left', { terms: { ...TERMS, until: TERMS.from } }],
    ['the same site twice', { terms: { ...TERMS, sites: ['hillside', 'hillside'] } }],
    ['words with a line break', { words: ['One\ntwo'] }],
    ['too many words', { words: Array.from({ length: 41 }, () => 'One') }],
  ])('is never written with %s', (_, over) => {
    expect(() => encodeConsent({ ...CONSENT, ...over })).toThrow(ClinicalError)
  })

  it('never says something else: a changed character is refused, or shows in what is read', () => {
    const put = fc.constantFrom('0', '1', '9', 'a', '"', ',', '{', '}', ' ', '<', '&', ';')
    fc.assert(
      fc.property(consent, fc.nat(), put, (given, pick, character) => {
        const text = encodeConsent(given)
        const at = pick % text.length
        if (text[at] === character) return
        try {
          const read = decodeConsent(text.slice(0, at) + character + text.slice(at + 1))
          expect(read).not.toEqual(given)
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
