/**
 * Records that leave, as a FHIR R4 Bundle that anybody can read: the patient, the values, the devices, and for each value
 * a Provenance that names its entry and its receipt.
 *
 * @remarks
 * Resources are put in byte for byte as they were committed to: cut out again, each is what its receipt proves.
 * References inside them stay as they are, and resolve because all addresses in the Bundle share one base. Proven by
 * `tests/clinical/export-bundle.test.ts`.
 *
 * @packageDocumentation
 */
import type { DataClass, EntryRef, Reading } from '../shared/api/schemas.ts'
import { OWN } from './codes.ts'
import { ClinicalError } from './errors.ts'
import { isObject, parseJson, writeJson } from './json.ts'
import { TEST_DATA } from './observation-codes.ts'
import { entryReference } from './retraction.ts'

/** One record that leaves. */
export interface ExportRecord {
  /** Exact payload: the FHIR resource that was committed to. */
  readonly text: string
  /** Id of its entry, 16 bytes in hex. */
  readonly entryId: string
  readonly ref: EntryRef
  /** Leaf hash of its entry, 32 bytes in hex. */
  readonly leaf: string
  /** What its receipt is called in the file of receipts. */
  readonly receipt: string
  readonly dataClass: DataClass
  /** Who recorded it, and when: ISO 8601 with offset. */
  readonly practitioner: { readonly handle: string; readonly name: string }
  readonly recordedAt: string
  /** What it says, for a reading; null for a score or a report. */
  readonly reading: Reading | null
}

/** Everything that leaves. */
export interface ExportContents {
  /** Lower-case UUID of the export. */
  readonly id: string
  /** When, ISO 8601 with offset. */
  readonly at: string
  /** Exact text of the Patient. */
  readonly patient: string
  /** Exact texts of devices and practitioners that the records name. */
  readonly others: readonly string[]
  /** In the order in which they are to stand. */
  readonly records: readonly ExportRecord[]
  /** Demonstration or test data. */
  readonly test: boolean
}

/** One entry of a Bundle: where it can be referred to, and its exact text. */
export interface BundleEntry {
  readonly fullUrl: string
  readonly text: string
}

/** Base of all addresses in a Bundle. They need not be served anywhere. */
const BASE = `${OWN}/export`
const LEAF = `${OWN}/StructureDefinition/ledger-leaf`
const AUTHOR = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
} as const
const ID = /^[A-Za-z0-9\-.]{1,64}$/

/**
 * The Bundle of an export.
 *
 * @param contents - Verified.
 * @returns FHIR R4 JSON, a Bundle of type `collection`.
 * @throws {@link ClinicalError} `NOT_JSON`, `WRONG_TYPE` or `WRONG_ID` for a text that is no resource.
 */
export function exportBundle(contents: ExportContents): string {
  return bundleText('collection', contents, dataEntries(contents))
}

/**
 * The data of an export as entries: patient, devices and practitioners, records, provenances.
 *
 * @throws {@link ClinicalError} As {@link exportBundle}.
 */
export function dataEntries({ patient, others, records }: ExportContents): BundleEntry[] {
  const values = records.map((record) => entryOf(record.text, record.entryId))
  const provenances = records.map((record, i) => provenanceOf(record, values[i]?.fullUrl ?? ''))
  return [entryOf(patient), ...others.map((text) => entryOf(text)), ...values, ...provenances]
}

/**
 * A Bundle around entries, whose texts are not touched.
 *
 * @param type - `collection` or `document`.
 */
export function bundleText(
  type: 'collection' | 'document',
  { id, at, test }: Pick<ExportContents, 'id' | 'at' | 'test'>,
  entries: readonly BundleEntry[],
): string {
  const head = writeJson({
    resourceType: 'Bundle',
    meta: test ? { security: TEST_DATA } : undefined,
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` },
    type,
    timestamp: at,
  })
  const body = entries.map(({ fullUrl, text }) => `{"fullUrl":${writeJson(fullUrl)},"resource":${text}}`)
  return `${head.slice(0, -1)},"entry":[${body.join(',')}]}`
}

/**
 * A resource with its address: under its own id, or without one under the id of its entry.
 *
 * @param text - Exact JSON.
 * @param entryId - 16 bytes in hex, for a resource that may have no id.
 * @throws {@link ClinicalError} `NOT_JSON`, `WRONG_TYPE` or `WRONG_ID`.
 */
export function entryOf(text: string, entryId?: string): BundleEntry {
  const value = parseJson(text)
  const [type, id] = isObject(value) ? [value.get('resourceType'), value.get('id')] : []
  if (typeof type !== 'string' || !/^[A-Za-z]{1,64}$/.test(type)) throw new ClinicalError('WRONG_TYPE', 'no resource')
  if (typeof id === 'string' && ID.test(id)) return { fullUrl: addressOf(type, id), text }
  if (id !== undefined || entryId === undefined) throw new ClinicalError('WRONG_ID', `${type}.id`)
  return { fullUrl: `urn:uuid:${uuidOf(entryId)}`, text }
}

/** Address of a resource in a Bundle of ours. */
export function addressOf(type: string, id: string): string {
  return `${BASE}/${type}/${id}`
}

/** The id of an entry in the form of a UUID. */
function uuidOf(entryId: string): string {
  return [
    entryId.slice(0, 8),
    entryId.slice(8, 12),
    entryId.slice(12, 16),
    entryId.slice(16, 20),
    entryId.slice(20),
  ].join('-')
}

/** Where a value stands in the ledger, and which receipt proves it. */
function provenanceOf(record: ExportRecord, target: string): BundleEntry {
  const { ref, leaf, receipt, practitioner, recordedAt, entryId } = record
  const what = { ...entryReference(ref), display: `Receipt ${receipt}` }
  const id = `receipt-${entryId}`
  const text = writeJson({
    resourceType: 'Provenance',
    id,
    extension: [{ url: LEAF, valueString: leaf }],
    target: [{ reference: target }],
    recorded: recordedAt,
    agent: [{ type: AUTHOR, who: { reference: `Practitioner/${practitioner.handle}`, display: practitioner.name } }],
    entity: [{ role: 'source', what }],
  })
  return { fullUrl: addressOf('Provenance', id), text }
}
