/**
 * Everything clinical on record about one patient, each entry verified or named with its failed step, and what became
 * of it.
 *
 * @remarks
 * Access is the caller's to record, before anything of this is returned. Proven by
 * `tests/main/core/vault/amendments.test.ts` and `tests/main/core/vault/readings.test.ts`.
 *
 * @packageDocumentation
 */
import { dataClassOf } from '../../../clinical/data-class.ts'
import { instantText } from '../../../clinical/instant.ts'
import type { EntryType } from '../../../ledger/entry-types.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Assessment, Correction, PatientReport, Reading } from '../../../shared/api/schemas.ts'
import type { KeyClass } from '../class-keys.ts'
import type { Row } from '../vault-service.ts'
import { rejected, type RecordSources, verifyRecord } from '../verify-record.ts'
import { readAssessment } from './assessment-record.ts'
import type { Link } from './chains.ts'
import { offsetMinAt, type Viewer } from './clinic.ts'
import { CORRECTED_BEFORE, correctableIn, type CorrectionEntry, correctionsOf, placeOf, refOf } from './corrections.ts'
import { practitionerName } from './names.ts'
import { handleOf, readAmendment, readReading, readRetraction } from './reading-record.ts'
import { isReport, readReport } from './report-record.ts'

/** Records verified before other requests get a turn. */
const SLICE = 64

/** What a record turned out to be. */
type Told =
  | { readonly kind: 'reading'; readonly reading: Reading; readonly because: string | null }
  | { readonly kind: 'retraction'; readonly because: string; readonly keyClass: KeyClass }
  | { readonly kind: 'assessment'; readonly assessment: Assessment }
  | { readonly kind: 'report'; readonly report: PatientReport }

/** A record with its place in the chain. */
interface InChain {
  readonly seq: number
  readonly link: Link | null
  readonly row: Row<Told>
}

/** What one log says. */
interface LogRecords {
  readonly sources: RecordSources
  readonly found: readonly Link[]
  readonly lost: ReturnType<RecordSources['replica']['chain']>['gone']
  /** By place. */
  readonly rows: ReadonlyMap<string, Row<Told>>
  /** Those that count. */
  readonly corrections: readonly CorrectionEntry[]
}

/** What is on record. */
export interface PatientRecords {
  /** In the order of the chain; among them every link that is gone, and every correction that does not hold. */
  readonly readings: Row<Reading>[]
  /** Scores that can be shown, and those of which only the type is known. */
  readonly assessments: Row<Assessment>[]
  /** Answers that the patient gave. One that cannot be shown is among the readings: nobody knows which it is. */
  readonly reports: Row<PatientReport>[]
}

type Read<Content> = (text: string, entry: VerifiedEntry, keyClass: KeyClass) => Content

const READ: Partial<Record<EntryType, Read<Told>>> = {
  reading: (text, entry, keyClass) =>
    isReport(text)
      ? { kind: 'report', report: readReport(text, entry, keyClass) }
      : { kind: 'reading', reading: readReading(text, entry, keyClass), because: null },
  'reading.amended': (text, entry, keyClass) => {
    const reading = readReading(text, entry, keyClass)
    return { kind: 'reading', reading, because: readAmendment(text) }
  },
  assessment: (...record) => ({ kind: 'assessment', assessment: readAssessment(...record) }),
  'reading.entered-in-error': (text, entry, keyClass) => ({
    ...{ kind: 'retraction', keyClass },
    because: readRetraction(text, entry).reason,
  }),
}

/**
 * Verifies one record of a patient for whoever looks.
 *
 * @param read - Decodes the plaintext and checks that it says the same as the entry.
 */
export function clinicalRecord<Content>(
  clinic: RecordSources,
  viewer: Viewer,
  { handle, link, read }: { handle: string; link: Link; read: Read<Content> },
): Promise<Row<Content>> {
  return verifyRecord(clinic, { subject: handle, link, view: 'clinical', viewer: viewer.role, read })
}

/**
 * Everything on record about a patient in several logs, one log after the other.
 *
 * @param logs - The one that registered the patient first.
 */
export async function recordsIn(
  logs: readonly [RecordSources, ...RecordSources[]],
  viewer: Viewer,
  handle: string,
): Promise<PatientRecords> {
  const places = logs.map(({ replica }) => correctableIn(replica, handle))
  const read: LogRecords[] = []
  for (const [n, sources] of logs.entries()) {
    const elsewhere = new Set(places.filter((_, other) => other !== n).flat())
    // Of what is gone, a registration has its own row; in other logs the first of the chain may be a value like any other.
    read.push(await readLog(sources, viewer, { handle, elsewhere, firstSeq: n === 0 ? 1 : 0 }))
  }
  const rows = new Map(read.flatMap((one) => [...one.rows]))
  for (const log of read) turnAwayMixed(log, rows)
  // What the log of a value says became of it goes before what another one says.
  const said = read.flatMap((log) => log.corrections.map((entry) => ({ ...log, entry })))
  const isOwn = ({ entry: { link, target } }: (typeof said)[number]) => link.log.log === splitOrigin(target.origin).log
  const amended = new Set(
    said.flatMap((one) => (isOwn(one) && isAmendment(one.entry) ? placeOf(one.entry.target) : [])),
  )
  for (const one of said)
    // Another value stands in the place of what it is about: that somebody called that wrong must not go unseen.
    if (!isOwn(one) && amended.has(placeOf(one.entry.target)))
      rows.set(placeOf(refOf(one.entry.link)), turnedAway(one.sources, one.entry.link, CORRECTED_BEFORE))
  const corrections = new Map<string, Correction>()
  for (const { sources, entry } of said.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b))))
    corrections.set(placeOf(entry.target), await describe(sources, entry, rows))
  const all = read.flatMap((log) => inOrder(log, rows))
  const isScore = ({ link }: InChain) => link?.type === 'assessment'
  return {
    readings: all.flatMap((one) => (isScore(one) ? [] : readingRow(one.row, corrections))),
    assessments: all.flatMap((one) => (isScore(one) ? assessmentRow(one.row) : [])),
    reports: all.flatMap(({ row }) => reportRow(row, corrections)),
  }
}

/** Verifies the records of one log. */
async function readLog(
  sources: RecordSources,
  viewer: Viewer,
  request: { readonly handle: string; readonly elsewhere: ReadonlySet<string>; readonly firstSeq: number },
): Promise<LogRecords> {
  const { handle, elsewhere, firstSeq } = request
  const { replica } = sources
  const { links, gone } = replica.chain(handle)
  const { byTarget, refused } = correctionsOf(replica, handle, elsewhere)
  const rows = new Map<string, Row<Told>>()
  const found: Link[] = []
  for (const link of links) {
    const read = READ[link.type]
    if (read === undefined) continue
    // A long chart must not keep a colleague's signature waiting.
    if (found.length % SLICE === SLICE - 1) await new Promise((resume) => setImmediate(resume))
    const place = placeOf(refOf(link))
    const why = refused.get(place)
    rows.set(
      place,
      why === undefined
        ? await clinicalRecord(sources, viewer, { handle, link, read })
        : turnedAway(sources, link, why),
    )
    found.push(link)
  }
  return { sources, found, lost: gone.filter(({ seq }) => seq >= firstSeq), rows, corrections: [...byTarget.values()] }
}

function isAmendment({ link }: CorrectionEntry): boolean {
  return link.type === 'reading.amended'
}

function turnedAway({ replica }: RecordSources, link: Link, reason: string): Row<Told> {
  return rejected(replica, { place: link, seq: link.seq }, { step: 'content', reason })
}

/** Turns corrections away that are sealed as another kind of data than what they correct, in whichever log that stands. */
function turnAwayMixed({ sources, corrections }: LogRecords, rows: Map<string, Row<Told>>): void {
  for (const { link, target } of corrections) {
    const place = placeOf(refOf(link))
    if (isOfAnotherKind(rows.get(place), rows.get(placeOf(target))))
      rows.set(place, turnedAway(sources, link, 'sealed as another kind of data'))
  }
}

/** The rows of one log in the order of its chain; of everything that is gone nobody knows what it was. */
function inOrder({ sources, found, lost }: LogRecords, rows: ReadonlyMap<string, Row<Told>>): InChain[] {
  const shown = found.flatMap((link) => {
    const row = rows.get(placeOf(refOf(link)))
    return row === undefined ? [] : [{ seq: link.seq, link, row }]
  })
  const gone = lost.map((one) => ({ seq: one.seq, link: null, row: rejected(sources.replica, one, one.failed) }))
  return [...shown, ...gone].toSorted((a, b) => a.seq - b.seq)
}

/** Whether the reason of a withdrawal is sealed as another kind of data than what it withdraws: it may tell of that. */
function isOfAnotherKind(row: Row<Told> | undefined, target: Row<Told> | undefined): boolean {
  if (row === undefined || row.status === 'rejected' || row.record.kind !== 'retraction') return false
  if (target === undefined || target.status === 'rejected') return false
  const { record } = target
  const kind = record.kind === 'reading' ? dataClassOf(record.reading) : 'patient-reported'
  return row.record.keyClass !== kind
}

/** A retraction that holds shows in the reading that it withdraws, and has no row of its own. */
function readingRow(row: Row<Told>, corrections: ReadonlyMap<string, Correction>): Row<Reading>[] {
  if (row.status === 'rejected') return [row]
  if (row.record.kind !== 'reading') return []
  const correction = corrections.get(placeOf(row.position))
  const record = { ...row.record.reading, ...(correction === undefined ? {} : { correction }) }
  return [{ ...row, record }]
}

function reportRow(row: Row<Told>, corrections: ReadonlyMap<string, Correction>): Row<PatientReport>[] {
  if (row.status === 'rejected' || row.record.kind !== 'report') return []
  const correction = corrections.get(placeOf(row.position))
  return [{ ...row, record: { ...row.record.report, ...(correction === undefined ? {} : { correction }) } }]
}

function assessmentRow(row: Row<Told>): Row<Assessment>[] {
  if (row.status === 'rejected') return [row]
  return row.record.kind === 'assessment' ? [{ ...row, record: row.record.assessment }] : []
}

/** What became of a reading; without the words where they cannot be shown. */
async function describe(
  clinic: RecordSources,
  { link, verified }: CorrectionEntry,
  rows: ReadonlyMap<string, Row<Told>>,
): Promise<Correction> {
  const ref = refOf(link)
  const row = rows.get(placeOf(ref))
  const { time } = verified.entry.body
  const author = handleOf(verified, 'practitioner')
  return {
    kind: link.type === 'reading.amended' ? 'amended' : 'entered-in-error',
    reason: row?.status === 'verified' && 'because' in row.record ? (row.record.because ?? '') : '',
    by: author === null ? '?' : await practitionerName(clinic, author),
    at: instantText(time, offsetMinAt(time)),
    ref,
  }
}
