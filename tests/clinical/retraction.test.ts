import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { decodeRetraction, encodeRetraction, type Retraction } from '../../src/clinical/retraction.ts'
import { codeOf } from '../support/expect-code.ts'

const RETRACTION: Retraction = {
  target: { origin: 'hillside/ward-1/1', index: 42 },
  at: '2026-11-21T08:14:05+01:00',
  practitioner: { handle: 'b2'.repeat(16), name: 'Nora Nurse' },
  reason: 'Cuff was on another patient',
  test: false,
}

describe('a retraction', () => {
  it('says what was put into it', () => {
    const index = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER))
    fc.assert(
      fc.property(index, fc.boolean(), fc.constantFrom('Slip', '“1” & <2>', 'é'), (at, test, reason) => {
        const given = { ...RETRACTION, target: { ...RETRACTION.target, index: at }, test, reason }
        expect(decodeRetraction(encodeRetraction(given))).toEqual(given)
      }),
    )
  })

  it.each([
    ['another activity', 'NULLIFY', 'UPDATE', 'WRONG_CODE'],
    ['an index that is no number', '#42', '#042', 'WRONG_ID'],
    ['an index beyond what counts exactly', '#42', '#9007199254740993', 'WRONG_ID'],
    ['no index', '#42', '', 'WRONG_ID'],
    ['two targets', '"target":[{', '"target":[{},{', 'WRONG_CARDINALITY'],
    ['another system', 'identifier/entry', 'identifier/site', 'WRONG_CODE'],
    ['no reason', '"reason":[{"text":"Cuff was on another patient"}],', '', 'MISSING'],
    ['what nobody asked for', '"recorded"', '"occurredDateTime":"2026","recorded"', 'UNKNOWN_PROPERTY'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeRetraction(RETRACTION)
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeRetraction(changed))).toBe(code)
  })

  it('never says something else: a changed character is refused, or shows in what is read', () => {
    const text = encodeRetraction(RETRACTION)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', 'a', '"', '}', '#'), (at, put) => {
        if (text[at] === put) return
        try {
          expect(decodeRetraction(text.slice(0, at) + put + text.slice(at + 1))).not.toEqual(RETRACTION)
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
    )
  })
})
