/**
 * Registrations that a sign-in verified before: those of other workstations of this clinic, and what of any may be shown.
 *
 * @remarks
 * Opening a registration costs milliseconds, and whoever is registered, scanned or searched for is compared with all of
 * them. So each is verified once in a sign-in, and again when anything came to what its log says about the patient.
 * Who may see it is decided anew at each look. Proven by `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { decideView } from '../../../ledger/contract.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Patient } from '../../../shared/api/schemas.ts'
import type { KeyClass } from '../class-keys.ts'
import type { Row } from '../vault-service.ts'
import { lateness, rejected, type RecordSources, verifyRecord } from '../verify-record.ts'
import type { Clinic, Viewer } from './clinic.ts'
import type { ForeignPatient } from './foreign-shares.ts'
import type { Failed } from './log-replica.ts'
import type { Finding, IndexedPatient, Registration } from './patient-index.ts'

/** Patients verified before other requests get a turn. */
export const SLICE = 64
const NOT_COVERED: Failed = { step: 'access', reason: 'no consent of the patient covers this demographics data' }

/** Reads a registration. */
export type ReadPatient = (text: string, entry: VerifiedEntry, keyClass: KeyClass) => Patient

/** A registration with the time that its author wrote, ms since 1970. */
export interface DatedPatient {
  readonly patient: Patient
  readonly recordedAtMs: number
}

/** Reads a registration, and when its author says that it was written. */
export function dated(read: ReadPatient): (...record: Parameters<ReadPatient>) => DatedPatient {
  return (text, entry, keyClass) => ({
    patient: read(text, entry, keyClass),
    recordedAtMs: entry.entry.body.time,
  })
}

/** A verified registration as it is kept. */
export function registrationOf({ position, record }: Extract<Row<DatedPatient>, { status: 'verified' }>): Registration {
  const { origin, index, entryId, seq, block } = position
  return { ...record, place: { origin, index, entryId, seq, block } }
}

/**
 * What is known of a patient, for whoever looks now.
 *
 * @param isFound - False where the row is wanted only if it may not be seen: a mark on it costs another look at its entry.
 */
export async function shownTo(
  { replica, gate, grades, endOf }: RecordSources,
  viewer: Viewer,
  { patient, place, recordedAtMs }: IndexedPatient,
  isFound = true,
): Promise<Row<Patient>> {
  const { handle } = patient
  const log = replica.logs.find(({ origin }) => origin === place.origin) ?? null
  const contract = replica.contract()?.contract
  const circumstances = (await gate?.gate(handle))?.circumstances('demographics', recordedAtMs)
  const mayLook =
    log !== null &&
    contract !== undefined &&
    circumstances !== undefined &&
    decideView(contract, 'demographics', viewer.role, circumstances).allowed
  if (mayLook) {
    const entry = isFound ? log.verifiedEntry(place.index) : null
    // Damaged since it was verified: nobody can say any more who signed it.
    if (entry !== null && 'step' in entry)
      return { ...rejected(replica, { place: { log, index: place.index }, seq: place.seq }, entry), subject: handle }
    const mark = entry === null ? {} : lateness(endOf, entry)
    const position = { ...place, subject: handle, grade: grades.gradeAt(log, place.index), ...mark }
    return { status: 'verified', position, record: patient }
  }
  const where = { place: log === null ? null : { log, index: place.index }, seq: place.seq }
  return { ...rejected(replica, where, NOT_COVERED), subject: handle }
}

/** A patient of another workstation of this clinic. */
export interface SisterPatient extends IndexedPatient {
  readonly shared: ForeignPatient
}

/** Everybody whom other workstations of this clinic registered, as far as it verifies, whoever may see it. */
export function sistersPatients(clinic: Clinic, { sisters }: Viewer, read: ReadPatient): Promise<SisterPatient[]> {
  return sisters.inTurn(async () => {
    const known = new Map<string, ForeignPatient>()
    const findings: Finding[] = []
    for (const shared of clinic.foreign?.patients() ?? []) {
      const { handle, sources, workstation } = shared
      if (workstation === null) continue
      known.set(handle, shared)
      const stamp = sources.replica.chain(handle)
      if (sisters.isFresh(handle, stamp)) continue
      // Many patients must not keep a colleague's signature waiting.
      if (findings.length % SLICE === SLICE - 1) await new Promise((next) => setImmediate(next))
      const row = await foreignRegistration(shared, null, dated(read))
      findings.push({ handle, stamp, registration: row.status === 'rejected' ? null : ownedBy(shared, row) })
    }
    sisters.take(findings)
    return [...sisters.all()].flatMap((item) => {
      const shared = known.get(item.patient.handle)
      return shared === undefined ? [] : [{ ...item, shared }]
    })
  })
}

function ownedBy(shared: ForeignPatient, row: Extract<Row<DatedPatient>, { status: 'verified' }>): Registration {
  const { patient, ...place } = registrationOf(row)
  return { ...place, patient: { ...patient, ...whose(shared) } }
}

/** Whose record it is, as the window says it. */
export function whose({ site, workstation }: ForeignPatient): Pick<Patient, 'site' | 'workstation'> {
  return workstation === null ? { site } : { site, workstation: workstation.log }
}

/**
 * The registration of a patient of another log.
 *
 * @param viewer - Null for the installation itself, before anybody is asked who may see it.
 */
export function foreignRegistration<Content>(
  { handle, sources }: ForeignPatient,
  viewer: Viewer | null,
  read: (...record: Parameters<ReadPatient>) => Content,
): Promise<Row<Content>> {
  const link = sources.replica.chain(handle).links.find(({ type }) => type === 'patient.registered')
  if (link === undefined) throw new Error('bug: a shared patient is registered')
  const request = { subject: handle, link, view: 'demographics' as const, viewer: viewer?.role ?? null }
  return verifyRecord(sources, { ...request, read })
}
