/**
 * One running stream: reads on whether or not anybody takes the samples, so that the device is kept alive and the
 * stable window is that of now.
 *
 * @packageDocumentation
 */
import type { LiveSample } from '../../devices/driver.ts'
import { addSample, EMPTY_WINDOW, stableSeconds, type WindowState } from '../../devices/stable-window.ts'

/** A sample whose `atMs` counts from the start of the stream. */
export interface HubSample extends LiveSample {
  /** Length in seconds of the stable stretch that ends with this sample. */
  stableS: number
}

/** A consumer that is this far behind loses the oldest samples: 30 s of an oximeter. */
const QUEUE_LIMIT = 600

/** A stream and what has been seen of it. */
export class LiveSession {
  private readonly queue: HubSample[] = []
  private wake: (() => void) | null = null
  private ended = false
  private failure: unknown = null
  private window: WindowState = EMPTY_WINDOW
  /** Settles when the stream is over and the device released. Never rejects. */
  readonly over: Promise<void>

  /**
   * Starts at once.
   *
   * @param run - Reads the stream to its end, handing over each sample.
   */
  constructor(run: (push: (sample: LiveSample) => void) => Promise<void>) {
    this.over = this.pump(run)
  }

  /** The stable stretch as of the newest sample. */
  state(): WindowState {
    return this.window
  }

  /** The next sample; null when the stream has ended; throws what the stream failed with. */
  async next(): Promise<HubSample | null> {
    for (;;) {
      const sample = this.queue.shift()
      if (sample !== undefined) return sample
      if (this.ended) {
        if (this.failure !== null) throw this.failure as Error
        return null
      }
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }

  private async pump(run: (push: (sample: LiveSample) => void) => Promise<void>): Promise<void> {
    try {
      await run((sample) => this.push(sample))
    } catch (error) {
      this.failure = error
    }
    this.ended = true
    this.wake?.()
  }

  private push(sample: LiveSample): void {
    this.window = addSample(this.window, sample)
    this.queue.push({ ...sample, stableS: stableSeconds(this.window) })
    if (this.queue.length > QUEUE_LIMIT) this.queue.shift()
    this.wake?.()
  }
}
