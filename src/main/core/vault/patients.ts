import { instantText } from '../../../clinical/instant.ts'
import { decodePatient, encodePatient } from '../../../clinical/patient.ts'
import { MAX_SUBJECTS } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { Chart, Patient, Reading } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, rejected, verifyRecord } from '../verify-record.ts'
import type { Row } from '../vault-service.ts'
import { accessDraft, authorFor, offsetMinAt, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import { readReading } from './reading-record.ts'

/** Readings verified before other requests get a turn. */
const SLICE = 64

/** Patients of the site: who they are, and their charts. Every view is recorded before it is returned. */
export class Patients {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /**
   * Patients whose name, birth date or identifier contains every word of `text`; all of them when it is empty.
   * Records that cannot be verified are always part of the answer: they might be the one that is looked for.
   */
  async search(text: string): Promise<Row<Patient>[]> {
    const viewer = viewerFor(this.#clinic, 'demographics')
    const words = text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '')
    const rows = (await this.#all(viewer)).filter((row) => row.status === 'rejected' || matches(row.record, words))
    await this.#recordList(viewer, rows)
    return rows
  }

  /**
   * Registers a patient under a new random handle.
   *
   * @throws ApiFailure `DUPLICATE_PATIENT` with the field that is the same.
   */
  async register(patient: Omit<Patient, 'handle'>): Promise<Patient> {
    const viewer = authorFor(this.#clinic, 'patient.registered')
    for (const row of await this.#all(viewer)) if (row.status === 'verified') refuseDuplicate(patient, row.record)
    const registered = await this.registerAs(viewer, patient, this.#clinic.nowMs())
    viewer.seen.add(registered.handle)
    return registered
  }

  /** The same without looking for duplicates, at a given time of the author's clock. */
  async registerAs(viewer: Viewer, patient: Omit<Patient, 'handle'>, timeMs: number): Promise<Patient> {
    const { random, writer, identity } = this.#clinic
    const registered = { handle: toHex(random(16)), ...patient }
    await writer.record([
      {
        id: random(16),
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
    await this.#recordList(viewer, [row])
    return row
  }

  /**
   * The registration record of a patient.
   *
   * @throws ApiFailure `UNKNOWN_PATIENT`.
   */
  async demographics(handle: string, viewer: Viewer): Promise<Row<Patient>> {
    const { replica } = this.#clinic
    const { links, gone } = replica.chain(handle)
    const link = links.find(({ type }) => type === 'patient.registered')
    if (link === undefined) {
      const lost = gone.find(({ seq }) => seq === 0)
      if (lost === undefined) throw new ApiFailure('UNKNOWN_PATIENT')
      return rejected(replica, lost, lost.failed)
    }
    return verifyRecord(this.#clinic, {
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
    const { replica, writer, nowMs } = this.#clinic
    const { origin, size, root } = replica.head
    const patient = await this.demographics(handle, viewer)
    const readings = await this.readings(handle, viewer)
    const { links, gone } = replica.chain(handle)
    const checkedAtMs = nowMs()
    await writer.record([accessDraft(this.#clinic, viewer, { subject: handle })])
    viewer.seen.add(handle)
    return {
      handle,
      generation,
      patient,
      readings,
      assessments: [],
      reports: [],
      consent: { state: 'none', classes: [], until: null, asksSignature: false, emergencyUntil: null },
      oxygenScale: { scale: 1, by: null, at: null, reason: null },
      chainLength: links.length + gone.length,
      unattributedDamage: replica.unattributedDamage().length,
      checkedAt: instantText(checkedAtMs, offsetMinAt(checkedAtMs)),
      head: { origin, size, root: toHex(root) },
    }
  }

  /** Every reading of a chain, in its order, and every link that is gone. Access is the caller's to record. */
  async readings(handle: string, viewer: Viewer): Promise<Row<Reading>[]> {
    const { replica } = this.#clinic
    const { links, gone } = replica.chain(handle)
    const rows: { seq: number; row: Row<Reading> }[] = []
    for (const link of links) {
      if (link.type !== 'reading') continue
      // A long chart must not keep a colleague's signature waiting.
      if (rows.length % SLICE === SLICE - 1) await new Promise((resume) => setImmediate(resume))
      const row = await verifyRecord(this.#clinic, {
        subject: handle,
        link,
        view: 'clinical',
        viewer: viewer.role,
        read: readReading,
      })
      rows.push({ seq: link.seq, row })
    }
    // The registration has its own row; of everything else that is gone nobody knows what it was.
    for (const lost of gone) if (lost.seq > 0) rows.push({ seq: lost.seq, row: rejected(replica, lost, lost.failed) })
    return rows.sort((a, b) => a.seq - b.seq).map(({ row }) => row)
  }

  async #all(viewer: Viewer): Promise<Row<Patient>[]> {
    const { replica } = this.#clinic
    const handles = [
      ...replica.subjectsWith('patient.registered'),
      ...replica.lostSubjectsWith('patient.registered').map(({ subject }) => subject),
      // Only patients have more than an enrolment: somebody whose registration is gone without a trace is still listed.
      ...replica.headlessSubjects(),
    ]
    const rows: Row<Patient>[] = []
    for (const handle of handles) rows.push(await this.demographics(handle, viewer))
    return rows
  }

  /** One entry for all patients whose demographics this sign-in had not seen yet. */
  async #recordList(viewer: Viewer, rows: readonly Row<Patient>[]): Promise<void> {
    const fresh = rows.flatMap((row) =>
      row.status === 'verified' && !viewer.seen.has(row.record.handle) ? [row.record.handle] : [],
    )
    for (let from = 0; from < fresh.length; from += MAX_SUBJECTS) {
      await this.#clinic.writer.record([
        accessDraft(this.#clinic, viewer, { subjects: fresh.slice(from, from + MAX_SUBJECTS) }),
      ])
    }
    for (const handle of fresh) viewer.seen.add(handle)
  }
}

function readPatient(text: string, { entry }: VerifiedEntry): Patient {
  const { patient } = decodePatient(text)
  if (patient.handle !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('the resource is about another patient')
  return patient
}

function matches({ familyName, givenName, identifier, birthDate }: Patient, words: readonly string[]): boolean {
  const all = `${familyName} ${givenName} ${identifier} ${birthDate}`.toLowerCase()
  return words.every((word) => all.includes(word))
}

function refuseDuplicate(one: Omit<Patient, 'handle'>, other: Patient): void {
  const same = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase()
  if (same(one.identifier, other.identifier)) throw new ApiFailure('DUPLICATE_PATIENT', { detail: 'identifier' })
  const isSamePerson =
    same(one.familyName, other.familyName) && same(one.givenName, other.givenName) && one.birthDate === other.birthDate
  if (isSamePerson) throw new ApiFailure('DUPLICATE_PATIENT', { detail: 'name' })
}
