/**
 * What a patient answered: a FHIR R4 QuestionnaireResponse of any system as questions and answers.
 *
 * @remarks
 * Everything that was answered is shown, or the resource is refused: an element that could change the meaning of an
 * answer, an attachment, an answer that is too long. Proven by `tests/clinical/patient-report.test.ts`.
 *
 * @packageDocumentation
 */
import type { PatientReport } from '../shared/api/schemas.ts'
import type { Element } from './element.ts'

/** What a response says by itself. */
export type Answers = Pick<PatientReport, 'title' | 'authored' | 'identifier' | 'answers'>
type Answer = PatientReport['answers'][number]

const MAX_ANSWERS = 500
const MAX_DEPTH = 8
const MAX_QUESTION = 500
const MAX_ANSWER = 2000
const MAX_ITEMS = 500
/** Answers that somebody finished; one that is under way may still change. */
const STATUSES = ['completed', 'amended'] as const
const DISPLAY = 'http://hl7.org/fhir/StructureDefinition/display'
/** Parts of the resource that say nothing about the answers. */
const CONTEXT = ['id', 'meta', 'language', 'text', 'extension', 'basedOn', 'partOf', 'subject', 'encounter', 'author']
const COMPARATORS = ['<', '<=', '>=', '>'] as const

/**
 * Reads a QuestionnaireResponse.
 *
 * @param resource - Untrusted; its type was checked.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function readAnswers(resource: Element): Answers {
  resource.ignore('resourceType', ...CONTEXT, 'source')
  const title = readTitle(resource)
  const authored = resource.instant('authored')
  const identifier = readIdentifier(resource.optional('identifier'))
  resource.oneOf('status', STATUSES)
  const answers: Answer[] = []
  for (const item of resource.children('item', 1, MAX_ITEMS)) readItem(item, 0, answers)
  resource.end()
  return { title, authored, identifier, answers }
}

/**
 * Value of a business identifier with its system, as one text.
 *
 * @param identifier - Untrusted; null when there is none.
 * @returns `system|value`; null without a value.
 * @throws ClinicalError `WRONG_TEXT` when it is longer than 200 characters.
 */
export function readIdentifier(identifier: Element | null): string | null {
  if (!identifier?.has('value')) return null
  const system = identifier.optionalWords('system', 150) ?? ''
  const text = `${system}|${identifier.words('value', 150)}`
  return text.length <= 200 ? text : identifier.fail('WRONG_TEXT', 'value')
}

/** Name of the form, where it has one; else the end of its address. */
function readTitle(resource: Element): string {
  const address = resource.has('questionnaire') ? shownText(resource, 'questionnaire', 500) : ''
  const extensions = resource.optional('_questionnaire')?.children('extension', 0, 8) ?? []
  const named = extensions.find((extension) => extension.has('url') && extension.text('url') === DISPLAY)
  if (named) return shownText(named, 'valueString', 200)
  const end = address.split('|')[0]?.split('/').at(-1) ?? ''
  return end === '' ? 'Questionnaire' : end.slice(0, 200)
}

/** One question with its answers, and what stands below it. */
function readItem(item: Element, depth: number, answers: Answer[]): void {
  if (depth > MAX_DEPTH) item.fail('WRONG_CARDINALITY')
  item.ignore('id', 'extension', 'definition', '_text')
  const link = shownText(item, 'linkId', MAX_QUESTION)
  const question = item.has('text') ? shownText(item, 'text', MAX_QUESTION) : link
  const given = item.children('answer', 0, MAX_ANSWERS)
  // A heading, or a question that was left out: it is shown, because the next ones stand below it.
  if (given.length === 0) add(item, answers, { question, answer: '', depth })
  for (const answer of given) readAnswer(answer, question, depth, answers)
  for (const below of item.children('item', 0, MAX_ITEMS)) readItem(below, depth + 1, answers)
  item.end()
}

function readAnswer(answer: Element, question: string, depth: number, answers: Answer[]): void {
  answer.ignore('id', 'extension')
  add(answer, answers, { question, answer: valueText(answer), depth })
  for (const below of answer.children('item', 0, MAX_ITEMS)) readItem(below, depth + 1, answers)
  answer.end()
}

function add(element: Element, answers: Answer[], answer: Answer): void {
  if (answers.length >= MAX_ANSWERS) element.fail('WRONG_CARDINALITY')
  answers.push(answer)
}

/** The value of an answer in words; an attachment has none. */
function valueText(answer: Element): string {
  const texts = ['valueString', 'valueDate', 'valueDateTime', 'valueTime', 'valueUri'] as const
  const name = texts.find((each) => answer.has(each))
  if (name !== undefined) return shownText(answer, name, MAX_ANSWER)
  if (answer.has('valueBoolean')) return answer.is('valueBoolean', true) ? 'Yes' : readNo(answer)
  const number = (['valueDecimal', 'valueInteger'] as const).find((each) => answer.has(each))
  if (number !== undefined) return answer.decimal(number)
  if (answer.has('valueQuantity')) return quantityText(answer.child('valueQuantity'))
  if (answer.has('valueCoding')) return codingText(answer.child('valueCoding'))
  if (answer.has('valueReference')) return shownText(answer.child('valueReference'), 'display', MAX_ANSWER)
  return answer.fail('MISSING', 'value')
}

function readNo(answer: Element): string {
  answer.fixed('valueBoolean', false)
  return 'No'
}

function quantityText(quantity: Element): string {
  const comparator = quantity.has('comparator') ? `${quantity.oneOf('comparator', COMPARATORS)} ` : ''
  const unit = quantity.has('unit') ? shownText(quantity, 'unit', 40) : null
  const code = quantity.has('code') ? shownText(quantity, 'code', 40) : ''
  return `${comparator}${quantity.decimal('value')} ${unit ?? code}`.trim()
}

function codingText(coding: Element): string {
  return shownText(coding, coding.has('display') ? 'display' : 'code', MAX_ANSWER)
}

/** A text on one line: FHIR allows line breaks, and other systems write them. */
function shownText(element: Element, name: string, max: number): string {
  const text = element
    .text(name)
    .replace(/[\s\u0000-\u001f\u007f]+/g, ' ')
    .trim()
  return text.length > 0 && text.length <= max ? text : element.fail('WRONG_TEXT', name)
}
