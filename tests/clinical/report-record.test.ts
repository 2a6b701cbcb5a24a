import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { decodeReport, encodeReport, MAX_REPORT_BYTES, type ReportInput } from '../../src/clinical/report-record.ts'
import { codeOf } from '../support/expect-code.ts'
import { DIARY } from '../support/patient-files.ts'

const INPUT: ReportInput = {
  source: JSON.stringify(DIARY, null, 2),
  patient: 'a1'.repeat(16),
  practitioner: { handle: 'b2'.repeat(16), name: 'Nora Nurse' },
  recordedAt: '2026-11-21T08:14:05+01:00',
  test: false,
}
/** A diary whose only answer is a text. */
const answered = (text: string) =>
  JSON.stringify({ ...DIARY, item: [{ linkId: '1', answer: [{ valueString: text }] }] })

describe('a recorded report', () => {
  it('keeps the bytes that came, white space and digits included', () => {
    const sources = [INPUT.source, INPUT.source.replace('6.5', '6.500'), ` ${INPUT.source}\n`]
    for (const source of sources) expect(decodeReport(encodeReport({ ...INPUT, source })).source).toBe(source)
    expect(JSON.parse(encodeReport(INPUT)).content[0].attachment.contentType).toBe('application/fhir+json')
  })

  it('says what is in it and who took it in', () => {
    const { report, ...input } = decodeReport(encodeReport(INPUT))
    expect(input).toEqual(INPUT)
    expect(report).toMatchObject({ title: 'sleep-diary', importedBy: 'Nora Nurse', recordedAt: INPUT.recordedAt })
    expect(report.answers).toHaveLength(7)
  })

  it('keeps any text', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((each) => /\S/.test(each))
    fc.assert(
      fc.property(text, (given) => {
        const source = answered(`x${given}`)
        expect(decodeReport(encodeReport({ ...INPUT, source })).source).toBe(source)
      }),
    )
  })

  it.each([
    ['that is no report', '{"resourceType":"Patient"}', 'WRONG_TYPE'],
    ['that is no JSON', 'hello', 'NOT_JSON'],
    ['that is empty', '', 'WRONG_BYTES'],
    ['that is under way', JSON.stringify({ ...DIARY, status: 'in-progress' }), 'WRONG_CODE'],
    ['that is too long', answered('x') + ' '.repeat(MAX_REPORT_BYTES), 'WRONG_BYTES'],
  ])('is never written from a text %s', (_, source, code) => {
    expect(codeOf(() => encodeReport({ ...INPUT, source }))).toBe(code)
  })

  it('is written from a text that just fits', () => {
    const source = answered('x').padEnd(MAX_REPORT_BYTES, ' ')
    expect(decodeReport(encodeReport({ ...INPUT, source })).source).toBe(source)
  })

  it.each([
    ['bytes that are no text', /"data":"[^"]*"/, '"data":"//8="', 'WRONG_BYTES'],
    ['another kind of content', 'application/fhir+json', 'text/html', 'WRONG_CODE'],
    ['another status', '"current"', '"superseded"', 'WRONG_CODE'],
    ['what nobody asked for', '"date"', '"description":"x","date"', 'UNKNOWN_PROPERTY'],
  ])('is refused with %s', (_, from, to, code) => {
    const text = encodeReport(INPUT)
    const changed = text.replace(from, to)
    expect(changed).not.toBe(text)
    expect(codeOf(() => decodeReport(changed))).toBe(code)
  })

  it('gives a value or a coded error for any change', () => {
    const text = encodeReport(INPUT)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', 'A', '"', '}', '='), (at, put) => {
        try {
          decodeReport(text.slice(0, at) + put + text.slice(at + 1))
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
    )
  })
})
