/**
 * Records that leave: what a consent covers for the purpose, as a file that others read, with the proof of every value.
 *
 * @remarks
 * The entry that says who gets what comes first. Inside are records that the one who exports may see and that the
 * patient's consent covers for the purpose; the patient's own copy needs none, and with the patient's card it is whole.
 * An emergency opens a chart for reading: what it alone shows does not leave.
 * Corrected values stay here. What other workstations of the clinic recorded about the patient goes with the rest. Proven by
 * `tests/main/core/vault/exports.test.ts` and `tests/main/core/network/workstation-records.test.ts`.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { encodeAudit } from '../../../clinical/audit-event.ts'
import { termsCover } from '../../../clinical/consent-terms.ts'
import { dataClassOf } from '../../../clinical/data-class.ts'
import { exportBundle, type ExportContents, type ExportRecord } from '../../../clinical/export-bundle.ts'
import { flowsheetCsv } from '../../../clinical/flowsheet-csv.ts'
import { instantText } from '../../../clinical/instant.ts'
import { ipsDocument } from '../../../clinical/ips.ts'
import type { Disclosure } from '../../../ledger/disclosure.ts'
import { joinReceipts, MAX_RECEIPTS } from '../../../ledger/receipts-file.ts'
import { encodeExportFields } from '../../../ledger/record-fields.ts'
import {
  DATA_CLASSES,
  type DataClass,
  type ExportFile,
  type ExportPreview,
  type Exported,
  type ExportRequest,
  type Reading,
  type ReceiptFile,
} from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked, Row } from '../vault-service.ts'
import { byConsentAlone, type RecordGate, type RecordSources } from '../verify-record.ts'
import type { Demographics } from './assessments.ts'
import { cardSigner } from './cards.ts'
import type { Link } from './chains.ts'
import { actorFor, authorFor, offsetMinAt, utf8, type Clinic, type Viewer } from './clinic.ts'
import { dayOf, open } from './consent-standing.ts'
import { placeOf, refOf } from './corrections.ts'
import { practitionerName } from './names.ts'
import { openedRecord, type OpenedRecord } from './opened-record.ts'
import { headOf, lookDraft, otherParts, requireRegisteredHere } from './patient-logs.ts'
import { recordsIn } from './patient-records.ts'
import { presence } from './presence.ts'

/** Characters of one file of receipts; an export has at most three of them. */
const MAX_FILE = 28_000_000
const MAX_RECEIPT_FILES = 3
/** Records opened before other requests get a turn. */
const SLICE = 32

/** The proof of an entry as a file. */
export type MakeReceipt = (origin: string, index: number, disclosure: Disclosure) => ReceiptFile

/** Where a record of the patient stands, and what opens it. */
interface Found {
  readonly link: Link
  readonly sources: RecordSources
}

/** A record that may leave. */
interface Chosen extends Found {
  readonly dataClass: DataClass
  readonly reading: Reading | null
}

/** What an export would hold. */
interface Selection {
  readonly chosen: readonly Chosen[]
  readonly withheld: number
  readonly rejected: number
  /** Whether the file may say who the patient is. */
  readonly isNamed: boolean
}

/** The patient is there and asks for everything. */
const OWN_COPY: RecordGate = {
  gate: () => Promise.resolve({ circumstances: () => ({ emergency: false, consent: true }) }),
}

/** Exports of an open clinic. */
export class Exports {
  readonly #clinic: Clinic
  readonly #patients: Demographics
  readonly #receipt: MakeReceipt

  constructor(clinic: Clinic, patients: Demographics, receipt: MakeReceipt) {
    this.#clinic = clinic
    this.#patients = patients
    this.#receipt = receipt
  }

  /**
   * What an export would hold and what would be left out. Nothing is recorded but the access.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`.
   */
  async preview(request: ExportRequest): Promise<ExportPreview> {
    const viewer = this.#exporter()
    const { chosen, withheld, rejected } = await this.#select(false, viewer, request)
    await this.#clinic.writer.record([lookDraft(this.#clinic, viewer, request.handle)])
    const classes = DATA_CLASSES.filter((one) => chosen.some(({ dataClass }) => dataClass === one))
    return { records: chosen.length, withheld, rejected, classes }
  }

  /**
   * Records that records leave, and then makes the files.
   *
   * @throws ApiFailure as {@link preview}, `NOTHING_TO_EXPORT`, `CONSENT_NEEDED` when nobody may be told who the patient
   * is, `INVALID_REQUEST` for more than fits, `BAD_CARD`, `WRONG_CARD_PIN`, `CARD_LOCKED`; KeystoreError `WRONG_PIN`,
   * `PIN_LOCKED`.
   */
  async make({ pin, card = null, ...request }: Asked['exports']['make']): Promise<Exported> {
    this.#exporter()
    const viewer = await presence(this.#clinic, pin)
    const { handle, purpose, format } = request
    if (card !== null && purpose === 'patient') (await cardSigner(this.#clinic, handle, card)).wipe()
    const isWhole = card !== null && purpose === 'patient'
    const { chosen, isNamed } = await this.#select(isWhole, viewer, request)
    if (chosen.length === 0) throw new ApiFailure('NOTHING_TO_EXPORT')
    if (chosen.length >= MAX_RECEIPTS) throw new ApiFailure('INVALID_REQUEST', { detail: 'too-many-records' })
    if (!isNamed && format !== 'csv') throw new ApiFailure('CONSENT_NEEDED', { detail: 'demographics' })
    const timeMs = this.#clinic.nowMs()
    const recorded = await this.#record(viewer, request, chosen.length, timeMs)
    const opened: { chosen: Chosen; record: OpenedRecord }[] = []
    for (const [i, one] of chosen.entries()) {
      if (i % SLICE === SLICE - 1) await new Promise((resume) => setImmediate(resume))
      opened.push({ chosen: one, record: await openedRecord(one.sources, one.link) })
    }
    return { ...recorded, files: await this.#files(viewer, request, opened, timeMs) }
  }

  #exporter(): Viewer {
    actorFor(this.#clinic, 'export')
    return authorFor(this.#clinic, 'export')
  }

  /** The own log, and what other workstations of the clinic recorded about the patient. */
  #sources(handle: string, isWhole: boolean): readonly [RecordSources, ...RecordSources[]] {
    const open = (sources: RecordSources) => (isWhole ? { ...sources, gate: OWN_COPY } : byConsentAlone(sources))
    return [open(this.#clinic), ...otherParts(this.#clinic, handle).map(({ sources }) => open(sources))]
  }

  async #select(isWhole: boolean, viewer: Viewer, request: ExportRequest): Promise<Selection> {
    const { handle, purpose, from, until } = request
    requireRegisteredHere(this.#clinic, handle)
    const all = this.#sources(handle, isWhole)
    const patient = await this.#patients.demographics(handle, viewer, all[0])
    const covered = await this.#covered(handle, purpose)
    const { readings, assessments, reports } = await recordsIn(all, viewer, handle)
    const found = foundIn(all, handle)
    const chosen: Chosen[] = []
    const left = { withheld: 0, rejected: 0 }
    const isAsked = (at: string) =>
      (from === null || at.slice(0, 10) >= from) && (until === null || at.slice(0, 10) <= until)
    const take = (row: Row<unknown>, at: string, reading: Reading | null, dataClass: DataClass) => {
      const record = row.status === 'verified' ? found.get(placeOf(row.position)) : undefined
      if (record === undefined || !isAsked(at)) return
      if (covered(dataClass, recordedDay(record.link))) chosen.push({ ...record, dataClass, reading })
      else left.withheld += 1
    }
    for (const row of [...readings, ...assessments, ...reports])
      if (row.status === 'rejected') left[row.step === 'access' ? 'withheld' : 'rejected'] += 1
    for (const row of readings)
      if (row.status === 'verified' && row.record.correction === undefined)
        take(row, row.record.measuredAt, row.record, dataClassOf(row.record))
    for (const row of assessments) if (row.status === 'verified') take(row, row.record.at, null, 'assessments')
    for (const row of reports)
      if (row.status === 'verified' && row.record.correction === undefined)
        take(row, row.record.authored, null, 'patient-reported')
    const isNamed = patient.status === 'verified' && covered('demographics', null)
    return { chosen, ...left, isNamed }
  }

  /** Whether a record may leave for a purpose, by its kind and by the day it was recorded. */
  async #covered(
    handle: string,
    purpose: ExportRequest['purpose'],
  ): Promise<(dataClass: DataClass, recordedOn: string | null) => boolean> {
    if (purpose === 'patient') return () => true
    const { gate, identity } = this.#clinic
    const decisions = await gate.decisions(handle)
    const isUndecided = decisions.isKnown && decisions.versions.length === 0
    // For care, what holds here holds for whom the patient is sent to; anything else needs the patient's word.
    if (purpose === 'care' && isUndecided) return () => true
    const terms = decisions.isKnown ? open(decisions).map(({ facts }) => facts.terms) : []
    const on = dayOf(gate.dayMs())
    return (dataClass, recordedOn) =>
      terms.some((each) => termsCover(each, { site: identity.site, purpose, dataClass, on, recordedOn }))
  }

  async #record(
    viewer: Viewer,
    { handle, purpose, format, recipient }: ExportRequest,
    count: number,
    timeMs: number,
  ): Promise<Omit<Exported, 'files'>> {
    const { random, writer, replica, identity } = this.#clinic
    const heads = [replica.head, ...otherParts(this.#clinic, handle).map(({ head }) => head)]
    const id = random(16)
    const text = encodeAudit({
      kind: 'export',
      at: instantText(timeMs, offsetMinAt(timeMs)),
      practitioner: { handle: viewer.handle, name: viewer.name },
      ...{ site: identity.site, patient: handle, detail: purpose, words: recipient, test: identity.demo },
    })
    const [recorded] = await writer.record([
      {
        id,
        type: 'export',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(text),
        fields: encodeExportFields({ purpose, format, heads: heads.map(headOf), count }),
        signers: [viewer.signer],
      },
      lookDraft(this.#clinic, viewer, handle),
    ])
    return { entryId: toHex(id), ref: { origin: replica.identity.origin, index: recorded?.index ?? 0 } }
  }

  async #files(
    viewer: Viewer,
    { handle, format }: ExportRequest,
    opened: readonly { chosen: Chosen; record: OpenedRecord }[],
    timeMs: number,
  ): Promise<ExportFile[]> {
    const { identity } = this.#clinic
    const id = randomUUID()
    const name = `chartseal-export-${id.slice(0, 8)}`
    const patient = format === 'csv' ? null : await this.#registration(handle)
    const receipts: string[] = []
    if (patient !== null) receipts.push(this.#receiptOf(patient).text)
    const records: ExportRecord[] = []
    for (const { chosen, record } of opened) {
      const receipt = this.#receiptOf(record)
      receipts.push(receipt.text)
      records.push(await this.#recordOf(chosen, record, receipt))
    }
    const others = await this.#others(viewer, opened)
    const at = instantText(timeMs, offsetMinAt(timeMs))
    const contents = { id, at, patient: patient?.text ?? '', others, records, test: identity.demo }
    const proofs = inFiles(receipts).map((text, i) => ({
      fileName: `${name}${i === 0 ? '' : `-${i + 1}`}.tlog-proofs`,
      mediaType: 'text/plain;charset=utf-8',
      text,
    }))
    return [dataFile(format, name, contents, viewer), ...proofs]
  }

  #receiptOf({ link, plaintext, salt }: OpenedRecord): ReceiptFile {
    return this.#receipt(link.log.origin, link.index, { plaintext, salt })
  }

  async #recordOf(
    { link, sources, dataClass, reading }: Chosen,
    record: OpenedRecord,
    receipt: ReceiptFile,
  ): Promise<ExportRecord> {
    const { text, entryId, timeMs, practitioner } = record
    const author = practitioner ?? ''
    return {
      ...{ text, entryId, dataClass, reading, ref: refOf(link), leaf: toHex(link.leaf), receipt: receipt.fileName },
      practitioner: { handle: author, name: await practitionerName(sources, author) },
      recordedAt: instantText(timeMs, offsetMinAt(timeMs)),
    }
  }

  async #registration(handle: string): Promise<OpenedRecord> {
    const link = this.#clinic.replica.chain(handle).links.find(({ type }) => type === 'patient.registered')
    if (link === undefined) throw new ApiFailure('UNKNOWN_PATIENT')
    return openedRecord(this.#clinic, link)
  }

  /** Exact texts of whom and what the records name: practitioners, who exports among them, and devices. */
  async #others(viewer: Viewer, opened: readonly { chosen: Chosen; record: OpenedRecord }[]): Promise<string[]> {
    // Each in the log that names it: where several do, the first says it.
    const people = new Map<string, Pick<RecordSources, 'replica' | 'keys'>>([[viewer.handle, this.#clinic]])
    const devices = new Map<string, Pick<RecordSources, 'replica' | 'keys'>>()
    for (const { chosen, record } of opened) {
      const { practitioner, device } = record
      if (practitioner !== null && !people.has(practitioner)) people.set(practitioner, chosen.sources)
      if (device !== null && !devices.has(device)) devices.set(device, chosen.sources)
    }
    const texts: string[] = []
    for (const [named, type] of [
      [people, 'practitioner.enrolled'],
      [devices, 'device.enrolled'],
    ] as const) {
      for (const [handle, sources] of named) {
        const link = sources.replica.chain(handle).links.findLast((one) => one.type === type)
        if (link !== undefined) texts.push((await openedRecord(sources, link)).text)
      }
    }
    return texts
  }
}

/** Every entry about a patient in these logs, by its place. */
function foundIn(all: readonly RecordSources[], handle: string): ReadonlyMap<string, Found> {
  const records = all.flatMap((sources) =>
    sources.replica.chain(handle).links.map((link): [string, Found] => [placeOf(refOf(link)), { link, sources }]),
  )
  return new Map(records)
}

/** The day of the entry, as consents count it. */
function recordedDay(link: Link): string | null {
  const verified = link.log.verifiedEntry(link.index)
  return 'step' in verified ? null : dayOf(verified.entry.body.time)
}

function dataFile(
  format: ExportRequest['format'],
  name: string,
  contents: ExportContents,
  { handle, name: author }: Viewer,
): ExportFile {
  if (format === 'csv')
    return { fileName: `${name}.csv`, mediaType: 'text/csv;charset=utf-8', text: flowsheetCsv(contents.records) }
  const text = format === 'ips' ? ipsDocument(contents, { handle, name: author }) : exportBundle(contents)
  return { fileName: `${name}.${format === 'ips' ? 'ips' : 'fhir'}.json`, mediaType: 'application/fhir+json', text }
}

/** Receipts as texts of at most {@link MAX_FILE} characters. */
function inFiles(receipts: readonly string[]): string[] {
  const files: string[][] = [[]]
  let length = 0
  for (const receipt of receipts) {
    if (length + receipt.length > MAX_FILE) {
      files.push([])
      length = 0
    }
    files.at(-1)?.push(receipt)
    length += receipt.length + 1
  }
  if (files.length > MAX_RECEIPT_FILES) throw new ApiFailure('INVALID_REQUEST', { detail: 'too-many-records' })
  return files.map(joinReceipts)
}
