/**
 * Patients of whom other sites share something: found, and charted, like those of the own site.
 *
 * @remarks
 * They can be looked at and not written about: whoever treats them here registers them here. Those of another workstation of
 * this clinic are registered already, and count as known; what is recorded about them here is part of their chart. Every look is recorded in the own log, with the head of the other
 * that it relied on. Proven by `tests/main/core/network/two-clinics.test.ts` and
 * `tests/main/core/network/sister-charts.test.ts`.
 *
 * @packageDocumentation
 */
import { instantText } from '../../../clinical/instant.ts'
import { foldText } from '../../../clinical/patient-similarity.ts'
import type { Chart, Patient } from '../../../shared/api/schemas.ts'
import { toHex } from '../../../shared/bytes.ts'
import { PAYLOAD_MISSING } from '../verify-record.ts'
import type { Row } from '../vault-service.ts'
import { recordedBy } from './amendments.ts'
import { accessDraft, offsetMinAt, type Clinic, type Viewer } from './clinic.ts'
import type { ForeignPatient, Workstation } from './foreign-shares.ts'
import type { LogHead } from '../../../ledger/heads.ts'
import { foreignRegistration, type ReadPatient, shownTo, sistersPatients, whose } from './known-patients.ts'
import { headOf, otherParts, ownRecords } from './patient-logs.ts'
import { recordsIn } from './patient-records.ts'

/** A patient of another site as a row for whoever looks. */
export interface ForeignRow {
  readonly row: Row<Patient>
  readonly head: LogHead
}

/** Patients of other sites whose name, birth date or identifier contains every word. */
export async function searchForeign(
  clinic: Clinic,
  viewer: Viewer,
  words: readonly string[],
  read: ReadPatient,
): Promise<ForeignRow[]> {
  const found: ForeignRow[] = []
  const sisters = new Map(
    (await sistersPatients(clinic, viewer, read)).map((item) => [item.patient.handle, item] as const),
  )
  for (const patient of clinic.foreign?.patients() ?? []) {
    const known = patient.workstation === null ? undefined : sisters.get(patient.handle)
    const row =
      known === undefined
        ? await registrationFor(patient, viewer, read)
        : await shownTo(
            known.shared.sources,
            viewer,
            known,
            words.every((word) => known.text.includes(word)),
          )
    // Of this clinic's own it might be the one that is looked for; of another's it says nothing to anybody.
    if (row.status === 'rejected' && row.step !== 'access' && patient.workstation === null) continue
    if (row.status === 'verified' && !words.every((word) => textOf(row.record).includes(word))) continue
    const isOfOthers = row.status === 'rejected' && patient.workstation === null
    const ofSite = isOfOthers ? { ...row, site: patient.site } : row
    found.push({ row: ofSite, head: headOf(patient.head) })
  }
  return found
}

/**
 * The chart of a patient of another site; null when nobody shares one by that handle. The access is recorded first.
 */
export async function chartForeign(
  clinic: Clinic,
  viewer: Viewer,
  { handle, generation }: { readonly handle: string; readonly generation: number },
  read: ReadPatient,
): Promise<Chart | null> {
  const shared = clinic.foreign?.patient(handle) ?? null
  if (shared === null || clinic.foreign === null) return null
  const { sources, site, workstation } = shared
  const patient = await registrationFor(shared, viewer, read)
  const others = otherParts(clinic, handle)
  const parts = workstation === null ? others : [{ sources: ownRecords(clinic, handle) }, ...others]
  const records = await recordsIn([sources, ...parts.map((part) => part.sources)], viewer, handle)
  const checkedAtMs = clinic.nowMs()
  const head = headOf(shared.head)
  const { readings, assessments, reports } = records
  const isEmpty = [patient, ...readings, ...assessments, ...reports].every(({ status }) => status === 'rejected')
  const heads = [head, ...others.map((part) => headOf(part.head))]
  await clinic.writer.record([accessDraft(clinic, viewer, { subject: handle }, heads, isEmpty)])
  clinic.foreign.charted(handle)
  const consent = await clinic.foreign.standing(handle)
  return {
    ...{ handle, generation, patient, site },
    ...(workstation === null ? {} : { workstation: shownAs(workstation), ...othersIn(clinic, workstation.log) }),
    // What the own clinic has not got yet is missing; what another did not send may be for others.
    ...(workstation === null
      ? {
          readings: readings.map(unlessShared),
          assessments: assessments.map(unlessShared),
          reports: reports.map(unlessShared),
        }
      : { readings, assessments, reports }),
    consent,
    // Recorded here, about a patient of another workstation of this clinic.
    own: workstation === null || consent.emergencyUntil === null ? [] : recordedBy(clinic, viewer, handle),
    oxygenScale: null,
    chainLength: entriesIn([shared, ...parts], handle),
    unattributedDamage: workstation === null ? 0 : damagedIn([shared, ...parts]),
    checkedAt: instantText(checkedAtMs, offsetMinAt(checkedAtMs)),
    head: { origin: head.origin, size: head.size, root: toHex(head.root) },
  }
}

/** What was never sent here is not damaged: it is not for this site. */
function unlessShared<Content>(row: Row<Content>): Row<Content> {
  if (row.status === 'verified') return row
  const isAbsent = row.step === 'ciphertext' && row.reason === PAYLOAD_MISSING
  const isSealed = row.step === 'decrypt' && row.reason.startsWith('no key')
  return isAbsent || isSealed ? { ...row, step: 'access', reason: 'not shared with this site' } : row
}

/** The registration of a patient of another log, for whoever looks. */
export function registrationFor(shared: ForeignPatient, viewer: Viewer, read: ReadPatient): Promise<Row<Patient>> {
  return foreignRegistration(shared, viewer, (...record) => ({ ...read(...record), ...whose(shared) }))
}

/** Damaged entries of these logs that may be anybody's. */
export function damagedIn(parts: readonly Part[]): number {
  const logs = parts.flatMap(({ sources }) => sources.replica.logs)
  return logs.reduce((sum, { damaged }) => sum + damaged.size, 0)
}

/** Entries about a patient in these logs. */
export function entriesIn(parts: readonly Part[], handle: string): number {
  const chains = parts.map(({ sources }) => sources.replica.chain(handle))
  return chains.reduce((sum, { links, gone }) => sum + links.length + gone.length, 0)
}

/** Records of one log. */
type Part = Pick<ForeignPatient, 'sources'>

/** The other workstations of the clinic, any of which may have recorded something: all but the one that is named. */
export function othersIn({ foreign }: Clinic, named: string | null): Pick<Chart, 'others'> {
  const others = (foreign?.workstations() ?? []).filter(({ log }) => log !== named)
  return others.length === 0 ? {} : { others: others.map(shownAs) }
}

function shownAs({ log, heardMs }: Workstation): NonNullable<Chart['workstation']> {
  return { log, heardAt: heardMs === 0 ? null : instantText(heardMs, offsetMinAt(heardMs)) }
}

function textOf({ familyName, givenName, identifier, birthDate }: Patient): string {
  return foldText(`${familyName} ${givenName} ${identifier} ${birthDate}`)
}
