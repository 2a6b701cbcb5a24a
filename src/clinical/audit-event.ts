/**
 * Why somebody did what people are to answer for, as the exact text of a FHIR R4 AuditEvent, and back: why the glass was
 * broken, who gets an export, what a review found, why a setting was chosen.
 *
 * @remarks
 * Codes stand in the entry as well, where the contract and the auditors read them; the words are here alone. Whoever
 * reads an event compares both. Proven by `tests/clinical/audit-event.test.ts`.
 *
 * @packageDocumentation
 */
import { OWN } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { writeJson, type Writable } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** What an event can be about. */
export const AUDITED = ['emergency', 'export', 'review', 'oxygen-scale', 'decision-support'] as const
/** One of {@link AUDITED}. */
export type Audited = (typeof AUDITED)[number]

/** One event. */
export interface AuditFacts {
  readonly kind: Audited
  /** ISO 8601 with offset. */
  readonly at: string
  /** Who did it. */
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** Id of the site where it was done. */
  readonly site: string
  /** Handle of the patient; null when it is about none. */
  readonly patient: string | null
  /** Reason, purpose, outcome or value, as in the entry: `life-threat`, `insurer`, `justified`, `2`, `on`. */
  readonly detail: string
  /** In the words of whoever did it, at most 500 characters; null for none. */
  readonly words: string | null
  /** Demonstration or test data. */
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const DETAIL = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
const SITE = `${OWN}/identifier/site`
const own = (code: string): Writable => ({ system: `${OWN}/CodeSystem/audited`, code })
/** DICOM PS3.16: Security Alert, Emergency Override Started; Export. FHIR has nothing for the rest. */
const TYPES: Readonly<
  Record<Audited, { readonly type: Writable; readonly subtype?: Writable; readonly action: string }>
> = {
  emergency: { type: { system: DCM, code: '110113' }, subtype: { system: DCM, code: '110127' }, action: 'E' },
  export: { type: { system: DCM, code: '110106' }, action: 'R' },
  review: { type: own('review'), action: 'C' },
  'oxygen-scale': { type: own('oxygen-scale'), action: 'C' },
  'decision-support': { type: own('decision-support'), action: 'U' },
}
/** HL7 v3 ActReason of an export's purpose. */
const EXPORT_REASONS: Readonly<Record<string, string>> = {
  care: 'TREAT',
  insurer: 'HPAYMT',
  research: 'HRESCH',
  patient: 'PATRQT',
}

/**
 * Writes an event as FHIR R4 JSON.
 *
 * @param event - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeAudit(event: AuditFacts): string {
  const { kind, at, practitioner, site, test } = event
  const { type, subtype, action } = TYPES[kind]
  const text = writeJson({
    resourceType: 'AuditEvent',
    meta: metaOf(null, test),
    type,
    subtype: subtype === undefined ? undefined : [subtype],
    action,
    recorded: at,
    outcome: '0',
    purposeOfEvent: purposeOf(event),
    agent: [
      {
        who: { reference: `Practitioner/${practitioner.handle}`, display: practitioner.name },
        requestor: true,
        purposeOfUse: purposeOf(event),
      },
    ],
    source: sourceOf(site),
    entity: [entityOf(event)],
  })
  decodeAudit(text)
  return text
}

/**
 * Reads an AuditEvent that {@link encodeAudit} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeAudit(text: string): AuditFacts {
  const resource = parseResource(text, 'AuditEvent')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  const kind = AUDITED.find((each) => isOf(resource, each)) ?? resource.fail('WRONG_CODE', 'type')
  const [entity] = resource.children('entity', 1, 1)
  const facts = {
    kind,
    at: resource.instant('recorded'),
    ...readEntity(entity ?? resource),
    site: readSite(resource),
    test,
  }
  const event = { ...facts, practitioner: readAgent(resource, facts) }
  resource.fixed('action', TYPES[kind].action)
  resource.fixed('outcome', '0')
  resource.fixed('purposeOfEvent', purposeOf(facts))
  resource.end()
  return event
}

function isOf(resource: Element, kind: Audited): boolean {
  const { type, subtype } = TYPES[kind]
  if (!resource.is('type', type)) return false
  resource.fixed('subtype', subtype === undefined ? undefined : [subtype])
  return true
}

/** `purposeOfEvent`, where HL7 has a code for it: BTG is break the glass. */
function purposeOf({ kind, detail }: Pick<AuditFacts, 'kind' | 'detail'>): Writable | undefined {
  const exported = Object.hasOwn(EXPORT_REASONS, detail) ? EXPORT_REASONS[detail] : undefined
  const code = kind === 'emergency' ? 'BTG' : kind === 'export' ? exported : undefined
  return code === undefined ? undefined : [{ coding: [{ system: REASON, code }] }]
}

function sourceOf(site: string): Writable {
  return { observer: { type: 'Organization', identifier: { system: SITE, value: site } } }
}

function entityOf({ patient, detail, words }: AuditFacts): Writable {
  return {
    what: patient === null ? undefined : { reference: `Patient/${patient}` },
    description: words ?? undefined,
    detail: [{ type: 'detail', valueString: detail }],
  }
}

function readEntity(entity: Element): Pick<AuditFacts, 'patient' | 'detail' | 'words'> {
  const patient = entity.optional('what')
  const handle = patient?.reference('reference', 'Patient') ?? null
  if (handle !== null && !HANDLE.test(handle)) entity.fail('WRONG_ID', 'what')
  patient?.end()
  const words = entity.optionalWords('description', 500)
  const detail = entity.only('detail')
  detail.fixed('type', 'detail')
  const code = detail.words('valueString', 64)
  if (!DETAIL.test(code)) detail.fail('WRONG_CODE', 'valueString')
  detail.end()
  entity.end()
  return { patient: handle, detail: code, words }
}

function readSite(resource: Element): string {
  const site = resource.child('source').child('observer').child('identifier').words('value', 200)
  resource.fixed('source', sourceOf(site))
  return site
}

function readAgent(resource: Element, event: Pick<AuditFacts, 'kind' | 'detail'>): AuditFacts['practitioner'] {
  const agent = resource.only('agent')
  agent.fixed('requestor', true)
  agent.fixed('purposeOfUse', purposeOf(event))
  const who = agent.child('who')
  const handle = who.reference('reference', 'Practitioner')
  if (!HANDLE.test(handle)) who.fail('WRONG_ID', 'reference')
  const practitioner = { handle, name: who.words('display', 120) }
  who.end()
  agent.end()
  return practitioner
}
