/**
 * Did somebody look although consent was taken back? Decided by what they relied on, never by clocks.
 *
 * @remarks
 * No order exists between two logs. An access cites the heads of the logs that it relied on, and a consent is owned by one
 * log: when a cited head of that log holds the entry that took the consent back, whoever looked knew. When it does not,
 * they did not know; unless the owner of the consent knew of the access before, that is told, because a fresher head
 * might have prevented it. Proven by `tests/ledger/consent-order.test.ts`, against a model of two replicas.
 *
 * @packageDocumentation
 */
import type { LogHead } from './heads.ts'
import { splitOrigin } from './names.ts'

/** Where an entry stands. */
interface Place {
  readonly origin: string
  readonly index: number
}

/** A time without consent: from an entry on that takes it away, until one that gives it again. */
export interface Withdrawal {
  /** The entry that takes away what covered the access. */
  readonly from: Place
  /** The next entry that covers it again; null when none does. In the same log, or in a later incarnation of it. */
  readonly until: Place | null
  /** Heads of other logs that were cited in the log of the consent before it was taken back. */
  readonly knew: readonly LogHead[]
}

/** An access to what a consent covered at some time. */
export interface CheckedAccess extends Place {
  /** Heads that it cites. */
  readonly heads: readonly LogHead[]
  /** It rests on breaking the glass. */
  readonly isEmergency: boolean
}

/** `violation`: whoever looked knew that it was taken back. `concurrent`: it was, and they did not know yet. */
export type AccessFinding = 'violation' | 'concurrent'

/**
 * What is to be said about an access.
 *
 * @param withdrawals - Of what the access needed.
 * @returns Null for an ordinary one.
 */
export function findingOf(access: CheckedAccess, withdrawals: readonly Withdrawal[]): AccessFinding | null {
  if (access.isEmergency) return null
  const findings = withdrawals.map((withdrawal) => findingOne(access, withdrawal))
  if (findings.includes('violation')) return 'violation'
  return findings.includes('concurrent') ? 'concurrent' : null
}

function findingOne(access: CheckedAccess, { from, until, knew }: Withdrawal): AccessFinding | null {
  if (isHeld(from, access.heads)) return until !== null && isHeld(until, access.heads) ? null : 'violation'
  if (isSameLog(access, from)) {
    // Decided on an older head, and written down after it was taken back.
    const isBetween = isBefore(from, access) && (until === null || isBefore(access, until))
    return isBetween ? 'concurrent' : null
  }
  return isHeld(access, knew) ? null : 'concurrent'
}

/** Whether one of these heads holds the entry. A later incarnation of a log holds all that is left of those before. */
function isHeld(place: Place, heads: readonly LogHead[]): boolean {
  return heads.some(({ origin, size }) => isSameLog({ origin }, place) && isBefore(place, { origin, index: size }))
}

function isSameLog(a: Pick<Place, 'origin'>, b: Pick<Place, 'origin'>): boolean {
  return splitOrigin(a.origin).log === splitOrigin(b.origin).log
}

/** In one log, through its incarnations. */
function isBefore(a: Place, b: Place): boolean {
  const [one, other] = [splitOrigin(a.origin).incarnation, splitOrigin(b.origin).incarnation]
  return one < other || (one === other && a.index < b.index)
}
