/**
 * The state of a fake core: patients, readings, devices and what tests may make fail. Keeps state as the core would (what is
 * signed appears in the chart), seals and verifies nothing.
 */
import { splitMeasurement } from '../../src/clinical/quantity.ts'
import type { ApiCode } from '../../src/shared/api/codes.ts'
import type {
  Authorisation,
  Chart,
  Device,
  DeviceCheck,
  DeviceEnrolment,
  DeviceRecord,
  Draft,
  Governance,
  Grade,
  Evidence,
  Incident,
  LedgerBlock,
  LiveEvent,
  ManualValue,
  Patient,
  Proof,
  ProposedChange,
  ReadEvent,
  Reading,
  RejectedRow,
  Session,
  SystemEvent,
  SystemStatus,
  TrayItem,
} from '../../src/shared/api/schemas.ts'
import {
  handleOf,
  hashOf,
  PRACTITIONERS,
  PATIENTS,
  part,
  history,
  readingsOf,
  cuffDraft,
  type ScriptedSet,
} from './fake-data.ts'
import { demoDevices, fromManual, pleth } from './fake-devices.ts'
import { GOVERNANCE } from './fake-governance.ts'
import { FakeNetwork } from './fake-network.ts'
import { FakePeople } from './fake-people.ts'
import { FakeRecords } from './fake-records.ts'
import { fail, ok } from './fake-reply.ts'

/** Origin of the own log. */
export const ORIGIN = 'chartseal.org/site/5f1c/node/1/1'
const FINAL: Grade = { name: 'final', k: 1, q: 1 }

/** How a fake core starts. */
export interface FakeOptions {
  readonly status?: Partial<SystemStatus>
  /** Signed in from the start, as this practitioner. */
  readonly signedInAs?: number | null
  /** Milliseconds since 1970 that the data is relative to. */
  readonly now?: number
  /** Awaited between live samples and progress steps; real time by default. */
  readonly pause?: (ms: number) => Promise<void>
}

/** One recorded reading with where it stands. */
interface Recorded {
  readonly patient: string
  readonly reading: Reading | RejectedRow
  readonly index: number
  readonly grade: Grade
}

/** Calls that the core answers only to somebody who proved presence within the last minutes. */
const NEEDS_PRESENCE: ReadonlySet<string> = new Set([
  'capture.sign',
  'tray.assign',
  'records.amend',
  'records.retract',
  'assessments.record',
  'devices.confirmCheck',
])

/** A fake core. Tests may change its fields between calls. */
export class FakeCore {
  unattributedDamage = 0
  status: SystemStatus
  session: Session | null = null
  patients: Patient[] = [...PATIENTS]
  practitioners = [...PRACTITIONERS]
  recorded: Recorded[] = []
  devices: Device[]
  /** What was measured on nobody. */
  checks: DeviceCheck[] = []
  /** What was said about devices, newest first. */
  stated: (Pick<DeviceRecord, 'kind' | 'at' | 'result' | 'quantities' | 'note'> & { handle: string })[] = []
  /** Devices that were enrolled once. */
  revoked: DeviceEnrolment[] = []
  tray: TrayItem[]
  wrongPins = 0
  pins = new Map(PRACTITIONERS.map((person, n) => [person.handle, `${1111 * (n + 1)}`.slice(0, 3) + '7']))
  /** False when the PIN was typed too long ago. */
  isPresent = true
  /** People, cards, consents and emergency notes. */
  readonly known: FakePeople = new FakePeople(this)
  /** When set, the next call of that name fails with the code, e.g. `patients.chart`. */
  failures = new Map<string, ApiCode>()
  /** When set, calls of that name wait for it. */
  gates = new Map<string, Promise<void>>()
  /** Names of the calls made, in order. */
  readonly calls: string[] = []
  readonly captures = new Map<string, { patient: string; confirmed: boolean; drafts: Map<string, Draft> }>()
  readonly #listeners = new Set<(event: SystemEvent) => void>()
  readonly now: number
  /** Who looked, corrections, scores, imports, exports and erasures. */
  readonly records: FakeRecords
  /** Other clinics. */
  readonly network: FakeNetwork
  /** Further workstations of the clinic, as charts name them. */
  otherWorkstations: NonNullable<Chart['others']> = []
  /** When another workstation of the clinic was heard last. */
  sisterHeardAt: string | null = null
  readonly #pause: (ms: number) => Promise<void>
  #counter = 0

  constructor(options: FakeOptions = {}) {
    this.now = options.now ?? Date.now()
    this.network = new FakeNetwork(this.now)
    this.#pause = options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)))
    this.status = {
      state: 'ready',
      problem: null,
      recovery: null,
      joining: null,
      version: '0.1.0',
      shell: 'browser',
      demo: true,
      clinic: 'Harbour Street Clinic',
      systemKeystore: false,
      recoveryKeyWaits: false,
      dataFolder: '/home/clinic/chartseal',
      notices: [],
      demoPins: [...this.pins].map(([handle, pin]) => ({ handle, pin })),
      ...options.status,
    }
    this.records = new FakeRecords(this)
    this.devices = demoDevices()
    this.tray = [
      {
        id: handleOf(0x71),
        receivedAt: new Date(this.now - 900_000).toISOString(),
        reason: 'no-patient',
        draft: cuffDraft(7, this.now, 16),
      },
      {
        id: handleOf(0x72),
        receivedAt: new Date(this.now - 7_200_000).toISOString(),
        reason: 'not-enrolled',
        draft: { ...cuffDraft(8, this.now, 121), method: 'unauthenticated-device', deviceLabel: null },
      },
    ]
    if (options.signedInAs !== undefined && options.signedInAs !== null) this.#signIn(options.signedInAs)
    this.#fill()
  }

  #signIn(n: number): void {
    const practitioner = this.practitioners[n]
    if (practitioner === undefined) throw new Error(`no practitioner ${n}`)
    this.session = { practitioner, locked: false, idleLimitS: 180, warnS: 20 }
  }

  #fill(): void {
    const scripts: ScriptedSet[][] = [
      history(72, 4, 148, 88, 74, 96),
      history(30, 3, 124, 70, 92, 90),
      history(12, 2, 112, 68, 81, 98),
      history(200, 40, 98, 60, 104, 99),
      [],
    ]
    scripts.forEach((sets, p) => {
      sets.forEach((set, n) => {
        for (const reading of readingsOf(set, this.now, `set-${p}-${n}`))
          this.record(handleOf(p + 1), reading, gradeFor(n, sets.length))
      })
    })
    const eleanor = this.recorded.filter(({ patient }) => patient === handleOf(3))
    this.#reject(eleanor[8], 'signatures', 'device signature does not verify')
    this.#reject(eleanor[15], 'commitment', 'payload does not match its commitment')
  }

  #reject(target: Recorded | undefined, step: RejectedRow['step'], reason: string): void {
    if (target === undefined) return
    const row: RejectedRow = {
      status: 'rejected',
      step,
      reason,
      origin: ORIGIN,
      index: target.index,
      entryId: handleOf(target.index),
      seq: target.index,
    }
    this.recorded = this.recorded.map((one) => (one === target ? { ...one, reading: row } : one))
  }

  /** Adds a reading to a patient's chart. */
  record(patient: string, reading: Reading, grade: Grade = { name: 'sealed', k: 0, q: 1 }): Recorded {
    const recorded = { patient, reading, index: 40 + this.recorded.length, grade }
    this.recorded.push(recorded)
    return recorded
  }

  /** Says something to every window. */
  emit(event: SystemEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** Every device that was ever enrolled, those that were revoked first. */
  enrolments(): DeviceEnrolment[] {
    const standing = this.devices.flatMap(({ enrolment, name, family, serial, port, kinds }) => {
      if (enrolment === null || family === null) return []
      const { handle, label, calibrationDue = null } = enrolment
      return [{ handle, label, name, family, serial, port, kinds, calibrationDue, revoked: null }]
    })
    return [...this.revoked, ...standing]
  }

  /** What is on record about a device. */
  history(handle: string) {
    const by = this.session?.practitioner.name ?? ''
    return this.stated
      .filter((one) => one.handle === handle)
      .map(({ handle: _, ...said }, n) => ({
        status: 'verified' as const,
        position: this.position(handle, n + 1),
        record: { ...said, by, due: null },
      }))
  }

  /** A handle, id or draft id that was not used yet. */
  fresh(): string {
    return handleOf(0xf0000 + this.#counter++)
  }

  async enter(name: string): Promise<ApiCode | null> {
    this.calls.push(name)
    await this.gates.get(name)
    const code = this.failures.get(name) ?? null
    this.failures.delete(name)
    return code ?? (!this.isPresent && NEEDS_PRESENCE.has(name) ? 'REAUTH_NEEDED' : null)
  }

  async *events(signal: AbortSignal | undefined): AsyncGenerator<SystemEvent> {
    const queue: SystemEvent[] = [
      { kind: 'status', status: this.status },
      { kind: 'session', session: this.session },
      { kind: 'devices', devices: this.devices },
      { kind: 'tray', count: this.tray.length },
      { kind: 'ledger', size: 40 + this.recorded.length },
      { kind: 'network', network: this.network.summary() },
    ]
    let wake = (): void => undefined
    const listener = (event: SystemEvent): void => {
      queue.push(event)
      wake()
    }
    this.#listeners.add(listener)
    signal?.addEventListener('abort', () => wake())
    try {
      while (!signal?.aborted) {
        const next = queue.shift()
        if (next !== undefined) yield next
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  row(recorded: Recorded) {
    const { reading, index, grade, patient } = recorded
    if ('status' in reading) return reading
    return { status: 'verified' as const, position: this.position(patient, index, grade), record: reading }
  }

  /** As a chart shows it: without content where consent does not cover it. */
  chartRow(recorded: Recorded) {
    const { reading, patient, index } = recorded
    const isOpen = 'status' in reading || this.records.maySee(patient, this.records.classOf(reading.kind))
    return isOpen ? this.row(recorded) : this.records.hidden(patient, index)
  }

  position(subject: string, index: number, grade: Grade = FINAL) {
    return {
      origin: ORIGIN,
      index,
      entryId: handleOf(0x10000 + index),
      subject,
      seq: index,
      block: Math.floor(index / 4),
      grade,
    }
  }

  patientRow(patient: Patient) {
    if (!this.records.maySee(patient.handle, 'demographics')) {
      const row = this.records.hidden(patient.handle, 0)
      return patient.site === undefined ? row : { ...row, site: patient.site }
    }
    return {
      status: 'verified' as const,
      position: this.position(patient.handle, Number(`0x${patient.handle.slice(-2)}`)),
      record: patient,
    }
  }

  signIn(handle: string, pin: string) {
    if (this.wrongPins >= 5) return fail('PIN_LOCKED', { retryAfterS: 30 })
    if (this.pins.get(handle) !== pin) {
      this.wrongPins += 1
      return this.wrongPins >= 5 ? fail('PIN_LOCKED', { retryAfterS: 30 }) : fail('WRONG_PIN')
    }
    this.wrongPins = 0
    this.#signIn(this.practitioners.findIndex((person) => person.handle === handle))
    this.emit({ kind: 'session', session: this.session })
    return this.session === null ? fail('INTERNAL') : ok(this.session)
  }

  search(text: string): Patient[] {
    const wanted = text.trim().toLowerCase()
    return this.patients.filter((p) =>
      `${p.familyName} ${p.givenName} ${p.identifier} ${p.birthDate}`.toLowerCase().includes(wanted),
    )
  }

  async *live(captureId: string, signal: AbortSignal | undefined): AsyncGenerator<LiveEvent, void> {
    if (!this.captures.has(captureId)) return void (yield { kind: 'ended', code: 'UNKNOWN_CAPTURE' })
    for (let tick = 0; !signal?.aborted; tick++) {
      const wave = Array.from({ length: 6 }, (_, i) => pleth((tick * 6 + i) / 60))
      yield {
        kind: 'samples' as const,
        atMs: tick * 100,
        wave,
        spo2: tick < 8 ? null : 97,
        pulse: tick < 8 ? null : 72 + Math.round(2 * Math.sin(tick / 20)),
        perfusionIndex: '4.2',
        finger: tick >= 4,
        stableS: Math.max(0, Math.floor((tick - 12) / 10)),
      }
      await this.#pause(100)
    }
  }

  async *read(captureId: string): AsyncGenerator<ReadEvent, void> {
    const capture = this.captures.get(captureId)
    if (capture === undefined) return void (yield { kind: 'ended', code: 'UNKNOWN_CAPTURE' })
    for (let done = 0; done <= 6; done++) {
      yield { kind: 'progress' as const, done, total: 6 }
      await this.#pause(150)
    }
    const drafts = [4, 65, 190, 1500, 4400, 5900].map((minutes, n) => cuffDraft(n, this.now, minutes, n >= 3))
    for (const draft of drafts) capture.drafts.set(draft.draftId, draft)
    yield { kind: 'drafts' as const, drafts }
    yield { kind: 'ended' as const, code: null }
  }

  async *measure(captureId: string): AsyncGenerator<ReadEvent, void> {
    const capture = this.captures.get(captureId)
    if (capture === undefined) return void (yield { kind: 'ended', code: 'UNKNOWN_CAPTURE' })
    await this.#pause(150)
    const draft: Draft = {
      ...cuffDraft(0, this.now, 0),
      draftId: this.fresh(),
      kind: 'weight',
      quantities: [{ name: 'weight', value: '71.4', comparator: null, ucum: 'kg', unit: 'kg', coded: null }],
    }
    capture.drafts.set(draft.draftId, draft)
    yield { kind: 'drafts' as const, drafts: [draft] }
    yield { kind: 'ended' as const, code: null }
  }

  takeLive(captureId: string): Draft[] | null {
    const capture = this.captures.get(captureId)
    if (capture === undefined) return null
    const base = { ...cuffDraft(0, this.now, 0), deviceLabel: 'Oximeter 2', deviceTime: null, deviceClockOffsetS: null }
    const shown = (parts: ReturnType<typeof part.spo2>) =>
      parts.map(([name, value, ucum, unit]) => ({ name, value, comparator: null, ucum, unit, coded: null }))
    const drafts: Draft[] = [
      {
        ...base,
        draftId: this.fresh(),
        kind: 'spo2',
        quantities: shown(part.spo2(97)),
        window: { seconds: 8, min: '96', max: '98' },
      },
      {
        ...base,
        draftId: this.fresh(),
        kind: 'heart-rate',
        quantities: shown(part.pulse(72)),
        window: { seconds: 8, min: '70', max: '74' },
      },
    ]
    for (const draft of drafts) capture.drafts.set(draft.draftId, draft)
    return drafts
  }

  sign(
    captureId: string,
    draftIds: readonly string[],
    manual: readonly ManualValue[],
    authorisation: Authorisation | null = null,
  ) {
    const capture = this.captures.get(captureId)
    if (capture === undefined) return fail('UNKNOWN_CAPTURE')
    if (!capture.confirmed) return fail('IDENTITY_NOT_CONFIRMED')
    if (draftIds.length + manual.length === 0) return fail('NOTHING_TO_SIGN')
    const standing = this.known.standing(capture.patient)
    if (standing.asksSignature && authorisation === null) return fail('PATIENT_SIGNATURE_NEEDED')
    const refusal = authorisation === null ? null : this.known.authorisationProblem(capture.patient, authorisation)
    if (refusal !== null) return fail(refusal)
    const now = new Date().toISOString()
    const authorised = authorisation?.how === 'incapable' ? ('incapable' as const) : ('patient' as const)
    const common = {
      ...(authorisation === null ? {} : { authorised }),
      setId: this.fresh(),
      recordedAt: now,
      performer: this.session?.practitioner.name ?? '',
      test: true,
    }
    const readings: Reading[] = []
    for (const id of draftIds) {
      const draft = capture.drafts.get(id)
      if (draft === undefined) return fail('UNKNOWN_DRAFT')
      const { draftId: _, alreadyRecorded: __, ...context } = draft
      for (const { kind, quantities } of splitMeasurement(context.quantities))
        readings.push({ ...context, kind, quantities, ...common })
    }
    for (const value of manual) readings.push({ ...fromManual(value, now), ...common })
    const rows = readings
      .map((reading) => this.row(this.record(capture.patient, reading)))
      .map((row) => (standing.state === 'refused' ? this.hidden(row) : row))
    this.emit({ kind: 'chart-changed', handle: capture.patient })
    this.emit({ kind: 'ledger', size: 40 + this.recorded.length })
    return ok({ rows })
  }

  /** The same row for somebody who may not see it. */
  hidden(row: ReturnType<FakeCore['row']>): RejectedRow {
    if (row.status === 'rejected') return row
    const { origin, index, entryId, seq } = row.position
    return { status: 'rejected', step: 'access', reason: 'no consent covers it', origin, index, entryId, seq }
  }

  blocks(before: number | null, limit: number): LedgerBlock[] {
    const newest = Math.floor((40 + this.recorded.length) / 4)
    const from = before === null ? newest : before - 1
    return Array.from({ length: Math.min(limit, from + 1) }, (_, n) => this.block(from - n))
  }

  block(block: number): LedgerBlock {
    return {
      block,
      firstIndex: block * 4,
      count: 4,
      size: block * 4 + 4,
      root: hashOf(block + 900),
      hash: hashOf(block + 1),
      previousHash: block === 0 ? null : hashOf(block),
      sealedAt: new Date(this.now - (Math.floor((40 + this.recorded.length) / 4) - block) * 600_000).toISOString(),
      grade: FINAL,
      problem: null,
    }
  }

  proof(index: number): Proof {
    return {
      networkId: hashOf(1),
      rosters: ['a0'],
      opened: null,
      seal: 'a0',
      sealPath: [],
      origin: ORIGIN,
      logKey: hashOf(2),
      index,
      size: 40 + this.recorded.length,
      entry: 'a1'.repeat(180),
      leaf: hashOf(index + 3),
      path: Array.from({ length: 8 }, (_, n) => hashOf(index * 10 + n)),
      checkpoint: `${ORIGIN}\n${40 + this.recorded.length}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— ${ORIGIN} Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`,
      block: this.block(Math.floor(index / 4)),
      grade: FINAL,
      type: 'reading',
      at: new Date(this.now - 3_600_000).toISOString(),
      subject: { handle: handleOf(1), seq: index, previousLeaf: hashOf(index) },
      payload: { commitment: hashOf(index + 5), ciphertextHash: hashOf(index + 6), sealedBytes: 2048 },
      signatures: [
        { role: 'device', publicKey: hashOf(11), signature: hashOf(12).repeat(2), signer: 'Cuff ward 3' },
        { role: 'practitioner', publicKey: hashOf(13), signature: hashOf(14).repeat(2), signer: 'Jonas Weatherby' },
        { role: 'log', publicKey: hashOf(15), signature: hashOf(16).repeat(2), signer: ORIGIN },
      ],
    }
  }

  /** What `ledger.evidence` lists. */
  evidence: Evidence[] = []

  /** A proof about the own log, in any text that looks like one. */
  proofIn(text: string): Evidence | null {
    if (!text.startsWith('chartseal/fork/v1\n')) return null
    const sizes = { olderSize: 30, newerSize: 40 }
    const at = new Date(this.now).toISOString()
    const proof = { id: hashOf(77), origin: ORIGIN, isOwn: true, byLog: true, sites: [], ...sizes, receivedAt: at }
    this.evidence = [proof]
    return proof
  }

  /** What `ledger.governance` tells. */
  governance: Governance = GOVERNANCE

  /** IT alone acts. */
  get mayGovern(): { mayPublish: boolean; mayPropose: boolean } {
    const isIt = this.session?.practitioner.role === 'it'
    return { mayPublish: isIt, mayPropose: isIt }
  }

  /** Changes of the roster that were proposed. */
  readonly proposed: ProposedChange[] = []

  /** What `ledger.incidents` lists, newest first. */
  incidents: Incident[] = []

  /** One damaged entry, which only a second replica repairs. */
  async *scrub(file: string | null) {
    const total = 40 + this.recorded.length
    for (let done = 0; done < total; done += 24) {
      yield { kind: 'progress' as const, done, total }
      await this.#pause(60)
    }
    const outcome = file === null ? ('open' as const) : ('repaired' as const)
    const place = { what: 'entry' as const, origin: ORIGIN, index: 7 }
    yield { kind: 'finding' as const, ...place, outcome, reason: 'the entry is missing' }
    const counts = { open: file === null ? 1 : 0, repaired: file === null ? 0 : 1, removed: 0 }
    const rows = [
      { origin: ORIGIN, kind: place.what, outcome, count: 1, ranges: [{ from: place.index, to: place.index + 1 }] },
    ]
    const kind = file === null ? 'rows.damaged' : 'rows.repaired'
    const at = new Date(this.now).toISOString()
    this.incidents = [
      { origin: ORIGIN, index: total, entryId: handleOf(0x30000 + total), at, kind, claimed: null, nodes: [], rows },
      ...this.incidents,
    ]
    yield { kind: 'done' as const, checked: total, ...counts, isWhole: true, ms: 840 }
  }

  async *verifyAll() {
    const total = 40 + this.recorded.length
    for (let done = 0; done < total; done += 24) {
      yield { kind: 'progress' as const, done, total }
      await this.#pause(60)
    }
    const rejected = this.recorded.flatMap(({ reading }) => ('status' in reading ? [reading] : []))
    for (const { index, step, reason } of rejected)
      yield { kind: 'finding' as const, origin: 'ward/1', index, step, reason }
    yield { kind: 'done' as const, checked: total, findings: rejected.length, ms: 840 }
  }
}

function gradeFor(n: number, count: number): Grade {
  if (n === count - 1) return { name: 'sealed', k: 0, q: 1 }
  return n === count - 2 ? { name: 'cosigned', k: 1, q: 2 } : FINAL
}
