/**
 * How much unasked talk of a peer is listened to.
 *
 * @remarks
 * A bucket of points that refills with time. What was asked for costs nothing here: it is bounded by what was asked.
 * Proven by `tests/sync/allowance.test.ts`.
 *
 * @packageDocumentation
 */
import type { Message } from './messages.ts'

/** Points when nothing was said for long: every head of a large network, once. */
const CAPACITY = 16_384
/** Points that come back each second. */
const PER_SECOND = 512
/** Bytes that cost one point, besides the point of the message. */
const BYTES_PER_POINT = 4096
/** A fork proof costs several signatures to check. */
const EVIDENCE_POINTS = 32
/** An opening costs two signatures to check. */
const OPENING_POINTS = 2
/** Governed documents carry many approvals. */
const GOVERNANCE_POINTS = 64

/** The points of one peer. */
export class Allowance {
  #points = CAPACITY
  #atMs: number

  constructor(nowMs: number) {
    this.#atMs = nowMs
  }

  /**
   * Takes points.
   *
   * @param points - 0 or more.
   * @param nowMs - Of the same clock each time.
   * @returns False when there are not enough: the peer floods.
   */
  take(points: number, nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs)
    this.#points = Math.min(CAPACITY, this.#points + (passedMs * PER_SECOND) / 1000) - points
    this.#atMs = nowMs
    return this.#points >= 0
  }
}

/**
 * What an unasked message costs.
 *
 * @param message - Decoded.
 * @param bytes - Its length.
 */
export function costOf(message: Message, bytes: number): number {
  const base = 1 + bytes / BYTES_PER_POINT
  switch (message.kind) {
    case 'heads':
      return base + message.notes.length
    case 'opened':
      return base + OPENING_POINTS
    case 'evidence':
      return base + EVIDENCE_POINTS
    case 'governance':
      return base + GOVERNANCE_POINTS
    case 'have':
      return base + message.logs.length / 16
    default:
      return base
  }
}
