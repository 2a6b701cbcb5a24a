/**
 * Why a reading was entered in error, as the exact text of a FHIR R4 Provenance of the retracted entry, and back. The
 * reading itself stays, struck through. Proven by `tests/clinical/retraction.test.ts`.
 *
 * @packageDocumentation
 */
import type { EntryRef } from '../shared/api/schemas.ts'
import { OWN } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { writeJson, type Writable } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** One retraction. */
export interface Retraction {
  /** Entry of the reading. Must equal the target in the entry. */
  readonly target: EntryRef
  /** ISO 8601 with offset. */
  readonly at: string
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** `1..200` characters. */
  readonly reason: string
  /** Demonstration or test data. */
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
/** Origin and index; an origin has no number sign. */
const TARGET = /^([^#\s]{1,200})#(0|[1-9][0-9]{0,15})$/
const ENTRY = `${OWN}/identifier/entry`
const NULLIFY = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'NULLIFY' }],
} as const
const AUTHOR = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
} as const

/**
 * Writes a retraction as FHIR R4 JSON.
 *
 * @param retraction - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeRetraction({ target, at, practitioner, reason, test }: Retraction): string {
  const text = writeJson({
    resourceType: 'Provenance',
    meta: metaOf(null, test),
    target: [entryReference(target)],
    recorded: at,
    reason: [{ text: reason }],
    activity: NULLIFY,
    agent: [{ type: AUTHOR, who: { reference: `Practitioner/${practitioner.handle}`, display: practitioner.name } }],
  })
  decodeRetraction(text)
  return text
}

/**
 * Reads a Provenance that {@link encodeRetraction} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeRetraction(text: string): Retraction {
  const resource = parseResource(text, 'Provenance')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const target = readEntry(resource.only('target'))
  const at = resource.instant('recorded')
  const reason = resource.only('reason')
  const retraction = { target, at, reason: reason.words('text', 200), practitioner: readAgent(resource), test }
  reason.end()
  resource.fixed('activity', NULLIFY)
  resource.end()
  return retraction
}

/** A reference to an entry of a log: it has an identifier and no address. */
export function entryReference({ origin, index }: EntryRef): { readonly identifier: Writable } {
  return { identifier: { system: ENTRY, value: `${origin}#${index}` } }
}

/**
 * The entry that {@link entryReference} named.
 *
 * @param reference - Untrusted.
 * @throws ClinicalError Any code, with the path.
 */
export function readEntry(reference: Element): EntryRef {
  const value = reference.child('identifier').words('value', 220)
  const [, origin = '', index] = TARGET.exec(value) ?? []
  const ref = { origin, index: Number(index) }
  if (!Number.isSafeInteger(ref.index)) reference.fail('WRONG_ID', 'identifier')
  reference.fixed('identifier', { system: ENTRY, value: `${ref.origin}#${ref.index}` })
  reference.end()
  return ref
}

function readAgent(resource: Element): Retraction['practitioner'] {
  const agent = resource.only('agent')
  agent.fixed('type', AUTHOR)
  const who = agent.child('who')
  const handle = who.reference('reference', 'Practitioner')
  if (!HANDLE.test(handle)) who.fail('WRONG_ID', 'reference')
  const practitioner = { handle, name: who.words('display', 120) }
  who.end()
  agent.end()
  return practitioner
}
