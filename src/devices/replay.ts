/**
 * A captured exchange as a device: serves the recorded reports to whoever asks the recorded questions.
 *
 * @remarks
 * Two ways. `strict`: position by position; every report sent must be the recorded one up to its counted length.
 * `by-content`: each command is answered by what the recording holds for that command, in its recorded order, the
 * last answer again when they run out; so a driver that asks in another order than the vendor's program can be fed
 * with the vendor's session. Faults can be put in at any input report. Proven by `tests/devices/replay.test.ts`
 * and by the replays of real sessions in the driver tests.
 *
 * @packageDocumentation
 */
import { concatBytes, toHex } from '../shared/bytes.ts'
import type { Capture, CaptureLine } from './capture-file.ts'
import type { HidTransport } from './driver.ts'
import { DeviceError } from './errors.ts'

/** What goes wrong at the input report with number `at`, counted from 0 over all that are served. */
export interface ReplayFault {
  at: number
  kind: 'timeout' | 'stale-padding' | 'bad-byte' | 'unplug'
  /** `bad-byte`: which byte of the report, and what to XOR it with (not 0). */
  byte?: number
  xor?: number
}

/** How a family's reports are grouped into commands, and what its recordings leave out. */
export interface ReplayProfile {
  /** The valid bytes of an output report, and whether a command ends with it. */
  commandPart(report: Uint8Array): { bytes: Uint8Array; last: boolean }
  /** Number of valid bytes of an input report, count byte included. */
  validBytes(report: Uint8Array): number
  /** Documented answers to what a recording holds no answer for: command hex to reports. */
  answers: ReadonlyMap<string, readonly Uint8Array[]>
  /** Command (hex) after which a recording of input reports only starts to run, and the one that ends it. */
  streamFrom: string | null
  streamUntil: string | null
  /** A recording of input reports only runs from the moment it is opened: the device is asked nothing. */
  streamsAtOnce?: true
}

/** Options of {@link createReplay}. */
export interface ReplayOptions {
  mode: 'strict' | 'by-content'
  profile: ReplayProfile
  faults?: readonly ReplayFault[]
  /** A recording of input reports starts again when it is over. */
  loop?: boolean
  /** A command that is asked more often than it was recorded stays without answer. */
  once?: boolean
  /** Waits before a streamed report is served: the pace of the recording. Without it, reports come at once. */
  pace?: () => Promise<void>
  /** Told of each report of the recording when it is given to the driver: the very array of the capture. */
  served?: (report: Uint8Array) => void
  /** Waits when there is nothing to serve. Without it, a timeout is reported at once. */
  idle?: (timeoutMs: number) => Promise<void>
}

/** Reports for a command, in the order of the recording. */
interface Answers {
  rounds: readonly (readonly Uint8Array[])[]
  next: number
}

/** The recorded device. */
class Replay implements HidTransport {
  private readonly capture: Capture
  private readonly options: ReplayOptions
  private readonly answers: Map<string, Answers>
  private readonly stream: readonly Uint8Array[]
  private queue: Uint8Array[] = []
  private pending: Uint8Array[] = []
  private position = 0
  private streamAt: number | null = null
  private served = 0
  private gone = false

  constructor(capture: Capture, options: ReplayOptions) {
    this.capture = capture
    this.options = options
    const isInputOnly = capture.every(({ direction }) => direction === 'in')
    this.stream = isInputOnly ? capture.map(({ bytes }) => bytes) : []
    if (options.profile.streamsAtOnce === true) this.streamAt = 0
    this.answers = isInputOnly ? documented(options.profile) : recorded(capture, options.profile)
  }

  async write(report: Uint8Array): Promise<void> {
    this.mustBeThere()
    if (this.options.mode === 'strict') this.expect('out', report)
    else this.answer(report)
    return Promise.resolve()
  }

  async sendFeature(report: Uint8Array): Promise<void> {
    this.mustBeThere()
    if (this.options.mode === 'strict') this.expect('feature', report)
    else this.give(featureKey(report))
    return Promise.resolve()
  }

  async read(timeoutMs: number): Promise<Uint8Array | null> {
    this.mustBeThere()
    const report = await this.next()
    if (report === null) {
      await this.options.idle?.(timeoutMs)
      return null
    }
    return this.withFault(report, timeoutMs)
  }

  async close(): Promise<void> {
    this.gone = true
    return Promise.resolve()
  }

  private mustBeThere(): void {
    if (this.gone) throw new DeviceError('UNPLUGGED', 'the replay is closed')
  }

  private expect(direction: 'out' | 'feature', report: Uint8Array): void {
    const line = this.capture[this.position]
    if (line?.direction !== direction || !isSame(line, report, this.options.profile)) {
      const wanted = line === undefined ? 'the end' : `${line.direction} ${toHex(line.bytes)}`
      throw new DeviceError('CAPTURE', `report ${this.position}: sent ${toHex(report)}, recorded ${wanted}`)
    }
    this.position += 1
  }

  private answer(report: Uint8Array): void {
    const { bytes, last } = this.options.profile.commandPart(report)
    this.pending.push(bytes)
    if (!last) return
    const command = toHex(concatBytes(...this.pending))
    this.pending = []
    if (command === this.options.profile.streamFrom) this.streamAt ??= 0
    if (command === this.options.profile.streamUntil) this.streamAt = null
    this.give(command)
  }

  /** Queues what the recording answers to a command. */
  private give(command: string): void {
    const answers = this.answers.get(command)
    if (answers === undefined) return
    const round = this.options.once === true ? answers.next : Math.min(answers.next, answers.rounds.length - 1)
    this.queue.push(...(answers.rounds[round] ?? []))
    answers.next += 1
  }

  private async next(): Promise<Uint8Array | null> {
    if (this.options.mode === 'strict' && this.stream.length === 0) {
      const line = this.capture[this.position]
      if (line?.direction !== 'in') return null
      this.position += 1
      return line.bytes
    }
    return this.queue.shift() ?? this.nextOfStream()
  }

  private async nextOfStream(): Promise<Uint8Array | null> {
    if (this.streamAt === null) return null
    if (this.streamAt === this.stream.length && this.options.loop === true) this.streamAt = 0
    const report = this.stream[this.streamAt]
    if (report === undefined) return null
    this.streamAt += 1
    await this.options.pace?.()
    return report
  }

  private async withFault(report: Uint8Array, timeoutMs: number): Promise<Uint8Array | null> {
    const fault = this.options.faults?.find(({ at }) => at === this.served)
    this.served += 1
    this.options.served?.(report)
    if (fault === undefined) return report.slice()
    if (fault.kind === 'unplug') {
      this.gone = true
      throw new DeviceError('UNPLUGGED', `at input report ${fault.at}`)
    }
    if (fault.kind === 'timeout') {
      await this.options.idle?.(timeoutMs)
      return null
    }
    return spoilt(report, fault, this.options.profile)
  }
}

function spoilt(report: Uint8Array, fault: ReplayFault, profile: ReplayProfile): Uint8Array {
  const copy = report.slice()
  if (fault.kind === 'stale-padding') return copy.fill(0xa5, profile.validBytes(report))
  const byte = (fault.byte ?? 0) % copy.length
  copy[byte] = (copy[byte] ?? 0) ^ (fault.xor ?? 0xff)
  return copy
}

function isSame(line: CaptureLine, report: Uint8Array, profile: ReplayProfile): boolean {
  if (line.direction === 'feature') return toHex(line.bytes) === toHex(report)
  return toHex(profile.commandPart(line.bytes).bytes) === toHex(profile.commandPart(report).bytes)
}

/** Feature reports are commands of their own. */
function featureKey(report: Uint8Array): string {
  return `feature ${toHex(report)}`
}

function documented(profile: ReplayProfile): Map<string, Answers> {
  return new Map([...profile.answers].map(([command, reports]) => [command, { rounds: [reports], next: 0 }]))
}

/** What the recording answers to each command: the input reports between it and the next command's end. */
function recorded(capture: Capture, profile: ReplayProfile): Map<string, Answers> {
  const rounds = new Map<string, Uint8Array[][]>()
  let parts: Uint8Array[] = []
  let current: Uint8Array[] | null = null
  for (const { direction, bytes } of capture) {
    if (direction === 'in') {
      current?.push(bytes)
      continue
    }
    const part = direction === 'feature' ? null : profile.commandPart(bytes)
    if (part !== null) parts.push(part.bytes)
    if (part?.last === false) continue
    const command = part === null ? featureKey(bytes) : toHex(concatBytes(...parts))
    parts = []
    current = []
    rounds.set(command, [...(rounds.get(command) ?? []), current])
  }
  // A command the recorder caught no answer for says nothing about the device.
  const answered = [...rounds].flatMap(([command, all]): [string, Answers][] => {
    const heard = all.filter((round) => round.length > 0)
    return heard.length === 0 ? [] : [[command, { rounds: heard, next: 0 }]]
  })
  return new Map([...documented(profile), ...answered])
}

/**
 * A transport over a recording.
 *
 * @param capture - From `parseCapture`, or recorded by `recordingTransport`.
 * @param options - How strictly, for which family, with which faults.
 */
export function createReplay(capture: Capture, options: ReplayOptions): HidTransport {
  return new Replay(capture, options)
}

/**
 * A transport that writes down what passes through `inner`.
 *
 * @param inner - The transport to record.
 * @param sink - Called with each report, in order.
 */
export function recordingTransport(inner: HidTransport, sink: (line: CaptureLine) => void): HidTransport {
  return {
    async write(report) {
      sink({ direction: 'out', bytes: report.slice() })
      await inner.write(report)
    },
    async sendFeature(report) {
      sink({ direction: 'feature', bytes: report.slice() })
      await inner.sendFeature(report)
    },
    async read(timeoutMs) {
      const report = await inner.read(timeoutMs)
      if (report !== null) sink({ direction: 'in', bytes: report.slice() })
      return report
    },
    close: () => inner.close(),
  }
}
