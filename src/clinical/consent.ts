/**
 * One version of a patient's consent as the exact text of a FHIR R4 Consent, and back.
 *
 * @remarks
 * What was decided stands in the elements that FHIR has for it: the base rule lets nobody see anything without opting
 * in, and one rule under it permits what the terms say. The words that were shown are the narrative, so that they are
 * signed together with what they mean. A withdrawal is one more version, inactive, that repeats what it ends. Proven by
 * `tests/clinical/consent.test.ts`.
 *
 * @packageDocumentation
 */
import type { Capacity, ConsentRecord, ConsentTerms, DataClass, Purpose } from '../shared/api/schemas.ts'
import { OWN } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { addDays } from './instant.ts'
import { digits, writeJson, type Writable } from './json.ts'
import { narrativeOf, readNarrative } from './narrative.ts'
import { TEST_DATA } from './observation-codes.ts'

/** Everything that a consent of ours says. */
export interface ConsentFacts extends Omit<ConsentRecord, 'recordedBy'> {
  /** Handle of the patient. Must equal the subject of the entry. */
  readonly patient: string
  /** Id of the site that keeps it. */
  readonly site: string
  /** Who signed on the clinic's side, `1..4`. */
  readonly practitioners: readonly { readonly handle: string; readonly name: string }[]
  /** Why the patient could not sign; null unless the capacity is `incapable`. */
  readonly cannotSign: string | null
  /** Demonstration or test data. */
  readonly test: boolean
}

/** Paragraphs that a consent may hold, and characters of the longest. */
export const MAX_CONSENT_WORDS = { paragraphs: 40, characters: 2000 } as const

const HANDLE = /^[0-9a-f]{32}$/
const KINDS = ['granted', 'amended', 'revoked'] as const
const CAPACITIES = ['patient', 'guardian', 'incapable'] as const
const HOW = ['card', 'spoken'] as const
const EXTENSION = {
  decision: `${OWN}/StructureDefinition/consent-decision`,
  capacity: `${OWN}/StructureDefinition/consent-capacity`,
  cannotSign: `${OWN}/StructureDefinition/consent-cannot-sign`,
  withdrawal: `${OWN}/StructureDefinition/consent-withdrawal`,
  signature: `${OWN}/StructureDefinition/consent-asks-signature`,
  freshness: `${OWN}/StructureDefinition/consent-freshness`,
  recorder: `${OWN}/StructureDefinition/consent-recorder`,
} as const
const SITE = `${OWN}/identifier/site`
const CLASS = `${OWN}/CodeSystem/data-class`
const REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
const PURPOSE_CODES: Readonly<Record<Purpose, string>> = {
  care: 'TREAT',
  emergency: 'ETREAT',
  insurer: 'HPAYMT',
  research: 'HRESCH',
}
const PURPOSES = ['care', 'emergency', 'insurer', 'research'] as const
const CLASSES: readonly DataClass[] = [
  'demographics',
  'vital-signs',
  'body-measures',
  'laboratory',
  'assessments',
  'patient-reported',
]
const coding = (system: string, code: string): Writable => ({ coding: [{ system, code }] })
const SCOPE = coding('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy')
const CATEGORY = [coding('http://loinc.org', '59284-0')]
const OPT_IN = coding('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'OPTIN')
const RECIPIENT = coding('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'PRCP')
const ACTION = [coding('http://terminology.hl7.org/CodeSystem/consentaction', 'access')]

/**
 * Writes a version of a consent as FHIR R4 JSON.
 *
 * @param consent - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeConsent(consent: ConsentFacts): string {
  const text = writeJson(resourceOf(consent))
  decodeConsent(text)
  return text
}

/**
 * Reads a Consent that {@link encodeConsent} wrote.
 *
 * @param text - Untrusted; at most 64 KiB.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeConsent(text: string): ConsentFacts {
  const resource = parseResource(text, 'Consent')
  const consentId = resource.id('id')
  if (!HANDLE.test(consentId)) resource.fail('WRONG_ID', 'id')
  const meta = readMeta(resource)
  const words = readNarrative(resource, MAX_CONSENT_WORDS.paragraphs, MAX_CONSENT_WORDS.characters)
  const { asksSignature, freshness, ...decision } = readExtensions(resource)
  const at = resource.instant('dateTime')
  const patient = readHandle(resource.child('patient'), 'Patient')
  const site = readSite(resource.only('organization'))
  const proxy = readProxy(resource, decision.capacity)
  const terms = { ...readProvision(resource.child('provision')), asksSignature, freshness }
  const facts = { consentId, ...meta, patient, site, at, terms, words, proxy, ...decision }
  readFixed(resource, facts)
  resource.end()
  return facts
}

/** What of a consent crosses the API. */
export function consentRecordOf(facts: ConsentFacts): ConsentRecord {
  const { consentId, version, kind, terms, words, capacity, proxy, at, revocation } = facts
  const recordedBy = facts.practitioners.map(({ name }) => name)
  return { consentId, version, kind, terms, words, capacity, proxy, recordedBy, at, revocation }
}

/** The resource, elements in the order of the specification. */
function resourceOf(consent: ConsentFacts): Writable {
  const { consentId, words, patient, site, at, terms } = consent
  return {
    resourceType: 'Consent',
    id: consentId,
    meta: metaOf(consent),
    text: narrativeOf(words),
    extension: extensionsOf(consent),
    status: statusOf(consent),
    scope: SCOPE,
    category: CATEGORY,
    patient: { reference: `Patient/${patient}` },
    dateTime: at,
    performer: [signerOf(consent)],
    organization: [siteReference(site)],
    policyRule: OPT_IN,
    verification: [verificationOf(consent)],
    provision: provisionOf(terms),
  }
}

/** The version is that of the resource: a consent keeps its id. */
function metaOf({ version, test }: Pick<ConsentFacts, 'version' | 'test'>): Writable {
  return { versionId: String(version), security: test ? TEST_DATA : undefined }
}

function statusOf({ kind }: Pick<ConsentFacts, 'kind'>): string {
  return kind === 'revoked' ? 'inactive' : 'active'
}

/** Who agrees for the patient: when nobody can, those who decide are the practitioners. */
function signerOf({ capacity, patient, proxy, practitioners }: Omit<ConsentFacts, 'terms' | 'words'>): Writable {
  if (capacity === 'patient') return { reference: `Patient/${patient}` }
  if (capacity === 'guardian') return { type: 'RelatedPerson', display: proxy ?? undefined }
  return { reference: `Practitioner/${practitioners[0]?.handle ?? ''}` }
}

/** Verified by the card, or not verified by it. */
function verificationOf(consent: Omit<ConsentFacts, 'terms' | 'words'>): Writable {
  if (consent.capacity === 'incapable' || consent.revocation?.how === 'spoken') return { verified: false }
  return { verified: true, verifiedWith: signerOf(consent), verificationDate: consent.at }
}

function extensionsOf(consent: ConsentFacts): Writable[] {
  const { kind, capacity, cannotSign, revocation, terms, practitioners } = consent
  const all: Writable[] = [
    { url: EXTENSION.decision, valueCode: kind },
    { url: EXTENSION.capacity, valueCode: capacity },
    { url: EXTENSION.signature, valueBoolean: terms.asksSignature },
    { url: EXTENSION.freshness, extension: freshnessOf(terms) },
  ]
  if (cannotSign !== null) all.push({ url: EXTENSION.cannotSign, valueString: cannotSign })
  if (revocation !== null) all.push({ url: EXTENSION.withdrawal, extension: withdrawalOf(revocation) })
  for (const { handle, name } of practitioners) {
    all.push({ url: EXTENSION.recorder, valueReference: { reference: `Practitioner/${handle}`, display: name } })
  }
  return all
}

function freshnessOf({ freshness }: ConsentTerms): Writable[] {
  return [
    { url: 'onlineMinutes', valueInteger: digits(String(freshness.onlineMin)) },
    { url: 'offlineMinutes', valueInteger: digits(String(freshness.offlineMin)) },
  ]
}

function withdrawalOf({ how, reason }: NonNullable<ConsentRecord['revocation']>): Writable[] {
  return [
    { url: 'how', valueCode: how },
    { url: 'reason', valueString: reason },
  ]
}

/** What is permitted, under a rule that says how long. FHIR counts the last day in; ours is the first day after. */
function provisionOf(terms: Omit<ConsentTerms, 'asksSignature' | 'freshness'>): Writable {
  const permit = {
    type: 'permit',
    actor: terms.sites.map((site) => ({ role: RECIPIENT, reference: siteReference(site) })),
    action: ACTION,
    purpose: terms.purposes.map((purpose) => ({ system: REASON, code: PURPOSE_CODES[purpose] })),
    class: terms.classes.map((code) => ({ system: CLASS, code })),
    dataPeriod: terms.history ? undefined : { start: terms.from },
  }
  return { period: { start: terms.from, end: addDays(terms.until, -1) }, provision: [permit] }
}

function siteReference(id: string): Writable {
  return { type: 'Organization', identifier: { system: SITE, value: id } }
}

function readMeta(resource: Element): { version: number; test: boolean } {
  const meta = resource.child('meta')
  const text = meta.text('versionId')
  if (!/^[1-9][0-9]{0,8}$/.test(text)) meta.fail('WRONG_NUMBER', 'versionId')
  const read = { version: Number(text), test: meta.is('security', TEST_DATA) }
  resource.fixed('meta', metaOf(read))
  return read
}

function readExtensions(resource: Element) {
  const extensions = resource.children('extension', 5, 10)
  const urls = Object.values(EXTENSION)
  const of = (url: string) => extensions.filter((each) => each.oneOf('url', urls) === url)
  const one = (url: string): Element | null => {
    const [first, second] = of(url)
    second?.fail('WRONG_CARDINALITY')
    return first ?? null
  }
  const must = (url: string) => one(url) ?? resource.fail('MISSING', 'extension')
  const read = {
    kind: must(EXTENSION.decision).oneOf('valueCode', KINDS),
    capacity: must(EXTENSION.capacity).oneOf('valueCode', CAPACITIES),
    asksSignature: readFlag(must(EXTENSION.signature)),
    freshness: readFreshness(must(EXTENSION.freshness)),
    cannotSign: one(EXTENSION.cannotSign)?.words('valueString', 200) ?? null,
    revocation: readWithdrawal(one(EXTENSION.withdrawal)),
    practitioners: of(EXTENSION.recorder).map(readRecorder),
  }
  const isSigned = read.practitioners.length >= 1 && read.practitioners.length <= 4
  if (!isSigned) resource.fail('WRONG_CARDINALITY', 'extension')
  if ((read.kind === 'revoked') !== (read.revocation !== null)) resource.fail('WRONG_CODE', 'extension')
  if ((read.capacity === 'incapable') !== (read.cannotSign !== null)) resource.fail('WRONG_CODE', 'extension')
  for (const extension of extensions) extension.end()
  return read
}

function readFlag(extension: Element): boolean {
  if (extension.is('valueBoolean', true)) return true
  extension.fixed('valueBoolean', false)
  return false
}

function readFreshness(extension: Element): ConsentTerms['freshness'] {
  const [online, offline] = extension.children('extension', 2, 2)
  const freshness = {
    onlineMin: readMinutes(online, 'onlineMinutes', 1440),
    offlineMin: readMinutes(offline, 'offlineMinutes', 43_200),
  }
  return freshness
}

function readMinutes(part: Element | undefined, name: string, max: number): number {
  part?.fixed('url', name)
  const minutes = part?.integer('valueInteger') ?? 0
  if (minutes < 1 || minutes > max) part?.fail('WRONG_NUMBER', 'valueInteger')
  part?.end()
  return minutes
}

function readWithdrawal(extension: Element | null): ConsentRecord['revocation'] {
  if (extension === null) return null
  const [how, reason] = extension.children('extension', 2, 2)
  if (!how || !reason) return extension.fail('MISSING', 'extension')
  how.fixed('url', 'how')
  reason.fixed('url', 'reason')
  const withdrawal = { how: how.oneOf('valueCode', HOW), reason: reason.words('valueString', 200) }
  how.end()
  reason.end()
  return withdrawal
}

function readRecorder(extension: Element): { handle: string; name: string } {
  const reference = extension.child('valueReference')
  const handle = reference.reference('reference', 'Practitioner')
  if (!HANDLE.test(handle)) reference.fail('WRONG_ID', 'reference')
  const name = reference.words('display', 120)
  reference.end()
  return { handle, name }
}

function readHandle(element: Element, type: string): string {
  const handle = element.reference('reference', type)
  if (!HANDLE.test(handle)) element.fail('WRONG_ID', 'reference')
  element.end()
  return handle
}

function readSite(element: Element): string {
  element.fixed('type', 'Organization')
  const identifier = element.child('identifier')
  identifier.fixed('system', SITE)
  const id = identifier.words('value', 200)
  identifier.end()
  element.end()
  return id
}

/** Name of a guardian; the rest of who signed follows from what else is said. */
function readProxy(resource: Element, capacity: Capacity): string | null {
  return capacity === 'guardian' ? resource.only('performer').words('display', 120) : null
}

function readProvision(provision: Element): Omit<ConsentTerms, 'asksSignature' | 'freshness'> {
  const period = provision.child('period')
  const from = period.date('start')
  const until = addDays(period.date('end'), 1)
  if (until <= from) period.fail('WRONG_TIME', 'end')
  const permit = provision.only('provision')
  const read = {
    sites: permit.children('actor', 1, 64).map((actor) => readSite(actor.child('reference'))),
    purposes: permit.children('purpose', 1).map(readPurpose),
    classes: permit.children('class', 1).map((each) => each.oneOf('code', CLASSES)),
    from,
    until,
    history: !permit.has('dataPeriod'),
  }
  for (const list of [read.sites, read.purposes, read.classes]) {
    if (new Set<string>(list).size !== list.length) permit.fail('WRONG_CARDINALITY')
  }
  return read
}

function readPurpose(purpose: Element): Purpose {
  const code = purpose.code('code')
  return PURPOSES.find((each) => PURPOSE_CODES[each] === code) ?? purpose.fail('WRONG_CODE', 'code')
}

/** Everything that follows from what was read: rebuilt, and compared. */
function readFixed(resource: Element, facts: ConsentFacts): void {
  resource.fixed('status', statusOf(facts))
  resource.fixed('scope', SCOPE)
  resource.fixed('category', CATEGORY)
  resource.fixed('performer', [signerOf(facts)])
  resource.fixed('policyRule', OPT_IN)
  resource.fixed('verification', [verificationOf(facts)])
  resource.fixed('provision', provisionOf(facts.terms))
}
