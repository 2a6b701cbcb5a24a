/**
 * A FHIR R4 Observation of any system as a reading of ours, when its code, unit and time are ours as well. Proven by
 * `tests/clinical/import.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity } from '../shared/api/schemas.ts'
import { KINDS, MDC, UCUM, unitRow, type KindRow, type QuantityRow, type Technique } from './codes.ts'
import type { Element } from './element.ts'
import { judge } from './limits.ts'
import { firstCodingsOf, rowsOf, TEST_DATA } from './observation-codes.ts'
import { readIdentifier } from './patient-report.ts'
import { splitMeasurement, type KindOfReading } from './quantity.ts'

/** A reading that somebody else recorded. */
export interface ForeignReading extends KindOfReading {
  readonly title: string
  /** ISO 8601 with offset. */
  readonly measuredAt: string
  /** `system|value`; null when it has none. */
  readonly identifier: string | null
  /** The value is unusual: whoever imports it has to look twice. */
  readonly unusual: boolean
  readonly technique: Technique | null
  /** When it was measured against meals, as devices mark it. */
  readonly flags: readonly string[]
}

/** A reference that can be one to a patient: by type, or inside a Bundle. */
export const PATIENT_REFERENCE = /(?:^|\/)Patient\/|^urn:uuid:/

/** Parts of the resource that change nothing in what the value is. */
const CONTEXT = [
  'id',
  'language',
  'text',
  'extension',
  'basedOn',
  'partOf',
  'category',
  'focus',
  'encounter',
  'issued',
  'performer',
  'interpretation',
  'note',
  'bodySite',
  'method',
  'specimen',
  'device',
  'referenceRange',
  'derivedFrom',
]
/** ISO/IEEE 11073-10101: meal context, and how our devices mark the same. */
const MEAL_CONTEXT = '8417864'
const MEALS: Readonly<Record<string, string>> = {
  '8417868': 'before-meal',
  '8417872': 'after-meal',
  '8417876': 'fasting',
}
const STATUSES = ['final', 'amended', 'corrected'] as const
const OFF_SCALE = ['<', '>'] as const
/** Of a room, and not of a patient. */
const NOT_A_PATIENT = 'environment'
const MAX_CODINGS = 32
const MAX_COMPONENTS = 32

/** Codings of an element, as `system|code`. */
type Codings = ReadonlySet<string>

/**
 * Reads an Observation.
 *
 * @param resource - Untrusted; its type was checked.
 * @throws ClinicalError Any code; the message is the path of the element, or what is wrong with the value.
 */
export function readForeignObservation(resource: Element): ForeignReading {
  resource.ignore('resourceType', ...CONTEXT)
  const meta = resource.optional('meta')
  if (meta?.is('security', TEST_DATA) === true || isTest(meta)) resource.fail('WRONG_CODE', 'meta')
  resource.oneOf('status', STATUSES)
  checkSubject(resource)
  const measuredAt = resource.instant('effectiveDateTime')
  const [identifier] = resource.children('identifier', 0, 8)
  const codings = codingsOf(resource.child('code'))
  const kind = kindOf(codings) ?? resource.fail('WRONG_CODE', 'code')
  const quantities = kind.panel ? readPanel(resource, kind) : [readSingle(resource, kind, codings)]
  const flags = kind.kind === 'glucose' ? readMeals(resource) : []
  resource.end()
  const [split] = splitMeasurement(quantities)
  const { level } = judge(kind.kind, quantities)
  if (!split || level === 'reject') return resource.fail('WRONG_NUMBER', 'value')
  const title = kind.panel?.text ?? rowOf(kind, quantities)?.text ?? kind.kind
  const unusual = level === 'confirm'
  return { ...split, title, measuredAt, identifier: readIdentifier(identifier ?? null), unusual, flags }
}

/** Marked as test data in any way. */
function isTest(meta: Element | null): boolean {
  const labels = meta?.children('security', 0, MAX_CODINGS) ?? []
  return labels.some((label) => label.has('code') && label.text('code') === 'HTEST')
}

/** A value of a device, a group or a place is nobody's. */
function checkSubject(resource: Element): void {
  const subject = resource.optional('subject')
  if (subject?.has('reference') !== true) return
  const reference = subject.text('reference')
  if (!PATIENT_REFERENCE.test(reference)) resource.fail('WRONG_ID', 'subject')
}

function codingsOf(concept: Element): Codings {
  const codings = concept.children('coding', 1, MAX_CODINGS)
  return new Set(codings.filter((coding) => coding.has('system') && coding.has('code')).map((coding) => keyOf(coding)))
}

function keyOf(coding: Element): string {
  return `${coding.text('system')}|${coding.text('code')}`
}

function hasOne(codings: Codings, row: QuantityRow): boolean {
  return firstCodingsOf(row).some(({ system, code }) => codings.has(`${system}|${code}`))
}

/** The kind whose code is among the codings. */
function kindOf(codings: Codings): KindRow | undefined {
  return Object.values(KINDS).find((row) => {
    if (row.kind === NOT_A_PATIENT) return false
    const [panel] = row.panel?.codes ?? []
    return row.panel
      ? codings.has(`${panel?.system ?? ''}|${panel?.code ?? ''}`)
      : rowsOf(row).some((each) => hasOne(codings, each))
  })
}

function rowOf(kind: KindRow, [first]: readonly Quantity[]): QuantityRow | undefined {
  return rowsOf(kind).find(({ name }) => name === first?.name)
}

/** Components of a panel: those of the table, and none that the table does not have. */
function readPanel(resource: Element, kind: KindRow): Quantity[] {
  const quantities = resource.children('component', 1, MAX_COMPONENTS).map((component) => {
    component.ignore('id', 'extension', 'interpretation', 'referenceRange')
    const codings = codingsOf(component.child('code'))
    const row = rowsOf(kind).find((each) => hasOne(codings, each)) ?? component.fail('WRONG_CODE', 'code')
    const quantity = readValue(component, row, codings)
    component.end()
    return quantity
  })
  const names = quantities.map(({ name }) => name)
  if (new Set(names).size !== names.length) resource.fail('WRONG_CARDINALITY', 'component')
  return quantities
}

/** Meal contexts of a glucose value; any other component is refused. */
function readMeals(resource: Element): string[] {
  return resource.children('component', 0, 1).map((component) => {
    component.ignore('id')
    if (!codingsOf(component.child('code')).has(`${MDC}|${MEAL_CONTEXT}`)) component.fail('WRONG_CODE', 'code')
    const values = codingsOf(component.child('valueCodeableConcept'))
    const meal =
      Object.keys(MEALS).find((code) => values.has(`${MDC}|${code}`)) ?? component.fail('WRONG_CODE', 'value')
    component.end()
    return MEALS[meal] ?? meal
  })
}

/** The one value. Components would say more about it than we could show: they are refused. */
function readSingle(resource: Element, kind: KindRow, codings: Codings): Quantity {
  const row = rowsOf(kind).find((each) => hasOne(codings, each)) ?? resource.fail('WRONG_CODE', 'code')
  return readValue(resource, row, codings)
}

/** A number in a unit whose code is among the codings, or an answer of the table. */
function readValue(element: Element, row: QuantityRow, codings: Codings): Quantity {
  if (row.units.length === 0) return readAnswer(element, row)
  const quantity = element.child('valueQuantity')
  const value = quantity.decimal('value')
  const comparator = quantity.has('comparator') ? quantity.oneOf('comparator', OFF_SCALE) : null
  quantity.fixed('system', UCUM)
  const unit = unitRow(row.name, quantity.text('code')) ?? quantity.fail('WRONG_UNIT', 'code')
  const { system, code } = unit.code ?? row.code
  if (!codings.has(`${system}|${code}`)) quantity.fail('WRONG_UNIT', 'code')
  quantity.ignore('unit', 'extension')
  quantity.end()
  return { name: row.name, value, comparator, ucum: unit.ucum, unit: unit.unit, coded: null }
}

function readAnswer(element: Element, row: QuantityRow): Quantity {
  const system = `/CodeSystem/${row.code.code}`
  const coding = element
    .child('valueCodeableConcept')
    .children('coding', 1, MAX_CODINGS)
    .find((each) => each.text('system').endsWith(system))
  const answer =
    row.answers.find(({ code }) => code === coding?.text('code')) ?? element.fail('WRONG_CODE', 'valueCodeableConcept')
  return { name: row.name, value: null, comparator: null, ucum: '', unit: '', coded: answer.code }
}
