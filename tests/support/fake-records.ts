/**
 * What the fake core says about who looked, corrections, scores, imports, exports and erasures. Keeps state as the
 * core would; the rules are as simple as a test needs them.
 */
import { implement } from '@orpc/server'
import { contract } from '../../src/shared/api/contract.ts'
import type {
  AccessRecord,
  Assessment,
  AssessmentDraft,
  AssessmentInput,
  ConsentStanding,
  DataClass,
  DecisionSupport,
  EmergencyReason,
  EntryRef,
  Erasure,
  ErasureProposal,
  ErasureReceipt,
  ExportRequest,
  Grade,
  ImportPreview,
  ManualValue,
  OxygenScale,
  Patient,
  PatientReport,
  Reading,
  ReadingKind,
  RejectedRow,
  Session,
  SystemEvent,
} from '../../src/shared/api/schemas.ts'
import { handleOf } from './fake-data.ts'

import { fail, ok, type Guard } from './fake-reply.ts'

const ORIGIN = 'chartseal.org/site/5f1c/node/1/1'
const SITE = 'Harbour Street Clinic'
const HOUR_MS = 3_600_000

/** What it needs of the fake core. */
interface Host {
  readonly now: number
  readonly patients: readonly Patient[]
  readonly known: { standing(handle: string): ConsentStanding }
  session: Session | null
  recorded: {
    readonly patient: string
    readonly reading: Reading | RejectedRow
    readonly index: number
    grade: Grade
  }[]
  readonly pins: ReadonlyMap<string, string>
  fresh(): string
  emit(event: SystemEvent): void
  record(patient: string, reading: Reading): { readonly index: number; readonly reading: Reading | RejectedRow }
  position(subject: string, index: number): object
}

/** An access with where it stands. */
interface Looked {
  readonly index: number
  readonly record: AccessRecord
}

/** Kinds that are not vital signs, and the class that each belongs to. */
const CLASSES: Partial<Record<ReadingKind, DataClass>> = {
  weight: 'body-measures',
  'body-composition': 'body-measures',
  glucose: 'laboratory',
  'sensor-glucose': 'laboratory',
  ketone: 'laboratory',
}

/** Inputs of a score: name, kind of reading, quantity, points by its number. */
const SCORED: readonly (readonly [AssessmentInput['name'], ReadingKind, string])[] = [
  ['respiratory-rate', 'respiratory-rate', 'respiratory-rate'],
  ['spo2', 'spo2', 'spo2'],
  ['oxygen', 'oxygen', 'oxygen'],
  ['systolic', 'blood-pressure', 'systolic'],
  ['pulse', 'heart-rate', 'pulse'],
  ['consciousness', 'consciousness', 'consciousness'],
  ['temperature', 'temperature', 'temperature'],
]

/** State of all that, beside the fake core. */
export class FakeRecords {
  emergencies = new Map<string, string>()
  /** What whoever is signed in recorded, as charts name it in an emergency. */
  own: EntryRef[] = []
  looked: Looked[]
  support: DecisionSupport = { news2: { enabled: true, isUnsure: false, by: 'Dr Miriam Castellane', at: null } }
  scales = new Map<string, OxygenScale>()
  assessments: { readonly patient: string; readonly index: number; readonly record: Assessment }[] = []
  reports: { readonly patient: string; readonly index: number; readonly record: PatientReport }[] = []
  erasures: Erasure[] = []
  proposals: ErasureProposal[] = []
  readonly #core: Host

  constructor(core: Host) {
    this.#core = core
    this.looked = [
      this.#access(1, 0.5, 'view', { subjects: [handleOf(1)] }),
      this.#access(2, 3, 'list', { subjects: [1, 2, 3].map(handleOf), role: 'physician' }),
      this.#access(3, 20, 'emergency', {
        subjects: [handleOf(1)],
        practitioner: 'Priya Halloran',
        purpose: 'emergency',
        reason: { code: 'unconscious', text: 'Found on the floor, no relatives could be reached.' },
      }),
      this.#access(4, 26, 'export', { subjects: [handleOf(1)], purpose: 'insurer', role: 'physician' }),
      this.#access(5, 40, 'view', { subjects: [handleOf(2)], finding: 'violation' }),
    ]
  }

  #access(n: number, hoursAgo: number, kind: AccessRecord['kind'], more: Partial<AccessRecord> = {}): Looked {
    const record: AccessRecord = {
      entryId: handleOf(0x20000 + n),
      at: new Date(this.#core.now - hoursAgo * HOUR_MS).toISOString(),
      practitioner: more.role === 'physician' ? 'Dr Miriam Castellane' : 'Jonas Weatherby',
      role: 'nurse',
      site: SITE,
      kind,
      purpose: 'care',
      subjects: [],
      reason: null,
      review: null,
      finding: null,
      ...more,
    }
    return { index: 10 + n, record }
  }

  get #who(): string {
    return this.#core.session?.practitioner.name ?? ''
  }

  get #role() {
    return this.#core.session?.practitioner.role ?? 'auditor'
  }

  isPin(pin: string): boolean {
    return this.#core.pins.get(this.#core.session?.practitioner.handle ?? '') === pin
  }

  row<Content>(subject: string, index: number, record: Content) {
    const position = this.#core.position(subject, index) as never
    return { status: 'verified' as const, position, record }
  }

  standing(handle: string): ConsentStanding {
    return { ...this.#core.known.standing(handle), emergencyUntil: this.emergencies.get(handle) ?? null }
  }

  /** Whether whoever is signed in may see data of that class. */
  maySee(handle: string, dataClass: DataClass): boolean {
    const { state, classes, emergencyUntil } = this.standing(handle)
    return emergencyUntil !== null || state === 'none' || (state !== 'refused' && classes.includes(dataClass))
  }

  hidden(subject: string, index: number): RejectedRow {
    const place = { origin: ORIGIN, index, entryId: handleOf(0x10000 + index), seq: index, subject }
    return { status: 'rejected', step: 'access', reason: 'no consent covers it', ...place }
  }

  classOf(kind: ReadingKind): DataClass {
    return CLASSES[kind] ?? 'vital-signs'
  }

  /** Parts of a chart beside its readings. */
  chartParts(handle: string) {
    const mine = <One extends { readonly patient: string }>(all: readonly One[]) =>
      all.filter(({ patient }) => patient === handle)
    return {
      assessments: mine(this.assessments).map((one) =>
        this.maySee(handle, 'assessments') ? this.row(handle, one.index, one.record) : this.hidden(handle, one.index),
      ),
      reports: mine(this.reports).map((one) =>
        this.maySee(handle, 'patient-reported')
          ? this.row(handle, one.index, one.record)
          : this.hidden(handle, one.index),
      ),
      consent: this.standing(handle),
      own: this.emergencies.has(handle) ? this.own : [],
      oxygenScale: this.#core.patients.some((one) => one.handle === handle && one.site !== undefined)
        ? null
        : this.#scaleOf(handle),
    }
  }

  #scaleOf(handle: string): OxygenScale {
    return this.scales.get(handle) ?? { scale: 1, by: null, at: null, reason: null }
  }

  breakGlass(handle: string, code: EmergencyReason, text: string): string {
    const until = new Date(Date.now() + HOUR_MS).toISOString()
    this.emergencies.set(handle, until)
    const more: Partial<AccessRecord> = {
      ...{ subjects: [handle], practitioner: this.#who, role: this.#role, purpose: 'emergency' },
      reason: { code, text },
    }
    this.looked = [this.#access(20 + this.looked.length, 0, 'emergency', more), ...this.looked]
    this.#core.emit({ kind: 'chart-changed', handle })
    return until
  }

  /** Entries as the one who is signed in may read them: an auditor without words. */
  list(handle: string | null, before: string | null, limit: number) {
    return this.looked
      .filter(({ record }) => handle === null || record.subjects.includes(handle))
      .filter(({ record }) => before === null || record.at < before)
      .slice(0, limit)
      .map((one) => this.accessRow(one))
  }

  accessRow({ index, record }: Looked) {
    const reason = record.reason === null || this.#role !== 'auditor' ? record.reason : { ...record.reason, text: null }
    return this.row(record.subjects[0] ?? handleOf(0), index, { ...record, reason })
  }

  emergencyRows() {
    const all = this.looked.filter(({ record }) => record.kind === 'emergency')
    const waiting = all.filter(({ record }) => record.review === null)
    return [...waiting, ...all.filter(({ record }) => record.review !== null)].map((one) => this.accessRow(one))
  }

  review(ref: EntryRef, outcome: 'justified' | 'not-justified' | 'follow-up', remark: string | null) {
    const found = this.looked.find(({ index }) => index === ref.index)
    if (found === undefined) return fail('UNKNOWN_ENTRY')
    if (found.record.review !== null) return fail('ALREADY_REVIEWED')
    if (found.record.practitioner === this.#who) return fail('OWN_EMERGENCY')
    const review = { outcome, remark, by: this.#who, at: new Date().toISOString() }
    this.looked = this.looked.map((one) => (one === found ? { ...one, record: { ...one.record, review } } : one))
    return ok({})
  }

  /** Marks a reading as corrected; null when that cannot be. */
  #correct(ref: EntryRef, kind: 'amended' | 'entered-in-error', reason: string, by: number): Reading | null {
    const found = this.#core.recorded.find(({ index }) => index === ref.index)
    if (found === undefined || 'status' in found.reading || found.reading.correction !== undefined) return null
    const { reading } = found
    const correction = {
      ...{ kind, reason, by: this.#who, at: new Date().toISOString() },
      ref: { origin: ORIGIN, index: by },
    }
    this.#core.recorded = this.#core.recorded.map((one) =>
      one === found ? { ...one, reading: { ...reading, correction } } : one,
    )
    return reading
  }

  amend(handle: string, ref: EntryRef, value: ManualValue, reason: string) {
    const next = 40 + this.#core.recorded.length
    const old = this.#correct(ref, 'amended', reason, next)
    if (old === null) return fail('ALREADY_CORRECTED')
    const quantities = value.quantities.map((part) => {
      const unit = old.quantities.find(({ ucum }) => ucum === part.ucum)?.unit ?? part.ucum
      return { ...part, comparator: null, unit }
    })
    const record: Reading = {
      ...old,
      ...{ quantities, method: 'manual', deviceLabel: null, flags: [], site: value.site, window: null },
      ...{ deviceTime: null, deviceClockOffsetS: null, setId: this.#core.fresh(), performer: this.#who },
      recordedAt: new Date().toISOString(),
      amends: ref,
    }
    const { index } = this.#core.record(handle, record)
    this.#core.emit({ kind: 'chart-changed', handle })
    return ok({ rows: [this.row(handle, index, record)] })
  }

  retract(handle: string, ref: EntryRef, reason: string) {
    if (this.#correct(ref, 'entered-in-error', reason, 40 + this.#core.recorded.length) === null)
      return fail('ALREADY_CORRECTED')
    this.#core.emit({ kind: 'chart-changed', handle })
    return ok({})
  }

  draft(handle: string): AssessmentDraft {
    const { enabled, isUnsure } = this.support.news2
    if (!enabled) return { state: 'not-applicable', why: isUnsure ? 'off-unsure' : 'off' }
    const born = Number(this.#core.patients.find((one) => one.handle === handle)?.birthDate.slice(0, 4))
    if (new Date(this.#core.now).getFullYear() - born < 16) return { state: 'not-applicable', why: 'under-16' }
    const inputs = SCORED.flatMap(([name, kind, quantity]) => this.#input(handle, name, kind, quantity))
    const missing = SCORED.map(([name]) => name).filter((name) => !inputs.some((input) => input.name === name))
    if (missing.length > 0) return { state: 'incomplete', missing, inputs }
    const total = inputs.reduce((sum, { points }) => sum + points, 0)
    const band =
      total >= 7 ? 'high' : total >= 5 ? 'medium' : inputs.some(({ points }) => points === 3) ? 'low-medium' : 'low'
    const { scale } = this.#scaleOf(handle)
    const at = new Date().toISOString()
    const assessment = {
      rule: 'news2' as const,
      ruleVersion: 'RCP 2017',
      scale,
      total,
      band,
      inputs,
      at,
      by: this.#who,
    }
    return { state: 'complete', assessment: assessment as Assessment }
  }

  #input(handle: string, name: AssessmentInput['name'], kind: ReadingKind, quantity: string): AssessmentInput[] {
    const newest = this.#core.recorded.findLast(
      ({ patient, reading }) =>
        patient === handle && !('status' in reading) && reading.kind === kind && reading.correction === undefined,
    )
    if (newest === undefined || 'status' in newest.reading) return []
    const part = newest.reading.quantities.find((one) => one.name === quantity) ?? newest.reading.quantities[0]
    if (part === undefined) return []
    const { measuredAt } = newest.reading
    const points = name === 'respiratory-rate' && Number(part.value) > 20 ? 2 : part.ucum === 'L/min' ? 2 : 0
    const ref = { origin: ORIGIN, index: newest.index }
    return [{ name, value: part.value, coded: part.coded, unit: part.unit, points, measuredAt, ref }]
  }

  recordAssessment(handle: string, total: number) {
    const draft = this.draft(handle)
    if (draft.state !== 'complete' || draft.assessment.total !== total) return fail('ASSESSMENT_CHANGED')
    const one = { patient: handle, index: 0x400 + this.assessments.length, record: draft.assessment }
    this.assessments.push(one)
    this.#core.emit({ kind: 'chart-changed', handle })
    return ok(this.row(handle, one.index, one.record))
  }

  preview(text: string): ImportPreview | null {
    if (!text.trimStart().startsWith('{')) return null
    const verdict = this.reports.some(({ record }) => record.identifier === 'diary-1') ? 'known' : 'new'
    const at = new Date(this.#core.now - 12 * HOUR_MS).toISOString()
    return {
      items: [
        {
          ...{ resource: 'QuestionnaireResponse', title: 'Sleep diary', at, dataClass: 'patient-reported' },
          ...{ values: ['Slept: 6 hours', 'Woke up: 2 times'], verdict, problem: null },
        },
        {
          ...{ resource: 'Observation', title: 'Steps', at, dataClass: null, values: [] },
          ...{ verdict: 'refused', problem: 'unknown-code' },
        },
      ],
      acceptable: verdict === 'new' ? 1 : 0,
    }
  }

  accept(handle: string, text: string, signedByPatient: boolean) {
    const preview = this.preview(text)
    if (preview === null) return fail('BAD_IMPORT', { detail: 'line 1' })
    if (preview.acceptable === 0) return fail('NOTHING_TO_IMPORT')
    const record: PatientReport = {
      title: 'Sleep diary',
      authored: new Date(this.#core.now - 12 * HOUR_MS).toISOString(),
      recordedAt: new Date().toISOString(),
      importedBy: this.#who,
      signedByPatient,
      identifier: 'diary-1',
      answers: [
        { question: 'How long did you sleep?', answer: '6 hours', depth: 0 },
        { question: 'How often did you wake up?', answer: '2 times', depth: 0 },
        { question: 'What woke you?', answer: 'Noise', depth: 1 },
      ],
    }
    this.reports.push({ patient: handle, index: 0x500 + this.reports.length, record })
    this.#core.emit({ kind: 'chart-changed', handle })
    return ok({ recorded: preview.acceptable })
  }

  exportPreview({ handle, purpose }: ExportRequest) {
    const mine = this.#core.recorded.filter(({ patient }) => patient === handle)
    const rejected = mine.filter(({ reading }) => 'status' in reading).length
    const withheld = purpose === 'research' ? mine.length - rejected : 0
    const classes: DataClass[] = withheld > 0 ? [] : ['demographics', 'vital-signs', 'body-measures']
    return { records: mine.length - rejected - withheld, withheld, rejected, classes }
  }

  export(request: ExportRequest) {
    if (this.exportPreview(request).records === 0) return fail('NOTHING_TO_EXPORT')
    const name = { bundle: 'records.json', ips: 'summary.json', csv: 'flowsheet.csv' }[request.format]
    const mediaType = request.format === 'csv' ? 'text/csv' : 'application/fhir+json'
    return ok({
      entryId: this.#core.fresh(),
      ref: { origin: ORIGIN, index: 30 },
      files: [
        { fileName: name, mediaType, text: request.format === 'csv' ? 'time,value\n' : '{"resourceType":"Bundle"}' },
        { fileName: 'receipts.txt', mediaType: 'text/plain', text: 'c2sp.org/tlog-proof@v1\n' },
      ],
    })
  }

  propose(target: { handle: string; records: EntryRef[] | null }, reason: string, authority: string): ErasureProposal {
    const proposal: ErasureProposal = {
      ...{ id: this.#core.fresh(), at: new Date().toISOString(), ...target, reason, authority },
      ...{ requestedBy: this.#who, mayApprove: true },
    }
    this.proposals = [proposal, ...this.proposals]
    return proposal
  }

  approve(id: string) {
    const proposal = this.proposals.find((one) => one.id === id)
    if (proposal === undefined) return fail('UNKNOWN_PROPOSAL')
    if (proposal.requestedBy === this.#who) return fail('NOT_ALLOWED')
    const { handle, records, reason, authority } = proposal
    const receipt: ErasureReceipt = {
      ...{ origin: ORIGIN, index: 33, entryId: this.#core.fresh(), at: new Date().toISOString(), subject: handle },
      ...{
        reason,
        authority,
        isWhole: records === null,
        records: records?.length ?? 24,
        statement: 'signed',
        sites: [
          {
            site: 'lake.example',
            isOwn: false,
            state: 'confirmed',
            at: '2026-03-02T08:00:00+00:00',
            nodes: 1,
            confirmed: 1,
          },
          { site: 'north.example', isOwn: false, state: 'open', at: null, nodes: 2, confirmed: 1 },
          { site: 'vale.example', isOwn: false, state: 'left', at: null, nodes: 0, confirmed: 0 },
        ],
      },
      receipt: { fileName: 'erasure-33.tlog-proof', text: 'c2sp.org/tlog-proof@v1\n' },
    }
    const { receipt: _, ...erasure } = receipt
    this.proposals = this.proposals.filter((one) => one !== proposal)
    this.erasures = [erasure, ...this.erasures]
    return ok(receipt)
  }
}

/** Routes of all that. */
export function recordRoutes(records: FakeRecords, core: Host, guard: Guard) {
  const os = implement(contract)
  return {
    access: {
      emergency: os.access.emergency.handler(
        guard('access.emergency', ({ handle, reason, text, pin }) => {
          if (!records.isPin(pin)) return fail('WRONG_PIN')
          return ok({ until: records.breakGlass(handle, reason, text) })
        }),
      ),
      endEmergency: os.access.endEmergency.handler(
        guard('access.endEmergency', ({ handle }) => {
          records.emergencies.delete(handle)
          core.emit({ kind: 'chart-changed', handle })
          return ok({})
        }),
      ),
      list: os.access.list.handler(
        guard('access.list', ({ handle, before, limit }) => ok(records.list(handle, before, limit))),
      ),
      emergencies: os.access.emergencies.handler(guard('access.emergencies', () => ok(records.emergencyRows()))),
      review: os.access.review.handler(
        guard('access.review', ({ ref, outcome, remark, pin }) =>
          records.isPin(pin) ? records.review(ref, outcome, remark) : fail('WRONG_PIN'),
        ),
      ),
    },
    records: {
      amend: os.records.amend.handler(
        guard('records.amend', ({ handle, ref, value, reason }) => records.amend(handle, ref, value, reason)),
      ),
      retract: os.records.retract.handler(
        guard('records.retract', ({ handle, ref, reason }) => records.retract(handle, ref, reason)),
      ),
    },
    assessments: {
      settings: os.assessments.settings.handler(guard('assessments.settings', () => ok(records.support))),
      configure: os.assessments.configure.handler(
        guard('assessments.configure', ({ news2, pin }) => {
          if (!records.isPin(pin)) return fail('WRONG_PIN')
          const by = core.session?.practitioner.name ?? null
          records.support = { news2: { enabled: news2, isUnsure: false, by, at: new Date().toISOString() } }
          return ok(records.support)
        }),
      ),
      draft: os.assessments.draft.handler(guard('assessments.draft', ({ handle }) => ok(records.draft(handle)))),
      record: os.assessments.record.handler(
        guard('assessments.record', ({ handle, total }) => records.recordAssessment(handle, total)),
      ),
      setScale: os.assessments.setScale.handler(
        guard('assessments.setScale', ({ handle, scale, reason, pin }) => {
          if (!records.isPin(pin)) return fail('WRONG_PIN')
          const by = core.session?.practitioner.name ?? null
          const chosen: OxygenScale = { scale, by, at: new Date().toISOString(), reason }
          records.scales.set(handle, chosen)
          core.emit({ kind: 'chart-changed', handle })
          return ok(chosen)
        }),
      ),
    },
    imports: {
      preview: os.imports.preview.handler(
        guard('imports.preview', ({ text }) => {
          const preview = records.preview(text)
          return preview === null ? fail('BAD_IMPORT', { detail: 'line 1' }) : ok(preview)
        }),
      ),
      accept: os.imports.accept.handler(
        guard('imports.accept', ({ handle, text, card }) => records.accept(handle, text, card !== null)),
      ),
    },
    exports: {
      preview: os.exports.preview.handler(guard('exports.preview', (request) => ok(records.exportPreview(request)))),
      make: os.exports.make.handler(
        guard('exports.make', ({ pin, ...request }) =>
          records.isPin(pin) ? records.export(request) : fail('WRONG_PIN'),
        ),
      ),
    },
    erasures: {
      list: os.erasures.list.handler(guard('erasures.list', () => ok(records.erasures))),
      preview: os.erasures.preview.handler(
        guard('erasures.preview', ({ records: some }) =>
          ok({ records: some?.length ?? 24, keys: 2, cards: 1, entriesThatStay: 31, sites: ['north.example'] }),
        ),
      ),
      request: os.erasures.request.handler(
        guard('erasures.request', ({ handle, records: some, reason, authority, pin }) =>
          records.isPin(pin) ? ok(records.propose({ handle, records: some }, reason, authority)) : fail('WRONG_PIN'),
        ),
      ),
      proposals: os.erasures.proposals.handler(
        guard('erasures.proposals', () => {
          const me = core.session?.practitioner.name
          return ok(records.proposals.map((one) => ({ ...one, mayApprove: one.requestedBy !== me })))
        }),
      ),
      approve: os.erasures.approve.handler(
        guard('erasures.approve', ({ id, pin }) => (records.isPin(pin) ? records.approve(id) : fail('WRONG_PIN'))),
      ),
      withdraw: os.erasures.withdraw.handler(
        guard('erasures.withdraw', ({ id }) => {
          records.proposals = records.proposals.filter((one) => one.id !== id)
          return ok({})
        }),
      ),
    },
  }
}
