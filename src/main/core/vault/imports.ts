/**
 * What patients bring in a file or in a code to scan: checked, shown, and recorded as what the patient reported.
 *
 * @remarks
 * The same content is recorded once, however often it is brought. A newer version of something appends: an answered form
 * stands beside the older one, a value takes the place of the one with its identifier. An emergency opens a chart for
 * reading: a file waits until there is a consent. Proven by
 * `tests/main/core/vault/imports.test.ts`.
 *
 * @packageDocumentation
 */
import { hash, randomUUID } from 'node:crypto'
import { ClinicalError } from '../../../clinical/errors.ts'
import { type Imported, readImport } from '../../../clinical/import.ts'
import { instantText, parseInstant } from '../../../clinical/instant.ts'
import { encodeObservation } from '../../../clinical/observation.ts'
import { encodeReport, MAX_REPORT_BYTES } from '../../../clinical/report-record.ts'
import { dataClassOf } from '../../../clinical/data-class.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import { encodeAmendedFields, encodeReading } from '../../../ledger/fields.ts'
import type { ImportItem, ImportPreview, Patient, Reading } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked, Row } from '../vault-service.ts'
import { byConsentAlone } from '../verify-record.ts'
import type { Demographics } from './assessments.ts'
import { type Authorised, authorisedBy } from './authorisation.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, type Clinic, type Viewer } from './clinic.ts'
import { placeOf } from './corrections.ts'
import { dedupeId } from './dedupe.ts'
import { requireRegisteredHere } from './patient-logs.ts'
import { type PatientRecords, recordsIn } from './patient-records.ts'
import { requirePresence } from './presence.ts'
import type { Draft } from './writer.ts'

/** The clock of who wrote it may be ahead of ours by as much. */
const AHEAD_MS = 5 * 60_000
/** Said where a newer version of a value takes the place of an older one. */
const UPDATED = 'A newer version came from the patient.'

/** One thing of a file, and what becomes of it. */
interface Judged {
  readonly imported: Imported
  readonly verdict: ImportItem['verdict']
  readonly problem: string | null
  /** Id of the entry that it becomes. */
  readonly id: Uint8Array
  /** The reading that it takes the place of. */
  readonly amends: EntryRef | null
}

/** Takes in what patients bring. */
export class Imports {
  readonly #clinic: Clinic
  readonly #patients: Demographics

  constructor(clinic: Clinic, patients: Demographics) {
    this.#clinic = clinic
    this.#patients = patients
  }

  /**
   * What is in a file, and what would become of it. Nothing is recorded but the access.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `CONSENT_NEEDED`, `RECORD_NOT_VERIFIED`,
   * `BAD_IMPORT`.
   */
  async preview({ handle, text }: Asked['imports']['preview']): Promise<ImportPreview> {
    const viewer = authorFor(this.#clinic, 'reading')
    const judged = await this.#judge(viewer, handle, text)
    await this.#clinic.writer.record([accessDraft(this.#clinic, viewer, { subject: handle })])
    return { items: judged.map(itemOf), acceptable: judged.filter(isAcceptable).length }
  }

  /**
   * Records what is new in a file, signed by who takes it in and, where the card is there, by the patient.
   *
   * @throws ApiFailure as {@link preview}, `REAUTH_NEEDED`, `NOTHING_TO_IMPORT`, `PATIENT_SIGNATURE_NEEDED`, `BAD_CARD`,
   * `WRONG_CARD_PIN`, `CARD_LOCKED`.
   */
  async accept({ handle, text, card }: Asked['imports']['accept']): Promise<{ recorded: number }> {
    authorFor(this.#clinic, 'reading')
    const viewer = requirePresence(this.#clinic)
    const accepted = (await this.#judge(viewer, handle, text)).filter(isAcceptable)
    if (accepted.length === 0) throw new ApiFailure('NOTHING_TO_IMPORT')
    const authorised = await authorisedBy(this.#clinic, handle, card === null ? null : { how: 'card', card })
    try {
      const set = { setId: randomUUID(), timeMs: this.#clinic.nowMs(), authorised }
      const drafts = accepted.map((one) => this.#draftOf(viewer, handle, one, set))
      await this.#clinic.writer.record([...drafts, accessDraft(this.#clinic, viewer, { subject: handle })])
    } finally {
      authorised.wipe()
    }
    this.#clinic.emit({ kind: 'chart-changed', handle })
    return { recorded: accepted.length }
  }

  async #judge(viewer: Viewer, handle: string, text: string): Promise<Judged[]> {
    requireRegisteredHere(this.#clinic, handle)
    const sources = byConsentAlone(this.#clinic)
    const patient = await this.#patients.demographics(handle, viewer, sources)
    const imported = readImported(text, shownOf(patient))
    const records = await recordsIn([sources], viewer, handle)
    const taken = new Set<string>()
    return imported.map((one) => {
      const judged = this.#judgeOne(handle, one, records)
      const id = toHex(judged.id)
      // Twice in the same file is once.
      if (!isAcceptable(judged) || !taken.has(id)) {
        taken.add(id)
        return judged
      }
      return { ...judged, verdict: 'known' }
    })
  }

  #judgeOne(handle: string, imported: Imported, records: PatientRecords): Judged {
    const { content, at, source, identifier } = imported
    const id = dedupeId(this.#clinic, `import|${handle}|${hash('sha256', source)}`)
    const judged = { imported, id, amends: null, problem: null }
    const refuse = (problem: string): Judged => ({ ...judged, verdict: 'refused', problem })
    if (content.kind === 'refused') return refuse(content.problem)
    if (at === null || parseInstant(at).epochMs > this.#clinic.nowMs() + AHEAD_MS) return refuse('WRONG_TIME')
    if (content.kind === 'report' && utf8(source).length > MAX_REPORT_BYTES) return refuse('TOO_LONG')
    if (this.#clinic.replica.holdsId(id)) return { ...judged, verdict: 'known' }
    if (identifier === null) return { ...judged, verdict: 'new' }
    if (content.kind === 'report')
      return { ...judged, verdict: records.reports.some((row) => isOf(row, identifier)) ? 'update' : 'new' }
    return this.#judgeVersion({ handle, identifier, records, judged, content })
  }

  /** A value that names itself: the first of its name has an id by that name, so that the next version finds it. */
  #judgeVersion({
    handle,
    identifier,
    records,
    judged,
    content,
  }: {
    handle: string
    identifier: string
    records: PatientRecords
    judged: Omit<Judged, 'verdict'>
    content: Extract<Imported['content'], { kind: 'reading' }>
  }): Judged {
    const id = dedupeId(this.#clinic, `import|${handle}|named|${identifier}`)
    if (!this.#clinic.replica.holdsId(id)) return { ...judged, id, verdict: 'new' }
    const versions = versionsOf(records.readings, toHex(id))
    const newest = versions.at(-1)
    if (newest === undefined) return { ...judged, verdict: 'refused', problem: 'unreadable-before' }
    if (versions.some(({ record }) => isSame(record, content.reading))) return { ...judged, verdict: 'known' }
    if (newest.record.correction !== undefined) return { ...judged, verdict: 'refused', problem: 'withdrawn' }
    if (newest.record.kind !== content.reading.kind) return { ...judged, verdict: 'refused', problem: 'WRONG_CODE' }
    const { origin, index } = newest.position
    return { ...judged, verdict: 'update', amends: { origin, index } }
  }

  #draftOf(
    viewer: Viewer,
    handle: string,
    { imported, id, amends }: Judged,
    { setId, timeMs, authorised }: { setId: string; timeMs: number; authorised: Authorised },
  ): Draft {
    const { identity } = this.#clinic
    const at = instantText(timeMs, offsetMinAt(timeMs))
    const practitioner = { handle: viewer.handle, name: viewer.name }
    const fields = { method: 'patient-reported', device: null, ...authorised.fields } as const
    const draft = {
      id,
      ...{ subject: fromHex(handle), timeMs, signers: [viewer.signer, ...authorised.signers] },
      keyClass: 'patient-reported' as const,
    }
    const { content, source } = imported
    if (content.kind !== 'reading') {
      const text = encodeReport({ source, patient: handle, practitioner, recordedAt: at, test: identity.demo })
      return { ...draft, type: 'reading', payload: utf8(text), fields: encodeReading(fields) }
    }
    const { kind, quantities, technique, measuredAt, flags, unusual } = content.reading
    const text = encodeObservation({
      ...{ id: randomUUID(), kind, quantities, technique, effective: measuredAt, issued: at, subject: handle },
      ...{ practitioner, device: null, method: 'patient-reported', site: null, setId, test: identity.demo },
      ...{ deviceTime: null, deviceClockOffsetS: null, window: null, rawBytes: null, gateway: null },
      flags: [...flags, ...(unusual ? ['unusual'] : [])],
      ...(amends === null ? {} : { amendedBecause: UPDATED }),
    })
    return amends === null
      ? { ...draft, type: 'reading', payload: utf8(text), fields: encodeReading(fields) }
      : {
          ...draft,
          type: 'reading.amended',
          payload: utf8(text),
          fields: encodeAmendedFields({ ...fields, target: amends }),
        }
  }
}

/** @throws ApiFailure `CONSENT_NEEDED`, `RECORD_NOT_VERIFIED`: nobody can say whether the file is this patient's. */
function shownOf(row: Row<Patient>): Patient {
  if (row.status === 'verified') return row.record
  throw new ApiFailure(row.step === 'access' ? 'CONSENT_NEEDED' : 'RECORD_NOT_VERIFIED')
}

function readImported(text: string, patient: Patient): Imported[] {
  try {
    return readImport(text, patient)
  } catch (cause) {
    if (cause instanceof ClinicalError)
      throw new ApiFailure('BAD_IMPORT', { detail: `${cause.code} ${cause.message}`.slice(0, 200), cause })
    throw cause
  }
}

function isAcceptable({ verdict }: Judged): boolean {
  return verdict === 'new' || verdict === 'update'
}

function itemOf({ imported, verdict, problem }: Judged): ImportItem {
  const { resource, title, at, values, content } = imported
  const dataClass =
    content.kind === 'reading'
      ? dataClassOf({ kind: content.reading.kind, method: 'patient-reported' })
      : content.kind === 'report'
        ? ('patient-reported' as const)
        : null
  return { resource, title, at, values, dataClass, verdict, problem }
}

function isOf(row: PatientRecords['reports'][number], identifier: string): boolean {
  return row.status === 'verified' && row.record.identifier === identifier
}

type Shown = Extract<Row<Reading>, { status: 'verified' }>

/** A reading and everything that took its place, oldest first. Nothing when one of them cannot be shown. */
function versionsOf(rows: readonly Row<Reading>[], entryId: string): Shown[] {
  const shown = rows.filter((row) => row.status === 'verified')
  const versions: Shown[] = []
  let next = shown.find(({ position }) => position.entryId === entryId)
  while (next !== undefined) {
    versions.push(next)
    const { correction } = next.record
    if (correction?.kind !== 'amended') return versions
    next = shown.find(({ position }) => placeOf(position) === placeOf(correction.ref))
  }
  return []
}

function isSame(record: Reading, reading: Pick<Reading, 'kind' | 'measuredAt' | 'quantities'>): boolean {
  const said = ({ quantities }: Pick<Reading, 'quantities'>) =>
    quantities
      .map(({ name, value, comparator, ucum, coded }) => [name, value, comparator, ucum, coded].join(' '))
      .sort()
  return (
    record.kind === reading.kind &&
    parseInstant(record.measuredAt).epochMs === parseInstant(reading.measuredAt).epochMs &&
    said(record).join('|') === said(reading).join('|')
  )
}
