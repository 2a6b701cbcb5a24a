/**
 * The newest seconds of a plethysmogram, in memory only. Live samples are never recorded, so the ring forgets.
 *
 * @remarks
 * Filled ten times a second and drawn at most thirty times a second, so it allocates nothing after it was made.
 * Proven by `tests/renderer/components/capture/wave-ring.test.ts` against a plain array.
 *
 * @packageDocumentation
 */

/** Samples per second that the supported oximeters send; only used to say how wide the window is. */
export const WAVE_RATE_HZ = 60

/** A fixed window over a stream of samples. */
export class WaveRing {
  readonly capacity: number
  readonly #samples: Float32Array
  #total = 0

  /** @param capacity - How many samples are kept, at least 1. */
  constructor(capacity: number) {
    this.capacity = capacity
    this.#samples = new Float32Array(capacity)
  }

  /** How many samples were ever pushed: the position of the sweep is this modulo the capacity. */
  get total(): number {
    return this.#total
  }

  /** How many samples can be read back, `0..capacity`. */
  get length(): number {
    return Math.min(this.#total, this.capacity)
  }

  /** Adds samples, oldest first. */
  push(samples: readonly number[]): void {
    for (const sample of samples) {
      this.#samples[this.#total % this.capacity] = sample
      this.#total++
    }
  }

  /** The sample in slot `slot` (`0..capacity-1`) of the window, or null when the slot was never filled. */
  slot(slot: number): number | null {
    return slot < this.length ? (this.#samples[slot] ?? null) : null
  }

  /** Forgets everything: the finger was removed, or another patient's turn begins. */
  clear(): void {
    this.#total = 0
  }
}
