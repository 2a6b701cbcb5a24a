/**
 * Who holds a patient's card, as the exact text of a FHIR R4 RelatedPerson, and back: the patient, or a guardian by
 * name; and, once the card was revoked, why. Proven by `tests/clinical/related-person.test.ts`.
 *
 * @packageDocumentation
 */
import { OWN } from './codes.ts'
import { type Element, parseResource } from './element.ts'
import { writeJson, type Writable } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** A card was issued to somebody, or revoked. */
export interface CardStatement {
  /** 16 bytes in hex. */
  readonly cardId: string
  /** Handle of the patient. */
  readonly patient: string
  readonly capacity: 'patient' | 'guardian'
  /** Name of a guardian, as far as it is known: always when the card is issued. Null on the patient's own card. */
  readonly holder: string | null
  /** Who recorded it. */
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** Why the card was revoked, at most 200 characters; null while it is issued. */
  readonly revokedBecause: string | null
  /** Demonstration or test data. */
  readonly test: boolean
}

const ID = /^[0-9a-f]{32}$/
const ROLE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode'
/** Codes of v3-RoleCode: the card's holder is the patient, or guardian of the patient. */
const RELATIONS = { patient: 'ONESELF', guardian: 'GUARD' } as const
const RECORDER = `${OWN}/StructureDefinition/recorded-by`
const REASON = `${OWN}/StructureDefinition/revocation-reason`

/**
 * Writes who holds a card as FHIR R4 JSON.
 *
 * @param statement - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeCardStatement(statement: CardStatement): string {
  const { cardId, patient, capacity, holder, practitioner, revokedBecause, test } = statement
  const text = writeJson({
    resourceType: 'RelatedPerson',
    id: cardId,
    meta: metaOf(null, test),
    extension: [
      {
        url: RECORDER,
        valueReference: { reference: `Practitioner/${practitioner.handle}`, display: practitioner.name },
      },
      ...(revokedBecause === null ? [] : [{ url: REASON, valueString: revokedBecause }]),
    ],
    active: revokedBecause === null,
    patient: { reference: `Patient/${patient}` },
    relationship: [relationOf(capacity)],
    name: holder === null ? undefined : [{ text: holder }],
  })
  decodeCardStatement(text)
  return text
}

/**
 * Reads a statement that {@link encodeCardStatement} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeCardStatement(text: string): CardStatement {
  const resource = parseResource(text, 'RelatedPerson')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const [recorder, reason] = resource.children('extension', 1, 2)
  if (recorder === undefined) return resource.fail('MISSING', 'extension')
  const isGuardian = resource.is('relationship', [relationOf('guardian')])
  const capacity = isGuardian ? 'guardian' : 'patient'
  resource.fixed('relationship', [relationOf(capacity)])
  const statement: CardStatement = {
    cardId: handleIn(resource, resource.id('id'), 'id'),
    patient: readReference(resource.child('patient'), 'Patient', null).handle,
    capacity,
    holder: readHolder(resource),
    practitioner: readRecorder(recorder),
    revokedBecause: reason === undefined ? null : readReason(reason),
    test,
  }
  resource.fixed('active', statement.revokedBecause === null)
  const mustBeNamed = isGuardian && statement.revokedBecause === null
  if (mustBeNamed && statement.holder === null) resource.fail('MISSING', 'name')
  if (!isGuardian && statement.holder !== null) resource.fail('UNKNOWN_PROPERTY', 'name')
  resource.end()
  return statement
}

function relationOf(capacity: CardStatement['capacity']): Writable {
  return { coding: [{ system: ROLE, code: RELATIONS[capacity] }] }
}

function readHolder(resource: Element): string | null {
  if (!resource.has('name')) return null
  const name = resource.only('name')
  const text = name.words('text', 120)
  name.end()
  return text
}

function readRecorder(extension: Element): CardStatement['practitioner'] {
  extension.fixed('url', RECORDER)
  const { handle, display } = readReference(extension.child('valueReference'), 'Practitioner', 120)
  extension.end()
  return { handle, name: display }
}

function readReason(extension: Element): string {
  extension.fixed('url', REASON)
  const reason = extension.words('valueString', 200)
  extension.end()
  return reason
}

/** @param displayed - Longest display; null when there is none. */
function readReference(element: Element, type: string, displayed: number | null): { handle: string; display: string } {
  const handle = handleIn(element, element.reference('reference', type), 'reference')
  const display = displayed === null ? '' : element.words('display', displayed)
  element.end()
  return { handle, display }
}

function handleIn(element: Element, id: string, name: string): string {
  return ID.test(id) ? id : element.fail('WRONG_ID', name)
}
