import { randomUUID } from 'node:crypto'
import { dataClassOf } from '../../../clinical/data-class.ts'
import { parseInstant, instantText } from '../../../clinical/instant.ts'
import { judge } from '../../../clinical/limits.ts'
import { encodeObservation } from '../../../clinical/observation.ts'
import { fromTable, splitMeasurement, type KindOfReading } from '../../../clinical/quantity.ts'
import type { Measurement } from '../../../devices/measurement.ts'
import { CLOCK_DISCONTINUOUS, TIME_INVALID } from '../../../devices/timeline.ts'
import { encodeReading } from '../../../ledger/fields.ts'
import type { Draft as DraftReading, ManualValue, Method, Reading } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { DeviceOrigin, EnrolledDevice, HeldDraft, ReadContext, Row, VaultService } from '../vault-service.ts'
import { type Authorised, authorisedBy, NOBODY_ASKED } from './authorisation.ts'
import { authorFor, offsetMinAt, utf8, type Clinic, type Viewer } from './clinic.ts'
import { dedupeId } from './dedupe.ts'
import { deviceSigner, isRevoked } from './device-standing.ts'
import { lookDraft, ownRecords } from './patient-logs.ts'
import { clinicalRecord } from './patient-records.ts'
import type { Patients } from './patients.ts'
import { requirePresence } from './presence.ts'
import { readReading } from './reading-record.ts'
import type { Draft } from './writer.ts'

/** One Observation to be signed. */
export interface ReadingToSign extends KindOfReading {
  /** 16 bytes: the same for the same device record, random for values typed by hand. */
  readonly id: Uint8Array
  readonly measuredAt: string
  readonly method: Method
  readonly device: { readonly handle: string | null; readonly label: string } | null
  readonly flags: readonly string[]
  readonly site: string | null
  readonly deviceTime: string | null
  readonly deviceClockOffsetS: number | null
  readonly window: DraftReading['window']
  readonly raw: Uint8Array | null
  /** Why it is given to the patient from the tray. */
  readonly assignedBecause?: string
}

/** A record of a device with one of these has no time that can be trusted. */
const UNDATED: ReadonlySet<string> = new Set([CLOCK_DISCONTINUOUS, TIME_INVALID])

/** Turns measurements and typed values into signed readings. */
export class Readings {
  readonly #clinic: Clinic
  readonly #patients: Patients

  constructor(clinic: Clinic, patients: Patients) {
    this.#clinic = clinic
    this.#patients = patients
  }

  /** Drafts of what a device sent. Nothing is recorded. */
  draftsOf(
    origin: DeviceOrigin,
    known: EnrolledDevice | null,
    measurements: readonly Measurement[],
    context: ReadContext,
  ): HeldDraft[] {
    // It may have been revoked since the API thread looked.
    const enrolled = known !== null && isRevoked(this.#clinic.replica, known.handle) ? null : known
    return measurements.map((measurement) => {
      const { kind, quantities, flags, deviceTime, raw, recordKey } = measurement
      // A memory's record is the same however often it is read; a live take is one of its own, however alike the numbers.
      const isKept = context.window === null && context.onTheSpot !== true
      const occasion = isKept ? '' : `|live ${context.readAtMs} ${toHex(this.#clinic.random(8))}`
      const draftId = toHex(
        dedupeId(this.#clinic, `${origin.family}|${origin.serial ?? origin.port}|${recordKey}${occasion}`),
      )
      const [first] = splitMeasurement(quantities)
      const draft: DraftReading = {
        draftId,
        kind,
        quantities: [...quantities],
        flags: [...flags, ...calibrationFlag(enrolled, deviceTime, context)],
        deviceTime,
        measuredAt: measuredAt(deviceTime, context.readAtMs),
        deviceClockOffsetS: clockOffsetS(context),
        method: enrolled === null ? 'unauthenticated-device' : 'device',
        deviceLabel: enrolled?.label ?? origin.name,
        site: null,
        window: measurement.window ?? context.window,
        alreadyRecorded: first !== undefined && this.#isRecorded(this.#entryId(draftId, first.kind)),
      }
      return { draft, raw, device: enrolled?.handle ?? null }
    })
  }

  /**
   * Signs, seals and reads back.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `REAUTH_NEEDED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION` for whom signs every reading
   * and is registered at another one, `RECORD_NOT_VERIFIED`, `NOTHING_TO_SIGN`,
   * `VALUE_REJECTED`, `VALUE_NOT_CONFIRMED`, `ALREADY_RECORDED`, `PATIENT_SIGNATURE_NEEDED`, `BAD_CARD`, `WRONG_CARD_PIN`,
   * `CARD_LOCKED`.
   */
  async sign({
    as,
    handle,
    drafts,
    manual,
    late,
    authorisation = null,
  }: Parameters<VaultService['signReadings']>[0]): Promise<Row<Reading>[]> {
    authorFor(this.#clinic, 'reading')
    const viewer = requirePresence(this.#clinic)
    // Somebody else signed in between the question and now: they are not made to sign it.
    if (viewer.handle !== as) throw new ApiFailure('NOT_SIGNED_IN')
    const patient = await this.#patients.demographics(handle, viewer)
    // What the patient keeps closed is recorded all the same: losing a reading is worse than not showing it.
    if (patient.status !== 'verified' && patient.step !== 'access') throw new ApiFailure('RECORD_NOT_VERIFIED')
    const now = this.#clinic.nowMs()
    const readings = [
      ...drafts.flatMap((held) => this.#ofDraft(held, late?.reason ?? null)),
      ...manual.flatMap((value) => this.#ofManual(value, now)),
    ]
    if (readings.length === 0) throw new ApiFailure('NOTHING_TO_SIGN')
    if (readings.some(({ id }) => this.#isRecorded(id))) throw new ApiFailure('ALREADY_RECORDED')
    // Nobody can say when it was measured: it is kept, and says so.
    const clockFlags = this.#clinic.clock.look() === null ? [] : ['clock-unsafe']
    const authorised = await authorisedBy(this.#clinic, handle, authorisation)
    try {
      const trayDone = late?.trayIds.map(fromHex) ?? []
      return await this.signAs(
        viewer,
        handle,
        readings.map((each) => ({ ...each, flags: [...each.flags, ...clockFlags] })),
        now,
        { trayDone, authorised },
      )
    } finally {
      authorised.wipe()
    }
  }

  /** Signs readings for a patient at a given time of the author's clock, and verifies them from the ledger. */
  async signAs(
    viewer: Viewer,
    handle: string,
    readings: readonly ReadingToSign[],
    timeMs: number,
    { trayDone = [], authorised = NOBODY_ASKED }: { trayDone?: readonly Uint8Array[]; authorised?: Authorised } = {},
  ): Promise<Row<Reading>[]> {
    const set = { setId: randomUUID(), timeMs, authorised }
    const drafts = readings.map((reading) => this.#entryDraft(viewer, handle, reading, set))
    // What was signed is shown at once: the access is part of the same block.
    const recorded = await this.#clinic.writer.record([...drafts, lookDraft(this.#clinic, viewer, handle)], trayDone)
    const { replica, emit } = this.#clinic
    const indexes = new Set(recorded.slice(0, drafts.length).map(({ index }) => index))
    const links = replica.chain(handle).links.filter(({ log, index }) => log === replica.live && indexes.has(index))
    const rows: Row<Reading>[] = []
    const sources = ownRecords(this.#clinic, handle)
    for (const link of links) rows.push(await clinicalRecord(sources, viewer, { handle, link, read: readReading }))
    emit({ kind: 'chart-changed', handle })
    return rows
  }

  /** Also by another workstation of the clinic, as far as it was heard: a meter is carried about, and tells all again. */
  #isRecorded(id: Uint8Array): boolean {
    const { replica, foreign } = this.#clinic
    return replica.holdsId(id) || foreign?.holdsId(id) === true
  }

  #ofDraft({ draft, raw, device }: HeldDraft, lateReason: string | null): ReadingToSign[] {
    const { draftId, measuredAt, deviceTime, deviceClockOffsetS, window, site, deviceLabel } = draft
    const undated = draft.flags.find((flag) => UNDATED.has(flag))
    // Nobody knows when it was measured, and the record would say that somebody does.
    if (undated !== undefined) throw new ApiFailure('VALUE_REJECTED', { detail: undated })
    if (draft.kind === 'environment') throw new ApiFailure('VALUE_REJECTED', { detail: draft.kind })
    return splitMeasurement(draft.quantities).map((part) => {
      const judgement = judge(part.kind, part.quantities)
      if (judgement.level === 'reject') throw new ApiFailure('VALUE_REJECTED', { detail: part.kind })
      const marks = [
        ...(judgement.level === 'confirm' ? ['unusual'] : []),
        ...(lateReason === null ? [] : ['assigned-later']),
      ]
      return {
        ...part,
        id: this.#entryId(draftId, part.kind),
        measuredAt,
        deviceTime,
        deviceClockOffsetS,
        site,
        raw,
        // The window is that of the saturation; minimum and maximum mean nothing for another quantity.
        window: part.kind === draft.kind ? window : null,
        method: device === null ? 'unauthenticated-device' : 'device',
        device: { handle: device, label: deviceLabel ?? '' },
        flags: [...draft.flags, ...marks],
        ...(lateReason === null ? {} : { assignedBecause: lateReason }),
      }
    })
  }

  #ofManual({ kind, quantities, site, confirmed }: ManualValue, nowMs: number): ReadingToSign[] {
    const measured = quantities.map(fromTable)
    const { level, findings } = judge(kind, measured)
    if (level === 'reject') throw new ApiFailure('VALUE_REJECTED', { detail: findings[0]?.name ?? kind })
    if (level === 'confirm' && !confirmed) throw new ApiFailure('VALUE_NOT_CONFIRMED', { detail: kind })
    return splitMeasurement(measured).map((part) => ({
      ...part,
      id: this.#clinic.random(16),
      measuredAt: instantText(nowMs, offsetMinAt(nowMs)),
      method: 'manual',
      device: null,
      flags: level === 'confirm' ? ['confirmed-unusual'] : [],
      site,
      deviceTime: null,
      deviceClockOffsetS: null,
      window: null,
      raw: null,
    }))
  }

  #entryDraft(
    viewer: Viewer,
    handle: string,
    reading: ReadingToSign,
    { setId, timeMs, authorised }: { setId: string; timeMs: number; authorised: Authorised },
  ): Draft {
    const {
      kind,
      quantities,
      technique,
      measuredAt,
      method,
      device,
      flags,
      site,
      deviceTime,
      deviceClockOffsetS,
      window,
      raw,
      id,
    } = reading
    const deviceHandle = method === 'device' ? (device?.handle ?? null) : null
    const text = encodeObservation({
      id: randomUUID(),
      kind,
      quantities,
      technique,
      effective: measuredAt,
      issued: instantText(timeMs, offsetMinAt(timeMs)),
      subject: handle,
      practitioner: { handle: viewer.handle, name: viewer.name },
      device,
      method,
      flags: [...flags],
      site,
      setId,
      deviceTime,
      deviceClockOffsetS,
      window,
      rawBytes: raw,
      ...(reading.assignedBecause === undefined ? {} : { assignedBecause: reading.assignedBecause }),
      ...authorised.said,
      gateway: null,
      test: this.#clinic.identity.demo,
    })
    return {
      id,
      type: 'reading',
      subject: fromHex(handle),
      timeMs,
      payload: utf8(text),
      fields: encodeReading({
        method,
        device: deviceHandle === null ? null : fromHex(deviceHandle),
        ...authorised.fields,
      }),
      signers: [
        viewer.signer,
        ...(deviceHandle === null ? [] : [deviceSigner(this.#clinic, deviceHandle)]),
        ...authorised.signers,
      ],
      keyClass: dataClassOf({ kind, method }),
    }
  }

  #entryId(draftId: string, kind: string): Uint8Array {
    return dedupeId(this.#clinic, `${draftId}|${kind}`)
  }
}

/** When it was measured: by the device's clock where it has one, read as local time, never corrected. */
function measuredAt(deviceTime: string | null, readAtMs: number): string {
  const deviceMs = deviceTime === null ? NaN : new Date(deviceTime).getTime()
  const ms = Number.isNaN(deviceMs) ? readAtMs : deviceMs
  return instantText(ms, offsetMinAt(ms))
}

/** Says that the calibration was due when it was measured, by our clock as far as the device's is known to be off. */
function calibrationFlag(enrolled: EnrolledDevice | null, deviceTime: string | null, context: ReadContext): string[] {
  const due = enrolled?.calibrationDue
  if (due === undefined) return []
  const offsetMs = deviceTime === null ? 0 : (clockOffsetS(context) ?? 0) * 1000
  const ms = parseInstant(measuredAt(deviceTime, context.readAtMs)).epochMs - offsetMs
  return instantText(ms, offsetMinAt(ms)).slice(0, 10) >= due ? ['calibration-overdue'] : []
}

/** How far the device's clock was ahead of ours when it was read, in seconds. */
function clockOffsetS({ deviceNow, readAtMs }: ReadContext): number | null {
  if (deviceNow === null) return null
  return Math.round((parseInstant(measuredAt(deviceNow, readAtMs)).epochMs - readAtMs) / 1000)
}
