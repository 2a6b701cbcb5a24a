/**
 * What a patient brings as a file or in a code to scan: any text to things that can be taken in, each with what it says
 * or why it is refused.
 *
 * @remarks
 * Taken in are FHIR R4 QuestionnaireResponse, Observation with a code and a unit of our table, and Bundles of them.
 * Nothing is guessed: a value without a unit code, without a time, or with a status that is not final is refused. A
 * Bundle that speaks of several patients, or of another one, gives nothing at all. Numbers keep their digits. Proven by
 * `tests/clinical/import.test.ts`.
 *
 * @packageDocumentation
 */
import type { ImportItem, Patient } from '../shared/api/schemas.ts'
import { Element } from './element.ts'
import { ClinicalError } from './errors.ts'
import { formatQuantities } from './format.ts'
import { PATIENT_REFERENCE, readForeignObservation, type ForeignReading } from './import-observation.ts'
import { isArray, isObject, parseJson, type JsonObject, type JsonValue } from './json.ts'
import { readAnswers, type Answers } from './patient-report.ts'

/** One thing in an imported text. */
export interface Imported extends Pick<ImportItem, 'resource' | 'title' | 'at' | 'values'> {
  /** `system|value` of the resource in its own system, so that its next version is found; null when it has none. */
  readonly identifier: string | null
  /** Exact text of the resource. */
  readonly source: string
  readonly content:
    | { readonly kind: 'report'; readonly report: Answers }
    | { readonly kind: 'reading'; readonly reading: ForeignReading }
    /** A code of {@link ClinicalError}, or of a finding that rejects a value; or another patient's. */
    | { readonly kind: 'refused'; readonly problem: string }
}

/** What tells a patient apart in a file. */
type Named = Pick<Patient, 'familyName' | 'givenName' | 'birthDate'>

/** Characters of the longest text, and resources in it. */
export const MAX_IMPORT = { characters: 1_000_000, resources: 200 } as const

const BUNDLES = ['collection', 'batch', 'transaction', 'document']
const MAX_LINE = 300
const MAX_LINES = 20

/**
 * Everything in a text that somebody wants to import.
 *
 * @param text - Untrusted.
 * @param patient - Whose it is to be.
 * @throws {@link ClinicalError} `TOO_LONG`, `NOT_JSON`, `WRONG_TYPE` for what is no resource that can be imported,
 * `WRONG_CODE` for another type of Bundle, `WRONG_CARDINALITY` for an empty Bundle or too many resources.
 */
export function readImport(text: string, patient: Named): Imported[] {
  const sources = new Map<JsonObject, string>()
  const value = parseJson(text, MAX_IMPORT.characters, sources)
  const resources = resourcesOf(value)
  const problem = patientProblem(resources, patient)
  return resources.map((resource) => {
    const source = sources.get(resource) ?? ''
    return problem === null ? readOne(resource, source) : refused(resource, source, problem)
  })
}

/** The resource, or those of a Bundle. */
function resourcesOf(value: JsonValue): JsonObject[] {
  if (!isObject(value) || typeOf(value) === '') throw new ClinicalError('WRONG_TYPE', 'no resource')
  if (typeOf(value) !== 'Bundle') return [value]
  const type = value.get('type')
  if (typeof type !== 'string' || !BUNDLES.includes(type)) throw new ClinicalError('WRONG_CODE', 'Bundle.type')
  const entries = value.get('entry')
  if (!isArray(entries) || entries.length === 0 || entries.length > MAX_IMPORT.resources) {
    throw new ClinicalError('WRONG_CARDINALITY', 'Bundle.entry')
  }
  return entries.map((entry, i) => {
    const resource = isObject(entry) ? entry.get('resource') : undefined
    if (!isObject(resource)) throw new ClinicalError('MISSING', `Bundle.entry[${i}].resource`)
    return resource
  })
}

/** Why nothing of it can be this patient's; null when nothing says so. */
function patientProblem(resources: readonly JsonObject[], patient: Named): string | null {
  const subjects = new Set(resources.map(subjectOf).filter((subject) => subject !== null))
  const people = resources.filter((resource) => typeOf(resource) === 'Patient')
  if (subjects.size > 1 || people.length > 1) return 'several-patients'
  return people.every((person) => canBe(person, patient)) ? null : 'other-patient'
}

/**
 * True when a person can be the patient. With the same birth date a given name is enough, because family names change;
 * twins differ in nothing but the given name.
 */
function canBe(person: JsonObject, patient: Named): boolean {
  const birthDate = person.get('birthDate')
  const isBorn = typeof birthDate === 'string'
  if (isBorn && birthDate !== patient.birthDate) return false
  const family = isAmong(patient.familyName, namesOf(person, 'family'))
  const given = isAmong(patient.givenName, namesOf(person, 'given'))
  if (given === false) return false
  return (isBorn && given === true) || family !== false
}

/** Whether one of the words of a name is among others; null when there are no others. */
function isAmong(name: string, others: readonly string[]): boolean | null {
  const words = (text: string) => text.split(/[\s-]+/).map(plain)
  const all = others.flatMap(words).filter((word) => word !== '')
  return all.length === 0 ? null : words(name).some((word) => all.includes(word))
}

/** All family or given names of a person. */
function namesOf(person: JsonObject, part: 'family' | 'given'): string[] {
  const names = person.get('name')
  return (isArray(names) ? names : []).flatMap((name) => {
    const value = isObject(name) ? name.get(part) : undefined
    return (isArray(value) ? value : [value]).filter((each) => typeof each === 'string')
  })
}

/** A word without case and accents. */
function plain(word: string): string {
  return word
    .normalize('NFKD')
    .replace(/[^\p{L}]/gu, '')
    .toLowerCase()
}

/** The patient that a resource names; null when it names none. */
function subjectOf(resource: JsonObject): string | null {
  const type = typeOf(resource)
  if (type !== 'Observation' && type !== 'QuestionnaireResponse') return null
  const subject = resource.get('subject')
  const reference = isObject(subject) ? subject.get('reference') : undefined
  return typeof reference === 'string' && PATIENT_REFERENCE.test(reference) ? reference : null
}

function readOne(resource: JsonObject, source: string): Imported {
  try {
    if (typeOf(resource) === 'QuestionnaireResponse') return readReport(resource, source)
    if (typeOf(resource) === 'Observation') return readReading(resource, source)
    return refused(resource, source, 'WRONG_TYPE')
  } catch (error) {
    if (error instanceof ClinicalError) return refused(resource, source, error.code)
    throw error
  }
}

function readReport(resource: JsonObject, source: string): Imported {
  const report = readAnswers(new Element(resource, 'QuestionnaireResponse'))
  const lines = report.answers.map(({ question, answer }) => `${question}: ${answer}`.slice(0, MAX_LINE))
  const { title, authored: at, identifier } = report
  const content = { kind: 'report', report } as const
  return {
    resource: 'QuestionnaireResponse',
    title,
    at,
    identifier,
    source,
    values: lines.slice(0, MAX_LINES),
    content,
  }
}

function readReading(resource: JsonObject, source: string): Imported {
  const reading = readForeignObservation(new Element(resource, 'Observation'))
  const { title, measuredAt: at, identifier } = reading
  const values = [formatQuantities(reading.quantities, true)]
  return { resource: 'Observation', title, at, identifier, source, values, content: { kind: 'reading', reading } }
}

function refused(resource: JsonObject, source: string, problem: string): Imported {
  const type = typeOf(resource)
  const known = type === 'Observation' || type === 'QuestionnaireResponse' ? type : 'other'
  const title = type.replace(/[^A-Za-z]/g, '').slice(0, 64)
  const content = { kind: 'refused', problem } as const
  return { resource: known, title, at: null, identifier: null, source, values: [], content }
}

function typeOf(resource: JsonObject): string {
  const type = resource.get('resourceType')
  return typeof type === 'string' ? type : ''
}
