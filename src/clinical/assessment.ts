/**
 * A score with everything it rests on, as the exact text of a FHIR R4 Observation, and back.
 *
 * @remarks
 * Each value that was scored is a component, with what it scored, when it was measured and which entry holds it. A text
 * whose points do not follow from its values by the rule it names is refused. Proven by
 * `tests/clinical/assessment.test.ts`.
 *
 * @packageDocumentation
 */
import type { Assessment, AssessmentInput } from '../shared/api/schemas.ts'
import { OWN, QUANTITIES, UCUM, type QuantityName, type UnitRow } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { digits, writeJson, type Writable } from './json.ts'
import { NEWS2_INPUTS, NEWS2_VERSION, isOnOxygen, news2Band, news2Points, type News2Name } from './news2.ts'
import { TEST_DATA, answerOf, componentCodeOf, metaOf } from './observation-codes.ts'
import { entryReference, readEntry } from './retraction.ts'

/** A score, and who it is about. */
export interface AssessmentFacts {
  readonly assessment: Assessment
  /** Handle of the patient. Must equal the subject of the entry. */
  readonly patient: string
  /** Handle of whoever recorded it; the name is in the assessment. */
  readonly practitioner: string
  /** Demonstration or test data. */
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const SCALES = [1, 2] as const
const CATEGORY = [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'survey' }] },
] as const
const SCORE = { coding: [{ system: `${OWN}/CodeSystem/score`, code: 'news2' }], text: 'NEWS2 total' } as const
const BAND = `${OWN}/CodeSystem/score-band`
const POINTS = `${OWN}/StructureDefinition/score-points`
const MEASURED = `${OWN}/StructureDefinition/score-measured-at`
const ENTRY = `${OWN}/StructureDefinition/score-entry`
/** Quantities that can stand for a value of the score. */
const SOURCES: Readonly<Partial<Record<News2Name, readonly QuantityName[]>>> = {
  oxygen: ['oxygen', 'oxygen-flow', 'oxygen-concentration'],
}

/**
 * Writes a score as FHIR R4 JSON.
 *
 * @param facts - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeAssessment({ assessment, patient, practitioner, test }: AssessmentFacts): string {
  const text = writeJson({
    resourceType: 'Observation',
    meta: metaOf(null, test),
    status: 'final',
    category: CATEGORY,
    code: SCORE,
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: assessment.at,
    performer: [{ reference: `Practitioner/${practitioner}`, display: assessment.by }],
    valueQuantity: totalOf(assessment),
    interpretation: bandOf(assessment),
    method: methodOf(assessment),
    component: assessment.inputs.map(componentOf),
  })
  decodeAssessment(text)
  return text
}

/**
 * Reads a score that {@link encodeAssessment} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeAssessment(text: string): AssessmentFacts {
  const resource = parseResource(text, 'Observation')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  resource.fixed('status', 'final')
  resource.fixed('category', CATEGORY)
  resource.fixed('code', SCORE)
  const [patient] = readReference(resource.child('subject'), 'Patient', false)
  const [practitioner, by] = readReference(resource.only('performer'), 'Practitioner', true)
  const components = resource.children('component', NEWS2_INPUTS.length, NEWS2_INPUTS.length)
  const inputs = components.map((component, i) => readComponent(component, NEWS2_INPUTS[i] ?? 'spo2'))
  const scale = SCALES.find((each) => resource.is('method', methodOf({ scale: each, ruleVersion: NEWS2_VERSION })))
  const assessment = { ...scored(inputs, scale ?? resource.fail('WRONG_CODE', 'method')), by }
  const facts = {
    assessment: { ...assessment, at: resource.instant('effectiveDateTime') },
    patient,
    practitioner,
    test,
  }
  if (assessment.inputs.some(({ points }, i) => points !== inputs[i]?.points))
    resource.fail('WRONG_NUMBER', 'component')
  resource.fixed('valueQuantity', totalOf(assessment))
  resource.fixed('interpretation', bandOf(assessment))
  resource.end()
  return facts
}

/** The score of the values that were read, computed again. */
function scored(values: readonly AssessmentInput[], scale: Assessment['scale']): Omit<Assessment, 'at' | 'by'> {
  const oxygen = values.find(({ name }) => name === 'oxygen')
  const onOxygen = oxygen ? isOnOxygen(oxygen) : null
  const inputs = values.map((input) => ({ ...input, points: news2Points(input, scale, onOxygen) ?? -1 }))
  const points = inputs.map((input) => input.points)
  const total = points.reduce((sum, each) => sum + each, 0)
  return { rule: 'news2', ruleVersion: NEWS2_VERSION, scale, total, band: news2Band(points), inputs }
}

function totalOf({ total }: Pick<Assessment, 'total'>): Writable {
  return { value: digits(String(total)), unit: 'score', system: UCUM, code: '{score}' }
}

function bandOf({ band }: Pick<Assessment, 'band'>): Writable {
  return [{ coding: [{ system: BAND, code: band }] }]
}

function methodOf({ ruleVersion, scale }: Pick<Assessment, 'ruleVersion' | 'scale'>): Writable {
  return { text: `NEWS2, ${ruleVersion}, SpO2 scale ${scale}` }
}

/** One value that was scored. */
function componentOf(input: AssessmentInput): Writable {
  const { name, value, coded, points, measuredAt, ref } = input
  const [source, unit] = sourceOf(input)
  const number = value === null ? undefined : digits(value)
  return {
    extension: [
      { url: POINTS, valueInteger: digits(String(points)) },
      { url: MEASURED, valueInstant: measuredAt },
      { url: ENTRY, valueReference: entryReference(ref) },
    ],
    code: componentCodeOf(QUANTITIES[source]),
    valueQuantity: number && unit && { value: number, unit: unit.unit, system: UCUM, code: unit.ucum },
    valueCodeableConcept: coded === null ? undefined : answerOf(QUANTITIES[name], coded),
  }
}

/** Which quantity a value is, and in which unit; without a unit when it is an answer, or has one that no source has. */
function sourceOf({ name, unit, coded }: AssessmentInput): [QuantityName, UnitRow | undefined] {
  const sources = SOURCES[name] ?? [name]
  if (coded !== null) return [name, undefined]
  for (const source of sources) {
    const row = QUANTITIES[source].units.find((each) => each.unit === unit)
    if (row) return [source, row]
  }
  return [name, undefined]
}

function readComponent(component: Element, name: News2Name): AssessmentInput {
  const [points, measured, entry] = component.children('extension', 3, 3)
  if (!points || !measured || !entry) return component.fail('MISSING', 'extension')
  points.fixed('url', POINTS)
  measured.fixed('url', MEASURED)
  entry.fixed('url', ENTRY)
  const sources = SOURCES[name] ?? [name]
  const source =
    sources.find((each) => component.is('code', componentCodeOf(QUANTITIES[each]))) ??
    component.fail('WRONG_CODE', 'code')
  const input = {
    name,
    ...readValue(component, source),
    points: points.integer('valueInteger'),
    measuredAt: measured.instant('valueInstant'),
    ref: readEntry(entry.child('valueReference')),
  }
  for (const element of [points, measured, entry, component]) element.end()
  return input
}

/** A number in a unit of the table, or one of its answers. */
function readValue(component: Element, source: QuantityName): Pick<AssessmentInput, 'value' | 'coded' | 'unit'> {
  const { units, answers } = QUANTITIES[source]
  if (units.length === 0) {
    const coded = component.child('valueCodeableConcept').only('coding').code('code')
    if (!answers.some(({ code }) => code === coded)) component.fail('WRONG_CODE', 'valueCodeableConcept')
    component.fixed('valueCodeableConcept', answerOf(QUANTITIES[source], coded))
    return { value: null, coded, unit: '' }
  }
  const quantity = component.child('valueQuantity')
  const value = quantity.decimal('value')
  const ucum = quantity.code('code')
  const unit = units.find((each) => each.ucum === ucum) ?? quantity.fail('WRONG_UNIT', 'code')
  if (!quantity.is('unit', unit.unit) || !quantity.is('system', UCUM)) quantity.fail('WRONG_UNIT')
  quantity.end()
  return { value, coded: null, unit: unit.unit }
}

/** Handle and name of a reference. */
function readReference(element: Element, type: string, isNamed: boolean): [handle: string, name: string] {
  const handle = element.reference('reference', type)
  if (!HANDLE.test(handle)) element.fail('WRONG_ID', 'reference')
  const name = isNamed ? element.words('display', 120) : ''
  element.end()
  return [handle, name]
}
