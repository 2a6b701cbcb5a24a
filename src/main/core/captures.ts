/**
 * Sets of observations being taken: from opening a patient to the last value signed or put aside.
 *
 * @remarks
 * A capture belongs to one patient and one practitioner. What was read is never lost: what is not signed when the
 * capture ends, however it ends, goes to the tray. Proven by `tests/main/core/captures.test.ts`.
 *
 * @packageDocumentation
 */
import type { Measurement } from '../../devices/measurement.ts'
import { measurementsOfWindow, type StableWindow } from '../../devices/stable-window.ts'
import type { ApiCode } from '../../shared/api/codes.ts'
import type {
  Authorisation,
  Draft,
  LiveEvent,
  ManualValue,
  Patient,
  ReadEvent,
  Reading,
  Session,
} from '../../shared/api/schemas.ts'
import { passedMs, type Moment } from '../../shared/two-clocks.ts'
import type { Hub, HubReadout } from '../devices/hub.ts'
import { Capture, type Take } from './capture.ts'
import type { ConnectedDevice } from './devices-service.ts'
import { EventQueue } from './event-queue.ts'
import { ApiFailure, failureOf } from './failure.ts'
import { LiveRun } from './live-run.ts'
import type { HeldDraft, ReadContext, Row, VaultService } from './vault-service.ts'

/** What captures need from outside. */
export interface CapturePorts {
  readonly vault: Pick<
    VaultService,
    'patient' | 'asksSignature' | 'draftsOf' | 'signReadings' | 'putTray' | 'putChecks'
  >
  readonly hub: Pick<Hub, 'live' | 'measure' | 'readMemory' | 'stableWindow'>
  /** Throws `DEVICE_NOT_CONNECTED`. */
  find(connectionId: string): ConnectedDevice
  /** Handle of the practitioner who may act now; null when nobody is signed in, or the session is locked. */
  active(): string | null
  /** Both clocks. */
  now(): Moment
  /** 16 random bytes as hex. */
  randomId(): string
  /** Told of failures that are our own. */
  fault(error: unknown): void
}

/** More than a workstation has beds: what was opened first and forgotten is closed. */
const MAX_OPEN = 8
/** After this long without anybody doing anything, the patient has to be identified again. */
const STALE_IDENTITY_MS = 5 * 60_000
/** The contract's limit of drafts in one event. */
const MAX_DRAFTS = 500

type Identifier = 'name' | 'birth-date' | 'identifier'

/** Why a measurement is nobody's; null for a patient's. */
function checkOf({ control, purpose }: Measurement): 'control' | 'room' | null {
  if (control) return 'control'
  return purpose === 'room' ? 'room' : null
}

/** All open captures of this workstation. */
export class Captures {
  readonly #ports: CapturePorts
  readonly #open = new Map<string, Capture>()
  #activeAt: Moment = { monotonicMs: -Infinity, wallMs: -Infinity }

  constructor(ports: CapturePorts) {
    this.#ports = ports
  }

  /**
   * Starts a capture for a patient.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `RECORD_NOT_VERIFIED`, or what the vault refuses with.
   */
  async open(handle: string): Promise<{ captureId: string; patient: Row<Patient>; asksSignature: boolean }> {
    const owner = this.#owner()
    const patient = await this.#ports.vault.patient(handle)
    // Of a patient who keeps their data closed readings are taken all the same.
    const isThem = patient.status === 'verified' ? patient.record.handle === handle : patient.step === 'access'
    if (!isThem) throw new ApiFailure('RECORD_NOT_VERIFIED')
    const asksSignature = await this.#ports.vault.asksSignature(handle)
    if (this.#ports.active() !== owner) throw new ApiFailure('NOT_SIGNED_IN')
    const [oldest] = this.#open.values()
    if (this.#open.size >= MAX_OPEN && oldest !== undefined) await this.#end(oldest)
    const capture = new Capture(this.#ports.randomId(), handle, owner)
    this.#open.set(capture.id, capture)
    this.activity()
    return { captureId: capture.id, patient, asksSignature }
  }

  /** The person has asked the patient for at least two different identifiers. */
  confirmIdentity(captureId: string, asked: readonly Identifier[]): void {
    const capture = this.#own(captureId)
    if (new Set(asked).size < 2) throw new ApiFailure('INVALID_REQUEST', { detail: 'asked' })
    capture.confirmed = true
  }

  /** Samples of a device. Says nothing while the session is locked; the measurement goes on. */
  async *live(captureId: string, connectionId: string, signal: AbortSignal | undefined): AsyncGenerator<LiveEvent> {
    const capture = this.#own(captureId)
    const run = await this.#runOf(capture, connectionId)
    for await (const event of run.listen(signal)) {
      if (event.kind === 'ended' || this.#mayShow(capture)) yield event
    }
  }

  /** Reduces the present stable window of a running measurement to drafts. They replace those taken before. */
  async takeLive(captureId: string, connectionId: string): Promise<Draft[]> {
    const capture = this.#own(captureId)
    if (capture.runs.get(connectionId)?.isOver !== false) throw new ApiFailure('DEVICE_NOT_CONNECTED')
    const device = this.#ports.find(connectionId)
    const drafts = await this.#draftsOfWindow(device, this.#ports.hub.stableWindow(connectionId))
    await this.#keep(capture, connectionId, drafts, { signed: false })
    if (capture.isClosed) throw new ApiFailure('UNKNOWN_CAPTURE')
    return drafts.map(({ draft }) => draft)
  }

  /** Reads a device's memory into drafts. They are told when the session is not locked. */
  read(captureId: string, connectionId: string, signal: AbortSignal | undefined): AsyncGenerator<ReadEvent> {
    return this.#told(captureId, signal, (capture, either, tell) => this.#readInto(capture, connectionId, either, tell))
  }

  /** Takes each measurement as a device finishes it, as drafts that are told when the session is not locked. */
  measure(captureId: string, connectionId: string, signal: AbortSignal | undefined): AsyncGenerator<ReadEvent> {
    return this.#told(captureId, signal, (capture, either, tell) =>
      this.#measureInto(capture, connectionId, either, tell),
    )
  }

  /** The events of an exchange that gives drafts. */
  async *#told(
    captureId: string,
    signal: AbortSignal | undefined,
    exchange: (capture: Capture, either: AbortSignal, tell: (event: ReadEvent) => void) => Promise<void>,
  ): AsyncGenerator<ReadEvent> {
    const capture = this.#own(captureId)
    const events = new EventQueue<ReadEvent>()
    const either = AbortSignal.any([capture.over.signal, ...(signal === undefined ? [] : [signal])])
    exchange(capture, either, (event) => events.push(event)).then(
      () => events.end(),
      (error: unknown) => events.end(error as Error),
    )
    for await (const event of events.read(signal)) {
      if (event.kind === 'drafts') await capture.shown.wait(either, () => this.#mayShow(capture))
      if (capture.isClosed) throw new ApiFailure('UNKNOWN_CAPTURE')
      yield event
    }
    yield { kind: 'ended', code: null }
  }

  /**
   * Signs drafts and typed values, as one set.
   *
   * @throws ApiFailure `IDENTITY_NOT_CONFIRMED`, `NOTHING_TO_SIGN`, `UNKNOWN_DRAFT`, `DEVICE_NOT_ENROLLED`,
   *   `ALREADY_RECORDED`, `WRONG_STATE` while the same capture is being signed, or what the vault refuses with.
   */
  async sign(
    captureId: string,
    draftIds: readonly string[],
    manual: readonly ManualValue[],
    authorisation: Authorisation | null = null,
  ): Promise<Row<Reading>[]> {
    const capture = this.#own(captureId)
    if (!capture.confirmed) throw new ApiFailure('IDENTITY_NOT_CONFIRMED')
    const drafts = [...new Set(draftIds)].map((id) => capture.toSign(id))
    if (drafts.length + manual.length === 0) throw new ApiFailure('NOTHING_TO_SIGN')
    if (drafts.some(({ draft }) => draft.alreadyRecorded)) throw new ApiFailure('ALREADY_RECORDED')
    // Typed values have no identity of their own: only this keeps a second press of the key from recording them twice.
    if (capture.signing !== null) throw new ApiFailure('WRONG_STATE')
    const signing = this.#ports.vault.signReadings({
      as: capture.owner,
      handle: capture.handle,
      drafts,
      manual,
      late: null,
      authorisation,
    })
    capture.signing = signing
    try {
      const rows = await signing
      capture.forgetSigned(drafts)
      return rows
    } finally {
      capture.signing = null
    }
  }

  /** Ends a capture. What was not signed goes to the tray. */
  async close(captureId: string): Promise<void> {
    const owner = this.#owner()
    const capture = this.#open.get(captureId)
    // One whose values could not be put aside is closed and still there: closing it again tries again.
    if (capture?.owner !== owner) throw new ApiFailure('UNKNOWN_CAPTURE')
    await this.#end(capture)
  }

  /** Ends every capture. Never rejects: who calls this is leaving. */
  async closeAll(isMeant: (capture: { owner: string }) => boolean = () => true): Promise<void> {
    const meant = [...this.#open.values()].filter(isMeant)
    await Promise.all(meant.map((capture) => this.#end(capture).catch((error: unknown) => this.#ports.fault(error))))
  }

  /** The person did something. */
  activity(): void {
    this.#lapse()
    this.#activeAt = this.#ports.now()
  }

  /** Somebody signed in or out, or the session was locked: who comes back has to look at the patient again. */
  sessionChanged(session: Session | null): void {
    if (session === null || session.locked) for (const capture of this.#open.values()) capture.confirmed = false
    for (const capture of this.#open.values()) capture.shown.look()
    const owner = session?.practitioner.handle ?? null
    void this.closeAll((capture) => capture.owner !== owner)
  }

  /** Confirmations end when nobody did anything for long. */
  #lapse(): void {
    if (passedMs(this.#activeAt, this.#ports.now()) <= STALE_IDENTITY_MS) return
    for (const capture of this.#open.values()) capture.confirmed = false
  }

  #owner(): string {
    const owner = this.#ports.active()
    if (owner === null) throw new ApiFailure('NOT_SIGNED_IN')
    return owner
  }

  #own(captureId: string): Capture {
    const owner = this.#owner()
    const capture = this.#open.get(captureId)
    if (capture === undefined || capture.isClosed || capture.owner !== owner) throw new ApiFailure('UNKNOWN_CAPTURE')
    this.activity()
    return capture
  }

  #mayShow(capture: Capture): boolean {
    return this.#ports.active() === capture.owner && !capture.isClosed
  }

  /** The running measurement of a device in this capture, started if need be. */
  async #runOf(capture: Capture, connectionId: string): Promise<LiveRun> {
    // A window that was reloaded has forgotten its capture, but the device still runs for it.
    const forgotten = [...this.#open.values()].flatMap((other) => {
      const run = other === capture ? undefined : other.runs.get(connectionId)
      return run === undefined || run.hasListeners ? [] : [run.stop('CANCELLED')]
    })
    if (forgotten.length > 0) await Promise.all(forgotten)
    if (capture.isClosed) throw new ApiFailure('UNKNOWN_CAPTURE')
    const running = capture.runs.get(connectionId)
    if (running?.isOver === false) return running
    const run = new LiveRun(
      (signal) => this.#ports.hub.live(connectionId, { signal }),
      (error) => this.#codeOf(error),
    )
    capture.runs.set(connectionId, run)
    return run
  }

  async #readInto(
    capture: Capture,
    connectionId: string,
    signal: AbortSignal,
    tell: (event: ReadEvent) => void,
  ): Promise<void> {
    const device = this.#ports.find(connectionId)
    await capture.runs.get(connectionId)?.stop('CANCELLED')
    const progress = (done: number, total: number): void => tell({ kind: 'progress', done, total })
    const readout = await this.#ports.hub.readMemory(connectionId, { signal, progress })
    if (readout.measurements.length === 0) throw new ApiFailure('DEVICE_EMPTY')
    const drafts = await this.#draftsOfMemory(device, readout)
    await this.#keep(capture, connectionId, drafts, null)
    tell({ kind: 'drafts', drafts: drafts.slice(-MAX_DRAFTS).map(({ draft }) => draft) })
  }

  async #measureInto(
    capture: Capture,
    connectionId: string,
    signal: AbortSignal,
    tell: (event: ReadEvent) => void,
  ): Promise<void> {
    const device = this.#ports.find(connectionId)
    const keeping: Promise<void>[] = []
    const keep = async (measurement: Measurement, readAtMs: number): Promise<void> => {
      const readout = { measurements: [measurement], deviceNow: null, complete: true, readAtMs }
      const drafts = await this.#draftsOfMemory(device, readout, { onTheSpot: true })
      if (drafts.length === 0) return
      await this.#keep(capture, connectionId, drafts, null)
      tell({ kind: 'drafts', drafts: drafts.map(({ draft }) => draft) })
    }
    await this.#ports.hub
      .measure(connectionId, { signal }, (measurement, readAtMs) => keeping.push(keep(measurement, readAtMs)))
      .finally(() => Promise.all(keeping))
  }

  async #draftsOfMemory(
    { origin, enrolled }: ConnectedDevice,
    readout: HubReadout,
    how: Pick<ReadContext, 'onTheSpot'> = {},
  ): Promise<HeldDraft[]> {
    const { deviceNow, readAtMs } = readout
    const context = { readAtMs, deviceNow, window: null, ...how }
    const draftsOf = (measurements: readonly Measurement[]) =>
      this.#ports.vault.draftsOf(origin, enrolled, measurements, context)
    // What was not measured on anybody goes to the log of checks and no further.
    for (const reason of ['control', 'room'] as const) {
      const checks = readout.measurements.filter((measurement) => checkOf(measurement) === reason)
      if (checks.length > 0) await this.#ports.vault.putChecks(reason, await draftsOf(checks))
    }
    const measurements = readout.measurements.filter((measurement) => checkOf(measurement) === null)
    return measurements.length === 0 ? [] : draftsOf(measurements)
  }

  /** Each value keeps the range of its own numbers. */
  async #draftsOfWindow({ origin, enrolled }: ConnectedDevice, window: StableWindow): Promise<HeldDraft[]> {
    const readAtMs = this.#ports.now().wallMs
    const drafts = measurementsOfWindow(window).map((measurement) => {
      const { min, max } = measurement.kind === 'spo2' ? window.spo2 : window.pulse
      const context = { readAtMs, deviceNow: null, window: { seconds: window.seconds, min, max } }
      return this.#ports.vault.draftsOf(origin, enrolled, [measurement], context)
    })
    return (await Promise.all(drafts)).flat()
  }

  /** Holds what was read: for signing here, or in the tray when its device is not enrolled or the capture has ended. */
  async #keep(capture: Capture, connectionId: string, drafts: readonly HeldDraft[], take: Take | null): Promise<void> {
    const unsigned = drafts.filter(({ draft }) => !draft.alreadyRecorded)
    const unknown = unsigned.filter(({ device }) => device === null)
    if (unknown.length > 0) await this.#ports.vault.putTray('not-enrolled', unknown)
    const known = unsigned.filter(({ device }) => device !== null)
    if (capture.isClosed && known.length > 0) await this.#ports.vault.putTray('not-signed', known)
    else if (!capture.isClosed) capture.hold(connectionId, drafts, take)
  }

  async #end(capture: Capture): Promise<void> {
    capture.ending ??= this.#putAside(capture).finally(() => (capture.ending = null))
    await capture.ending
  }

  async #putAside(capture: Capture): Promise<void> {
    capture.over.abort()
    await Promise.all([...capture.runs.values()].map((run) => run.stop('UNKNOWN_CAPTURE')))
    // What is being signed is no longer ours to put aside.
    await capture.signing?.catch(() => undefined)
    const unsigned = capture.unsigned()
    if (unsigned.length > 0) await this.#ports.vault.putTray('not-signed', unsigned)
    this.#open.delete(capture.id)
  }

  #codeOf(error: unknown): ApiCode {
    const { code } = failureOf(error)
    if (code === 'INTERNAL') this.#ports.fault(error)
    return code
  }
}
