/**
 * What the parts of a node's sync share: its ledger, its peers, time and chance.
 *
 * @packageDocumentation
 */
import type { SyncStore } from './ports.ts'
import type { Session } from './session.ts'

/** See above; `SyncNode` is one. */
export interface Hub {
  readonly store: SyncStore
  nowMs(): number
  /** Evenly distributed in `[0, 1)`. */
  random(): number
  /** Peers of the roster that said hello and are still there. */
  peers(): Iterable<Session>
  /** Says that something about a log changed: it is looked at again before the node waits for the next event. */
  changed(origin: string): void
  /** Says that a fork proof may have come to be. */
  evidenceFound(): void
}
