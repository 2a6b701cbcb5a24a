import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAssessment, encodeAssessment, type AssessmentFacts } from '../../src/clinical/assessment.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { news2 } from '../../src/clinical/news2.ts'
import { answered, measured } from '../../src/clinical/quantity.ts'
import { Assessment, type Quantity } from '../../src/shared/api/schemas.ts'
import { codeOf } from '../support/expect-code.ts'
import { observedSet, scoredReading, type Observed } from '../support/scored-readings.ts'

const QUESTION = { birthDate: '1969-03-04', pregnant: false, at: '2026-11-20T08:20:00+01:00', by: 'Nora Nurse' }

/** The score of a set, ready to be recorded. */
function facts(over: Partial<Observed> = {}, scale: 1 | 2 = 1, oxygen?: Quantity): AssessmentFacts {
  const readings = observedSet(over).map((each, i) => (i === 2 && oxygen ? scoredReading([oxygen], 2) : each))
  const draft = news2(readings, { ...QUESTION, scale })
  if (draft.state !== 'complete') throw new Error('a complete set')
  return { assessment: draft.assessment, patient: 'a1'.repeat(16), practitioner: 'b2'.repeat(16), test: false }
}

const observed: fc.Arbitrary<Partial<Observed>> = fc.record({
  rr: fc.integer({ min: 1, max: 99 }).map(String),
  spo2: fc.constantFrom('83', '91.5', '92', '95', '97.0', '100'),
  o2: fc.constantFrom('air' as const, 'oxygen' as const),
  temp: fc.constantFrom('35.0', '36.50', '38.1', '39.1'),
  acvpu: fc.constantFrom('alert' as const, 'confusion' as const, 'pain' as const),
})
const oxygen = fc.constantFrom(
  undefined,
  answered('oxygen', 'oxygen'),
  measured('oxygen-flow', '2.0'),
  measured('oxygen-concentration', '28'),
)

describe('a recorded score', () => {
  it('says what was put into it, and fits the API', () => {
    fc.assert(
      fc.property(observed, fc.constantFrom(1 as const, 2 as const), oxygen, (over, scale, given) => {
        const score = facts(over, scale, given)
        const read = decodeAssessment(encodeAssessment(score))
        expect(read).toEqual(score)
        expect(Assessment.parse(read.assessment)).toEqual(read.assessment)
      }),
    )
  })

  it('is a FHIR Observation with a component for each value', () => {
    const resource = JSON.parse(encodeAssessment(facts({ rr: '25' })))
    expect(resource).toMatchObject({
      category: [{ coding: [{ code: 'survey' }] }],
      valueQuantity: { value: 3, code: '{score}' },
      method: { text: 'NEWS2, RCP 2017, SpO2 scale 1' },
    })
    expect(resource.component).toHaveLength(7)
    expect(resource.component[0].extension[2].valueReference.identifier.value).toBe('hillside/ward-1/1#0')
  })

  it.each([
    ['points that its values do not give', '"valueInteger":3', '"valueInteger":2', 'WRONG_NUMBER'],
    ['another value', '"value":25', '"value":24', 'WRONG_NUMBER'],
    ['another total', '"value":3,"unit":"score"', '"value":2,"unit":"score"', 'WRONG_CODE'],
    ['another band', 'low-medium', 'low', 'WRONG_CODE'],
    ['another version', 'RCP 2017', 'RCP 2012', 'WRONG_CODE'],
    ['a unit that the value cannot have', '"code":"mm[Hg]"', '"code":"kPa"', 'WRONG_UNIT'],
    ['an unknown answer', '"code":"alert"', '"code":"awake"', 'WRONG_CODE'],
    ['another status', '"final"', '"preliminary"', 'WRONG_CODE'],
    ['what nobody asked for', '"status"', '"note":[],"status"', 'UNKNOWN_PROPERTY'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeAssessment(facts({ rr: '25' }))
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeAssessment(changed))).toBe(code)
  })

  it('is never written with other points than its rule gives', () => {
    const { assessment, ...rest } = facts()
    expect(() => encodeAssessment({ ...rest, assessment: { ...assessment, total: 7 } })).toThrow(ClinicalError)
    const inputs = assessment.inputs.slice(1)
    expect(() => encodeAssessment({ ...rest, assessment: { ...assessment, inputs } })).toThrow(ClinicalError)
  })

  it('never says something else: a changed character is refused, or shows in what is read', () => {
    const given = facts({ o2: 'oxygen' })
    const text = encodeAssessment(given)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', '1', 'a', '"', '}', ','), (at, put) => {
        if (text[at] === put) return
        try {
          expect(decodeAssessment(text.slice(0, at) + put + text.slice(at + 1))).not.toEqual(given)
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
