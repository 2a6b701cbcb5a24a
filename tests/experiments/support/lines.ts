/**
 * What becomes of a packet on its way from one site to another: lost, late, or in the queue of a slow line.
 *
 * Every direction between two sites is a line of its own, so one may be cut while the other is not.
 */

/** How bad a line is. */
export interface Line {
  /** Nothing comes through, and nobody is told. */
  readonly isCut: boolean
  /** Share of packets that are lost, from 0 to 1. */
  readonly loss: number
  readonly delayMs: number
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number
}

/** Packets and bytes that were handed to a line, and what of them it lost. */
export interface Carried {
  readonly packets: number
  readonly bytes: number
  readonly lost: number
}

export const GOOD_LINE: Line = { isCut: false, loss: 0, delayMs: 0, bytesPerSecond: 0 }

/** How much may wait for a slow line, as the buffer of a small router does; more is lost. */
const QUEUE_BYTES = 64 * 1024

interface State {
  line: Line
  packets: number
  bytes: number
  lost: number
  /** When the last packet that was taken will have left. */
  freeAtMs: number
  arrivesMs: number
}

/** All lines between all sites. Time and chance are handed in. */
export class Lines {
  readonly #random: () => number
  readonly #lines = new Map<string, State>()

  /** @param random - From 0 up to, not including, 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  set(from: number, to: number, line: Line): void {
    this.#state(from, to).line = line
  }

  /** When a packet arrives, in ms of `nowMs`; null when it does not. Packets of one line arrive in order. */
  arrival(from: number, to: number, bytes: number, nowMs: number): number | null {
    const state = this.#state(from, to)
    const { isCut, loss, delayMs, bytesPerSecond } = state.line
    state.packets += 1
    state.bytes += bytes
    const sendMs = bytesPerSecond === 0 ? 0 : (bytes / bytesPerSecond) * 1000
    const leavesMs = Math.max(nowMs, state.freeAtMs) + sendMs
    const isFull = bytesPerSecond > 0 && ((leavesMs - nowMs) / 1000) * bytesPerSecond > QUEUE_BYTES
    if (isCut || isFull || this.#random() < loss) {
      state.lost += 1
      return null
    }
    state.freeAtMs = leavesMs
    state.arrivesMs = Math.max(state.arrivesMs, leavesMs + delayMs)
    return state.arrivesMs
  }

  /** What all lines together have carried. */
  total(): Carried {
    const total = { packets: 0, bytes: 0, lost: 0 }
    for (const { packets, bytes, lost } of this.#lines.values()) {
      total.packets += packets
      total.bytes += bytes
      total.lost += lost
    }
    return total
  }

  #state(from: number, to: number): State {
    const key = `${from} ${to}`
    const known = this.#lines.get(key)
    if (known !== undefined) return known
    const fresh: State = { line: GOOD_LINE, packets: 0, bytes: 0, lost: 0, freeAtMs: 0, arrivesMs: 0 }
    this.#lines.set(key, fresh)
    return fresh
  }
}

/** Chance that is the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
