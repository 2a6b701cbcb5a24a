/**
 * The whole API in memory, on its own contract: for component tests, and for looking at the window before there is a
 * core. Keeps state as the core would (what is signed appears in the chart), seals and verifies nothing.
 */
import { createRouterClient, implement } from '@orpc/server'
import { shallowRef } from 'vue'
import { splitMeasurement } from '../../src/clinical/quantity.ts'
import { contract } from '../../src/shared/api/contract.ts'
import type {
  Authorisation,
  Device,
  DeviceCheck,
  DeviceEnrolment,
  DeviceRecord,
  Draft,
  Governance,
  Grade,
  Evidence,
  Incident,
  ProposedChange,
  LedgerBlock,
  LiveEvent,
  ManualValue,
  Patient,
  Proof,
  ReadEvent,
  Reading,
  RejectedRow,
  Session,
  SystemEvent,
  SystemStatus,
  TrayItem,
} from '../../src/shared/api/schemas.ts'
import type { ApiCode } from '../../src/shared/api/codes.ts'
import { brand, type Api, type ConnectionState } from '../../src/renderer/api/client.ts'
import {
  cuffDraft,
  handleOf,
  hashOf,
  history,
  part,
  PATIENTS,
  PRACTITIONERS,
  readingsOf,
  type ScriptedSet,
} from './fake-data.ts'
import { GOVERNANCE, nextContract, nextRoster, WAITING } from './fake-governance.ts'
import { FakeRecords, recordRoutes } from './fake-records.ts'
import { FakeNetwork, JOIN_CODE, joiningNow, networkAnswers } from './fake-network.ts'
import { fail, ok, type Guard } from './fake-reply.ts'
import { decisionAnswers, FakePeople, personAnswers } from './fake-people.ts'

const ORIGIN = 'chartseal.org/site/5f1c/node/1/1'
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
  readonly known = new FakePeople(this)
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
      { origin: ORIGIN, index: total, entryId: handleOf(0x30000 + total), at, kind, claimed: null, rows },
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

function pleth(seconds: number): number {
  const phase = (seconds * 1.2) % 1
  const rise = Math.exp(-(((phase - 0.18) / 0.09) ** 2))
  const notch = 0.35 * Math.exp(-(((phase - 0.48) / 0.11) ** 2))
  return Math.round(18 + 90 * (rise + notch) * 0.9)
}

function fromManual(value: ManualValue, at: string): Omit<Reading, 'setId' | 'recordedAt' | 'performer' | 'test'> {
  return {
    kind: value.kind,
    quantities: value.quantities.map((quantity) => ({
      ...quantity,
      comparator: null,
      unit: quantity.ucum.replace('mm[Hg]', 'mmHg').replace('Cel', '°C'),
    })),
    measuredAt: at,
    method: 'manual',
    deviceLabel: null,
    flags: value.confirmed ? ['confirmed-unusual'] : [],
    site: value.site,
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
  }
}

function demoDevices(): Device[] {
  const common = { serial: null, virtual: true, problem: null }
  return [
    {
      ...common,
      connectionId: 'virtual:oximeter',
      family: 'contec-28e9-028a',
      name: 'Contec CMS50E',
      proven: 'captured',
      mode: 'live',
      memory: true,
      kinds: ['spo2', 'heart-rate'],
      port: 'virtual 1',
      status: 'ready',
      enrolment: { handle: handleOf(0xe1), label: 'Oximeter 2' },
    },
    {
      ...common,
      connectionId: 'virtual:cuff',
      family: 'omron-0590-0028',
      name: 'Omron HEM-7322U',
      proven: 'captured',
      mode: 'memory',
      memory: true,
      kinds: ['blood-pressure', 'heart-rate'],
      port: 'virtual 2',
      status: 'ready',
      serial: '20180602344VG',
      enrolment: { handle: handleOf(0xe2), label: 'Cuff ward 3' },
    },
    {
      ...common,
      connectionId: 'usb:3-1',
      family: 'omron-0590-0028',
      name: 'Omron HEM-7131U',
      proven: 'constructed',
      mode: 'memory',
      memory: true,
      kinds: ['blood-pressure', 'heart-rate'],
      port: 'usb 3-1',
      virtual: false,
      status: 'needs-attention',
      problem: 'DEVICE_PERMISSION',
      enrolment: null,
    },
    {
      ...common,
      connectionId: 'usb:3-2',
      family: null,
      name: 'HID device 1a61:3650',
      proven: null,
      mode: null,
      memory: false,
      kinds: [],
      port: 'usb 3-2',
      virtual: false,
      status: 'unsupported',
      problem: null,
      enrolment: null,
    },
  ]
}

/** The API's router on `core`. */
export function fakeRouter(core: FakeCore) {
  const os = implement(contract)
  const guard: Guard =
    (name, answer) =>
    async ({ input }) => {
      const code = await core.enter(name)
      return code === null ? answer(input) : fail(code)
    }
  const persons = personAnswers(os, core, guard)
  return os.router({
    ...decisionAnswers(os, core, guard),
    system: {
      status: os.system.status.handler(guard('system.status', () => ok(core.status))),
      events: os.system.events.handler(({ signal }) => core.events(signal)),
      about: os.system.about.handler(
        guard('system.about', () =>
          ok({
            version: core.status.version,
            notices:
              'LOINC® is a registered trademark of Regenstrief Institute, Inc.\n\nUCUM is copyright Regenstrief Institute, Inc. and the UCUM Organization.\n\nvue 3.5 — MIT',
          }),
        ),
      ),
    },
    setup: {
      createClinic: os.setup.createClinic.handler(
        guard('setup.createClinic', (input) => {
          if (input.passphrase !== null && input.passphrase.length < 12) return fail('WEAK_PASSPHRASE')
          core.status = { ...core.status, state: 'ready', demo: false, clinic: input.clinicName, demoPins: [] }
          return ok({ recoveryKey: 'K7QM-4TXR-92HD-WPLN-6CVF-3JYB-8SGA-5EZU-1DKT' })
        }),
      ),
      openDemo: os.setup.openDemo.handler(
        guard('setup.openDemo', () => {
          core.status = { ...core.status, state: 'ready', demo: true }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
      restore: os.setup.restore.handler(
        guard('setup.restore', ({ recoveryKey }) => {
          if (recoveryKey !== 'K7QM') return fail('BAD_RECOVERY_KEY')
          core.status = { ...core.status, state: 'ready', demo: false }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
      recover: os.setup.recover.handler(
        guard('setup.recover', ({ recoveryKey }) => {
          if (recoveryKey !== 'K7QM') return fail('BAD_RECOVERY_KEY')
          core.status = { ...core.status, state: 'ready', recovery: null }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
      joinNetwork: os.setup.joinNetwork.handler(
        guard('setup.joinNetwork', ({ clinicName, invitation }) => {
          if (!invitation.startsWith('CHARTSEAL-JOIN1-K')) return fail('BAD_INVITATION')
          const joining = joiningNow('calling')
          core.status = { ...core.status, state: 'joining', demo: false, clinic: clinicName, joining }
          core.emit({ kind: 'status', status: core.status })
          return ok({ recoveryKey: 'K7QM-4TXR-92HD-WPLN-6CVF-3JYB-8SGA-5EZU-1DKT' })
        }),
      ),
      joinClinic: os.setup.joinClinic.handler(
        guard('setup.joinClinic', ({ invitation }) => {
          if (!invitation.startsWith('CHARTSEAL')) return fail('BAD_INVITATION')
          const joining = joiningNow('voting', null, JOIN_CODE)
          core.status = { ...core.status, state: 'joining', demo: false, clinic: '', joining }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
      abandonJoining: os.setup.abandonJoining.handler(
        guard('setup.abandonJoining', () => {
          core.status = { ...core.status, state: 'first-run', joining: null, clinic: null }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
      backUp: os.setup.backUp.handler(
        guard('setup.backUp', ({ folder }) => ok({ file: `${folder ?? '/home/clinic/backups'}/chartseal-1.backup` })),
      ),
      unlock: os.setup.unlock.handler(
        guard('setup.unlock', ({ passphrase }) => {
          if (passphrase !== 'correct horse battery') return fail('WRONG_PASSPHRASE')
          core.status = { ...core.status, state: 'ready' }
          core.emit({ kind: 'status', status: core.status })
          return ok({})
        }),
      ),
    },
    session: {
      ...persons.session,
      practitioners: os.session.practitioners.handler(
        guard('session.practitioners', () =>
          ok(core.practitioners.filter(({ handle }) => !core.known.revoked.has(handle))),
        ),
      ),
      current: os.session.current.handler(guard('session.current', () => ok(core.session))),
      signIn: os.session.signIn.handler(guard('session.signIn', ({ handle, pin }) => core.signIn(handle, pin))),
      activity: os.session.activity.handler(guard('session.activity', () => ok({}))),
      lock: os.session.lock.handler(
        guard('session.lock', () => {
          if (core.session !== null) core.session = { ...core.session, locked: true }
          core.emit({ kind: 'session', session: core.session })
          return ok({})
        }),
      ),
      signOut: os.session.signOut.handler(
        guard('session.signOut', () => {
          core.session = null
          core.emit({ kind: 'session', session: null })
          return ok({})
        }),
      ),
    },
    people: {
      ...persons.people,
      list: os.people.list.handler(guard('people.list', () => ok(core.known.practitionerRows()))),
      enrol: os.people.enrol.handler(
        guard('people.enrol', ({ name, role, pin }) => {
          if (new Set(pin).size === 1) return fail('WEAK_PIN')
          const person = { handle: core.fresh(), name, role }
          core.practitioners.push(person)
          core.pins.set(person.handle, pin)
          return ok(person)
        }),
      ),
    },
    patients: {
      ...persons.patients,
      search: os.patients.search.handler(
        guard('patients.search', ({ text, generation }) =>
          ok({
            generation,
            rows: core.search(text).map((one) => core.patientRow(one)),
            unattributedDamage: core.unattributedDamage,
          }),
        ),
      ),
      register: os.patients.register.handler(
        guard('patients.register', ({ distinct, ...input }) => {
          const same = core.patients.find(
            (one) =>
              one.identifier === input.identifier ||
              (one.familyName === input.familyName &&
                one.givenName === input.givenName &&
                one.birthDate === input.birthDate),
          )
          if (same !== undefined) return fail('DUPLICATE_PATIENT', { detail: same.handle })
          if (!distinct && core.known.similar(input).length > 0) return fail('SIMILAR_PATIENT')
          const patient = { handle: core.fresh(), ...input }
          core.patients.push(patient)
          return ok(patient)
        }),
      ),
      chart: os.patients.chart.handler(
        guard('patients.chart', ({ handle, generation }) => {
          const patient = core.patients.find((one) => one.handle === handle)
          if (patient === undefined) return fail('UNKNOWN_PATIENT')
          const readings = core.recorded.filter((one) => one.patient === handle).map((one) => core.chartRow(one))
          return ok({
            handle,
            generation,
            ...(patient.site === undefined ? {} : { site: patient.site }),
            patient: core.patientRow(patient),
            readings,
            ...core.records.chartParts(handle),
            chainLength: readings.length + 1,
            unattributedDamage: 0,
            checkedAt: new Date().toISOString(),
            head: { origin: ORIGIN, size: 40 + core.recorded.length, root: hashOf(99) },
          })
        }),
      ),
    },
    ...recordRoutes(core.records, core, guard),
    capture: {
      open: os.capture.open.handler(
        guard('capture.open', ({ handle }) => {
          const patient = core.patients.find((one) => one.handle === handle)
          if (patient === undefined) return fail('UNKNOWN_PATIENT')
          const captureId = core.fresh()
          core.captures.set(captureId, { patient: handle, confirmed: false, drafts: new Map() })
          const { asksSignature } = core.known.standing(handle)
          return ok({ captureId, patient: core.patientRow(patient), asksSignature })
        }),
      ),
      confirmIdentity: os.capture.confirmIdentity.handler(
        guard('capture.confirmIdentity', ({ captureId }) => {
          const capture = core.captures.get(captureId)
          if (capture === undefined) return fail('UNKNOWN_CAPTURE')
          capture.confirmed = true
          return ok({})
        }),
      ),
      live: os.capture.live.handler(({ input, signal }) => core.live(input.captureId, signal)),
      takeLive: os.capture.takeLive.handler(
        guard('capture.takeLive', ({ captureId }) => {
          const drafts = core.takeLive(captureId)
          return drafts === null ? fail('UNKNOWN_CAPTURE') : ok(drafts)
        }),
      ),
      read: os.capture.read.handler(({ input }) => core.read(input.captureId)),
      measure: os.capture.measure.handler(({ input }) => core.measure(input.captureId)),
      sign: os.capture.sign.handler(
        guard('capture.sign', ({ captureId, draftIds, manual, authorisation }) =>
          core.sign(captureId, draftIds, manual, authorisation),
        ),
      ),
      close: os.capture.close.handler(
        guard('capture.close', ({ captureId }) => {
          core.captures.delete(captureId)
          return ok({})
        }),
      ),
    },
    tray: {
      list: os.tray.list.handler(guard('tray.list', () => ok(core.tray))),
      assign: os.tray.assign.handler(
        guard('tray.assign', ({ ids, handle }) => {
          for (const { draft } of core.tray.filter(({ id }) => ids.includes(id))) {
            const { draftId: _, alreadyRecorded: __, ...context } = draft
            core.record(handle, {
              ...context,
              setId: core.fresh(),
              recordedAt: new Date().toISOString(),
              performer: core.session?.practitioner.name ?? '',
              test: true,
            })
          }
          core.tray = core.tray.filter(({ id }) => !ids.includes(id))
          core.emit({ kind: 'tray', count: core.tray.length })
          return ok({})
        }),
      ),
      discard: os.tray.discard.handler(
        guard('tray.discard', ({ ids }) => {
          core.tray = core.tray.filter(({ id }) => !ids.includes(id))
          core.emit({ kind: 'tray', count: core.tray.length })
          return ok({})
        }),
      ),
    },
    devices: {
      list: os.devices.list.handler(guard('devices.list', () => ok(core.devices))),
      enrol: os.devices.enrol.handler(
        guard('devices.enrol', ({ connectionId, label, calibrationDue }) => {
          const device = core.devices.find((one) => one.connectionId === connectionId)
          if (device === undefined) return fail('DEVICE_NOT_CONNECTED')
          if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
          const due = calibrationDue === null ? {} : { calibrationDue }
          const enrolled: Device = { ...device, enrolment: { handle: core.fresh(), label, ...due } }
          core.devices = core.devices.map((one) => (one === device ? enrolled : one))
          core.emit({ kind: 'devices', devices: core.devices })
          return ok(enrolled)
        }),
      ),
      enrolments: os.devices.enrolments.handler(guard('devices.enrolments', () => ok(core.enrolments()))),
      revoke: os.devices.revoke.handler(
        guard('devices.revoke', ({ handle, reason }) => {
          if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
          const one = core.enrolments().find((enrolment) => enrolment.handle === handle)
          if (one === undefined) return fail('DEVICE_NOT_ENROLLED')
          core.revoked = [...core.revoked, { ...one, revoked: { reason } }]
          core.devices = core.devices.map((device) =>
            device.enrolment?.handle === handle ? { ...device, enrolment: null } : device,
          )
          core.emit({ kind: 'devices', devices: core.devices })
          return ok({})
        }),
      ),
      setCalibration: os.devices.setCalibration.handler(
        guard('devices.setCalibration', ({ handle, due }) => {
          if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
          core.devices = core.devices.map((device) => {
            if (device.enrolment?.handle !== handle) return device
            const { label } = device.enrolment
            return { ...device, enrolment: { handle, label, ...(due === null ? {} : { calibrationDue: due }) } }
          })
          core.emit({ kind: 'devices', devices: core.devices })
          return ok({})
        }),
      ),
      checks: os.devices.checks.handler(guard('devices.checks', () => ok(core.checks))),
      confirmCheck: os.devices.confirmCheck.handler(
        guard('devices.confirmCheck', ({ id, result, note }) => {
          const check = core.checks.find((one) => one.id === id)
          if (check === undefined) return fail('UNKNOWN_TRAY_ITEM')
          if (check.device === null) return fail('DEVICE_NOT_ENROLLED')
          const { measuredAt: at, quantities } = check.draft
          core.stated = [{ handle: check.device, kind: check.reason, at, result, quantities, note }, ...core.stated]
          core.checks = core.checks.map((one) => (one === check ? { ...one, recorded: true } : one))
          return ok({})
        }),
      ),
      stateCheck: os.devices.stateCheck.handler(
        guard('devices.stateCheck', ({ handle, kind, result, note }) => {
          const at = new Date(core.now).toISOString()
          core.stated = [{ handle, kind, at, result, quantities: [], note }, ...core.stated]
          return ok({})
        }),
      ),
      history: os.devices.history.handler(guard('devices.history', ({ handle }) => ok(core.history(handle)))),
      exchange: os.devices.exchange.handler(
        guard('devices.exchange', () => ok({ fileName: 'exchange-a-family.hex', text: '# A device\nOUT> 81 01\n' })),
      ),
    },
    network: networkAnswers(os, core, guard),
    ledger: {
      summary: os.ledger.summary.handler(
        guard('ledger.summary', () => {
          const size = 40 + core.recorded.length
          return ok({
            network: hashOf(1),
            origin: ORIGIN,
            size,
            root: hashOf(99),
            blocks: Math.floor(size / 4) + 1,
            sites: 1,
            faultySitesTolerated: 0,
            quorum: 1,
            policy: 'solo',
            policyMode: 'solo' as const,
            final: size,
            sealedAt: new Date(core.now - 120_000).toISOString(),
            closed: [],
            highWaterMark: 'equal' as const,
          })
        }),
      ),
      blocks: os.ledger.blocks.handler(guard('ledger.blocks', ({ before, limit }) => ok(core.blocks(before, limit)))),
      entries: os.ledger.entries.handler(
        guard('ledger.entries', ({ from, limit }) => {
          const size = 40 + core.recorded.length
          return ok(
            Array.from({ length: Math.max(0, Math.min(limit, size - from)) }, (_, n) => {
              const index = from + n
              const recorded = core.recorded.find((one) => one.index === index)
              const problem = recorded !== undefined && 'status' in recorded.reading ? recorded.reading.step : null
              return {
                index,
                entryId: handleOf(0x10000 + index),
                type: index % 4 === 3 ? 'seal' : recorded === undefined ? 'access' : 'reading',
                at: new Date(core.now - (size - index) * 150_000).toISOString(),
                signedBy: recorded === undefined ? ['log'] : ['device', 'practitioner', 'log'],
                subject: recorded?.patient ?? null,
                problem,
              }
            }),
          )
        }),
      ),
      verifyAll: os.ledger.verifyAll.handler(() => core.verifyAll()),
      scrub: os.ledger.scrub.handler(({ input }) => core.scrub(input.file)),
      incidents: os.ledger.incidents.handler(guard('ledger.incidents', () => ok(core.incidents))),
      evidence: os.ledger.evidence.handler(guard('ledger.evidence', () => ok(core.evidence))),
      evidenceFile: os.ledger.evidenceFile.handler(
        guard('ledger.evidenceFile', ({ id }) =>
          core.evidence.some((one) => one.id === id)
            ? ok({ fileName: 'ward.fork', text: 'chartseal/fork/v1\n' })
            : fail('UNKNOWN_ENTRY'),
        ),
      ),
      importEvidence: os.ledger.importEvidence.handler(
        guard('ledger.importEvidence', ({ text }) => {
          const proof = core.proofIn(text)
          return proof === null ? fail('NOT_EVIDENCE') : ok(proof)
        }),
      ),
      governance: os.ledger.governance.handler(
        guard('ledger.governance', () => ok({ ...core.governance, ...core.mayGovern })),
      ),
      checkContract: os.ledger.checkContract.handler(
        guard('ledger.checkContract', ({ text }) =>
          text.includes('permit')
            ? ok({
                ...{ version: core.governance.contract.version + 1, hash: hashOf(71) },
                ...{ added: ['new-rule'], removed: ['record-access'], changed: [] },
              })
            : { ...fail('BAD_CONTRACT'), detail: 'unexpected token' },
        ),
      ),
      publishContract: os.ledger.publishContract.handler(
        guard('ledger.publishContract', ({ text }) => ok((core.governance = nextContract(core.governance, text)))),
      ),
      proposeRoster: os.ledger.proposeRoster.handler(
        guard('ledger.proposeRoster', (change) => {
          core.proposed.push(change)
          return ok((core.governance = nextRoster(core.governance, change)))
        }),
      ),
      approveProposal: os.ledger.approveProposal.handler(
        guard('ledger.approveProposal', () => {
          const { proposal } = core.governance
          if (proposal === null) return fail('NO_PROPOSAL')
          return ok((core.governance = { ...core.governance, proposal: { ...proposal, isApproved: true } }))
        }),
      ),
      importProposal: os.ledger.importProposal.handler(
        guard('ledger.importProposal', ({ text }) =>
          text.startsWith('chartseal/roster-proposal/v1\n')
            ? ok((core.governance = { ...core.governance, proposal: WAITING }))
            : fail('BAD_PROPOSAL'),
        ),
      ),
      proposalFile: os.ledger.proposalFile.handler(
        guard('ledger.proposalFile', () =>
          core.governance.proposal === null
            ? fail('NO_PROPOSAL')
            : ok({ fileName: 'roster-2.roster', text: 'chartseal/roster-proposal/v1\n' }),
        ),
      ),
      discardProposal: os.ledger.discardProposal.handler(
        guard('ledger.discardProposal', () => ok((core.governance = { ...core.governance, proposal: null }))),
      ),
      proof: os.ledger.proof.handler(
        guard('ledger.proof', ({ index }) =>
          index < 40 + core.recorded.length ? ok(core.proof(index)) : fail('UNKNOWN_ENTRY'),
        ),
      ),
      receipt: os.ledger.receipt.handler(
        guard('ledger.receipt', ({ index }) =>
          ok({ fileName: `ward-${index}.tlog-proof`, text: `c2sp.org/tlog-proof@v1\nindex ${index}\n` }),
        ),
      ),
    },
  })
}

/** The window's API on `core`, in this process. `state` may be set to play a lost connection. */
export function fakeApi(core: FakeCore): Api & { state: { value: ConnectionState } } {
  const state = shallowRef<ConnectionState>('online')
  return { client: brand(createRouterClient(fakeRouter(core))), state, close: () => undefined }
}
