/**
 * In which logs the record of a patient stands.
 *
 * @remarks
 * A patient is of the log that registered them: what they decided stands there, and so does an erasure of everything. Other
 * nodes of the same site record about them too, each in its own log, and a chart is all of these. What a log of any other
 * site says about them is no part of it. Proven by `tests/main/core/network/two-workstations.test.ts`.
 *
 * @packageDocumentation
 */
import type { LogHead } from '../../../ledger/heads.ts'
import { ApiFailure } from '../failure.ts'
import type { RecordSources } from '../verify-record.ts'
import { accessDraft, type Clinic, type Viewer } from './clinic.ts'
import { wholeErasureOf } from './erasure-entries.ts'
import type { ForeignPart, ForeignPatient } from './foreign-shares.ts'
import type { Draft } from './writer.ts'

/** Whether a patient is registered in the log of this node. */
export function isRegisteredHere({ replica }: Pick<Clinic, 'replica'>, handle: string): boolean {
  return replica.chain(handle).links.some(({ type }) => type === 'patient.registered')
}

/** A patient whom another node of the own site registered; null for everybody else. */
export function sisterPatient(clinic: Pick<Clinic, 'replica' | 'foreign'>, handle: string): ForeignPatient | null {
  if (isRegisteredHere(clinic, handle)) return null
  const shared = clinic.foreign?.patient(handle) ?? null
  return (shared?.workstation ?? null) === null ? null : shared
}

/**
 * Refuses what is for the log alone that registered a patient.
 *
 * @throws ApiFailure `OTHER_WORKSTATION` with that log, `UNKNOWN_PATIENT`.
 */
export function requireRegisteredHere(clinic: Pick<Clinic, 'replica' | 'foreign'>, handle: string): void {
  if (isRegisteredHere(clinic, handle)) return
  const log = sisterPatient(clinic, handle)?.workstation?.log
  throw log === undefined ? new ApiFailure('UNKNOWN_PATIENT') : new ApiFailure('OTHER_WORKSTATION', { detail: log })
}

/**
 * What the own log says about a patient, under what they decided in the log that registered them.
 *
 * @throws ApiFailure `UNKNOWN_PATIENT` for whom neither this log nor another of the own site registered.
 */
export function ownRecords(clinic: Clinic, handle: string): RecordSources & Pick<Clinic, 'replica'> {
  const { replica, keys, grades, gate, endOf } = clinic
  if (isRegisteredHere(clinic, handle)) return { replica, keys, grades, gate, endOf }
  const shared = sisterPatient(clinic, handle)
  if (shared === null) throw new ApiFailure('UNKNOWN_PATIENT')
  const { gate: theirs, replica: deciding } = shared.sources
  return { replica, keys, grades, endOf, gate: theirs, erased: (subject) => wholeErasureOf(deciding, subject) }
}

/** What other nodes of the site hold about a patient beside the log that registered them; of each, what this node has. */
export function otherParts({ foreign }: Pick<Clinic, 'foreign'>, handle: string): ForeignPart[] {
  return foreign?.parts(handle) ?? []
}

/**
 * Everything that a chart is made of, that of the log that registered the patient first.
 *
 * @throws ApiFailure `UNKNOWN_PATIENT` for whom neither this log nor another of the own site registered.
 */
export function chartRecords(clinic: Clinic, handle: string): readonly [RecordSources, ...RecordSources[]] {
  const own = ownRecords(clinic, handle)
  const others = otherParts(clinic, handle).map(({ sources }) => sources)
  const sister = sisterPatient(clinic, handle)
  return sister === null ? [own, ...others] : [sister.sources, own, ...others]
}

/**
 * The entry that records a look at a patient of this clinic, with the heads of the other logs that it relied on.
 *
 * @param isEmpty - Nothing was shown; null for as the patient decided.
 */
export function lookDraft(clinic: Clinic, viewer: Viewer, handle: string, isEmpty: boolean | null = null): Draft {
  const sister = sisterPatient(clinic, handle)
  const heads = [...(sister === null ? [] : [sister]), ...otherParts(clinic, handle)].map(({ head }) => headOf(head))
  const closed = isEmpty ?? (sister === null ? null : clinic.foreign?.isOpen(handle) !== true)
  return accessDraft(clinic, viewer, { subject: handle }, heads, closed)
}

/** What a look at a log relied on. */
export function headOf({ origin, size, root }: LogHead): LogHead {
  return { origin, size, root }
}
