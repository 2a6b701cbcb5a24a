/**
 * Corrections of readings: another value in place of the old one, or the word that it should not be there.
 *
 * @remarks
 * Nothing is changed and nothing goes: a correction is an entry of its own, and the old value stays, struck through.
 * An emergency opens a chart for reading: it lets nobody correct what no consent shows them. One's own mistake can be
 * corrected all the same: a wrong value that stands for the next one to act on is worse.
 * Proven by `tests/main/core/vault/amendments.test.ts`.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { dataClassOf } from '../../../clinical/data-class.ts'
import { instantText } from '../../../clinical/instant.ts'
import { judge } from '../../../clinical/limits.ts'
import { encodeObservation } from '../../../clinical/observation.ts'
import { fromTable, splitMeasurement } from '../../../clinical/quantity.ts'
import { encodeRetraction } from '../../../clinical/retraction.ts'
import type { EntryRef } from '../../../ledger/erasure.ts'
import { encodeAmendedFields } from '../../../ledger/fields.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { encodeTargetFields } from '../../../ledger/record-fields.ts'
import type { Correction, DataClass, ManualValue, Reading } from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { orNull } from '../../../sync/attempt.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked, Row } from '../vault-service.ts'
import { byConsentAlone, type RecordReplica, type RecordSources } from '../verify-record.ts'
import { type Authorised, authorisedBy } from './authorisation.ts'
import { authorFor, offsetMinAt, utf8, type Clinic, type Viewer } from './clinic.ts'
import { placeOf, refOf } from './corrections.ts'
import { chartRecords, lookDraft } from './patient-logs.ts'
import { type PatientRecords, recordsIn } from './patient-records.ts'
import { requirePresence } from './presence.ts'
import { handleOf } from './reading-record.ts'
import type { Draft } from './writer.ts'

/** Corrects readings of an open clinic. */
export class Amendments {
  readonly #clinic: Clinic
  /** The correction of each patient that is under way: what is asked of the chart must still hold when it is written. */
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Records another value in place of a reading.
   *
   * @returns The old reading, struck through, and the new one, verified from the ledger.
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `REAUTH_NEEDED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `UNKNOWN_ENTRY`,
   * `RECORD_NOT_VERIFIED`, `ALREADY_CORRECTED`, `VALUE_REJECTED`, `VALUE_NOT_CONFIRMED`, `PATIENT_SIGNATURE_NEEDED`.
   */
  amend({ handle, ref, value, reason, authorisation = null }: Asked['records']['amend']): Promise<Row<Reading>[]> {
    const viewer = this.#author('reading.amended')
    return this.#alone(handle, async () => {
      this.#mustBeOwn(handle, ref)
      const old = await this.#standing(viewer, handle, ref)
      const authorised = await authorisedBy(this.#clinic, handle, authorisation)
      try {
        const draft = this.#amendment(viewer, { handle, ref, old, value, reason, authorised })
        await this.#clinic.writer.record([draft, lookDraft(this.#clinic, viewer, handle)])
      } finally {
        authorised.wipe()
      }
      this.#clinic.emit({ kind: 'chart-changed', handle })
      const { readings } = await recordsIn(chartRecords(this.#clinic, handle), viewer, handle)
      return readings.filter((row) => isAbout(row, ref))
    })
  }

  /**
   * Says that a reading should not be there: one of this log, or of a machine that was taken out of the clinic.
   *
   * @throws ApiFailure as {@link amend}, apart from what is said of values.
   */
  retract({ handle, ref, reason }: Asked['records']['retract']): Promise<void> {
    const viewer = this.#author('reading.entered-in-error')
    return this.#alone(handle, async () => {
      this.#mustBeWithdrawnHere(handle, ref)
      const { random, writer, nowMs, identity, emit } = this.#clinic
      const keyClass = await this.#classOf(viewer, handle, ref)
      const timeMs = nowMs()
      const text = encodeRetraction({
        target: ref,
        at: instantText(timeMs, offsetMinAt(timeMs)),
        practitioner: { handle: viewer.handle, name: viewer.name },
        reason,
        test: identity.demo,
      })
      await writer.record([
        {
          id: random(16),
          type: 'reading.entered-in-error',
          subject: fromHex(handle),
          timeMs,
          payload: utf8(text),
          fields: encodeTargetFields(ref),
          signers: [viewer.signer],
          keyClass,
        },
        lookDraft(this.#clinic, viewer, handle),
      ])
      emit({ kind: 'chart-changed', handle })
    })
  }

  #author(type: 'reading.amended' | 'reading.entered-in-error'): Viewer {
    authorFor(this.#clinic, type)
    return requirePresence(this.#clinic)
  }

  /** What another workstation of the clinic recorded is corrected there: each log says what became of its own. */
  #mustBeOwn(handle: string, { origin }: EntryRef): void {
    if (this.#clinic.replica.log(origin) !== null) return
    const log = orNull(() => splitOrigin(origin).log)
    const isOfChart = chartRecords(this.#clinic, handle).some(({ replica }) => holds(replica, origin))
    if (log !== null && (isOfChart || this.#isWorkstation(log)))
      throw new ApiFailure('OTHER_WORKSTATION', { detail: log })
  }

  /** Where the machine is none of the clinic's any more, nobody else can say that its value is wrong. */
  #mustBeWithdrawnHere(handle: string, ref: EntryRef): void {
    const log = orNull(() => splitOrigin(ref.origin).log)
    if (log !== null && this.#isWorkstation(log)) this.#mustBeOwn(handle, ref)
  }

  /** Whether a log is of another machine that the clinic has. */
  #isWorkstation(log: string): boolean {
    return this.#clinic.foreign?.workstations().some((one) => one.log === log) === true
  }

  /** The reading as it stands: whoever corrects it can see it. */
  async #standing(viewer: Viewer, handle: string, ref: EntryRef): Promise<Reading> {
    return standing((await this.#records(viewer, handle, ref)).readings, ref)
  }

  /** The kind of data of what is withdrawn, which the reason is sealed as. */
  async #classOf(viewer: Viewer, handle: string, ref: EntryRef): Promise<DataClass> {
    const { readings, reports } = await this.#records(viewer, handle, ref)
    if (!reports.some((row) => isAt(row, ref))) return dataClassOf(standing(readings, ref))
    standing(reports, ref)
    return 'patient-reported'
  }

  /** What is on record, as far as whoever corrects what stands at `ref` may go by it. */
  async #records(viewer: Viewer, handle: string, ref: EntryRef): Promise<PatientRecords> {
    const [owner, ...others] = chartRecords(this.#clinic, handle)
    const isOwn = recordedBy(this.#clinic, viewer, handle).some((one) => placeOf(one) === placeOf(ref))
    const open = (sources: RecordSources) => (isOwn ? sources : byConsentAlone(sources))
    return recordsIn([open(owner), ...others.map(open)], viewer, handle)
  }

  #amendment(
    viewer: Viewer,
    request: {
      readonly handle: string
      readonly ref: EntryRef
      readonly old: Reading
      readonly value: ManualValue
      readonly reason: string
      readonly authorised: Authorised
    },
  ): Draft {
    const { handle, ref, old, value, reason, authorised } = request
    const { random, nowMs, identity } = this.#clinic
    const { flags, ...measured } = measuredIn(value, old)
    const timeMs = nowMs()
    // What the patient reported stays that, whoever types it anew.
    const method = old.method === 'patient-reported' ? old.method : 'manual'
    const text = encodeObservation({
      ...measured,
      flags,
      method,
      id: randomUUID(),
      // It is about the same moment and belongs to the same set.
      ...{ effective: old.measuredAt, setId: old.setId },
      issued: instantText(timeMs, offsetMinAt(timeMs)),
      subject: handle,
      practitioner: { handle: viewer.handle, name: viewer.name },
      ...{ device: null, site: value.site, deviceTime: null, deviceClockOffsetS: null, window: null },
      ...{ rawBytes: null, gateway: null, amendedBecause: reason, test: identity.demo },
      ...authorised.said,
    })
    return {
      id: random(16),
      type: 'reading.amended',
      subject: fromHex(handle),
      timeMs,
      payload: utf8(text),
      fields: encodeAmendedFields({ method, device: null, target: ref, ...authorised.fields }),
      signers: [viewer.signer, ...authorised.signers],
      keyClass: dataClassOf({ kind: old.kind, method }),
    }
  }

  /** One correction of a patient after the other. */
  async #alone<Value>(handle: string, body: () => Promise<Value>): Promise<Value> {
    const before = this.#running.get(handle)
    const run = (async () => {
      await before?.catch(() => undefined)
      return body()
    })()
    this.#running.set(handle, run)
    try {
      return await run
    } finally {
      if (this.#running.get(handle) === run) this.#running.delete(handle)
    }
  }
}

/** The readings of a patient that somebody recorded, or put in the place of others. */
export function recordedBy(
  { replica }: Pick<Clinic, 'replica'>,
  { handle: author }: Viewer,
  handle: string,
): EntryRef[] {
  return replica.chain(handle).links.flatMap((link) => {
    if (link.type !== 'reading' && link.type !== 'reading.amended') return []
    const verified = link.log.verifiedEntry(link.index)
    return !('step' in verified) && handleOf(verified, 'practitioner') === author ? [refOf(link)] : []
  })
}

function holds({ logs }: RecordReplica, origin: string): boolean {
  return logs.some((log) => log.origin === origin)
}

/** A typed value as one measurement of the same kind as the old one. */
function measuredIn({ kind, quantities, confirmed }: ManualValue, old: Reading) {
  const measured = quantities.map(fromTable)
  const [part, ...others] = splitMeasurement(measured)
  if (kind !== old.kind || part?.kind !== kind || others.length > 0)
    throw new ApiFailure('VALUE_REJECTED', { detail: kind })
  const { level, findings } = judge(kind, measured)
  if (level === 'reject') throw new ApiFailure('VALUE_REJECTED', { detail: findings[0]?.name ?? kind })
  if (level === 'confirm' && !confirmed) throw new ApiFailure('VALUE_NOT_CONFIRMED', { detail: kind })
  return { ...part, flags: level === 'confirm' ? ['confirmed-unusual'] : [] }
}

/**
 * What stands at a place, and can be seen.
 *
 * @throws ApiFailure `UNKNOWN_ENTRY`, `RECORD_NOT_VERIFIED`, `ALREADY_CORRECTED`.
 */
function standing<Content extends { readonly correction?: Correction | undefined }>(
  rows: readonly Row<Content>[],
  ref: EntryRef,
): Content {
  const row = rows.find((one) => isAt(one, ref))
  if (row === undefined) throw new ApiFailure('UNKNOWN_ENTRY')
  if (row.status === 'rejected') throw new ApiFailure('RECORD_NOT_VERIFIED', { detail: row.step })
  if (row.record.correction !== undefined) throw new ApiFailure('ALREADY_CORRECTED')
  return row.record
}

function isAt(row: Row<unknown>, ref: EntryRef): boolean {
  const { origin, index } = row.status === 'verified' ? row.position : row
  return index !== null && placeOf({ origin, index }) === placeOf(ref)
}

function isAbout(row: Row<Reading>, ref: EntryRef): boolean {
  const amends = row.status === 'verified' ? row.record.amends : undefined
  return isAt(row, ref) || (amends !== undefined && placeOf(amends) === placeOf(ref))
}
