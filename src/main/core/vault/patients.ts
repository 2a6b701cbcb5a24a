import { instantText } from '../../../clinical/instant.ts'
import { decodePatient, encodePatient } from '../../../clinical/patient.ts'
import { foldPatient, foldText, isSimilarPatient } from '../../../clinical/patient-similarity.ts'
import { type LogHead, MAX_SUBJECTS } from '../../../ledger/fields.ts'
import { patientHandle } from '../../../ledger/patient-handle.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Chart, Patient } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { decodeCardText } from '../../../shared/card-text.ts'
import { identifiersIn } from '../../../shared/gs1.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher } from '../hasher.ts'
import type { KeyClass } from '../class-keys.ts'
import { checkKeyClass, ContentMismatch, type RecordSources, rejected, verifyRecord } from '../verify-record.ts'
import { recordedBy } from './amendments.ts'
import type { Row } from '../vault-service.ts'
import { patientOfCard } from './cards.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import type { Finding, IndexedPatient } from './patient-index.ts'
import { oxygenScaleOf } from './endorsements.ts'
import { chartForeign, damagedIn, entriesIn, othersIn, registrationFor, searchForeign } from './foreign-patients.ts'
import type { ForeignPatient } from './foreign-shares.ts'
import { type DatedPatient, dated, registrationOf, shownTo, sistersPatients, SLICE } from './known-patients.ts'
import { ShownCharts } from './shown-charts.ts'
import { headOf, lookDraft, otherParts, sisterPatient } from './patient-logs.ts'
import { recordsIn } from './patient-records.ts'

/** Patients of the site: who they are, and their charts. Every view is recorded before it is returned. */
export class Patients {
  /** Told of every chart that is handed out. */
  readonly charts: ShownCharts
  readonly #clinic: Clinic
  #registering: Promise<unknown> = Promise.resolve()

  constructor(clinic: Clinic) {
    this.#clinic = clinic
    this.charts = new ShownCharts(clinic)
  }

  /**
   * Patients whose name, birth date or identifier contains every word of `text`; all of them when it is empty.
   * Records that cannot be verified, or that no consent opens to whoever asks, are always part of the answer: they might
   * be the one that is looked for, and an answer that depends on the text would tell what they say.
   */
  async search(text: string): Promise<Row<Patient>[]> {
    const viewer = viewerFor(this.#clinic, 'demographics')
    const words = foldText(text)
      .split(/\s+/)
      .filter((word) => word !== '')
    const { items, damaged } = await this.#everybody(viewer)
    const found = new Map<string, Row<Patient>>(damaged)
    for (const item of items) {
      const isFound = words.every((word) => item.text.includes(word))
      const row = await shownTo(this.#clinic, viewer, item, isFound)
      if (isFound || row.status === 'rejected') found.set(item.patient.handle, row)
    }
    const rows = this.#handles().flatMap((handle) => found.get(handle) ?? [])
    await this.#recordList(viewer, rows)
    const foreign = await searchForeign(this.#clinic, viewer, words, readPatient)
    await this.#recordList(
      viewer,
      foreign.map(({ row }) => row),
      foreign.map(({ head }) => head),
    )
    return [...rows, ...foreign.map(({ row }) => row)]
  }

  /** Patients who might be the same person as one who is to be registered. */
  async similar(patient: Omit<Patient, 'handle'>): Promise<Row<Patient>[]> {
    const viewer = viewerFor(this.#clinic, 'demographics')
    const rows = await Promise.all(
      (await this.#similar(viewer, patient)).map((item) => shownTo(this.#clinic, viewer, item)),
    )
    await this.#recordList(viewer, rows)
    const elsewhere = await this.#similarElsewhere(viewer, patient)
    const others = await Promise.all(elsewhere.map((shared) => registrationFor(shared, viewer, readPatient)))
    const heads = elsewhere.map(({ head }) => ({ origin: head.origin, size: head.size, root: head.root }))
    await this.#recordList(viewer, others, heads)
    return [...rows, ...others]
  }

  /** The same among those that other workstations of this clinic registered. */
  async #similarElsewhere(viewer: Viewer, patient: Omit<Patient, 'handle'>): Promise<ForeignPatient[]> {
    const wanted = foldPatient(patient)
    const sisters = await sistersPatients(this.#clinic, viewer, readPatient)
    return sisters.flatMap(({ patient: other, folded, shared }) =>
      isDuplicate(patient, other) !== null || isSimilarPatient(wanted, folded) ? shared : [],
    )
  }

  /**
   * Whom a scanned wristband or card belongs to; null when nobody is known by it, or more than one.
   *
   * @param code - As scanned. Untrusted.
   */
  async scan(code: string): Promise<Row<Patient> | null> {
    const viewer = viewerFor(this.#clinic, 'demographics')
    const row = decodeCardText(code) === null ? await this.#wristband(viewer, code) : await this.#card(viewer, code)
    if (row !== null) await this.#recordList(viewer, [row])
    return row
  }

  async #card(viewer: Viewer, code: string): Promise<Row<Patient> | null> {
    const handle = patientOfCard(this.#clinic, code)
    return handle === null ? null : this.demographics(handle, viewer)
  }

  async #wristband(viewer: Viewer, code: string): Promise<Row<Patient> | null> {
    const wanted = new Set(identifiersIn(code).map(sameCase))
    const { items } = await this.#everybody(viewer)
    const found = items.filter(({ patient }) => wanted.has(sameCase(patient.identifier)))
    const elsewhere = (await sistersPatients(this.#clinic, viewer, readPatient)).filter(({ patient }) =>
      wanted.has(sameCase(patient.identifier)),
    )
    if (found.length + elsewhere.length !== 1) return null
    const [only] = found
    if (only !== undefined) return shownTo(this.#clinic, viewer, only)
    const [other] = elsewhere
    return other === undefined ? null : registrationFor(other.shared, viewer, readPatient)
  }

  /**
   * Registers a patient under a new random handle.
   *
   * @param distinct - Somebody looked at who is similar, and says that this is another person.
   * @throws ApiFailure `DUPLICATE_PATIENT` with the field that is the same, `SIMILAR_PATIENT`.
   */
  async register(patient: Omit<Patient, 'handle'>, distinct = false): Promise<Patient> {
    const viewer = authorFor(this.#clinic, 'patient.registered')
    return this.#alone(() => this.#register(viewer, patient, distinct))
  }

  async #register(viewer: Viewer, patient: Omit<Patient, 'handle'>, distinct: boolean): Promise<Patient> {
    const { items } = await this.#everybody(viewer)
    for (const item of items) refuseDuplicate(patient, item.patient)
    for (const other of await sistersPatients(this.#clinic, viewer, readPatient))
      refuseDuplicate(patient, other.patient)
    if (!distinct && (await this.#isSimilarAnywhere(viewer, patient))) throw new ApiFailure('SIMILAR_PATIENT')
    const registered = await this.registerAs(viewer, patient, this.#clinic.nowMs())
    viewer.seen.add(registered.handle)
    return registered
  }

  async #isSimilarAnywhere(viewer: Viewer, patient: Omit<Patient, 'handle'>): Promise<boolean> {
    return (
      (await this.#similar(viewer, patient)).length > 0 || (await this.#similarElsewhere(viewer, patient)).length > 0
    )
  }

  /** One registration after the other: who is asked for twice at once is found the second time. */
  async #alone<Value>(body: () => Promise<Value>): Promise<Value> {
    const mine = this.#registering.then(body, body)
    this.#registering = mine.catch(() => undefined)
    return mine
  }

  async #similar(viewer: Viewer, patient: Omit<Patient, 'handle'>): Promise<IndexedPatient[]> {
    const wanted = foldPatient(patient)
    const { items } = await this.#everybody(viewer)
    return items.filter((item) => isDuplicate(patient, item.patient) !== null || isSimilarPatient(wanted, item.folded))
  }

  /** The same without looking for duplicates, at a given time of the author's clock. */
  async registerAs(viewer: Viewer, patient: Omit<Patient, 'handle'>, timeMs: number): Promise<Patient> {
    const { random, writer, identity } = this.#clinic
    const id = random(16)
    const registered = { handle: toHex(patientHandle(nodeHasher, identity.log, id)), ...patient }
    await writer.record([
      {
        id,
        type: 'patient.registered',
        subject: fromHex(registered.handle),
        timeMs,
        payload: utf8(encodePatient(registered, identity.demo)),
        fields: new Map(),
        signers: [viewer.signer],
      },
    ])
    return registered
  }

  /** One patient's demographics, for taking observations; the access is recorded first. */
  async one(handle: string): Promise<Row<Patient>> {
    const viewer = viewerFor(this.#clinic, 'clinical')
    const row = await this.demographics(handle, viewer)
    const sister = sisterPatient(this.#clinic, handle)
    await this.#recordList(viewer, [row], sister === null ? [] : [headOf(sister.head)])
    return row
  }

  /**
   * The registration record of a patient of this clinic, whichever of its workstations registered them.
   *
   * @param sources - Where somebody else than this clinic's consents decides who may see it, such as the patient.
   * @throws ApiFailure `UNKNOWN_PATIENT`.
   */
  async demographics(handle: string, viewer: Viewer, sources: RecordSources = this.#clinic): Promise<Row<Patient>> {
    const { replica } = this.#clinic
    const { links, gone } = replica.chain(handle)
    const link = links.find(({ type }) => type === 'patient.registered')
    if (link === undefined) {
      const sister = sisterPatient(this.#clinic, handle)
      if (sister !== null) return registrationFor(sister, viewer, readPatient)
      const lost = gone.find(({ seq }) => seq === 0)
      if (lost === undefined) throw new ApiFailure('UNKNOWN_PATIENT')
      return rejected(replica, lost, lost.failed)
    }
    return verifyRecord(sources, {
      subject: handle,
      link,
      view: 'demographics',
      viewer: viewer.role,
      read: readPatient,
    })
  }

  /** A patient's chart: demographics and every reading, each verified or named with its failed step. */
  async chart(handle: string, generation: number): Promise<Chart> {
    const viewer = viewerFor(this.#clinic, 'clinical')
    const { replica, writer, nowMs, gate, foreign } = this.#clinic
    const { origin, size, root } = replica.head
    const shared = await chartForeign(this.#clinic, viewer, { handle, generation }, readPatient)
    if (shared !== null) {
      this.charts.shown(handle, shared.consent)
      return shared
    }
    const patient = await this.demographics(handle, viewer)
    const parts = otherParts(this.#clinic, handle)
    const records = await recordsIn([this.#clinic, ...parts.map(({ sources }) => sources)], viewer, handle)
    const { scale } = await oxygenScaleOf(this.#clinic, viewer, handle)
    const { links, gone } = replica.chain(handle)
    const checkedAtMs = nowMs()
    const rows = [patient, ...records.readings, ...records.assessments, ...records.reports]
    const isEmpty = rows.every(({ status }) => status === 'rejected')
    await writer.record([lookDraft(this.#clinic, viewer, handle, isEmpty)])
    viewer.seen.add(handle)
    foreign?.charted(handle)
    const consent = await gate.standing(handle)
    this.charts.shown(handle, consent)
    return {
      handle,
      generation,
      patient,
      ...records,
      consent,
      own: consent.emergencyUntil === null ? [] : recordedBy(this.#clinic, viewer, handle),
      oxygenScale: scale,
      ...othersIn(this.#clinic, null),
      chainLength: links.length + gone.length + entriesIn(parts, handle),
      unattributedDamage: replica.unattributedDamage().length + damagedIn(parts),
      checkedAt: instantText(checkedAtMs, offsetMinAt(checkedAtMs)),
      head: { origin, size, root: toHex(root) },
    }
  }

  #handles(): string[] {
    const { replica } = this.#clinic
    return [
      ...replica.subjectsWith('patient.registered'),
      ...replica.lostSubjectsWith('patient.registered').map(({ subject }) => subject),
      // Only patients have more than an enrolment: somebody whose registration is gone without a trace is still listed.
      ...replica.headlessSubjects(),
    ]
  }

  /**
   * Everybody's registration, verified now or earlier in this sign-in, whoever may see it; and the rows of those that do
   * not verify.
   */
  #everybody({ index }: Viewer): Promise<{ items: IndexedPatient[]; damaged: [string, Row<never>][] }> {
    return index.inTurn(async () => {
      const findings: Finding[] = []
      const damaged: [string, Row<never>][] = []
      for (const handle of this.#handles()) {
        const stamp = this.#clinic.replica.chain(handle)
        if (index.isFresh(handle, stamp)) continue
        // Many patients must not keep a colleague's signature waiting.
        if ((findings.length + damaged.length) % SLICE === SLICE - 1) await new Promise((next) => setImmediate(next))
        const row = await this.#registration(handle)
        if (row.status === 'rejected') damaged.push([handle, row])
        findings.push({ handle, stamp, registration: row.status === 'rejected' ? null : registrationOf(row) })
      }
      index.take(findings)
      return { items: [...index.all()], damaged }
    })
  }

  /** A registration as the installation itself reads it, before anybody is asked who may see it. */
  async #registration(handle: string): Promise<Row<DatedPatient>> {
    const { replica } = this.#clinic
    const { links, gone } = replica.chain(handle)
    const link = links.find(({ type }) => type === 'patient.registered')
    if (link !== undefined) {
      const request = { subject: handle, link, view: 'demographics' as const, viewer: null }
      return verifyRecord(this.#clinic, {
        ...request,
        read: dated(readPatient),
      })
    }
    const lost = gone.find(({ seq }) => seq === 0)
    return lost === undefined
      ? rejected(replica, { place: null, seq: 0 }, { step: 'present', reason: 'missing' })
      : rejected(replica, lost, lost.failed)
  }

  /** One entry for all patients whose demographics this sign-in had not seen yet. */
  async #recordList(viewer: Viewer, rows: readonly Row<Patient>[], foreign: readonly LogHead[] = []): Promise<void> {
    const fresh = rows.flatMap((row) =>
      row.status === 'verified' && !viewer.seen.has(row.record.handle) ? [row.record.handle] : [],
    )
    for (let from = 0; from < fresh.length; from += MAX_SUBJECTS) {
      await this.#clinic.writer.record([
        accessDraft(this.#clinic, viewer, { subjects: fresh.slice(from, from + MAX_SUBJECTS) }, distinct(foreign)),
      ])
    }
    for (const handle of fresh) viewer.seen.add(handle)
  }
}

function readPatient(text: string, { entry }: VerifiedEntry, keyClass: KeyClass): Patient {
  const { patient } = decodePatient(text)
  if (patient.handle !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('the resource is about another patient')
  checkKeyClass(keyClass, 'demographics')
  return patient
}

/** Each log once. */
function distinct(heads: readonly LogHead[]): LogHead[] {
  return [...new Map(heads.map((head) => [head.origin, head])).values()]
}

function sameCase(text: string): string {
  return text.trim().toLowerCase()
}

/** The field that makes two patients one and the same, or null. */
function isDuplicate(one: Omit<Patient, 'handle'>, other: Patient): 'identifier' | 'name' | null {
  const same = (a: string, b: string) => sameCase(a) === sameCase(b)
  if (same(one.identifier, other.identifier)) return 'identifier'
  const isSamePerson =
    same(one.familyName, other.familyName) && same(one.givenName, other.givenName) && one.birthDate === other.birthDate
  return isSamePerson ? 'name' : null
}

function refuseDuplicate(one: Omit<Patient, 'handle'>, other: Patient): void {
  const field = isDuplicate(one, other)
  if (field !== null) throw new ApiFailure('DUPLICATE_PATIENT', { detail: field })
}
