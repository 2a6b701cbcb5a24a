/**
 * A reading as the exact text of a FHIR R4 Observation, and back.
 *
 * @remarks
 * The text is what is committed to, sealed and shown: numbers are written with the digits of the device and never
 * pass through a double. One Observation per reading; the pressures of one measurement are components of one
 * panel, its pulse is a reading of its own (`splitMeasurement`), and oxygen is a reading of its own because R4 has no
 * component unit for a flow. Proven by `tests/clinical/observation.test.ts`: encode then decode is the identity.
 *
 * @packageDocumentation
 */
import type { Method, Quantity, ReadingKind } from '../shared/api/schemas.ts'
import { KINDS, QUANTITIES, UCUM, type Technique } from './codes.ts'
import { ClinicalError } from './errors.ts'
import { digits, writeJson, type Writable } from './json.ts'
import {
  ABSENT,
  answerOf,
  bodySiteOf,
  categoryOf,
  codeOf,
  componentCodeOf,
  interpretationOf,
  metaOf,
  methodOf,
  profileOf,
} from './observation-codes.ts'
import { decodeObservation } from './observation-decode.ts'
import { statusOf, writeExtensions, type InExtensions } from './observation-extensions.ts'
import { fromTable, inTableOrder } from './quantity.ts'
import { checkVitalSign } from './vital-sign-rules.ts'

export { decodeObservation, type ParsedObservation } from './observation-decode.ts'
export { MAX_RAW_BYTES } from './observation-extensions.ts'

/** Everything that an Observation of ours says. */
export interface ObservationInput extends InExtensions {
  /** Lower-case UUID. */
  readonly id: string
  readonly kind: ReadingKind
  /** At least one, as `splitMeasurement` sorts them. */
  readonly quantities: readonly Quantity[]
  /** When it was measured, and when it was recorded: ISO 8601 with offset. */
  readonly effective: string
  readonly issued: string
  /** Handle of the patient. */
  readonly subject: string
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** The handle is null for a device that is not enrolled. No device at all for a value typed by hand. */
  readonly device: { readonly handle: string | null; readonly label: string } | null
  readonly method: Method
  /** What found a pulse, when it was a device. */
  readonly technique: Technique | null
  /** Code of the site table, or a short text. */
  readonly site: string | null
  /** Demonstration or test data: carries the HTEST security label. */
  readonly test: boolean
}

/**
 * Writes a reading as FHIR R4 JSON.
 *
 * @param input - Validated here, by reading the text back: what cannot be read again is never signed.
 * @throws {@link ClinicalError} Any code; the message is the path of the element.
 */
export function encodeObservation(input: ObservationInput): string {
  const text = writeJson(resourceOf(input))
  decodeObservation(text)
  checkVitalSign(text)
  return text
}

/** The resource, elements in the order of the specification. */
function resourceOf(input: ObservationInput): Writable {
  const kind = KINDS[input.kind]
  const quantities = inTableOrder(input.quantities.map((quantity) => fromTable(quantity)))
  const [first] = quantities
  if (!first || (quantities.length > 1 && !kind.panel)) throw new ClinicalError('WRONG_CARDINALITY', 'quantities')
  if (quantities.some(({ name }) => !kind.quantities.includes(name)))
    throw new ClinicalError('WRONG_CODE', 'quantities')
  return {
    resourceType: 'Observation',
    id: input.id,
    meta: metaOf(profileOf(kind, first), input.test),
    extension: writeExtensions(input),
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${input.id}` }],
    status: statusOf(input),
    category: categoryOf(kind),
    code: codeOf(QUANTITIES[first.name], first.ucum, input.technique, input.site),
    subject: { reference: `Patient/${input.subject}` },
    effectiveDateTime: input.effective,
    issued: input.issued,
    performer: [{ reference: `Practitioner/${input.practitioner.handle}`, display: input.practitioner.name }],
    ...(kind.panel ? {} : valueOf(first)),
    bodySite: input.site === null ? undefined : bodySiteOf(input.site),
    method: methodOf(input.method),
    device: deviceOf(input.device),
    component: kind.panel
      ? quantities.map((quantity) => ({ code: componentCodeOf(QUANTITIES[quantity.name]), ...valueOf(quantity) }))
      : undefined,
  }
}

/** Number, answer, or why there is neither. */
export function valueOf(quantity: ReturnType<typeof inTableOrder>[number]): Record<string, Writable | undefined> {
  const { name, value, comparator, unit, ucum, coded } = quantity
  if (coded !== null) return { valueCodeableConcept: answerOf(QUANTITIES[name], coded) }
  if (value === null) return { dataAbsentReason: ABSENT, interpretation: interpretationOf(comparator) }
  return {
    valueQuantity: { value: digits(value), comparator: comparator ?? undefined, unit, system: UCUM, code: ucum },
    interpretation: interpretationOf(comparator),
  }
}

/** A device that is not enrolled has a name only: nothing proves which one it was. */
function deviceOf(device: ObservationInput['device']): Writable | undefined {
  if (!device) return undefined
  return { reference: device.handle === null ? undefined : `Device/${device.handle}`, display: device.label }
}
