/**
 * What somebody found out or decided about a device, as the exact text of a FHIR R4 Observation on the Device, and
 * back: control solution, room temperature, clock, battery, when the next calibration is due, why it was revoked.
 * Never about a patient. Proven by `tests/clinical/device-check.test.ts`.
 *
 * @packageDocumentation
 */
import type { DeviceRecordKind, Quantity } from '../shared/api/schemas.ts'
import { isQuantityName, OWN, UCUM, unitRow } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { digits, writeJson, type Writable } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** One statement about a device. */
export interface DeviceStatement {
  readonly kind: DeviceRecordKind
  /** Handle of the device, 16 bytes in hex. */
  readonly device: string
  /** Who says so. */
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** When it was found, ISO 8601 with offset. */
  readonly at: string
  /** Whether the device passed; null where there is nothing to pass. */
  readonly result: 'passed' | 'failed' | null
  /** Calibration only: from which day on it is due, null for never. */
  readonly due: string | null
  /** What the device measured, with its digits; empty when nothing was. */
  readonly quantities: readonly Quantity[]
  /** In the words of whoever says so, at most 200 characters. */
  readonly note: string | null
  /** Demonstration or test data. */
  readonly test: boolean
}

const STATEMENT_KINDS = ['calibration', 'control', 'room', 'clock', 'battery', 'revoked'] as const
const RESULTS = ['passed', 'failed'] as const
const HANDLE = /^[0-9a-f]{32}$/
const KIND = `${OWN}/CodeSystem/device-statement`
const RESULT = `${OWN}/CodeSystem/device-check-result`
const QUANTITY = `${OWN}/CodeSystem/quantity`
const MAX_QUANTITIES = 6

/**
 * Writes a statement about a device as FHIR R4 JSON.
 *
 * @param statement - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeDeviceStatement(statement: DeviceStatement): string {
  const { kind, device, practitioner, at, result, due, quantities, note, test } = statement
  const text = writeJson({
    resourceType: 'Observation',
    meta: metaOf(null, test),
    status: 'final',
    code: coded(KIND, kind),
    subject: { reference: `Device/${device}` },
    effectiveDateTime: at,
    performer: [{ reference: `Practitioner/${practitioner.handle}`, display: practitioner.name }],
    valueDateTime: due ?? undefined,
    valueCodeableConcept: result === null ? undefined : coded(RESULT, result),
    note: note === null ? undefined : [{ text: note }],
    component: quantities.length === 0 ? undefined : quantities.map(componentOf),
  })
  decodeDeviceStatement(text)
  return text
}

/**
 * Reads a statement that {@link encodeDeviceStatement} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeDeviceStatement(text: string): DeviceStatement {
  const resource = parseResource(text, 'Observation')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  resource.fixed('status', 'final')
  const statement = {
    kind: readCode(resource, 'code', KIND, STATEMENT_KINDS),
    device: readHandle(resource.child('subject'), 'Device', true),
    practitioner: readPerformer(resource),
    at: resource.instant('effectiveDateTime'),
    result: resource.has('valueCodeableConcept') ? readCode(resource, 'valueCodeableConcept', RESULT, RESULTS) : null,
    due: resource.has('valueDateTime') ? resource.date('valueDateTime') : null,
    quantities: resource.children('component', 0, MAX_QUANTITIES).map(readComponent),
    note: readNote(resource),
    test,
  }
  if (statement.due !== null && statement.kind !== 'calibration') resource.fail('UNKNOWN_PROPERTY', 'valueDateTime')
  const isCheck = statement.kind !== 'calibration' && statement.kind !== 'revoked'
  if (isCheck !== (statement.result !== null)) resource.fail('VALUE_AND_REASON', 'valueCodeableConcept')
  resource.end()
  return statement
}

function coded(system: string, code: string): Writable {
  return { coding: [{ system, code }] }
}

function readCode<Code extends string>(resource: Element, name: string, system: string, codes: readonly Code[]): Code {
  const concept = resource.child(name)
  const coding = concept.only('coding')
  coding.fixed('system', system)
  const code = coding.oneOf('code', codes)
  coding.end()
  concept.end()
  return code
}

function readHandle(element: Element, type: string, isWhole: boolean): string {
  const handle = element.reference('reference', type)
  if (!HANDLE.test(handle)) element.fail('WRONG_ID', 'reference')
  if (isWhole) element.end()
  return handle
}

function readPerformer(resource: Element): DeviceStatement['practitioner'] {
  const performer = resource.only('performer')
  const handle = readHandle(performer, 'Practitioner', false)
  const name = performer.words('display', 120)
  performer.end()
  return { handle, name }
}

function readNote(resource: Element): string | null {
  if (!resource.has('note')) return null
  const note = resource.only('note')
  const text = note.words('text', 200)
  note.end()
  return text
}

function componentOf({ name, value, comparator, ucum, unit }: Quantity): Writable {
  return {
    code: coded(QUANTITY, name),
    valueQuantity: {
      value: value === null ? undefined : digits(value),
      comparator: comparator ?? undefined,
      unit,
      system: UCUM,
      code: ucum,
    },
  }
}

function readComponent(component: Element): Quantity {
  const concept = component.child('code')
  const coding = concept.only('coding')
  coding.fixed('system', QUANTITY)
  const name = coding.code('code')
  coding.end()
  concept.end()
  const measured = component.child('valueQuantity')
  measured.fixed('system', UCUM)
  const ucum = measured.code('code')
  const row = isQuantityName(name) ? unitRow(name, ucum) : null
  if (row === null) return measured.fail('WRONG_UNIT', 'code')
  measured.fixed('unit', row.unit)
  const comparator = measured.has('comparator') ? measured.oneOf('comparator', ['<', '>'] as const) : null
  const value = measured.has('value') ? measured.decimal('value') : null
  measured.end()
  component.end()
  return { name, value, comparator, ucum, unit: row.unit, coded: null }
}
