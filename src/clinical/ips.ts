/**
 * Records that leave, as an International Patient Summary (HL7 IPS 2.0.0): a FHIR R4 document that other systems show.
 *
 * @remarks
 * The summary has three sections that every one must have: problems, allergies and medications. Chartseal holds none of
 * these, and says so: unavailable, which is not the same as none. Proven by `tests/clinical/ips.test.ts`.
 *
 * @packageDocumentation
 */
import type { DataClass } from '../shared/api/schemas.ts'
import { KINDS, LOINC, OWN, QUANTITIES, isQuantityName } from './codes.ts'
import {
  addressOf,
  bundleText,
  dataEntries,
  entryOf,
  type BundleEntry,
  type ExportContents,
  type ExportRecord,
} from './export-bundle.ts'
import { formatDateTime, formatQuantities } from './format.ts'
import { writeJson, type Writable } from './json.ts'
import { narrativeOf } from './narrative.ts'

/** Who hands the summary out. */
export interface SummaryAuthor {
  readonly handle: string
  readonly name: string
}

const COMPOSITION = 'http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips'
const loinc = (code: string, display: string): Writable => ({ coding: [{ system: LOINC, code, display }] })
const own = (code: string): Writable => ({ coding: [{ system: `${OWN}/CodeSystem/section`, code }] })
/** Why a section is empty: we have no such data, and nobody may conclude that there is none. */
const UNAVAILABLE = {
  coding: [
    { system: 'http://terminology.hl7.org/CodeSystem/list-empty-reason', code: 'unavailable', display: 'Unavailable' },
  ],
} as const
const NOT_HELD = 'Not held in this system. This does not mean that there is nothing to know.'
/** Lines of a narrative; the entries are all there. */
const MAX_LINES = 500

/** A section that holds records. */
interface Section {
  readonly title: string
  readonly code: Writable
  readonly classes: readonly DataClass[]
}

const REQUIRED: readonly Omit<Section, 'classes'>[] = [
  { title: 'Problems', code: loinc('11450-4', 'Problem list - Reported') },
  { title: 'Allergies and intolerances', code: loinc('48765-2', 'Allergies and adverse reactions Document') },
  { title: 'Medications', code: loinc('10160-0', 'History of Medication use Narrative') },
]
const SECTIONS: readonly Section[] = [
  { title: 'Vital signs', code: loinc('8716-3', 'Vital signs'), classes: ['vital-signs', 'body-measures'] },
  {
    title: 'Results',
    code: loinc('30954-2', 'Relevant diagnostic tests/laboratory data note'),
    classes: ['laboratory'],
  },
  { title: 'Scores', code: own('scores'), classes: ['assessments'] },
  { title: 'Reported by the patient', code: own('patient-reported'), classes: ['patient-reported'] },
]

/**
 * The summary of an export.
 *
 * @param contents - Verified.
 * @param author - Who exports; one of the practitioners among the others of the contents.
 * @returns FHIR R4 JSON, a Bundle of type `document`.
 * @throws ClinicalError `NOT_JSON`, `WRONG_TYPE` or `WRONG_ID` for a text that is no resource.
 */
export function ipsDocument(contents: ExportContents, author: SummaryAuthor): string {
  return bundleText('document', contents, [compositionOf(contents, author), ...dataEntries(contents)])
}

/** The first entry: what the document is, and what stands in it. */
function compositionOf({ id, at, patient, records }: ExportContents, author: SummaryAuthor): BundleEntry {
  const filled = SECTIONS.flatMap((section) => {
    const own = records.filter(({ dataClass }) => section.classes.includes(dataClass))
    return own.length === 0 ? [] : [sectionOf(section, own)]
  })
  const text = writeJson({
    resourceType: 'Composition',
    id,
    meta: { profile: [COMPOSITION] },
    status: 'final',
    type: loinc('60591-5', 'Patient summary Document'),
    subject: { reference: entryOf(patient).fullUrl },
    date: at,
    author: [{ reference: `Practitioner/${author.handle}`, display: author.name }],
    title: 'Patient summary',
    section: [...REQUIRED.map(emptySection), ...filled],
  })
  // Written here and read by nobody: it may be longer than any record.
  return { fullUrl: addressOf('Composition', id), text }
}

function emptySection({ title, code }: Omit<Section, 'classes'>): Writable {
  return { title, code, text: narrativeOf([NOT_HELD]), emptyReason: UNAVAILABLE }
}

function sectionOf({ title, code }: Section, records: readonly ExportRecord[]): Writable {
  const lines = records.slice(0, MAX_LINES).map(lineOf)
  const left = records.length - lines.length
  return {
    title,
    code,
    text: narrativeOf(left === 0 ? lines : [...lines, `And ${left} more.`]),
    entry: records.map(({ text, entryId }) => ({ reference: entryOf(text, entryId).fullUrl })),
  }
}

/** A record in one line. */
function lineOf({ reading, dataClass, recordedAt }: ExportRecord): string {
  if (reading === null) return `${formatDateTime(recordedAt)}: ${dataClass === 'assessments' ? 'a score' : 'a report'}`
  const { kind, quantities, measuredAt, method } = reading
  const [first] = quantities
  const name = KINDS[kind].panel?.text ?? (first && isQuantityName(first.name) ? QUANTITIES[first.name].text : kind)
  const origin = method === 'patient-reported' ? ' (reported by the patient)' : ''
  return `${formatDateTime(measuredAt)}: ${name} ${formatQuantities(quantities, true)}${origin}`
}
