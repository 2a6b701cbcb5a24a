/**
 * From the exact text of an Observation of ours to the reading it holds. Everything in it is accounted for.
 *
 * @remarks
 * The variable parts are read, the coded parts are then built from the table and compared: a code that disagrees with
 * its unit, a second meaning in an extra coding, an element that nobody shows, each is a refusal. FHIR R4
 * Observation and its vital-sign profiles; glucose is a laboratory observation. Proven by
 * `tests/clinical/observation.test.ts` and `observation-hostile.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, Reading } from '../shared/api/schemas.ts'
import {
  KINDS,
  TECHNIQUES,
  UCUM,
  unitRow,
  type Coding,
  type KindRow,
  type QuantityRow,
  type Technique,
} from './codes.ts'
import { parseResource, type Element } from './element.ts'
import {
  ABSENT,
  TEST_DATA,
  answerOf,
  bodySiteOf,
  categoryOf,
  codeOf,
  componentCodeOf,
  firstCodingsOf,
  interpretationOf,
  metaOf,
  methodOf,
  profileOf,
  rowsOf,
} from './observation-codes.ts'
import { readExtensions, statusOf } from './observation-extensions.ts'

/** What an Observation of ours says, apart from the reading itself. */
export interface ParsedObservation {
  readonly reading: Reading
  /** UUID of the resource. */
  readonly id: string
  /** Handle of the patient. Must equal the subject of the entry. */
  readonly subject: string
  readonly practitioner: string
  /** Handle of the enrolled device; null otherwise. */
  readonly device: string | null
  /** The node that received the value. */
  readonly gateway: { readonly handle: string; readonly label: string } | null
  /** Exact bytes that the device sent for this reading. */
  readonly rawBytes: Uint8Array | null
  readonly technique: Technique | null
  /** Why it takes the place of an earlier reading; null for a reading that takes none. */
  readonly amendedBecause: string | null
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const HANDLE = /^[0-9a-f]{32}$/
const METHODS = ['device', 'manual', 'unauthenticated-device', 'patient-reported'] as const
/** HI and LO: off a scale, at its upper or its lower end. */
const OFF_SCALE = ['<', '>'] as const

/**
 * Reads an Observation that `encodeObservation` wrote.
 *
 * @param text - Untrusted; at most 64 KiB.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeObservation(text: string): ParsedObservation {
  const observation = parseResource(text, 'Observation')
  const id = readId(observation)
  const extensions = readExtensions(observation)
  const kind = kindOf(observation)
  const site = readSite(observation)
  const { quantities, technique } = readValues(observation, kind, site)
  const people = readPeople(observation)
  const times = { measuredAt: observation.instant('effectiveDateTime'), recordedAt: observation.instant('issued') }
  const test = readFixed(observation, kind, quantities)
  observation.fixed('status', statusOf(extensions))
  observation.end()
  const { gateway, rawBytes, amendedBecause = null, ...context } = extensions
  const { subject, practitioner, device, ...origin } = people
  const reading = { kind: kind.kind, quantities, site, test, ...times, ...context, ...origin }
  return { reading, id, subject, practitioner, device, gateway, rawBytes, technique, amendedBecause }
}

/** The id, which the business identifier repeats for systems that assign ids of their own. */
function readId(observation: Element): string {
  const id = observation.id('id')
  if (!UUID.test(id)) observation.fail('WRONG_ID', 'id')
  observation.fixed('identifier', [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` }])
  return id
}

/** Which kind this is, by the first coding: of a panel, a quantity, or a unit's own term. */
function kindOf(observation: Element): KindRow {
  const [first] = observation.child('code').children('coding', 1)
  const [system, code] = [first?.text('system'), first?.code('code')]
  const isFirst = (coding: Coding | undefined) => coding?.system === system && coding?.code === code
  const kind = Object.values(KINDS).find((row) =>
    row.panel ? isFirst(row.panel.codes[0]) : rowsOf(row).flatMap(firstCodingsOf).some(isFirst),
  )
  return kind ?? observation.fail('WRONG_CODE', 'code')
}

/** Where it was measured. */
function readSite(observation: Element): string | null {
  if (!observation.has('bodySite')) return null
  const element = observation.child('bodySite')
  const site = element.has('coding') ? element.only('coding').code('code') : element.words('text', 40)
  if (site.length > 40) element.fail('WRONG_TEXT')
  observation.fixed('bodySite', bodySiteOf(site))
  return site
}

/** The quantities, and what found them. */
function readValues(observation: Element, kind: KindRow, site: string | null) {
  const rows = rowsOf(kind)
  const quantities = kind.panel ? readComponents(observation, rows) : [readSingle(observation, rows)]
  const first = quantities[0]
  const row = rows.find(({ name }) => name === first?.name)
  if (!first || !row) return observation.fail('MISSING')
  const technique = [null, ...TECHNIQUES].find((found) => observation.is('code', codeOf(row, first.ucum, found, site)))
  return technique === undefined ? observation.fail('WRONG_CODE', 'code') : { quantities, technique }
}

/** The components of a panel: those of the table, each at most once, in its order. */
function readComponents(observation: Element, rows: readonly QuantityRow[]): Quantity[] {
  const components = observation.children('component', 1, rows.length)
  const quantities: Quantity[] = []
  for (const row of rows) {
    const component = components[quantities.length]
    const isNext = component?.is('code', componentCodeOf(row)) ?? false
    if (!isNext && row.required) observation.fail('MISSING', 'component')
    if (component && isNext) quantities.push(readValue(component, row))
  }
  if (quantities.length !== components.length) observation.fail('WRONG_CODE', 'component')
  components.forEach((component) => component.end())
  return quantities
}

/** The value of a reading that is one quantity. Which one, and the unit of a missing value, is told by the code. */
function readSingle(observation: Element, rows: readonly QuantityRow[]): Quantity {
  const [coding] = observation.child('code').children('coding', 1)
  const code = coding?.code('code')
  const row = rows.find((each) => firstCodingsOf(each).some((known) => known.code === code))
  if (!row) return observation.fail('WRONG_CODE', 'code')
  const quantity = readValue(observation, row)
  if (quantity.value !== null || quantity.coded !== null) return quantity
  const candidates = row.units.filter((unit) => (unit.code ?? row.code).code === code)
  const unit = candidates.length === 1 ? candidates[0] : undefined
  return { ...quantity, ucum: unit?.ucum ?? '', unit: unit?.unit ?? '' }
}

/** Exactly one of number, answer and absence (obs-6, vs-2, vs-3). */
function readValue(element: Element, row: QuantityRow): Quantity {
  const forms = ['valueQuantity', 'valueCodeableConcept', 'dataAbsentReason'].filter((name) => element.has(name))
  if (forms.length !== 1) return element.fail('VALUE_AND_REASON')
  if (forms[0] === 'valueQuantity') return readMeasured(element, row)
  const none = { name: row.name, value: null, comparator: null, ucum: '', unit: '' }
  if (forms[0] === 'valueCodeableConcept') return { ...none, coded: readAnswer(element, row) }
  element.fixed('dataAbsentReason', ABSENT)
  const comparator = OFF_SCALE.find((one) => element.is('interpretation', interpretationOf(one) ?? null)) ?? null
  element.fixed('interpretation', interpretationOf(comparator))
  const unit = row.component ? row.units[0] : undefined
  return { ...none, comparator, ucum: unit?.ucum ?? '', unit: unit?.unit ?? '', coded: null }
}

/** A number in a unit of the table. */
function readMeasured(element: Element, row: QuantityRow): Quantity {
  const quantity = element.child('valueQuantity')
  const value = quantity.decimal('value')
  const comparator = quantity.has('comparator') ? quantity.oneOf('comparator', ['<', '>']) : null
  const unit = unitRow(row.name, quantity.text('code')) ?? quantity.fail('WRONG_UNIT', 'code')
  if (!quantity.is('unit', unit.unit) || !quantity.is('system', UCUM)) quantity.fail('WRONG_UNIT')
  quantity.end()
  element.fixed('interpretation', interpretationOf(comparator))
  return { name: row.name, value, comparator, ucum: unit.ucum, unit: unit.unit, coded: null }
}

/** A coded answer of the table. */
function readAnswer(element: Element, row: QuantityRow): string {
  const answer = element.child('valueCodeableConcept').only('coding').code('code')
  if (!row.answers.some(({ code }) => code === answer)) element.fail('WRONG_CODE', 'valueCodeableConcept')
  element.fixed('valueCodeableConcept', answerOf(row, answer))
  return answer
}

/** Subject, who recorded it, and the device, whose presence must agree with the method. */
function readPeople(observation: Element) {
  const [subject] = reference(observation.child('subject'), 'Patient', null)
  const [practitioner, performer] = reference(observation.only('performer'), 'Practitioner', 120)
  const method =
    METHODS.find((each) => observation.is('method', methodOf(each))) ?? observation.fail('WRONG_CODE', 'method')
  const element = observation.optional('device')
  const hasDevice = method === 'device' || method === 'unauthenticated-device'
  if (hasDevice !== (element !== null)) observation.fail('WRONG_CODE', 'method')
  if (!element) return { subject, practitioner, performer, method, device: null, deviceLabel: null }
  const isEnrolled = method === 'device'
  const [device, deviceLabel] = isEnrolled ? reference(element, 'Device', 100) : [null, element.words('display', 100)]
  element.end()
  return { subject, practitioner, performer, method, device, deviceLabel }
}

/** Handle and name of a reference; without a name when `maxName` is null. */
function reference(element: Element, type: string, maxName: number | null): [handle: string, name: string] {
  const handle = element.reference('reference', type)
  if (!HANDLE.test(handle)) element.fail('WRONG_ID', 'reference')
  const name = maxName === null ? '' : element.words('display', maxName)
  element.end()
  return [handle, name]
}

/** The parts that follow from the kind; tells whether it is test data. */
function readFixed(observation: Element, kind: KindRow, [first]: readonly Quantity[]): boolean {
  observation.fixed('category', categoryOf(kind))
  const test = observation.optional('meta')?.is('security', TEST_DATA) ?? false
  observation.fixed('meta', metaOf(first === undefined ? kind.profile : profileOf(kind, first), test))
  return test
}
