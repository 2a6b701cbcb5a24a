import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClinicalError } from '../../src/clinical/errors.ts'
import { MAX_IMPORT, readImport, type Imported } from '../../src/clinical/import.ts'
import { encodeObservation } from '../../src/clinical/observation.ts'
import { ImportItem } from '../../src/shared/api/schemas.ts'
import { codeOf } from '../support/expect-code.ts'
import { anyObservation } from '../support/observations.ts'
import { bundleOf, DIARY, PRESSURE, TEMPERATURE_TEXT } from '../support/patient-files.ts'
import { sharedData } from '../support/shared-data.ts'

const ADA = { familyName: 'Okafor', givenName: 'Ada', birthDate: '1969-03-04' }
const read = (value: unknown) => readImport(typeof value === 'string' ? value : JSON.stringify(value), ADA)
const problemOf = ({ content }: Imported) => (content.kind === 'refused' ? content.problem : null)
const readingOf = (item: Imported | undefined) => (item?.content.kind === 'reading' ? item.content.reading : null)
/** What a window is shown of an item must fit the API. */
const shown = ({ resource, title, at, values }: Imported) =>
  ImportItem.parse({ resource, title, at, values, dataClass: null, verdict: 'new', problem: null })

describe('an import', () => {
  it('takes a questionnaire, and keeps its exact text', () => {
    const text = JSON.stringify(DIARY, null, 3)
    const [item] = read(`\n${text} `)
    expect(item).toMatchObject({ resource: 'QuestionnaireResponse', title: 'sleep-diary', source: text })
    expect(item?.values[0]).toBe('How long did you sleep?: 6.5 hours')
  })

  it('takes an observation as values of our table', () => {
    const [item] = read(PRESSURE)
    expect(item).toMatchObject({ resource: 'Observation', title: 'Blood pressure', values: ['128/82 mmHg'] })
    expect(readingOf(item)).toMatchObject({
      kind: 'blood-pressure',
      measuredAt: PRESSURE.effectiveDateTime,
      identifier: 'https://cuff.example|9',
      unusual: false,
      quantities: [
        { name: 'systolic', value: '128' },
        { name: 'diastolic', value: '82' },
      ],
    })
  })

  it('keeps the digits of a number', () => {
    expect(readingOf(read(TEMPERATURE_TEXT)[0])?.quantities[0]).toMatchObject({ value: '36.50', unit: '°C' })
  })

  it.each(['collection', 'batch', 'transaction', 'document'])('takes what is in a Bundle of type %s', (type) => {
    const items = read(bundleOf([DIARY, PRESSURE, { resourceType: 'Device' }], type))
    expect(items.map(({ content }) => content.kind)).toEqual(['report', 'reading', 'refused'])
    expect(items[0]?.source).toBe(JSON.stringify(DIARY))
    expect(items[2]).toMatchObject({ resource: 'other', title: 'Device' })
  })

  it('asks to look twice at what is unusual', () => {
    expect(readingOf(read(JSON.stringify(PRESSURE).replace('128', '221'))[0])?.unusual).toBe(true)
  })

  it('takes back everything that we write, apart from what is no value', () => {
    fc.assert(
      fc.property(anyObservation, (given) => {
        const text = encodeObservation({ ...given, test: false })
        const [item] = read(text)
        const reading = readingOf(item)
        if (reading === null) return
        expect(reading).toMatchObject({ kind: given.kind, measuredAt: given.effective })
        expect(reading.quantities.map(({ name, value }) => [name, value]).sort()).toEqual(
          given.quantities.map(({ name, value }) => [name, value]).sort(),
        )
      }),
    )
  })

  const [systolic] = PRESSURE.component
  const glucose = (unit: string, loinc: string, over: object = {}) => ({
    ...PRESSURE,
    component: undefined,
    code: { coding: [{ system: 'http://loinc.org', code: loinc }] },
    valueQuantity: { value: 5.5, unit, system: 'http://unitsofmeasure.org', code: unit },
    ...over,
  })
  it.each<[string, unknown, string]>([
    ['a preliminary value', { ...PRESSURE, status: 'preliminary' }, 'WRONG_CODE'],
    ['a retracted value', { ...PRESSURE, status: 'entered-in-error' }, 'WRONG_CODE'],
    ['no time', { ...PRESSURE, effectiveDateTime: undefined }, 'MISSING'],
    ['a date only', { ...PRESSURE, effectiveDateTime: '2026-11-20' }, 'WRONG_TIME'],
    ['an unknown code', { ...PRESSURE, code: { coding: [{ system: 'http://loinc.org', code: '1-8' }] } }, 'WRONG_CODE'],
    [
      'our code in another system',
      { ...PRESSURE, code: { coding: [{ system: 'http://x', code: '85354-9' }] } },
      'WRONG_CODE',
    ],
    ['half a blood pressure', { ...PRESSURE, component: [systolic] }, 'WRONG_NUMBER'],
    ['one half twice', { ...PRESSURE, component: [...PRESSURE.component, systolic] }, 'WRONG_CARDINALITY'],
    ['a pressure that cannot be', JSON.stringify(PRESSURE).replace('128', '400'), 'WRONG_NUMBER'],
    ['a unit without code', JSON.stringify(PRESSURE).replace('"code":"mm[Hg]"', '"x":1'), 'MISSING'],
    ['another unit', JSON.stringify(PRESSURE).replace('"mm[Hg]"', '"kPa"'), 'WRONG_UNIT'],
    [
      'units of another system',
      JSON.stringify(PRESSURE).replace('http://unitsofmeasure.org', 'http://x'),
      'WRONG_CODE',
    ],
    ['glucose whose unit and code disagree', glucose('mmol/L', '41653-7'), 'WRONG_UNIT'],
    [
      'a reason why there is no value',
      glucose('mmol/L', '14743-9', { valueQuantity: undefined, dataAbsentReason: {} }),
      'MISSING',
    ],
    ['a value and such a reason', glucose('mmol/L', '14743-9', { dataAbsentReason: {} }), 'UNKNOWN_PROPERTY'],
    ['a meal that nobody knows', glucose('mmol/L', '14743-9', { component: [{}] }), 'MISSING'],
    ['a changed meaning', { ...PRESSURE, modifierExtension: [] }, 'UNKNOWN_PROPERTY'],
    ['a device as its subject', { ...PRESSURE, subject: { reference: 'Device/1' } }, 'WRONG_ID'],
    ['a test label', { ...PRESSURE, meta: { security: [{ code: 'HTEST' }] } }, 'WRONG_CODE'],
    ['an exponent', JSON.stringify(PRESSURE).replace('128', '1.28e2'), 'WRONG_NUMBER'],
    ['another type', { resourceType: 'Immunization' }, 'WRONG_TYPE'],
    ['a Bundle in a Bundle', bundleOf([bundleOf([PRESSURE])]), 'WRONG_TYPE'],
  ])('refuses %s', (_, value, problem) => {
    expect(read(value).map(problemOf)).toEqual([problem])
  })

  it('takes glucose in the unit of its code, with its meal', () => {
    const meal = { code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '8417864' }] } }
    const fasting = { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '8417876' }] }
    const [item] = read(glucose('mmol/L', '14743-9', { component: [{ ...meal, valueCodeableConcept: fasting }] }))
    expect(readingOf(item)).toMatchObject({ flags: ['fasting'], quantities: [{ value: '5.5', unit: 'mmol/L' }] })
  })

  const person = (over: object) => ({
    resourceType: 'Patient',
    birthDate: '1969-03-04',
    name: [{ family: 'Okafor', given: ['Ada'] }],
    ...over,
  })
  it.each<[string, unknown[], string | null]>([
    ['the same patient', [person({}), PRESSURE], null],
    ['somebody without a name or date', [{ resourceType: 'Patient' }, PRESSURE], null],
    ['one who married', [person({ name: [{ family: 'Bell', given: ['Ada', 'M.'] }] }), PRESSURE], null],
    ['one written in another way', [person({ name: [{ family: 'OKAFÓR' }] }), PRESSURE], null],
    ['one born on another day', [person({ birthDate: '1969-03-05' }), PRESSURE], 'other-patient'],
    ['a twin', [person({ name: [{ family: 'Okafor', given: ['Eve'] }] }), PRESSURE], 'other-patient'],
    [
      'another name and no date',
      [person({ birthDate: undefined, name: [{ family: 'Bell', given: ['Ada'] }] }), PRESSURE],
      'other-patient',
    ],
    ['two people', [person({}), person({}), PRESSURE], 'several-patients'],
    ['two subjects', [PRESSURE, { ...PRESSURE, subject: { reference: 'Patient/p2' } }], 'several-patients'],
  ])('of %s', (_, resources, problem) => {
    const values = read(bundleOf(resources)).filter(({ resource }) => resource === 'Observation')
    expect(new Set(values.map(problemOf))).toEqual(new Set([problem]))
  })

  it.each<[string, unknown, string]>([
    ['no JSON', 'hello', 'NOT_JSON'],
    ['no resource', [PRESSURE], 'WRONG_TYPE'],
    ['no type', {}, 'WRONG_TYPE'],
    ['a search result', bundleOf([PRESSURE], 'searchset'), 'WRONG_CODE'],
    ['an empty Bundle', bundleOf([]), 'WRONG_CARDINALITY'],
    ['an entry without a resource', { resourceType: 'Bundle', type: 'batch', entry: [{}] }, 'MISSING'],
    ['too many entries', bundleOf(Array.from({ length: 201 }, () => PRESSURE)), 'WRONG_CARDINALITY'],
    ['too long a text', ' '.repeat(MAX_IMPORT.characters + 1), 'TOO_LONG'],
    ['a repeated property', '{"resourceType":"Bundle","resourceType":"Patient"}', 'NOT_JSON'],
  ])('refuses the whole text when it is %s', (_, value, code) => {
    expect(codeOf(() => read(value))).toBe(code)
  })

  it('gives items or a coded error for any text, and what is shown fits the API', () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', [], {}, [{}], 'x'.repeat(3000), -1, 1e300, true))
    const broken = fc
      .tuple(fc.constantFrom<object>(DIARY, PRESSURE), fc.constantFrom(...Object.keys({ ...DIARY, ...PRESSURE })), junk)
      .map(([resource, name, put]) => ({ ...resource, [name]: put }))
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.array(fc.oneof(broken, junk), { maxLength: 4 }).map((resources) => JSON.stringify(bundleOf(resources))),
      broken.map((resource) => JSON.stringify(resource)),
    )
    fc.assert(
      fc.property(text, (given) => {
        try {
          for (const item of readImport(given, ADA)) shown(item)
        } catch (error) {
          expect(error).toBeInstanceOf(ClinicalError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe.skipIf(sharedData('fhir-samples') === null)('needs ../shared/data/fhir-samples: samples of resources', () => {
  const sample = (name: string) => readFileSync(sharedData(`fhir-samples/${name}.json`)!, 'utf8')

  it.each(['bp', 'hr', 'spo2', 'temp', 'rr', 'o2flow', 'wt', 'glu'])('%s is taken in', (name) => {
    expect(read(sample(name)).map(problemOf)).toEqual([null])
  })

  it.each([
    ['gluctl', 'WRONG_CODE'],
    ['news2', 'WRONG_CODE'],
    ['bmi', 'WRONG_CODE'],
    ['ht', 'WRONG_CODE'],
    ['dar', 'MISSING'],
    ['spo2_uscore', 'UNKNOWN_PROPERTY'],
    ['patient', 'WRONG_TYPE'],
    ['consent', 'WRONG_TYPE'],
  ])('%s is refused: %s', (name, problem) => {
    expect(read(sample(name)).map(problemOf)).toEqual([problem])
  })

  it.each(['tx', 'doc'])('the Bundle %s gives its observations', (name) => {
    const items = read(sample(name)).filter(({ resource }) => resource === 'Observation')
    expect(items.length).toBeGreaterThan(0)
    expect(items.map(problemOf)).toEqual(items.map(() => null))
  })
})
