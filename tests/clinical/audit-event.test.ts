import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AUDITED, decodeAudit, encodeAudit, type AuditFacts } from '../../src/clinical/audit-event.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { codeOf } from '../support/expect-code.ts'

const EMERGENCY: AuditFacts = {
  kind: 'emergency',
  at: '2026-11-21T08:14:05+01:00',
  practitioner: { handle: 'b2'.repeat(16), name: 'Petra Physician' },
  site: 'hillside',
  patient: 'a1'.repeat(16),
  detail: 'life-threat',
  words: 'Found unconscious, no relatives there',
  test: false,
}

const words = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .map((text) => text.trim())
  .filter((text) => text.length > 0 && text.isWellFormed() && !/\p{Cc}/u.test(text))
const event: fc.Arbitrary<AuditFacts> = fc
  .record({
    kind: fc.constantFrom(...AUDITED),
    patient: fc.option(fc.constant('a1'.repeat(16))),
    detail: fc.constantFrom('life-threat', 'insurer', 'patient', 'justified', '2', 'on', 'constructor'),
    words: fc.option(words),
    site: words,
    test: fc.boolean(),
  })
  .map((given) => ({ ...EMERGENCY, ...given }))

describe('an event that people answer for', () => {
  it('says what was put into it', () => {
    fc.assert(
      fc.property(event, (given) => {
        expect(decodeAudit(encodeAudit(given))).toEqual(given)
      }),
    )
  })

  it('is marked as break the glass for every reader of FHIR', () => {
    expect(JSON.parse(encodeAudit(EMERGENCY))).toMatchObject({
      type: { code: '110113' },
      subtype: [{ code: '110127' }],
      purposeOfEvent: [{ coding: [{ code: 'BTG' }] }],
      agent: [{ requestor: true, purposeOfUse: [{ coding: [{ code: 'BTG' }] }] }],
    })
  })

  it.each([
    ['care', 'TREAT'],
    ['insurer', 'HPAYMT'],
    ['research', 'HRESCH'],
    ['patient', 'PATRQT'],
  ])('of an export for %s names the purpose %s', (detail, code) => {
    const resource = JSON.parse(encodeAudit({ ...EMERGENCY, kind: 'export', detail }))
    expect(resource.type.code).toBe('110106')
    expect(resource.purposeOfEvent[0].coding[0].code).toBe(code)
  })

  it.each([
    ['another purpose', 'BTG', 'TREAT', 'WRONG_CODE'],
    ['another type', '110113', '110114', 'WRONG_CODE'],
    [
      'no subtype',
      '"subtype":[{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110127"}],',
      '',
      'MISSING',
    ],
    ['another outcome', '"outcome":"0"', '"outcome":"8"', 'WRONG_CODE'],
    ['somebody who did not ask', '"requestor":true', '"requestor":false', 'WRONG_CODE'],
    ['a detail in capitals', 'life-threat', 'Life-threat', 'WRONG_CODE'],
    ['no handle', '"Practitioner/b2', '"Practitioner/x2', 'WRONG_ID'],
    ['another subject', '"Patient/a1', '"Device/a1', 'WRONG_ID'],
    ['what nobody asked for', '"recorded"', '"outcomeDesc":"x","recorded"', 'UNKNOWN_PROPERTY'],
    ['a time that does not exist', '2026-11-21T08', '2026-11-31T08', 'WRONG_TIME'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeAudit(EMERGENCY)
    const changed = text.replaceAll(from, to)
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeAudit(changed))).toBe(code)
  })

  it('is never written with too many words or none', () => {
    expect(codeOf(() => encodeAudit({ ...EMERGENCY, words: 'x'.repeat(501) }))).toBe('WRONG_TEXT')
    expect(codeOf(() => encodeAudit({ ...EMERGENCY, words: '' }))).toBe('WRONG_TEXT')
  })

  it('never says something else: a changed character is refused, or shows in what is read', () => {
    const put = fc.constantFrom('0', '1', 'a', '"', ',', '{', '}', ' ')
    fc.assert(
      fc.property(event, fc.nat(), put, (given, pick, character) => {
        const text = encodeAudit(given)
        const at = pick % text.length
        if (text[at] === character) return
        try {
          expect(decodeAudit(text.slice(0, at) + character + text.slice(at + 1))).not.toEqual(given)
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
