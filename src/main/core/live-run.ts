/**
 * One live measurement of one capture: goes on whether or not a window listens, and tells those that do about ten
 * times a second.
 *
 * @remarks
 * Proven by `tests/main/core/live-run.test.ts`.
 *
 * @packageDocumentation
 */
import type { ApiCode } from '../../shared/api/codes.ts'
import type { LiveEvent } from '../../shared/api/schemas.ts'
import type { HubSample } from '../devices/live-session.ts'
import { EventHub } from './event-hub.ts'

type Samples = Extract<LiveEvent, { kind: 'samples' }>
type Ended = Extract<LiveEvent, { kind: 'ended' }>

/** Ten events a second, with room for samples that come a little early. */
const EVENT_MS = 90
/** The contract's limit of points in one event. */
const WAVE_LIMIT = 256

/** A running stream. */
export class LiveRun {
  readonly #signal = { aborted: false }
  readonly #events = new EventHub<LiveEvent>()
  #ended: Ended | null = null
  #stopCode: ApiCode | null = null
  #wave: number[] = []
  #sentAtMs = -Infinity
  /** Settles when the device is released. Never rejects. */
  readonly over: Promise<void>

  /**
   * Starts at once.
   *
   * @param start - Opens the stream; it ends when the signal aborts.
   * @param codeOf - What a failure of the stream is called.
   */
  constructor(start: (signal: { aborted: boolean }) => AsyncIterable<HubSample>, codeOf: (error: unknown) => ApiCode) {
    this.over = this.#pump(start, codeOf)
  }

  get isOver(): boolean {
    return this.#ended !== null
  }

  get hasListeners(): boolean {
    return this.#events.listeners > 0
  }

  /** Events from now on; `ended` is the last. */
  async *listen(signal: AbortSignal | undefined): AsyncGenerator<LiveEvent, void, void> {
    for await (const event of this.#events.listen(() => (this.#ended === null ? [] : [this.#ended]), signal)) {
      yield event
      if (event.kind === 'ended') return
    }
  }

  /**
   * Stops the device.
   *
   * @param code - What listeners are told.
   */
  async stop(code: ApiCode | null): Promise<void> {
    this.#stopCode = code
    this.#signal.aborted = true
    await this.over
  }

  async #pump(
    start: (signal: { aborted: boolean }) => AsyncIterable<HubSample>,
    codeOf: (error: unknown) => ApiCode,
  ): Promise<void> {
    let code: ApiCode | null = null
    try {
      for await (const sample of start(this.#signal)) this.#take(sample)
    } catch (error) {
      code = codeOf(error)
    }
    this.#ended = { kind: 'ended', code: this.#signal.aborted ? this.#stopCode : code }
    this.#events.send(this.#ended)
  }

  #take(sample: HubSample): void {
    this.#wave = [...this.#wave, ...sample.wave].slice(-WAVE_LIMIT)
    if (sample.atMs - this.#sentAtMs < EVENT_MS && this.#wave.length + sample.wave.length <= WAVE_LIMIT) return
    this.#sentAtMs = sample.atMs
    this.#events.send(eventOf(sample, this.#wave))
    this.#wave = []
  }
}

function eventOf({ atMs, spo2, pulse, perfusionIndex, finger, stableS }: HubSample, wave: number[]): Samples {
  return { kind: 'samples', atMs: Math.max(0, atMs), wave, spo2, pulse, perfusionIndex, finger, stableS }
}
