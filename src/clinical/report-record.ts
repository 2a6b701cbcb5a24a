/**
 * What a patient reported, as the exact text of a FHIR R4 DocumentReference that holds the bytes of the report, and back.
 *
 * @remarks
 * The report stays byte for byte what it was: others can check it, and a newer reader may see more in it. Proven by
 * `tests/clinical/report-record.test.ts`.
 *
 * @packageDocumentation
 */
import type { PatientReport } from '../shared/api/schemas.ts'
import { toBase64 } from '../shared/bytes.ts'
import { OWN } from './codes.ts'
import { parseResource } from './element.ts'
import { writeJson } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'
import { readAnswers } from './patient-report.ts'

/** A report as it is recorded. */
export interface ReportInput {
  /** Exact text of the QuestionnaireResponse, at most {@link MAX_REPORT_BYTES} in UTF-8. */
  readonly source: string
  /** Handle of the patient. Must equal the subject of the entry. */
  readonly patient: string
  /** Who took it in. */
  readonly practitioner: { readonly handle: string; readonly name: string }
  /** ISO 8601 with offset. */
  readonly recordedAt: string
  /** Demonstration or test data. */
  readonly test: boolean
}

/** A recorded report, and what it says. Whether the card signed it is told by the entry. */
export interface ParsedReport extends ReportInput {
  readonly report: Omit<PatientReport, 'signedByPatient'>
}

/** Bytes of the longest report: its base64 form fits in a payload. */
export const MAX_REPORT_BYTES = 45_000

const HANDLE = /^[0-9a-f]{32}$/
const TYPE = { coding: [{ system: `${OWN}/CodeSystem/document`, code: 'patient-report' }] } as const
const CONTENT_TYPE = 'application/fhir+json'

/**
 * Writes a report as FHIR R4 JSON.
 *
 * @param input - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeReport({ source, patient, practitioner, recordedAt, test }: ReportInput): string {
  const text = writeJson({
    resourceType: 'DocumentReference',
    meta: metaOf(null, test),
    status: 'current',
    type: TYPE,
    subject: { reference: `Patient/${patient}` },
    date: recordedAt,
    author: [{ reference: `Practitioner/${practitioner.handle}`, display: practitioner.name }],
    content: [{ attachment: { contentType: CONTENT_TYPE, data: toBase64(utf8(source)) } }],
  })
  decodeReport(text)
  return text
}

/**
 * Reads a report that {@link encodeReport} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeReport(text: string): ParsedReport {
  const resource = parseResource(text, 'DocumentReference')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  resource.fixed('status', 'current')
  resource.fixed('type', TYPE)
  const subject = resource.child('subject')
  const author = resource.only('author')
  const content = resource.only('content')
  const attachment = content.child('attachment')
  attachment.fixed('contentType', CONTENT_TYPE)
  const patient = subject.reference('reference', 'Patient')
  const handle = author.reference('reference', 'Practitioner')
  if (!HANDLE.test(patient)) subject.fail('WRONG_ID', 'reference')
  if (!HANDLE.test(handle)) author.fail('WRONG_ID', 'reference')
  const practitioner = { handle, name: author.words('display', 120) }
  const recordedAt = resource.instant('date')
  const source = textOf(attachment.bytes('data', MAX_REPORT_BYTES)) ?? attachment.fail('WRONG_BYTES', 'data')
  for (const element of [subject, author, attachment, content, resource]) element.end()
  const answers = readAnswers(parseResource(source, 'QuestionnaireResponse'))
  const report = { ...answers, recordedAt, importedBy: practitioner.name }
  return { source, patient, practitioner, recordedAt, test, report }
}

/** UTF-8 of a well-formed text; this folder has no encoder of the platform. */
function utf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.toWellFormed())
  const bytes: number[] = []
  for (let at = 0; at < escaped.length; at++) {
    const isEscape = escaped[at] === '%'
    bytes.push(isEscape ? Number.parseInt(escaped.slice(at + 1, at + 3), 16) : escaped.charCodeAt(at))
    if (isEscape) at += 2
  }
  return Uint8Array.from(bytes)
}

/** Text of strict UTF-8; null for anything else. */
function textOf(bytes: Uint8Array): string | null {
  const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  try {
    return decodeURIComponent(escaped)
  } catch {
    return null
  }
}
