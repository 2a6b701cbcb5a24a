import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseResource } from '../../src/clinical/element.ts'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { readAnswers } from '../../src/clinical/patient-report.ts'
import { PatientReport } from '../../src/shared/api/schemas.ts'
import { codeOf } from '../support/expect-code.ts'
import { DIARY } from '../support/patient-files.ts'

const read = (resource: unknown) => readAnswers(parseResource(JSON.stringify(resource), 'QuestionnaireResponse'))
const readText = (text: string) => readAnswers(parseResource(text, 'QuestionnaireResponse'))
const asked = (answer: unknown) =>
  read({ ...DIARY, item: [{ linkId: '1', text: 'Q', answer: [answer] }] }).answers[0]?.answer

describe('what a patient answered', () => {
  it('is read question by question, with what stands below each', () => {
    expect(read(DIARY)).toEqual({
      title: 'sleep-diary',
      authored: '2026-11-20T07:30:00+01:00',
      identifier: 'https://diary.example/entries|7',
      answers: [
        { question: 'How long did you sleep?', answer: '6.5 hours', depth: 0 },
        { question: 'Did you wake up?', answer: 'Yes', depth: 0 },
        { question: 'How often?', answer: '3', depth: 1 },
        { question: 'Medicine', answer: '', depth: 0 },
        { question: 'Any?', answer: 'No', depth: 1 },
        { question: 'How did you feel?', answer: 'Tired', depth: 0 },
        { question: '5', answer: 'Noise from the street', depth: 0 },
      ],
    })
  })

  it.each<[unknown, string]>([
    [{ valueDate: '2026-11-20' }, '2026-11-20'],
    [{ valueDateTime: '2026-11' }, '2026-11'],
    [{ valueTime: '23:15:00' }, '23:15:00'],
    [{ valueUri: 'urn:x' }, 'urn:x'],
    [{ valueCoding: { system: 's', code: 'B' } }, 'B'],
    [{ valueReference: { reference: 'Practitioner/1', display: 'Dr Who' } }, 'Dr Who'],
    [{ valueQuantity: { value: 2, comparator: '>=', code: 'h' } }, '>= 2 h'],
  ])('shows %j', (answer, text) => {
    expect(asked(answer)).toBe(text)
  })

  it('keeps the digits of a number', () => {
    expect(readText(JSON.stringify(DIARY).replace('6.5', '6.50')).answers[0]?.answer).toBe('6.50 hours')
  })

  it('takes the name of the form from where forms have it', () => {
    const display = 'http://hl7.org/fhir/StructureDefinition/display'
    const named = { ...DIARY, _questionnaire: { extension: [{ url: display, valueString: 'My sleep' }] } }
    expect(read(named).title).toBe('My sleep')
    const { questionnaire: _, ...nameless } = DIARY
    expect(read(nameless).title).toBe('Questionnaire')
  })

  const deep = (levels: number): object =>
    levels === 0 ? { linkId: 'x', text: 'x' } : { linkId: 'x', text: 'x', item: [deep(levels - 1)] }
  it.each<[string, object, string]>([
    ['is under way', { status: 'in-progress' }, 'WRONG_CODE'],
    ['was entered in error', { status: 'entered-in-error' }, 'WRONG_CODE'],
    ['has no time', { authored: undefined }, 'MISSING'],
    ['has a date only', { authored: '2026-11-20' }, 'WRONG_TIME'],
    ['has no answers', { item: undefined }, 'MISSING'],
    ['changes its meaning', { modifierExtension: [{ url: 'x', valueBoolean: true }] }, 'UNKNOWN_PROPERTY'],
    ['has rules of its own', { implicitRules: 'http://x' }, 'UNKNOWN_PROPERTY'],
    ['holds an attachment', { item: [{ linkId: '1', answer: [{ valueAttachment: { url: 'x' } }] }] }, 'MISSING'],
    [
      'holds two values in one answer',
      { item: [{ linkId: '1', answer: [{ valueString: 'a', valueDate: 'b' }] }] },
      'UNKNOWN_PROPERTY',
    ],
    ['has an empty answer', { item: [{ linkId: '1', answer: [{ valueString: ' ' }] }] }, 'WRONG_TEXT'],
    [
      'has an answer that is too long',
      { item: [{ linkId: '1', answer: [{ valueString: 'x'.repeat(2001) }] }] },
      'WRONG_TEXT',
    ],
    ['is too deep', { item: [deep(9)] }, 'WRONG_CARDINALITY'],
    [
      'has too many answers',
      {
        item: Array.from({ length: 500 }, () => ({ linkId: '1', answer: [{ valueInteger: 1 }, { valueInteger: 2 }] })),
      },
      'WRONG_CARDINALITY',
    ],
  ])('is refused when it %s', (_, over, code) => {
    expect(codeOf(() => read({ ...DIARY, ...over }))).toBe(code)
  })

  it('is read to the deepest level that fits the API', () => {
    expect(read({ ...DIARY, item: [deep(8)] }).answers).toHaveLength(9)
  })

  it('gives what fits the API, or a coded error, for any item', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('x', [], {}, [{}], 1e300, 'é\u0000'))
    const item = fc.dictionary(fc.constantFrom('linkId', 'text', 'answer', 'item', 'valueString'), value)
    fc.assert(
      fc.property(
        fc.array(item),
        fc.constantFrom('item', 'identifier', 'authored', 'questionnaire'),
        value,
        (items, name, put) => {
          try {
            const answers = read({ ...DIARY, item: items, [name]: put })
            const report = { ...answers, recordedAt: answers.authored, importedBy: 'N', signedByPatient: false }
            expect(PatientReport.parse(report)).toEqual(report)
          } catch (error) {
            expect(error).toBeInstanceOf(ClinicalError)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
