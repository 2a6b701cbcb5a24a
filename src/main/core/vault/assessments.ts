/**
 * Scores: computed from verified values of one set, recorded with every value they rest on, and off until a physician
 * answers for them.
 *
 * @remarks
 * What is switched on, and which oxygen scale a patient has, are entries signed by a physician; the newest that is
 * proven counts. An emergency opens a chart for reading: a score is worked out from what it shows, and neither recorded
 * nor is the scale chosen anew. Proven by `tests/main/core/vault/assessments.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeAssessment } from '../../../clinical/assessment.ts'
import { encodeAudit } from '../../../clinical/audit-event.ts'
import { instantText } from '../../../clinical/instant.ts'
import { news2, type ScoredReading } from '../../../clinical/news2.ts'
import { encodeAssessmentFields, encodeEndorsementFields } from '../../../ledger/record-fields.ts'
import type {
  Assessment,
  AssessmentDraft,
  DecisionSupport,
  OxygenScale,
  Patient,
  Reading,
} from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import type { Asked, Row } from '../vault-service.ts'
import { byConsentAlone, verifiedIn, type RecordSources } from '../verify-record.ts'
import { readAssessment } from './assessment-record.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import { placeOf } from './corrections.ts'
import { dedupeId } from './dedupe.ts'
import { endorsed, mayBeOverruled, newestOf, oxygenScaleOf, signedBy } from './endorsements.ts'
import { lookDraft, otherParts, requireRegisteredHere } from './patient-logs.ts'
import { clinicalRecord, recordsIn } from './patient-records.ts'
import { presence, requirePresence } from './presence.ts'
import { isInDoubt } from './score-doubts.ts'

/** Words of the endorsement that switches NEWS2. */
const NEWS2 = { on: 'news2:on', off: 'news2:off' } as const

/** Whoever is asked for a patient's demographics. */
export interface Demographics {
  demographics(handle: string, viewer: Viewer, sources?: RecordSources): Promise<Row<Patient>>
}

/** Scores of an open clinic. */
export class Assessments {
  readonly #clinic: Clinic
  readonly #patients: Demographics

  constructor(clinic: Clinic, patients: Demographics) {
    this.#clinic = clinic
    this.#patients = patients
  }

  /** What is switched on, by whom and since when. */
  async settings(): Promise<DecisionSupport> {
    viewerFor(this.#clinic, 'people')
    const { replica } = this.#clinic
    const subjects = replica.subjectsWith('endorsement')
    const newest = newestOf(subjects.flatMap((one) => endorsed(replica.chain(one).links, 'decision-support')))
    if (newest === null) return { news2: { enabled: false, isUnsure: false, by: null, at: null } }
    const isOn = newest.value === NEWS2.on
    // Where a later choice may be lost, nobody knows that it is on: a physician answers for it anew.
    const isUnsure = isOn && mayBeOverruled(replica, replica.subjectsWith('practitioner.enrolled'), newest.link)
    return { news2: { enabled: isOn && !isUnsure, isUnsure, ...(await signedBy(this.#clinic, newest.verified)) } }
  }

  /**
   * Switches NEWS2 on or off, for the whole clinic.
   *
   * @throws ApiFailure `NOT_ALLOWED` for anyone but a physician; KeystoreError `WRONG_PIN`, `PIN_LOCKED`.
   */
  async configure({ news2: isOn, pin }: Asked['assessments']['configure']): Promise<DecisionSupport> {
    authorFor(this.#clinic, 'endorsement')
    const viewer = await presence(this.#clinic, pin)
    const { random, writer, nowMs } = this.#clinic
    const value = isOn ? NEWS2.on : NEWS2.off
    await writer.record([
      {
        id: random(16),
        type: 'endorsement',
        subject: fromHex(viewer.handle),
        timeMs: nowMs(),
        payload: null,
        fields: encodeEndorsementFields({ kind: 'decision-support', target: null, value }),
        signers: [viewer.signer],
      },
    ])
    return this.settings()
  }

  /**
   * What the newest set of observations of a patient gives.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `CONSENT_NEEDED`, `RECORD_NOT_VERIFIED` when it
   * cannot be told which oxygen scale the patient has, or whether a value was corrected or a newer one cannot be read.
   */
  async draft(handle: string): Promise<AssessmentDraft> {
    const viewer = viewerFor(this.#clinic, 'clinical')
    const draft = await this.#compute(viewer, handle, this.#clinic.nowMs(), (sources) => sources)
    await this.#clinic.writer.record([lookDraft(this.#clinic, viewer, handle)])
    return draft
  }

  /**
   * Records the score that was shown, if it still is what the newest set gives.
   *
   * @throws ApiFailure as {@link draft}, `REAUTH_NEEDED`, `ASSESSMENT_CHANGED`, `ALREADY_RECORDED`.
   */
  async record({ handle, total, inputs }: Asked['assessments']['record']): Promise<Row<Assessment>> {
    authorFor(this.#clinic, 'assessment')
    const viewer = requirePresence(this.#clinic)
    const timeMs = this.#clinic.nowMs()
    const draft = await this.#compute(viewer, handle, timeMs, byConsentAlone)
    if (draft.state !== 'complete') throw new ApiFailure('ASSESSMENT_CHANGED')
    const { assessment } = draft
    const isShown =
      assessment.total === total &&
      assessment.inputs.every(({ ref }, i) => inputs[i] !== undefined && placeOf(ref) === placeOf(inputs[i]))
    if (!isShown) throw new ApiFailure('ASSESSMENT_CHANGED')
    return this.#seal(viewer, handle, assessment, timeMs)
  }

  /**
   * Chooses a patient's oxygen scale.
   *
   * @throws ApiFailure `NOT_ALLOWED` for anyone but a physician, `UNKNOWN_PATIENT`, `OTHER_WORKSTATION`, `CONSENT_NEEDED`; KeystoreError
   * `WRONG_PIN`, `PIN_LOCKED`.
   */
  async setScale({ handle, scale, reason, pin }: Asked['assessments']['setScale']): Promise<OxygenScale> {
    authorFor(this.#clinic, 'endorsement')
    const viewer = await presence(this.#clinic, pin)
    const sources = byConsentAlone(this.#clinic)
    await this.#mustBeKnown(viewer, handle, sources)
    const { failed } = await oxygenScaleOf(this.#clinic, viewer, handle, sources)
    if (failed === 'access') throw new ApiFailure('CONSENT_NEEDED')
    const { random, writer, nowMs, identity, emit } = this.#clinic
    const timeMs = nowMs()
    const text = encodeAudit({
      kind: 'oxygen-scale',
      at: instantText(timeMs, offsetMinAt(timeMs)),
      practitioner: { handle: viewer.handle, name: viewer.name },
      ...{ site: identity.site, patient: handle, detail: String(scale), words: reason, test: identity.demo },
    })
    await writer.record([
      {
        id: random(16),
        type: 'endorsement',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(text),
        fields: encodeEndorsementFields({ kind: 'oxygen-scale', target: null, value: String(scale) }),
        signers: [viewer.signer],
        keyClass: 'assessments',
      },
      accessDraft(this.#clinic, viewer, { subject: handle }),
    ])
    emit({ kind: 'chart-changed', handle })
    return (await oxygenScaleOf(this.#clinic, viewer, handle)).scale
  }

  /** @param open - What of the records is open to what this is for. */
  async #compute(
    viewer: Viewer,
    handle: string,
    nowMs: number,
    open: (sources: RecordSources) => RecordSources,
  ): Promise<AssessmentDraft> {
    const sources = open(this.#clinic)
    const patient = await this.#mustBeKnown(viewer, handle, sources)
    const { enabled, isUnsure } = (await this.settings()).news2
    if (!enabled) return { state: 'not-applicable', why: isUnsure ? 'off-unsure' : 'off' }
    const { scale, failed } = await oxygenScaleOf(this.#clinic, viewer, handle, sources)
    if (failed !== null) throw new ApiFailure(failed === 'access' ? 'CONSENT_NEEDED' : 'RECORD_NOT_VERIFIED')
    // Never less than the chart shows: what other workstations of the clinic recorded counts as well.
    const parts = otherParts(this.#clinic, handle).map((part) => open(part.sources))
    const { readings: rows } = await recordsIn([sources, ...parts], viewer, handle)
    const draft = news2(rows.flatMap(scoredOf), {
      birthDate: patient.status === 'verified' ? patient.record.birthDate : null,
      pregnant: false,
      scale: scale.scale,
      at: instantText(nowMs, offsetMinAt(nowMs)),
      by: viewer.name,
    })
    const replicas = [sources, ...parts].map(({ replica }) => replica)
    if (draft.state === 'complete' && isInDoubt({ handle, assessment: draft.assessment, replicas, rows }))
      throw new ApiFailure('RECORD_NOT_VERIFIED')
    return draft
  }

  async #seal(viewer: Viewer, handle: string, assessment: Assessment, timeMs: number): Promise<Row<Assessment>> {
    const { writer, replica, identity, emit } = this.#clinic
    const { rule, scale, inputs } = assessment
    const facts = { assessment, patient: handle, practitioner: viewer.handle, test: identity.demo }
    const refs = inputs.map(({ ref }) => ref)
    const [recorded] = await writer.record([
      {
        // The same values are scored once, however often somebody presses the button.
        id: dedupeId(this.#clinic, `${rule}|${handle}|${scale}|${refs.map(placeOf).join('|')}`),
        type: 'assessment',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(encodeAssessment(facts)),
        fields: encodeAssessmentFields({ rule, inputs: refs }),
        signers: [viewer.signer],
      },
      lookDraft(this.#clinic, viewer, handle),
    ])
    const { links } = replica.chain(handle)
    const link = links.find(({ log, index }) => log === replica.live && index === recorded?.index)
    if (link === undefined) throw new ApiFailure('RECORD_NOT_VERIFIED')
    emit({ kind: 'chart-changed', handle })
    return clinicalRecord(this.#clinic, viewer, { handle, link, read: readAssessment })
  }

  async #mustBeKnown(viewer: Viewer, handle: string, sources: RecordSources): Promise<Row<Patient>> {
    // Which oxygen scale holds is said there alone.
    requireRegisteredHere(this.#clinic, handle)
    const row = await this.#patients.demographics(handle, viewer, sources)
    if (row.status === 'rejected' && row.step === 'access') throw new ApiFailure('CONSENT_NEEDED')
    return row
  }
}

function scoredOf(row: Row<Reading>): ScoredReading[] {
  if (row.status !== 'verified') return []
  const { origin, index } = row.position
  return [{ record: verifiedIn(row), ref: { origin, index } }]
}
