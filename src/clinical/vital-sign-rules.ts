/**
 * The rules of FHIR R4 for a vital sign, as a table: is this text a conformant Observation of one of our kinds?
 *
 * @remarks
 * Rules of the profile "vitalsigns" and its children, with their ids in the specification, and for glucose those of a
 * laboratory observation. Published validators check no codes and no units; these do. Looser than `decodeObservation`
 * on purpose: this asks whether others can read it, that one whether we wrote it. Nothing is signed that does not pass
 * both. Proven by `tests/clinical/vital-sign-rules.test.ts`: every rule refuses what breaks it alone.
 *
 * @packageDocumentation
 */
import type { ReadingKind } from '../shared/api/schemas.ts'
import { KINDS, LOINC, UCUM, unitRow, type KindRow, type QuantityRow } from './codes.ts'
import { isDecimal } from './decimal.ts'
import { ClinicalError, type ClinicalErrorCode } from './errors.ts'
import { parseDate, parseInstant } from './instant.ts'
import { isArray, isDigits, isObject, parseJson, type JsonObject, type JsonValue } from './json.ts'
import { firstCodingsOf, rowsOf } from './observation-codes.ts'

/** One rule: it holds, or the Observation is refused with its code and id. */
interface Rule {
  readonly id: string
  readonly code: ClinicalErrorCode
  readonly holds: (observation: JsonObject, kind: KindRow) => boolean
}

const STATUSES = [
  'registered',
  'preliminary',
  'final',
  'amended',
  'corrected',
  'cancelled',
  'entered-in-error',
  'unknown',
]
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category'
const ABSENT = 'http://terminology.hl7.org/CodeSystem/data-absent-reason'
const YEAR_OR_MONTH = /^\d{4}(?:-\d{2})?$/

const RULES: readonly Rule[] = [
  { id: 'status', code: 'WRONG_CODE', holds: (o) => STATUSES.includes(textAt(o, 'status')) },
  {
    id: 'category',
    code: 'WRONG_CODE',
    holds: (o, kind) =>
      objectsAt(o, 'category').some((each) => codingsAt(each).some((coding) => is(coding, CATEGORY, kind.category))),
  },
  {
    id: 'coding-system',
    code: 'MISSING',
    holds: (o) => allCodings(o).every((coding) => textAt(coding, 'system') !== ''),
  },
  {
    id: 'subject',
    code: 'WRONG_ID',
    holds: (o) => /^Patient\/[A-Za-z0-9\-.]{1,64}$/.test(textAt(objectAt(o, 'subject'), 'reference')),
  },
  { id: 'vs-1', code: 'WRONG_TIME', holds: (o) => isDayOrTime(textAt(o, 'effectiveDateTime')) },
  { id: 'issued', code: 'WRONG_TIME', holds: (o) => !o.has('issued') || isInstant(textAt(o, 'issued')) },
  {
    id: 'obs-6',
    code: 'VALUE_AND_REASON',
    holds: (o) => all(o).every((part) => !(hasValue(part) && part.has('dataAbsentReason'))),
  },
  { id: 'vs-2', code: 'VALUE_AND_REASON', holds: (o) => o.has('component') || o.has('hasMember') || isAnswered(o) },
  { id: 'vs-3', code: 'VALUE_AND_REASON', holds: (o) => objectsAt(o, 'component').every(isAnswered) },
  {
    id: 'obs-7',
    code: 'WRONG_CODE',
    holds: (o) => !hasValue(o) || objectsAt(o, 'component').every((part) => !shareCode(o, part)),
  },
  { id: 'data-absent-reason', code: 'WRONG_CODE', holds: (o) => all(o).every(isReasonKnown) },
  { id: 'panel-value', code: 'VALUE_AND_REASON', holds: (o, kind) => kind.panel === null || !hasValue(o) },
  { id: 'panel-components', code: 'WRONG_CARDINALITY', holds: hasPanelParts },
  {
    id: 'quantity',
    code: 'WRONG_UNIT',
    holds: (o, kind) => valuedParts(o, kind).every(([part, row]) => isQuantityOf(part, row)),
  },
]

/**
 * Checks an Observation against the rules of R4 for its kind.
 *
 * @param text - Untrusted.
 * @returns What kind of vital sign it is.
 * @throws {@link ClinicalError} The message is the id of the first rule that does not hold.
 */
export function checkVitalSign(text: string): ReadingKind {
  const observation = parseJson(text)
  if (!isObject(observation) || textAt(observation, 'resourceType') !== 'Observation') {
    throw new ClinicalError('WRONG_TYPE', 'resourceType')
  }
  const codings = codingsAt(objectAt(observation, 'code'))
  const kind = Object.values(KINDS).find((row) =>
    fixedCodings(row).some(({ system, code }) => codings.some((coding) => is(coding, system, code))),
  )
  if (!kind) throw new ClinicalError('WRONG_CODE', 'code')
  for (const rule of RULES) if (!rule.holds(observation, kind)) throw new ClinicalError(rule.code, rule.id)
  return kind.kind
}

/** Codings, one of which makes an Observation one of this kind. */
function fixedCodings(kind: KindRow) {
  return kind.panel ? kind.panel.codes.slice(0, 1) : rowsOf(kind).flatMap(firstCodingsOf)
}

/** The required parts of a panel exactly once, the others at most once. */
function hasPanelParts(observation: JsonObject, kind: KindRow): boolean {
  if (!kind.panel) return true
  const parts = objectsAt(observation, 'component')
  return rowsOf(kind).every((row) => {
    const count = parts.filter((part) => hasCodeOf(part, row)).length
    return count <= 1 && (count === 1 || !row.required)
  })
}

/** The parts that hold a quantity of the table, with its row: the components of a panel, or the Observation itself. */
function valuedParts(observation: JsonObject, kind: KindRow): [JsonObject, QuantityRow][] {
  const parts = kind.panel ? objectsAt(observation, 'component') : [observation]
  return parts.flatMap((part) =>
    rowsOf(kind)
      .filter((row) => hasCodeOf(part, row))
      .map((row): [JsonObject, QuantityRow] => [part, row]),
  )
}

/** Complete quantities in a unit that the quantity can have and that its code allows. */
function isQuantityOf(part: JsonObject, row: QuantityRow): boolean {
  if (!hasValue(part)) return true
  if (row.answers.length > 0) return part.has('valueCodeableConcept')
  const quantity = objectAt(part, 'valueQuantity')
  const value = quantity.get('value')
  const unit = unitRow(row.name, textAt(quantity, 'code'))
  if (!unit || !isDigits(value) || !isDecimal(value.digits) || textAt(quantity, 'unit') === '') return false
  const { system, code } = unit.code ?? row.code
  return (
    textAt(quantity, 'system') === UCUM && codingsAt(objectAt(part, 'code')).some((coding) => is(coding, system, code))
  )
}

function hasCodeOf(part: JsonObject, row: QuantityRow): boolean {
  const codings = codingsAt(objectAt(part, 'code'))
  return firstCodingsOf(row).some(({ system, code }) => codings.some((coding) => is(coding, system, code)))
}

/** obs-7: a component that says again what the Observation is about, in LOINC. */
function shareCode(observation: JsonObject, part: JsonObject): boolean {
  const codes = codingsAt(objectAt(observation, 'code')).filter((coding) => textAt(coding, 'system') === LOINC)
  return codingsAt(objectAt(part, 'code')).some((coding) =>
    codes.some((each) => is(coding, LOINC, textAt(each, 'code'))),
  )
}

function isReasonKnown(part: JsonObject): boolean {
  if (!part.has('dataAbsentReason')) return true
  return codingsAt(objectAt(part, 'dataAbsentReason')).some(
    (coding) => textAt(coding, 'system') === ABSENT && textAt(coding, 'code') !== '',
  )
}

/** At least day precision; a time has seconds and an offset. */
function isDayOrTime(text: string): boolean {
  return !YEAR_OR_MONTH.test(text) && (isParsed(parseDate, text) || isInstant(text))
}

function isInstant(text: string): boolean {
  return isParsed(parseInstant, text)
}

function isParsed(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

function isAnswered(part: JsonObject): boolean {
  return hasValue(part) || part.has('dataAbsentReason')
}

function hasValue(part: JsonObject): boolean {
  return [...part.keys()].some((name) => name.startsWith('value'))
}

/** The Observation and its components. */
function all(observation: JsonObject): JsonObject[] {
  return [observation, ...objectsAt(observation, 'component')]
}

function allCodings(observation: JsonObject): JsonObject[] {
  return all(observation).flatMap((part) => codingsAt(objectAt(part, 'code')))
}

function is(coding: JsonObject, system: string, code: string): boolean {
  return textAt(coding, 'system') === system && textAt(coding, 'code') === code
}

function codingsAt(concept: JsonObject): JsonObject[] {
  return objectsAt(concept, 'coding')
}

function objectAt(object: JsonObject, name: string): JsonObject {
  const value = object.get(name)
  return isObject(value) ? value : new Map<string, JsonValue>()
}

function objectsAt(object: JsonObject, name: string): JsonObject[] {
  const value = object.get(name)
  return isArray(value) ? value.filter(isObject) : []
}

function textAt(object: JsonObject, name: string): string {
  const value = object.get(name)
  return typeof value === 'string' ? value : ''
}
